//! `process.start`: starts a process of a service, which lives on by itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{Effect, Repeat, ResourceKind};
use backstay_dsl::types::Type;
use tokio::io::AsyncWriteExt as _;

use super::members::{Known, about_service};
use crate::action::common::child::{self, KEY_MARK, PROCESS_MARK, attempt_mark, plain};
use crate::action::common::origins::{self, Origin};
use crate::action::common::printed::LINE_CHARACTERS_MAX;
use crate::action::common::processes::{self, Ask, NotEnded, Presence, Process, Processes, in_words};
use crate::action::common::started::{Note, among_noted};
use crate::action::common::tag::Tag;
use crate::action::common::typed::typed;
use crate::action::common::{blocking, control_group, describe};
use crate::action::{Action, Arguments, Context, Evidence, NoProgram, Outcome, Settled};
use crate::redact::Redactor;

/// A process that ends before it was seen at rest so often, one look after the other, was not started. Looks are counted
/// and no time, since on a busy machine there are few of them in a time.
const RESTS_MIN: u32 = 10;
/// How long one may be busy from its beginning, reading what it needs, until it counts as started all the same.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);
/// How long one that went into the background may take until it can be seen: to write its number into a file, or to
/// listen.
const BACKGROUND_PATIENCE: Duration = Duration::from_secs(2);
/// How often we look whether what failed to start is gone.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(super) struct Start;

