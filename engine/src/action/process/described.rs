//! Which processes fit what a text says of a service that others may have started: all that is given must fit, and
//! several that fit are one service only where they are one tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::sockets::listeners;
use crate::action::common::boot::since_boot;
use crate::action::common::processes::{self, Presence, Process, Processes, in_words};
use crate::action::common::started::with_kin;
use crate::action::common::tag::is_gone;

/// By how much a file may seem older than the process that wrote it: file systems and ticks are coarse.
const MOMENT: Duration = Duration::from_secs(2);

/// Whether one process fits.
enum Fit {
    Yes,
    No,
    /// Why that cannot be told.
    Hidden(String),
}

/// What is asked of every process, with whatever can be looked up once.
struct Described<'a> {
    /// The number in the file, and when that was written; where there is no file 0, which is nobody's.
    pid_file: Option<(i32, SystemTime)>,
    /// Who listens, and whether somebody does whom we cannot see.
    port: Option<(BTreeSet<i32>, bool)>,
    executable: Option<&'a Path>,
    user: Option<u32>,
    arguments: &'a [String],
}

/// The processes that fit, with all that descends from them. An error says why that cannot be told.
pub(super) fn fitting(
    all: &Processes,
    known_by: &BTreeMap<&'static str, Vec<String>>,
    user_number: impl FnOnce(&str) -> Result<u32, String>,
) -> Result<Processes, String> {
    let described = Described::look_up(known_by, user_number)?;
    if described.says_nothing() {
        return Ok(Processes::new());
    }
    let spared = processes::ancestors(all);
    let mut found = Processes::new();
    let mut hidden = Vec::new();
    for (pid, process) in all {
        if process.has_ended() || spared.contains(pid) {
            continue;
        }
        match described.fits(process) {
            Fit::Yes => found.extend([(*pid, process.clone())]),
            Fit::No => {}
            Fit::Hidden(reason) => hidden.push(reason),
        }
    }
    if let Some(reason) = hidden.first() {
        return Err(format!(
            "{reason}; run as root, or say more of it that everybody may read: `user:` or `arguments:`"
        ));
    }
    Ok(found)
}

/// One service where all of them are one tree; else who else there is.
pub(super) fn one_tree(found: Processes, all: &Processes) -> Presence {
    let found = with_kin(found, all);
    let roots: Vec<i32> = found
        .values()
        .filter(|process| !found.contains_key(&process.parent))
        .map(|process| process.pid)
        .collect();
    if roots.len() > 1 {
        return Presence::CannotTell(format!(
            "{} fit, and none of them started the others; say more of it, as `pid_file:`, `port:` or `user:`, or end \
             what is too many",
            in_words(roots.iter())
        ));
    }
    Presence::of(found)
}

impl<'a> Described<'a> {
    fn look_up(
        known_by: &'a BTreeMap<&'static str, Vec<String>>,
        user_number: impl FnOnce(&str) -> Result<u32, String>,
    ) -> Result<Self, String> {
        let given = |word: &str| known_by.get(word).and_then(|keys| keys.first()).map(String::as_str);
        Ok(Self {
            pid_file: given("pid_file").map(|path| pid_in(Path::new(path))).transpose()?,
            port: given("port").map(holders_of).transpose()?,
            executable: given("executable").map(Path::new),
            user: given("user").map(user_number).transpose()?,
            arguments: known_by.get("arguments").map_or(&[], Vec::as_slice),
        })
    }

    fn says_nothing(&self) -> bool {
        let says_none = self.pid_file.is_none() && self.port.is_none() && self.executable.is_none();
        says_none && self.user.is_none() && self.arguments.is_empty()
    }

    /// What everybody may know is asked first: one that surely does not fit need not be looked at.
    fn fits(&self, process: &Process) -> Fit {
        let mut hidden = None;
        for fit in [
            self.fits_pid_file(process),
            self.fits_user(process),
            self.fits_arguments(process),
            self.fits_port(process),
            self.fits_executable(process),
        ] {
            match fit {
                Fit::Yes => {}
                Fit::No => return Fit::No,
                Fit::Hidden(reason) => hidden = hidden.or(Some(reason)),
            }
        }
        hidden.map_or(Fit::Yes, Fit::Hidden)
    }

    fn fits_pid_file(&self, process: &Process) -> Fit {
        match self.pid_file {
            None => Fit::Yes,
            Some((pid, written)) if pid == process.pid => match began(process) {
                // Began after it was written: the number was used again.
                Some(began) if began > written + MOMENT => Fit::No,
                Some(_) => Fit::Yes,
                None => Fit::Hidden(format!("when process {pid} began cannot be told")),
            },
            Some(_) => Fit::No,
        }
    }

