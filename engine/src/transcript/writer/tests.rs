#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Mutex;

use super::*;
use crate::event::TimerId;
use crate::transcript::lines::NO_LINE;

/// A file on a small disk: `room` bytes fit, and syncs may fail.
#[derive(Default)]
struct SmallDisk {
    content: Vec<u8>,
    room: usize,
    sync_fails: bool,
    syncs: usize,
}

impl LogFile for Arc<Mutex<SmallDisk>> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.lock().unwrap();
        let free = disk.room.saturating_sub(disk.content.len());
        let written = bytes.len().min(free).min(100);
        if written == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.content.extend_from_slice(bytes.get(..written).unwrap());
        Ok(written)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.lock().unwrap();
        disk.syncs += 1;
        if disk.sync_fails {
            Err(io::Error::other("EIO"))
        } else {
            Ok(())
        }
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.lock().unwrap().content.truncate(usize::try_from(bytes).unwrap());
        Ok(())
    }
}

fn writer(disk: &Arc<Mutex<SmallDisk>>, reserve: Option<Reserve>) -> Writer<Arc<Mutex<SmallDisk>>> {
    Writer {
        file: Arc::clone(disk),
        run_directory: PathBuf::new(),
        chain: Chain {
            run: String::new(),
            records: 0,
            bytes: 0,
            head: NO_LINE.to_owned(),
            end: None,
        },
        reserve,
        is_reserve_used: Arc::default(),
        failure: None,
        failpoint: None,
    }
}

type Answer = oneshot::Receiver<Result<(), JournalError>>;

fn request(id: &str) -> (Request, Answer) {
    let (reply, answer) = oneshot::channel();
    let stamped = Stamped {
        at_ms: 0,
        boot_ns: 0,
        event: Event::Timer(TimerId::Step(id.into())),
    };
    (
        Request {
            stamped,
            reply: Some(reply),
        },
        answer,
    )
}

fn disk(room: usize) -> Arc<Mutex<SmallDisk>> {
    Arc::new(Mutex::new(SmallDisk {
        room,
        ..SmallDisk::default()
    }))
}

#[test]
fn records_that_wait_together_share_a_sync() {
    let disk = disk(10_000);
    let mut writer = writer(&disk, None);
    let (requests, answers): (Vec<_>, Vec<_>) = ["a", "b", "c"].map(request).into_iter().unzip();
    writer.commit(requests);
    assert!(answers.into_iter().all(|mut answer| answer.try_recv().unwrap().is_ok()));
    let disk = disk.lock().unwrap();
    assert_eq!(disk.syncs, 1);
    assert_eq!(disk.content.split_inclusive(|byte| *byte == b'\n').count(), 3);
}

#[test]
fn a_full_disk_leaves_whole_records_and_acknowledges_nothing_more() {
    let disk = disk(300);
    let mut writer = writer(&disk, None);
    let (first, mut first_answer) = request("first");
    let (second, mut second_answer) = request("second");
    writer.commit(vec![first]);
    let after_first = disk.lock().unwrap().content.clone();
    writer.commit(vec![second]);
    assert!(first_answer.try_recv().unwrap().is_ok());
    assert!(second_answer.try_recv().unwrap().is_err());
    assert_eq!(disk.lock().unwrap().content, after_first);

    disk.lock().unwrap().room = 10_000;
    let (third, mut third_answer) = request("third");
    writer.commit(vec![third]);
    assert!(third_answer.try_recv().unwrap().is_err(), "the first error is final");
    assert_eq!(disk.lock().unwrap().content, after_first);
}

/// Gets the reserve's room when the reserve's file is gone.
struct DiskWithReserve {
    inner: Arc<Mutex<SmallDisk>>,
    reserve: PathBuf,
}

impl LogFile for DiskWithReserve {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.reserve.exists() {
            self.inner.lock().unwrap().room = 10_000;
        }
        self.inner.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.inner.sync()
    }
    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.inner.truncate(bytes)
    }
}

#[test]
fn the_reserve_lets_the_last_records_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let reserve = Reserve::take(directory.path()).unwrap();
    let inner = disk(120);
    let plain = writer(&inner, Some(reserve));
    let mut writer = Writer {
        file: DiskWithReserve {
            inner: Arc::clone(&inner),
            reserve: directory.path().join("reserve"),
        },
        run_directory: plain.run_directory,
        chain: plain.chain,
        reserve: plain.reserve,
        is_reserve_used: plain.is_reserve_used,
        failure: None,
        failpoint: None,
    };
    let (only, mut answer) = request("only");
    writer.commit(vec![only]);
    assert!(answer.try_recv().unwrap().is_ok());
    assert!(writer.is_reserve_used.load(Ordering::Acquire));
    let content = inner.lock().unwrap().content.clone();
    assert!(Record::decode(&content).is_ok(), "no half line stands before it");
}

#[test]
fn the_first_failed_sync_is_final() {
    let disk = disk(10_000);
    let mut writer = writer(&disk, None);
    disk.lock().unwrap().sync_fails = true;
    let (first, mut first_answer) = request("first");
    writer.commit(vec![first]);
    disk.lock().unwrap().sync_fails = false;
    let (second, mut second_answer) = request("second");
    writer.commit(vec![second]);
    assert!(first_answer.try_recv().unwrap().is_err());
    assert!(second_answer.try_recv().unwrap().is_err());
}
