//! `process.start`: starts a process of a service, which lives on by itself.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{Effect, Repeat, ResourceKind};
use backstay_dsl::types::Type;
use rustix::process::Signal;

use super::members::{about_service, in_words, mark_of, marked};
use crate::action::common::child::{self, Apart, KEY_MARK, PROCESS_MARK, attempt_mark, plain};
use crate::action::common::core_dump::allow_as_before;
use crate::action::common::printed::LINE_CHARACTERS_MAX;
use crate::action::common::processes::{self, Process};
use crate::action::common::typed::typed;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::redact::Redactor;

/// A process that ends within this time was not started.
const PROBATION: Duration = Duration::from_millis(200);

pub(super) struct Start;

#[async_trait]
impl Action for Start {
    fn signature(&self) -> Signature {
        about_service(describe::change(
            "process",
            "start",
            "Starts a process of a service in a session of its own; it lives on by itself.\n\nIt has failed when the process \
             ends at once. A service that runs already is not started a second time. To know that it works, check that the \
             service is well.",
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
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let mark = mark_of(context, arguments);
        let log = match arguments.path("log") {
            Some(log) => format!(
                "what it prints goes to {}",
                context.working_directory.join(log).display()
            ),
            None => "what it prints is lost".to_owned(),
        };
        let starts = format!("starts {}; {log}", typed(context, arguments));
        blocking::preview(context, move |_| {
            let living = marked(&mark?);
            Ok(match living.len() {
                0 => starts,
                _ => format!("{starts}; runs now as {}", in_words(living.keys())),
            })
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match start(context, arguments).await {
            Ok(summary) => Outcome::done(summary),
            Err(reason) => Outcome::failed(reason),
        }
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let mark = mark_of(context, arguments);
        let key = context.key.clone();
        blocking::settle(context, move |_| {
            let ours = of_key(&mark?, &key);
            if ours.is_empty() {
                return Ok(Settled::NotDone("no process of this statement runs".to_owned()));
            }
            Ok(Settled::Done(Evidence::line(format!(
                "runs as {}",
                in_words(ours.iter().map(|process| &process.pid))
            ))))
        })
        .await
    }
}

/// The living processes of the service that any attempt of this statement started.
fn of_key(mark: &str, key: &str) -> Vec<Process> {
    marked(mark)
        .into_values()
        .filter(|process| {
            processes::variable(process.pid, KEY_MARK)
                .is_some_and(|attempt| attempt.rsplit_once('#').is_some_and(|(known, _)| known == key))
        })
        .collect()
}

async fn start(context: &Context, arguments: &Arguments) -> Result<String, String> {
    let mark = mark_of(context, arguments)?;
    let service = arguments.text("service").unwrap_or_default();
    let ours = of_key(&mark, &context.key);
    if !ours.is_empty() {
        let pids = in_words(ours.iter().map(|process| &process.pid));
        return Ok(format!("runs already as {pids}, started by an earlier attempt"));
    }
    let foreign = marked(&mark);
    if !foreign.is_empty() {
        return Err(format!(
            "{service} runs already as {}, which this statement did not start; stop it first",
            in_words(foreign.keys())
        ));
    }
    let start = child::Start::new(context, arguments)?
        .mark(PROCESS_MARK, mark.as_str())
        .mark(KEY_MARK, attempt_mark(context));
    let log = arguments
        .path("log")
        .map(|path| open_log(&context.working_directory.join(path)))
        .transpose()?;
    let mut child = spawn(&start, log.as_ref())?;
    let pid = child.id().unwrap_or_default();
    let ended = tokio::time::timeout(PROBATION, child.wait()).await;
    if let Ok(status) = ended {
        return match status {
            // A program that puts itself into the background ends well and leaves the service running.
            Ok(status) if status.success() && !of_key(&mark, &context.key).is_empty() => {
                let ours = of_key(&mark, &context.key);
                Ok(format!("runs as {}", in_words(ours.iter().map(|process| &process.pid))))
            }
            Ok(status) => {
                for process in of_key(&mark, &context.key) {
                    process.signal(Signal::KILL);
                }
                Err(why_it_ended(context, &start.name(), status, log))
            }
            Err(error) => Err(format!("{} was lost: {}", start.name(), plain(&error))),
        };
    }
    // As long as we live, the process is collected when it ends.
    tokio::spawn(async move { child.wait().await });
    Ok(format!("{service} runs as process {pid}"))
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
    let failed = |error| format!("{} cannot be started: {}", start.program.display(), plain(&error));
    let output = || match log {
        Some(log) => log.file.try_clone().map(Stdio::from),
        None => Ok(Stdio::null()),
    };
    let mut command = start.command(Apart::Session);
    command
        .stdin(Stdio::null())
        .stdout(output().map_err(failed)?)
        .stderr(output().map_err(failed)?)
        .kill_on_drop(false);
    processes::DETACHED.fetch_add(1, Ordering::SeqCst);
    let spawned = command.spawn().inspect(|child| allow_as_before(child.id()));
    spawned.map_err(failed)
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
