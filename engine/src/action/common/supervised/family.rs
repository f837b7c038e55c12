//! Everything that an attempt started, also what hid from it: found, ended, and proved gone.
//!
//! A process is the attempt's when it carries its tag or its mark, is what was written down of it, shares a group or
//! session with that, or descends from any of these. Because we are the reaper of our descendants (Linux), one that
//! lost its parent becomes our child and stays in sight: where nothing else that we started can be its origin it is the
//! attempt's, and where something else can, nobody can tell. What a program leaves behind when it ends by itself lives
//! on.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::action::Context;
use crate::action::common::child::{KEY_MARK, attempt_mark, plain};
use crate::action::common::origins::{self, Origin};
use crate::action::common::processes::{self, Ask, NotEnded, Process, Processes, in_words};
use crate::action::common::started::{Note, Signs, with_kin};
use crate::action::common::tag::Tag;

/// The family of one attempt.
pub(super) struct Family {
    /// The first process. Its number is that of its group and, on a terminal, of its session.
    leader: Option<Process>,
    mark: String,
    tag: Tag,
    notes: Vec<Note>,
    is_settled: bool,
    origin: Origin,
}

/// The processes of a family, as far as they can be known.
struct Living {
    surely: Processes,
    /// Orphans without any sign that may be of it or of another.
    perhaps: Processes,
}

impl Family {
    /// Counts the attempt in; to be called before its program starts.
    pub(super) fn expect(context: &Context) -> Self {
        Tag::every_child_is_of(&context.run);
        let mark = attempt_mark(context);
        Self {
            leader: None,
            tag: Tag::of_attempt(&context.run, &mark),
            mark,
            notes: Vec::new(),
            is_settled: false,
            origin: Origin::new(),
        }
    }

    /// Starts the first process, so that all that it forks carries the tag.
    pub(super) fn start<T>(&self, start: impl FnOnce() -> T) -> T {
        self.tag.while_starting(start)
    }

    /// Takes note of the first process, and writes it down where it changes something. An error says why that cannot
    /// be done.
    pub(super) fn began(&mut self, pid: i32, notes: Option<&Path>) -> Result<(), String> {
        self.leader = processes::look(pid);
        self.origin.began(pid, self.leader.as_ref());
        let note = Note::new(&self.mark, &self.leader);
        let written = match (notes, &note) {
            (None, _) => Ok(()),
            (Some(path), Ok(note)) => note.add_to(path).map_err(|error| {
                let (path, why) = (path.display(), plain(&error));
                format!("it cannot be written down in {path} that it runs ({why}); make room there")
            }),
            (Some(_), Err(reason)) => Err(format!("it cannot be written down that it runs: {reason}")),
        };
        self.notes.extend(note);
        written
    }

    /// Takes note that the attempt came to its end: what lives on may.
    pub(super) fn is_settled(&mut self) {
        self.is_settled = true;
    }

    /// The living members of the family.
    fn living(&self) -> Result<Living, String> {
        let all = processes::all()?;
        let signs = Signs {
            notes: &self.notes,
            tag: self.tag,
            mark: (KEY_MARK, &self.mark),
            control_group: None,
        };
        let surely = signs.among(&all)?;
        let mut perhaps = origins::strays(&all, &self.origin)?;
        perhaps.retain(|pid, _| !surely.contains_key(pid));
        if !self.origin.is_only_one() {
            return Ok(Living { surely, perhaps });
        }
        let strays = with_kin(perhaps, &all);
        Ok(Living {
            surely: surely.into_iter().chain(strays).collect(),
            perhaps: Processes::new(),
        })
    }

    /// Asks all of it to end, gives it time, ends it and proves it gone. Says what could not be ended, or not be told.
    pub(super) async fn end(&self, grace: Duration) -> Result<(), String> {
        let mut seen = Processes::new();
        let leader = self.leader.as_ref().map(|leader| leader.pid);
        let ended = processes::end(grace, Ask::Each, || {
            // Whoever started the first process collects it; the orphans that came to us are ours.
            for process in seen.values().filter(|process| Some(process.pid) != leader) {
                if processes::look(process.pid).is_some_and(|now| now.has_ended()) {
                    process.collect();
                }
            }
            seen = self.living()?.surely;
            Ok(seen.clone())
        });
        ended.await.map_err(|left| match left {
            NotEnded::Lives(left) => format!("{} could not be ended", in_words(left.keys())),
            NotEnded::CannotTell(reason) => reason,
        })?;
        let perhaps = self.living()?.perhaps;
        if perhaps.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{} may be of it or of another that ran beside it, and hides from whom it comes",
            in_words(perhaps.keys())
        ))
    }
}

impl Drop for Family {
    /// An attempt that is dropped on the way (a question that nobody waits for any more) leaves nobody behind.
    fn drop(&mut self) {
        const ROUNDS: usize = 3;
        if !self.is_settled && self.leader.is_some() {
            for _ in 0..ROUNDS {
                let living = self.living().map_or_else(|_| Processes::new(), |living| living.surely);
                for process in living.values() {
                    process.signal(Signal::STOP);
                    process.signal(Signal::KILL);
                }
            }
        }
    }
}
