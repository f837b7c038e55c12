//! What was handed to the writer of a transcript and is not written yet.
//!
//! The writer takes all of it at once, and not before somebody waits for a part of it, nothing more comes for now, or
//! there is much of it: what comes in one go is one write.

use std::mem::take;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::writer::Request;

/// How many records may wait for the disk before whoever adds one has to wait too.
const RECORDS_MAX: usize = 512;

/// Records in the order in which they stand in the file.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// The writer has something to do, or nobody will ever add anything.
    is_due: Condvar,
    has_room: Condvar,
}

#[derive(Default)]
struct Waiting {
    requests: Vec<Request>,
    is_due: bool,
    /// Nobody adds anything any more, or nobody writes.
    is_closed: bool,
}

impl Queue {
    /// Adds a record, which is made while nobody else can add one: so times and places in the file agree. Gives false
    /// where nobody writes any more. `is_due`: whether it is to be written now.
    pub(super) fn push(&self, is_due: bool, request: impl FnOnce() -> Request) -> bool {
        let mut waiting = self.lock();
        while waiting.requests.len() >= RECORDS_MAX && !waiting.is_closed {
            waiting = self.has_room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.is_closed {
            return false;
        }
        waiting.requests.push(request());
        if is_due || waiting.requests.len() >= RECORDS_MAX {
            self.make_due(waiting);
        }
        true
    }

    /// Nothing more comes for now: what waits is to be written.
    pub(super) fn write_now(&self) {
        let waiting = self.lock();
        if !waiting.requests.is_empty() {
            self.make_due(waiting);
        }
    }

    /// Takes all that waits, once it is to be written; `None` where nothing will ever come.
    pub(super) fn take(&self) -> Option<Vec<Request>> {
        let mut waiting = self.lock();
        while !waiting.is_due && !waiting.is_closed {
            waiting = self.is_due.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.is_due = false;
        let taken = take(&mut waiting.requests);
        drop(waiting);
        if taken.len() >= RECORDS_MAX {
            self.has_room.notify_all();
        }
        (!taken.is_empty()).then_some(taken)
    }

    /// Nobody adds anything any more, or nobody writes.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.is_due.notify_all();
        self.has_room.notify_all();
    }

    fn make_due(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let was_due = std::mem::replace(&mut waiting.is_due, true);
        drop(waiting);
        if !was_due {
            self.is_due.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::event::{Event, Stamped, TimerId};

    fn request(number: u64) -> Request {
        let event = Event::Timer(TimerId::Window);
        let stamped = Stamped {
            at_ms: 0,
            boot_ns: number,
            event,
        };
        Request { stamped, reply: None }
    }

    /// A writer that notes the numbers of what it takes at once.
    fn writer(queue: &Arc<Queue>) -> std::thread::JoinHandle<Vec<Vec<u64>>> {
        let queue = Arc::clone(queue);
        let numbers = |batch: Vec<Request>| batch.iter().map(|request| request.stamped.boot_ns).collect();
        std::thread::spawn(move || std::iter::from_fn(|| queue.take()).map(numbers).collect())
    }

    #[test]
    fn what_nobody_waits_for_is_written_with_what_somebody_waits_for() {
        let queue = Arc::new(Queue::default());
        assert!(
            [1, 2, 3]
                .iter()
                .all(|number| queue.push(*number == 3, || request(*number)))
        );
        let taken: Vec<u64> = queue
            .take()
            .unwrap()
            .iter()
            .map(|request| request.stamped.boot_ns)
            .collect();
        assert_eq!(taken, [1, 2, 3]);
        assert!(queue.push(false, || request(4)));
        let writer = writer(&queue);
        // However long the writer waits, there is nothing for it.
        std::thread::sleep(Duration::from_millis(20));
        assert!(queue.push(false, || request(5)));
        queue.write_now();
        queue.write_now();
        queue.close();
        assert_eq!(writer.join().unwrap(), [[4, 5]]);
        assert!(!queue.push(true, || request(6)), "nobody writes it");
    }

    #[test]
    fn whoever_adds_faster_than_the_disk_waits_for_it() {
        let queue = Arc::new(Queue::default());
        let writer = writer(&queue);
        let count = 3 * RECORDS_MAX as u64;
        assert!((0..count).all(|number| queue.push(false, || request(number))));
        queue.close();
        let batches = writer.join().unwrap();
        assert!(batches.iter().all(|batch| batch.len() <= RECORDS_MAX));
        assert!(batches.concat().into_iter().eq(0..count));
    }
}