    fn fits_user(&self, process: &Process) -> Fit {
        let Some(wanted) = self.user else { return Fit::Yes };
        look_at(process, "status", |status| {
            let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
            // The real and the effective user.
            let users = line.into_iter().flat_map(str::split_ascii_whitespace).take(2);
            users.map(str::parse).any(|user| user == Ok(wanted))
        })
    }

    fn fits_arguments(&self, process: &Process) -> Fit {
        if self.arguments.is_empty() {
            return Fit::Yes;
        }
        look_at(process, "cmdline", |line| {
            let line = line.replace('\0', " ");
            self.arguments.iter().all(|word| line.contains(word))
        })
    }

    fn fits_port(&self, process: &Process) -> Fit {
        let Some((pids, has_unseen)) = &self.port else {
            return Fit::Yes;
        };
        if pids.contains(&process.pid) {
            return Fit::Yes;
        }
        let folder = fs::read_dir(format!("/proc/{}/fd", process.pid));
        match folder {
            Err(error) if *has_unseen && !is_gone(&error) => Fit::Hidden(format!(
                "the port is held by a process that we may not look at, and that may be process {}",
                process.pid
            )),
            _ => Fit::No,
        }
    }

    fn fits_executable(&self, process: &Process) -> Fit {
        let Some(wanted) = self.executable else {
            return Fit::Yes;
        };
        let link = format!("/proc/{}/exe", process.pid);
        match fs::read_link(&link) {
            Ok(target) => {
                let real = fs::canonicalize(wanted).unwrap_or_else(|_| wanted.to_owned());
                let replaced = format!("{} (deleted)", real.display());
                let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
                let is_same = target == real
                    || target.as_os_str() == replaced.as_str()
                    || identity(Path::new(&link)).is_some_and(|it| Some(it) == identity(wanted));
                if is_same { Fit::Yes } else { Fit::No }
            }
            Err(error) if is_gone(&error) => Fit::No,
            Err(error) => Fit::Hidden(format!(
                "which program process {} is cannot be seen ({error})",
                process.pid
            )),
        }
    }
}

fn look_at(process: &Process, file: &str, fits: impl FnOnce(&str) -> bool) -> Fit {
    match fs::read(format!("/proc/{}/{file}", process.pid)) {
        Ok(content) if fits(&String::from_utf8_lossy(&content)) => Fit::Yes,
        Ok(_) => Fit::No,
        Err(error) if is_gone(&error) => Fit::No,
        Err(error) => Fit::Hidden(format!("process {} cannot be looked at ({error})", process.pid)),
    }
}

/// The number in a pid file.
fn pid_in(path: &Path) -> Result<(i32, SystemTime), String> {
    let read =
        || -> io::Result<(String, SystemTime)> { Ok((fs::read_to_string(path)?, fs::metadata(path)?.modified()?)) };
    let (text, written) = match read() {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((0, SystemTime::UNIX_EPOCH)),
        Err(error) => return Err(format!("the pid file {} cannot be read ({error})", path.display())),
    };
    // What follows the number is the program's own business (PostgreSQL).
    match text.split_ascii_whitespace().next().map(str::parse) {
        Some(Ok(pid)) => Ok((pid, written)),
        _ => Err(format!(
            "the pid file {} has no number in it; see yourself what runs",
            path.display()
        )),
    }
}

fn holders_of(port: &str) -> Result<(BTreeSet<i32>, bool), String> {
    let port = port.parse().map_err(|_| format!("{port} is no port"))?;
    let found = listeners(port)?;
    Ok((found.pids, found.unseen > 0))
}

/// The number of a user, as this machine knows it (`id -u`).
pub(super) fn user_number(user: &str) -> Result<u32, String> {
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let said = Command::new("id").arg("-u").arg("--").arg(user).output();
    let number = said.ok().filter(|said| said.status.success());
    let number = number.and_then(|said| String::from_utf8_lossy(&said.stdout).trim().parse().ok());
    number.ok_or_else(|| format!("there is no user `{user}` on this machine"))
}

/// When a process began, by the wall clock of now.
fn began(process: &Process) -> Option<SystemTime> {
    let ticks_a_second = rustix::param::clock_ticks_per_second();
    let after_boot = Duration::from_millis(process.start_ticks.checked_mul(1000)? / ticks_a_second);
    SystemTime::now().checked_sub(since_boot().checked_sub(after_boot)?)
}