#[async_trait]
impl Action for Start {
    fn signature(&self) -> Signature {
        about_service(describe::change(
            "process",
            "start",
            "Starts a process of a service in a session of its own; it lives on by itself.\n\nIt has failed when the process \
             ends at once, before it waits for anything to do. A service that runs already is not started a second time: that is done, unless it was started \
             here with another program or other words. Where it cannot be told whether it runs, nothing is started. To \
             know that it works, check that the service is well.",
        ))
        .needs("argv", Type::list(Type::Text), "The program and its words, one by one; never a secret.")
        .into(Sink::Argv)
        .takes("log", Type::Path, "What it prints is added to this file; lost where none is said.")
        .env("Variables beside the few that are inherited (PATH, HOME, LANG and the like); may be secrets.")
        .takes("cwd", Type::Path, "The folder it starts in; where the program was called where it is not said.")
        .effects(Effect::Starts {
            member: describe::of(ResourceKind::Service, "service"),
            with: None,
        })
        .repeat(Repeat::Keyed)
        .example(
            r#"
            do process.start(batch, [folder / "batch", "--all"], log: folder / "batch.log") undo process.stop(batch) within 30s
            check "it lives": process.alive(batch) within 10s every 1s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let known = Known::of(context, arguments);
        let log = match arguments.path("log") {
            Some(log) => format!(
                "what it prints goes to {}",
                context.working_directory.join(log).display()
            ),
            None => "what it prints is lost".to_owned(),
        };
        let starts = format!("starts {}; {log}", typed(context, arguments));
        blocking::preview(context, move |_| {
            Ok(match known?.presence() {
                Presence::There(living) => format!("{starts}; runs now as {}", in_words(living.keys())),
                Presence::NotThere => starts,
                Presence::CannotTell(reason) => return Err(reason),
            })
        })
        .await
    }

    fn program(&self, folder: &Path, arguments: &Arguments) -> Result<(), NoProgram> {
        child::program(folder, arguments)
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        start(context, arguments).await.unwrap_or_else(Outcome::failed)
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let known = Known::of(context, arguments);
        blocking::settle(context, move |_| {
            Ok(match known?.presence() {
                Presence::There(living) => {
                    Settled::Done(Evidence::line(format!("runs as {}", in_words(living.keys()))))
                }
                Presence::NotThere => Settled::NotDone("no process of it runs".to_owned()),
                Presence::CannotTell(reason) => Settled::Undecidable(reason),
            })
        })
        .await
    }
}

/// Starts it. An `Err` says why nothing of it runs.
async fn start(context: &Context, arguments: &Arguments) -> Result<Outcome, String> {
    let known = Known::of(context, arguments)?;
    let start = child::Start::new(context, arguments)?
        .mark(PROCESS_MARK, known.name.as_str())
        .mark(KEY_MARK, attempt_mark(context));
    match known.presence() {
        Presence::There(living) => return runs_already(&known, &start, &living),
        Presence::NotThere => {}
        Presence::CannotTell(reason) => return Err(reason),
    }
    let log = arguments
        .path("log")
        .map(|path| open_log(&context.working_directory.join(path)))
        .transpose()?;
    Tag::every_child_is_of(&context.run);
    let mut origin = Origin::new();
    let mut child = spawn(&start, log.as_ref())?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(-1);
    origin.began(pid, processes::look(pid).as_ref());
    known.tag().put_on(pid);
    control_group::enclose(&known.control_group(), pid);
    let beginning = Beginning {
        known: &known,
        words: start.words(),
        attempt: attempt_mark(context),
    };
    let first = processes::look(pid);
    let begins = match beginning.write_down(first.iter()) {
        Ok(()) => open_gate(&mut child, &start).await,
        Err(reason) => Err(reason),
    };
    if let Err(reason) = begins {
        return beginning.give_up(first, reason).await;
    }
    let mut ended = ends_before_it_rests(&mut child, pid).await;
    let mut seen = Ok(None);
    if ended.is_none() {
        seen = beginning.runs(Duration::ZERO, &origin).await;
        if matches!(seen, Ok(None)) {
            // Nothing of it was there, so it has ended since, or will at once.
            ended = tokio::time::timeout(BACKGROUND_PATIENCE, child.wait()).await.ok();
        }
    }
    let Some(ended) = ended else {
        // As long as we live, the process is collected when it ends; until then an orphan may be of it.
        tokio::spawn(async move {
            let _ = child.wait().await;
            drop(origin);
        });
        return Ok(beginning.goes_on(pid, seen));
    };
    let why = |status| why_it_ended(context, &start.name(), status, log);
    match ended {
        // A program that puts itself into the background ends well and leaves the service running.
        Ok(status) if status.success() => match beginning.runs(BACKGROUND_PATIENCE, &origin).await {
            Ok(Some(living)) => Ok(Outcome::done(format!("runs as {}", in_words(living.keys())))),
            Ok(None) => beginning.give_up(first, why(status)).await,
            Err(reason) => Ok(Outcome::unknown(reason)),
        },
        Ok(status) => beginning.give_up(first, why(status)).await,
        Err(error) => Ok(Outcome::unknown(format!(
            "{} was lost: {}",
            start.name(),
            plain(&error)
        ))),
    }
}

/// How it ended, where it did before all of it waited for something to do.
async fn ends_before_it_rests(child: &mut tokio::process::Child, pid: i32) -> Option<io::Result<ExitStatus>> {
    let began = Instant::now();
    let (mut rests, mut worked_ticks) = (0, 0);
    loop {
        if let Ok(ended) = tokio::time::timeout(LOOK_EVERY, child.wait()).await {
            return Some(ended);
        }
        let is_resting = processes::all().is_ok_and(|all| {
            let its = || all.values().filter(|process| process.session == pid);
            let worked_before = std::mem::replace(&mut worked_ticks, its().map(|process| process.worked_ticks).sum());
            worked_before == worked_ticks && its().all(|process| !matches!(process.state, 'R' | 'D'))
        });
        rests = if is_resting { rests + 1 } else { 0 };
        if rests >= RESTS_MIN || began.elapsed() >= BUSY_PATIENCE {
            return None;
        }
    }
}

/// Lets the program begin: it is known now by all its signs.
async fn open_gate(child: &mut tokio::process::Child, start: &child::Start) -> Result<(), String> {
    let Some(mut gate) = child.stdin.take() else {
        return Ok(());
    };
    let opened = gate.write_all(b"\n").await;
    opened.map_err(|error| format!("{} cannot be started: {}", start.name(), plain(&error)))
}

/// What to do where it runs: nothing, unless it is known to be something else.
fn runs_already(known: &Known, start: &child::Start, living: &Processes) -> Result<Outcome, String> {
    let runs = format!("{} runs already as {}", known.service, in_words(living.keys()));
    let notes = known.notes()?;
    if let Some(note) = notes.last()
        && note.words != start.words()
        && !among_noted(std::slice::from_ref(note), living)?.is_empty()
    {
        return Err(format!("{runs}, started with other words; stop it first"));
    }
    Ok(Outcome::done(format!("{runs}; nothing was started")))
}

/// A service that has just been started.
struct Beginning<'a> {
    known: &'a Known,
    words: Vec<String>,
    attempt: String,
}

