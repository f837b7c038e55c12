//! Virtual time: it goes on only when nothing else can, and then straight to the next moment that
//! somebody waits for.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use crate::world::Clock;

/// The wall clock at the beginning: 2026-01-01T00:00:00Z, milliseconds.
pub(super) const WALL_START_MS: i64 = 1_767_225_600_000;

/// A clock that a simulation drives.
#[derive(Debug)]
pub struct SimulatedClock {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    now_ns: u64,
    boots: u32,
    /// What the boot clock showed when the last boot began.
    boot_began_ns: u64,
    next_sleeper: u64,
    /// Who waits: by moment, then by the order of coming.
    sleepers: BTreeMap<(u64, u64), Waker>,
}

impl SimulatedClock {
    /// A clock at its beginning.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
        })
    }

    /// Runs a future in a runtime of one thread whose time is this clock's: whenever nothing can go on, the
    /// clock goes to the next moment that somebody waits for.
    pub fn block_on<F: Future>(self: &Arc<Self>, future: F) -> std::io::Result<F::Output> {
        let clock = Arc::clone(self);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_park(move || clock.go_on())
            .build()?;
        Ok(runtime.block_on(future))
    }

    /// Lets time pass while nothing runs: a suspend, or a run that is interrupted.
    pub fn pass(&self, ms: u64) {
        let mut inner = self.lock();
        inner.now_ns = inner.now_ns.saturating_add(ms.saturating_mul(1_000_000));
    }

    /// Another boot begins: the boot clock starts again, the wall clock goes on.
    pub fn reboot(&self) {
        let mut inner = self.lock();
        inner.boots += 1;
        inner.boot_began_ns = inner.now_ns;
        inner.sleepers.clear();
    }

    fn go_on(&self) {
        let mut inner = self.lock();
        let Some(((moment, _), waker)) = inner.sleepers.pop_first() else {
            return;
        };
        inner.now_ns = inner.now_ns.max(moment);
        drop(inner);
        waker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes its place in the queue back when it is dropped.
struct Sleeper<'clock> {
    clock: &'clock SimulatedClock,
    place: (u64, u64),
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.lock().sleepers.remove(&self.place);
    }
}

#[async_trait]
impl Clock for SimulatedClock {
    fn boot_ns(&self) -> u64 {
        let inner = self.lock();
        inner.now_ns - inner.boot_began_ns
    }

    fn wall_ms(&self) -> i64 {
        WALL_START_MS.saturating_add(i64::try_from(self.lock().now_ns / 1_000_000).unwrap_or(i64::MAX))
    }

    fn boot_id(&self) -> String {
        format!("simulated-{}", self.lock().boots)
    }

    async fn sleep_until(&self, boot_ns: u64) {
        let sleeper = {
            let mut inner = self.lock();
            inner.next_sleeper += 1;
            let moment = inner.boot_began_ns.saturating_add(boot_ns);
            Sleeper {
                clock: self,
                place: (moment, inner.next_sleeper),
            }
        };
        poll_fn(|context| {
            let mut inner = self.lock();
            if inner.now_ns >= sleeper.place.0 {
                return Poll::Ready(());
            }
            inner.sleepers.insert(sleeper.place, context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
    #![expect(clippy::disallowed_methods, reason = "what is measured here is real time")]
    use super::SimulatedClock;
    use crate::world::Clock;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    #[test]
    fn sleepers_wake_in_order_and_no_real_time_passes() {
        let clock = SimulatedClock::new();
        let order = Arc::new(Mutex::new(Vec::new()));
        let begin = std::time::Instant::now();
        let run = async {
            let mut tasks = Vec::new();
            for hours in [3_u64, 1, 2] {
                let (clock, order) = (Arc::clone(&clock), Arc::clone(&order));
                tasks.push(tokio::spawn(async move {
                    clock.sleep(Duration::from_secs(hours * 3600)).await;
                    order.lock().unwrap().push((hours, clock.boot_ns() / 3_600_000_000_000));
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
        };
        clock.block_on(run).unwrap();
        assert_eq!(*order.lock().unwrap(), [(1, 1), (2, 2), (3, 3)]);
        assert!(begin.elapsed() < Duration::from_secs(5));
        let wall_ms = clock.wall_ms();
        clock.reboot();
        assert_eq!((clock.boot_ns(), clock.wall_ms()), (0, wall_ms));
    }
}
