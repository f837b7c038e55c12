//! What was started here: written down when it begins, and found again by all that tells it.
//!
//! A power cut ends the processes too, so a note is written and not synced. A process belongs to what a note names
//! when it is one of its processes (number, moment of start and boot are the same), in a session or group that one of
//! them leads, in its control group, when it carries its tag or its mark, or when it descends from such a one. Each
//! sign alone can be lost: a program wipes its environment, a session of another user resets limits, a parent ends.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::boot::boot_id;
use super::control_group;
use super::processes::{self, Process, Processes};
use super::tag::Tag;
use crate::private_files::make_private;

/// What is written down of one start.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Note {
    /// The attempt: `run/statement#n`.
    pub(crate) attempt: String,
    /// The boot in which the processes began.
    boot: String,
    pub(crate) members: Vec<Member>,
    /// The program and its words, where a later start has to know whether they are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<String>,
}

/// One process that was seen to belong to it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Member {
    pid: i32,
    start_ticks: u64,
    group: i32,
    session: i32,
}

impl Note {
    /// Of an attempt that has started these processes.
    pub(crate) fn new<'a>(attempt: &str, members: impl IntoIterator<Item = &'a Process>) -> Result<Self, String> {
        let members = members.into_iter().map(|process| Member {
            pid: process.pid,
            start_ticks: process.start_ticks,
            group: process.group,
            session: process.session,
        });
        Ok(Self {
            attempt: attempt.to_owned(),
            boot: boot_id()?,
            members: members.collect(),
            words: Vec::new(),
        })
    }

    /// Adds itself to a file of notes, with one write.
    pub(crate) fn add_to(&self, path: &Path) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        let mut options = fs::OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(path)?;
        file.write_all(&line)
    }

    /// The notes of a file; none where there is no file. An error says what to do.
    pub(crate) fn read(path: &Path) -> Result<Vec<Self>, String> {
        let unreadable = |error: &dyn std::fmt::Display| {
            format!(
                "what was started cannot be looked up in {} ({error}); see yourself what runs, then remove that file",
                path.display()
            )
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&error)),
        };
        let notes = text.lines().map(serde_json::from_str);
        notes.collect::<Result<_, _>>().map_err(|error| unreadable(&error))
    }
}

/// By what the processes of something are known.
pub(crate) struct Signs<'a> {
    pub(crate) notes: &'a [Note],
    pub(crate) tag: Tag,
    /// A variable and its value.
    pub(crate) mark: (&'a str, &'a str),
    /// The name of its control group.
    pub(crate) control_group: Option<String>,
}

impl Signs<'_> {
    /// The living processes that are known by these signs; never ourselves nor what we came from.
    pub(crate) fn among(&self, all: &Processes) -> Result<Processes, String> {
        let (mark, value) = self.mark;
        let mut found = among_noted(self.notes, all)?;
        let spared = processes::ancestors(all);
        let own = all.get(&processes::own_pid());
        for (pid, process) in all {
            if process.has_ended() || spared.contains(pid) || found.contains_key(pid) {
                continue;
            }
            // What another thread starts at the same moment is born with the tag too. It stays in our group, in which
            // nothing is that was started as one of these.
            let may_be_tagged = own.is_none_or(|own| (own.group, own.session) != (process.group, process.session));
            let is_in_group = self
                .control_group
                .as_ref()
                .is_some_and(|name| control_group::holds(name, *pid));
            if is_in_group
                || (may_be_tagged && Tag::of(*pid)? == Some(self.tag))
                || processes::variable(*pid, mark).is_some_and(|known| known == value)
            {
                found.insert(*pid, process.clone());
            }
        }
        Ok(with_kin(found, all))
    }
}

/// The living processes that notes name, and who is in a session or group that one of them leads.
pub(crate) fn among_noted(notes: &[Note], all: &Processes) -> Result<Processes, String> {
    if notes.is_empty() {
        return Ok(Processes::new());
    }
    let boot = boot_id()?;
    let spared = processes::ancestors(all);
    let mut found = Processes::new();
    for member in notes
        .iter()
        .filter(|note| note.boot == boot)
        .flat_map(|note| &note.members)
    {
        // The number of a group or session is not used again while anybody is in it.
        if all
            .get(&member.pid)
            .is_some_and(|now| now.start_ticks != member.start_ticks)
        {
            continue;
        }
        let is_of_it = |process: &Process| {
            let is_led = (member.group == member.pid && process.group == member.pid)
                || (member.session == member.pid && process.session == member.pid);
            process.pid == member.pid || (is_led && process.start_ticks >= member.start_ticks)
        };
        let living = all
            .iter()
            .filter(|(pid, process)| !process.has_ended() && !spared.contains(pid) && is_of_it(process));
        found.extend(living.map(|(pid, process)| (*pid, process.clone())));
    }
    Ok(found)
}

/// The same with who is in a session that one of them leads, and with all their living descendants.
pub(crate) fn with_kin(mut found: Processes, all: &Processes) -> Processes {
    let spared = processes::ancestors(all);
    // The session of somebody's terminal is led by a shell that is none of them, so it is never taken along.
    let is_leader = |process: &&Process| process.session == process.pid;
    let sessions: BTreeSet<i32> = found.values().filter(is_leader).map(|process| process.pid).collect();
    let beside = all
        .iter()
        .filter(|(_, process)| sessions.contains(&process.session) && !process.has_ended());
    found.extend(beside.map(|(pid, process)| (*pid, process.clone())));
    let roots = found.keys().copied().collect();
    found.extend(processes::descendants(all, &roots));
    found.retain(|pid, _| !spared.contains(pid));
    found
}

/// The file of the notes about a service, in the directory that all runs share.
pub(crate) fn of_service(state_directory: &Path, name: &str) -> PathBuf {
    state_directory.join("services").join(crate::digest::short(name))
}

/// Writes down what a service is now, instead of what was known of it.
pub(crate) fn write_down(path: &Path, note: &Note) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        make_private(directory)?;
    }
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => note.add_to(&unfinished)?,
    }
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    #![expect(clippy::disallowed_methods, reason = "a test of real processes")]

    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use super::*;

    /// Both are born with the tag, since that is the whole program's for a moment.
    #[test]
    fn what_is_started_beside_it_at_the_same_moment_is_none_of_it() {
        let tag = Tag::of_attempt("beside", &format!("beside/{}#1", std::process::id()));
        let mut apart = Command::new("sleep");
        apart.arg("300").process_group(0);
        let (mut its_own, mut beside) = tag.while_starting(|| {
            let beside = Command::new("sleep").arg("300").spawn();
            (apart.spawn().unwrap(), beside.unwrap())
        });
        let number = |child: &std::process::Child| i32::try_from(child.id()).unwrap();
        assert_eq!(Tag::of(number(&beside)).unwrap(), Some(tag));
        let signs = Signs {
            notes: &[],
            tag,
            mark: ("BACKSTAY_NONE", "none"),
            control_group: None,
        };
        let found = signs.among(&processes::all().unwrap()).unwrap();
        for child in [&mut its_own, &mut beside] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [number(&its_own)]);
    }
}
