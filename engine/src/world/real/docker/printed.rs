//! What programs print: the last of a log, and programs that are run inside a container.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::LogsOptions;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::containers::{LogEnd, Printed, Problem, ProgramOrder};

use super::DockerEngine;
use super::create::variable;
use super::problem;

/// How often it is asked whether a program has ended whose output has.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The end of what was printed, both outputs in the order they came, within a number of bytes.
struct End {
    pieces: VecDeque<(bool, Bytes)>,
    bytes: usize,
    bytes_max: usize,
    is_cut: bool,
}

impl End {
    fn new(bytes_max: usize) -> Self {
        Self {
            pieces: VecDeque::new(),
            bytes: 0,
            bytes_max,
            is_cut: false,
        }
    }

    fn push(&mut self, output: LogOutput) {
        let is_error = matches!(output, LogOutput::StdErr { .. });
        // A copy: a piece must not keep the library's whole buffer alive.
        let piece = Bytes::copy_from_slice(&output.into_bytes());
        self.bytes += piece.len();
        self.pieces.push_back((is_error, piece));
        while self.bytes > self.bytes_max {
            let over = self.bytes - self.bytes_max;
            self.drop_front(over);
        }
    }

    /// Leaves out so many of the oldest bytes, but not more than the first piece.
    fn drop_front(&mut self, bytes: usize) {
        self.is_cut = true;
        let Some((_, first)) = self.pieces.front_mut() else {
            return;
        };
        let dropped = bytes.min(first.len());
        let _ = first.split_to(dropped);
        let is_empty = first.is_empty();
        self.bytes -= dropped;
        if is_empty {
            self.pieces.pop_front();
        }
    }

    /// Leaves out the oldest lines beyond so many.
    fn keep_lines(&mut self, lines_max: u64) {
        let ends = |piece: &Bytes| piece.split(|byte| *byte == b'\n').skip(1).count() as u64;
        let mut lines: u64 = self.pieces.iter().map(|(_, piece)| ends(piece)).sum();
        if self.pieces.back().is_some_and(|(_, piece)| !piece.ends_with(b"\n")) {
            lines += 1;
        }
        while lines > lines_max {
            let Some((_, first)) = self.pieces.front() else {
                return;
            };
            let end = first.iter().position(|byte| *byte == b'\n');
            let dropped = end.map_or(first.len(), |at| at + 1);
            lines -= u64::from(end.is_some());
            self.drop_front(dropped);
        }
    }

    fn printed(self) -> Printed {
        let mut printed = Printed {
            is_cut: self.is_cut,
            ..Printed::default()
        };
        for (is_error, piece) in self.pieces {
            let output = if is_error {
                &mut printed.stderr
            } else {
                &mut printed.stdout
            };
            output.extend_from_slice(&piece);
        }
        printed
    }
}

pub(super) async fn logs(engine: &DockerEngine, container: &str, wanted: &LogEnd) -> Result<Printed, Problem> {
    let name = problem::name(container)?;
    let since = wanted.since_seconds.unwrap_or(0).clamp(0, i64::from(i32::MAX));
    let options = LogsOptions {
        stdout: true,
        stderr: true,
        since: i32::try_from(since).unwrap_or(i32::MAX),
        // One more than wanted, so that it shows whether some were left out.
        tail: wanted.lines_max.saturating_add(1).to_string(),
        ..LogsOptions::default()
    };
    let docker = engine.docker().await?;
    let what = format!("log of container {name}");
    let mut end = End::new(wanted.bytes_max);
    let mut pieces = docker.logs(name, Some(options));
    let all = async {
        while let Some(piece) = next(engine, &what, &mut pieces).await? {
            end.push(piece);
        }
        Ok::<_, Problem>(())
    };
    // A log that grows faster than it is read has no end of its own.
    let limit = engine.limits().change;
    tokio::time::timeout(limit, all)
        .await
        .map_err(|_| Problem::Lost(problem::silent(&engine.shared.address, &what, limit)))??;
    end.keep_lines(wanted.lines_max);
    Ok(end.printed())
}

/// The next piece of a stream that may be silent only so long.
async fn next(
    engine: &DockerEngine,
    what: &str,
    pieces: &mut (impl Stream<Item = Result<LogOutput, Error>> + Unpin),
) -> Result<Option<LogOutput>, Problem> {
    let piece = async { pieces.next().await.transpose() };
    engine.within(what, engine.limits().silence, piece).await
}

pub(super) async fn run_in(
    engine: &DockerEngine,
    container: &str,
    program: &ProgramOrder,
    limit: Duration,
) -> Result<(i64, Printed), Problem> {
    let name = problem::name(container)?;
    let environment = program.environment.iter().map(|(name, value)| variable(name, value));
    let order = ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(program.argv.clone()),
        env: Some(environment.collect::<Result<_, _>>()?),
        user: program.user.clone(),
        working_dir: program.working_directory.clone(),
        ..ExecConfig::default()
    };
    let docker = engine.docker().await?;
    let what = format!("a program in container {name}");
    let made = engine.within(
        &what,
        limit.min(engine.limits().question),
        docker.create_exec(name, order),
    );
    let id = made.await.map_err(not_begun)?.id;
    match tokio::time::timeout(limit, begun(engine, &what, &id, program.bytes_max)).await {
        Ok(Err(Problem::Unreachable(text))) => Err(Problem::Lost(text)),
        Ok(Err(Problem::Refused { status: 404, message })) => Err(Problem::Lost(format!(
            "the container engine has forgotten the program, as it does when it is restarted: {message}"
        ))),
        Ok(outcome) => outcome,
        Err(_) => Err(Problem::Lost(format!(
            "{what} has not ended within {} s; it may still run there",
            limit.as_secs_f64()
        ))),
    }
}

/// What the engine only prepared was not begun, whether its answer came or not.
fn not_begun(problem: Problem) -> Problem {
    match problem {
        Problem::Lost(text) => Problem::Unreachable(format!("{text}; the program was not begun")),
        other => other,
    }
}

/// Begins a prepared program, reads what it prints to its end, and asks for its exit status.
async fn begun(engine: &DockerEngine, what: &str, id: &str, bytes_max: usize) -> Result<(i64, Printed), Problem> {
    let docker = engine.docker().await?;
    let started = engine
        .change(what, docker.start_exec(id, None::<StartExecOptions>))
        .await?;
    let StartExecResults::Attached { mut output, input } = started else {
        return Err(Problem::Lost(
            "the container engine does not show what the program prints".to_owned(),
        ));
    };
    let mut outputs = [End::new(bytes_max), End::new(bytes_max)];
    while let Some(piece) = output.next().await {
        let piece = piece.map_err(|error| problem::problem(&engine.shared.address, what, error))?;
        let which = usize::from(matches!(piece, LogOutput::StdErr { .. }));
        outputs[which].push(piece);
    }
    drop(input);
    let exit_code = loop {
        let told = engine.ask(what, docker.inspect_exec(id)).await?;
        match told.exit_code {
            Some(exit_code) if told.running != Some(true) => break exit_code,
            _ => tokio::time::sleep(ASK_AGAIN).await,
        }
    };
    let [stdout, stderr] = outputs.map(End::printed);
    Ok((
        exit_code,
        Printed {
            stdout: stdout.stdout,
            stderr: stderr.stderr,
            is_cut: stdout.is_cut || stderr.is_cut,
        },
    ))
}
