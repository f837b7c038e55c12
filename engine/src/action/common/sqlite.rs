//! Databases of `SQLite`: looked at without a trace where nobody has them open, and copied while somebody writes.

use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::blocking::Stop;

/// The first bytes of every database.
pub(crate) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What may stand beside a database while it is open: its name with one of these behind it.
pub(crate) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How long a database that is locked for a moment is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// How often a copy of one that is written to all the while is tried.
const TRY_EVERY: Duration = Duration::from_millis(2);

/// What a query may answer: so many rows, and so many bytes in all.
const ROWS_MAX: usize = 1_000;
const BYTES_MAX: usize = 1 << 16;

/// The number that an application keeps in its database (`pragma user_version`). An error is words.
pub(crate) fn user_version(path: &Path) -> Result<i64, String> {
    read(path, |database| {
        database
            .query_row("pragma user_version", [], |row| row.get(0))
            .map_err(words)
    })
}

/// How many steps of its machine a query takes before it is asked whether it should end.
const STEPS_BETWEEN: i32 = 10_000;

/// The rows that a query answers, each as a text: its columns with `|` between them, as the `sqlite3` program prints
/// them. Nothing but one statement that only reads is carried out.
pub(crate) fn query(path: &Path, text: &str, stop: &Stop) -> Result<Vec<String>, String> {
    let found = read(path, |database| {
        let stop = stop.clone();
        let ends = move || stop.check().is_err();
        database.progress_handler(STEPS_BETWEEN, Some(ends)).map_err(words)?;
        let mut statement = database.prepare(text).map_err(words)?;
        if !statement.readonly() {
            return Err("this changes the database, and only reading is possible here: begin with `select`".to_owned());
        }
        let columns = statement.column_count();
        let (mut found, mut bytes) = (Vec::new(), 0);
        let mut rows = statement.query([]).map_err(words)?;
        while let Some(row) = rows.next().map_err(words)? {
            let cells = (0..columns).map(|column| cell(row.get_ref(column).map_err(words)?));
            let line = cells.collect::<Result<Vec<_>, String>>()?.join("|");
            bytes += line.len();
            if found.len() == ROWS_MAX || bytes > BYTES_MAX {
                return Err("it answers more than 1000 rows or 64KiB: ask for less, or for `count(*)`".to_owned());
            }
            found.push(line);
        }
        Ok(found)
    });
    // What ended it is said, and not that SQLite was interrupted.
    stop.check()?;
    found
}

fn cell(value: ValueRef<'_>) -> Result<String, String> {
    Ok(match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8(text.to_vec())
            .map_err(|_| "it answers a text that is not UTF-8: ask for `hex(…)`".to_owned())?,
        ValueRef::Blob(_) => return Err("it answers bytes and no text: ask for `hex(…)`".to_owned()),
    })
}

/// Held while a database is open in this process, and while its file is looked at otherwise: closing a file takes away
/// every lock that the process has on it, those of `SQLite` too.
pub(crate) fn looking() -> MutexGuard<'static, ()> {
    static LOOKING: Mutex<()> = Mutex::new(());
    LOOKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies a database into an empty file, as it is at one moment, whoever writes to it; the copy was looked through.
pub(crate) fn copy(path: &Path, to: &Path) -> Result<(), String> {
    let _alone = looking();
    let from = open(path, false)?;
    from.busy_timeout(Duration::ZERO).map_err(words)?;
    let mut copy = Connection::open(to).map_err(words)?;
    {
        let backup = Backup::new(&from, &mut copy).map_err(words)?;
        // All in one step: in pieces it would begin anew with every write. Who writes without a pause leaves short gaps,
        // which SQLite's own way of waiting, longer each time, misses.
        let began = Instant::now();
        loop {
            match backup.step(-1).map_err(words)? {
                StepResult::Done => break,
                _ if began.elapsed() < BUSY => std::thread::sleep(TRY_EVERY),
                _ => return Err("it is locked all the while; try again when less is written".to_owned()),
            }
        }
    }
    let found: String = copy
        .query_row("pragma quick_check(1)", [], |row| row.get(0))
        .map_err(words)?;
    copy.close().map_err(|(_, error)| words(error))?;
    match found.as_str() {
        "ok" => Ok(()),
        wrong => Err(format!("it is damaged: {wrong}")),
    }
}

/// Asks something of a database. One in WAL mode that nobody has open is read as it stands, so that nothing is made
/// beside it; where somebody opened it meanwhile it is asked once more, with their changes.
fn read<T>(path: &Path, ask: impl Fn(&mut Connection) -> Result<T, String>) -> Result<T, String> {
    let _alone = looking();
    // What stands beside a database stands beside the file that a link leads to.
    let path = &path.canonicalize().map_err(|error| error.to_string())?;
    let is_alone = is_in_wal_mode(path)? && !is_open(path);
    let answer = open(path, is_alone).and_then(|mut database| ask(&mut database));
    if is_alone && is_open(path) {
        return open(path, false).and_then(|mut database| ask(&mut database));
    }
    answer
}

fn is_in_wal_mode(path: &Path) -> Result<bool, String> {
    let mut start = [0; 20];
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let count = file.take(20).read(&mut start).map_err(|error| error.to_string())?;
    if count > 0 && (count < 20 || !start.starts_with(MAGIC)) {
        return Err("it is no database of SQLite".to_owned());
    }
    Ok(start[18] == 2)
}

fn is_open(path: &Path) -> bool {
    beside(path, "-wal").metadata().is_ok_and(|wal| wal.len() > 0) || beside(path, "-shm").exists()
}

/// What stands beside a database under its name and this ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn open(path: &Path, is_alone: bool) -> Result<Connection, String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            address.push(char::from(*byte));
        } else {
            address.extend(format!("%{byte:02X}").chars());
        }
    }
    if is_alone {
        address.push_str("?immutable=1");
    }
    let database = Connection::open_with_flags(address, flags).map_err(words)?;
    database.busy_timeout(BUSY).map_err(words)?;
    Ok(database)
}

#[expect(clippy::needless_pass_by_value, reason = "as it is handed to `map_err`")]
fn words(error: rusqlite::Error) -> String {
    error.to_string()
}
