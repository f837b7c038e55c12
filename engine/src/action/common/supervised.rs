//! Runs one program from start to end: input, outputs, limit, request to stop, and nobody left behind.

mod capture;
mod family;

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use backstay_dsl::effect::Cancel;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};

use super::child::{Apart, KEY_MARK, RUN_MARK, Start, attempt_mark, plain};
use crate::action::{Arguments, Context, Evidence};
use crate::value::Value;
use capture::Capture;
use family::Family;

/// The notes of a run about what its attempts started, in its directory.
pub(crate) const NOTES_FILE: &str = "started";

/// How long a program that may not be stopped early may take to end when its limit has come.
const GRACE_AT_LIMIT: Duration = Duration::from_secs(2);
/// How long outputs are read on after the program ended: what it left running may hold them open.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(300);

/// How a program came out.
pub(crate) struct Ended {
    /// Its name, for messages.
    pub(crate) name: String,
    pub(crate) how: How,
    pub(crate) stdout: Capture,
    /// What it printed as errors.
    pub(crate) stderr: Capture,
}

impl Ended {
    /// What it printed, without secrets.
    pub(crate) fn outputs(&self) -> Vec<(String, Vec<u8>)> {
        let outputs = [("stdout", &self.stdout), ("stderr", &self.stderr)].into_iter();
        outputs
            .filter_map(|(name, capture)| Some((name.to_owned(), capture.evidence()?)))
            .collect()
    }

    pub(crate) fn evidence(&self, summary: String) -> Evidence {
        Evidence {
            summary,
            outputs: self.outputs(),
            ..Evidence::default()
        }
    }

    /// The line with the last one that the program printed, which mostly says what was wrong.
    pub(crate) fn with_last_line(&self, line: String) -> String {
        match self.stderr.last_line().or_else(|| self.stdout.last_line()) {
            Some(last) => format!("{line}: {last}"),
            None => line,
        }
    }
}

/// Why a program is over.
pub(crate) enum How {
    Exited(ExitStatus),
    /// It was ended by us, for this reason, and nothing is left of it.
    Ended(String),
    /// It was to be ended, and something of it may still run.
    Lost(String),
}

/// Runs the program of a call; one that changes something is written down. An `Err` says why it was not started.
pub(crate) async fn run(context: &Context, arguments: &Arguments, changes: bool) -> Result<Ended, String> {
    let start = Start::new(context, arguments)?
        .mark(RUN_MARK, context.run.as_str())
        .mark(KEY_MARK, attempt_mark(context));
    if context.cancelled.is_cancelled() {
        return Err("stopped on request before it was started".to_owned());
    }
    let mut family = Family::expect(context);
    let input = arguments.get("stdin").map(Value::exposed);
    let mut child = family.start(|| spawn(&start, input.is_some()))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(-1);
    let notes = context.run_directory.join(NOTES_FILE);
    let written = family.began(pid, changes.then_some(&notes));
    let mut stdout = Capture::new(&context.redactor, context.progress.hears());
    let mut stderr = Capture::new(&context.redactor, context.progress.hears());
    let how = match written {
        Ok(()) => watch(context, &family, &mut child, input, &mut stdout, &mut stderr).await,
        Err(why) => stop(&family, &mut child, Duration::ZERO, why).await,
    };
    family.is_settled();
    stdout.finish();
    stderr.finish();
    Ok(Ended {
        name: start.name(),
        how,
        stdout,
        stderr,
    })
}

/// `ended with status 3`, `was ended by signal 9`.
pub(crate) fn status_in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

fn spawn(start: &Start, has_input: bool) -> Result<Child, String> {
    let mut command = start.command(Apart::Group);
    command
        .stdin(if has_input { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    start.spawn(command)
}

/// Waits for the end, for the limit or for the request to stop, whatever is first.
async fn watch(
    context: &Context,
    family: &Family,
    child: &mut Child,
    input: Option<String>,
    stdout: &mut Capture,
    stderr: &mut Capture,
) -> How {
    let (stdin, mut out, mut err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let outputs = async {
        tokio::join!(
            feed(stdin, input),
            async {
                if let Some(out) = &mut out {
                    stdout.fill(out).await;
                }
            },
            async {
                if let Some(err) = &mut err {
                    stderr.fill(err).await;
                }
            }
        );
    };
    tokio::pin!(outputs);
    let (status, outputs_closed) = tokio::select! {
        ended = end_of(child, &mut outputs) => ended,
        reason = must_stop(context) => {
            // Nobody else reads now: a program that still prints while it ends must not block on that.
            return tokio::select! {
                how = stop(family, child, grace_of(context), reason) => how,
                () = forever(&mut outputs) => How::Lost("its outputs were lost".to_owned()),
            };
        }
    };
    if !outputs_closed {
        let _ = tokio::time::timeout(OUTPUT_PATIENCE, &mut outputs).await;
    }
    match status {
        Ok(status) => How::Exited(status),
        Err(error) => How::Lost(format!("its end was not seen: {}", plain(&error))),
    }
}

/// The end of the first process, and whether the outputs were closed before it.
async fn end_of(
    child: &mut Child,
    outputs: &mut (impl Future<Output = ()> + Unpin),
) -> (std::io::Result<ExitStatus>, bool) {
    tokio::select! {
        status = child.wait() => return (status, false),
        () = outputs => {}
    }
    (child.wait().await, true)
}

/// Keeps the outputs going without ever being the first to end.
async fn forever(outputs: &mut (impl Future<Output = ()> + Unpin)) {
    outputs.await;
    std::future::pending::<()>().await;
}

async fn feed(stdin: Option<ChildStdin>, input: Option<String>) {
    if let (Some(mut stdin), Some(input)) = (stdin, input) {
        // A program need not read its input; that it does not is no failure.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
}

/// Returns with the reason when the program must stop.
async fn must_stop(context: &Context) -> String {
    tokio::select! {
        () = context.cancelled.cancelled(), if context.cancel != Cancel::Never => "stopped on request".to_owned(),
        () = tokio::time::sleep(context.limit) => {
            format!("not done within {}", backstay_dsl::units::duration_of(context.limit))
        }
    }
}

/// How long it may take to end after it is asked to.
fn grace_of(context: &Context) -> Duration {
    match context.cancel {
        Cancel::Kill => Duration::ZERO,
        Cancel::Grace { ms } => Duration::from_millis(ms),
        Cancel::Never => GRACE_AT_LIMIT,
    }
}

async fn stop(family: &Family, child: &mut Child, grace: Duration, reason: String) -> How {
    // The first process is collected while its family is being ended.
    let (ended, _) = tokio::join!(family.end(grace), child.wait());
    match ended {
        Ok(()) => How::Ended(reason),
        Err(left) => How::Lost(format!("{reason}; {left}")),
    }
}