impl Beginning<'_> {
    fn write_down<'b>(&self, members: impl IntoIterator<Item = &'b Process>) -> Result<(), String> {
        let mut note = Note::new(&self.attempt, members)?;
        note.words.clone_from(&self.words);
        self.known.write_down(&note)
    }

    /// Waits until it is seen, for this long at most, and writes down all that it is then.
    async fn runs(&self, patience: Duration, origin: &Origin) -> Result<Option<Processes>, String> {
        let deadline = Instant::now() + patience;
        loop {
            let is_late = Instant::now() >= deadline;
            match self.known.presence() {
                Presence::There(living) => return self.write_down(living.values()).map(|()| Some(living)),
                Presence::NotThere if is_late => return self.hidden(origin),
                Presence::CannotTell(reason) if is_late => return Err(reason),
                Presence::NotThere | Presence::CannotTell(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// It has not ended.
    fn goes_on(&self, pid: i32, seen: Result<Option<Processes>, String>) -> Outcome {
        let service = &self.known.service;
        match seen {
            Ok(Some(_)) => Outcome::done(format!("{service} runs as process {pid}")),
            Ok(None) => Outcome::unknown(format!("{service} was started and is not to be seen")),
            Err(reason) => Outcome::unknown(reason),
        }
    }

    /// What lost every sign and came to us as an orphan: it, where nothing else can have been its origin.
    fn hidden(&self, origin: &Origin) -> Result<Option<Processes>, String> {
        let strays = origins::strays(&processes::all()?, origin)?;
        if strays.is_empty() {
            return Ok(None);
        }
        if origin.is_only_one() {
            return self.write_down(strays.values()).map(|()| Some(strays));
        }
        Err(format!(
            "{} may be of it, and hides from whom it comes",
            in_words(strays.keys())
        ))
    }

    /// Ends what is left of a start that failed.
    async fn give_up(&self, first: Option<Process>, reason: String) -> Result<Outcome, String> {
        let seen = first.into_iter().map(|process| (process.pid, process)).collect();
        Ok(match self.known.end(Duration::ZERO, Ask::Nobody, seen).await {
            Ok(_) => {
                self.known.forget();
                return Err(reason);
            }
            Err(NotEnded::Lives(left)) => {
                Outcome::unknown(format!("{reason}; {} of it cannot be ended", in_words(left.keys())))
            }
            Err(NotEnded::CannotTell(why)) => Outcome::unknown(format!("{reason}; {why}")),
        })
    }
}

/// The log and how long it was before.
struct Log {
    path: PathBuf,
    file: File,
    bytes_before: u64,
}

fn open_log(path: &Path) -> Result<Log, String> {
    let failed = |error| {
        format!(
            "the log {} cannot be written: {}; check the path and who may write there",
            path.display(),
            plain(&error)
        )
    };
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
        .map_err(failed)?;
    let bytes_before = file.metadata().map_err(failed)?.len();
    Ok(Log {
        path: path.to_owned(),
        file,
        bytes_before,
    })
}

fn spawn(start: &child::Start, log: Option<&Log>) -> Result<tokio::process::Child, String> {
    let output = || match log {
        Some(log) => log.file.try_clone().map(Stdio::from),
        None => Ok(Stdio::null()),
    };
    let failed = |error| format!("{} cannot be started: {}", start.program.display(), plain(&error));
    let mut command = start.gated()?;
    command
        .stdin(Stdio::piped())
        .stdout(output().map_err(failed)?)
        .stderr(output().map_err(failed)?)
        .kill_on_drop(false);
    start.spawn(command)
}

/// Why a process ended at once, with the last line that it printed.
fn why_it_ended(context: &Context, name: &str, status: ExitStatus, log: Option<Log>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("with status {code}"),
        (None, signal) => format!("by signal {}", signal.unwrap_or_default()),
    };
    let Some(log) = log else {
        return format!("{name} ended at once {how}; give it a `log` to see why");
    };
    match last_line_of(&log, &context.redactor) {
        Some(line) => format!("{name} ended at once {how}: {line}"),
        None => format!("{name} ended at once {how} and said nothing in {}", log.path.display()),
    }
}

fn last_line_of(log: &Log, redactor: &Redactor) -> Option<String> {
    const BYTES_MAX: u64 = 64 * 1024;
    let mut file = File::open(&log.path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let start = log.bytes_before.max(bytes.saturating_sub(BYTES_MAX));
    let is_cut = start > log.bytes_before;
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut end = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut end).ok()?;
    redactor.last_line(&end, is_cut, LINE_CHARACTERS_MAX)
}
