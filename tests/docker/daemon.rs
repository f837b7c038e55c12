//! The engine is restarted, or stands still for half a minute, at every step boundary of examples 02 and 03: the run
//! ends in a named state within its limits, and what it says of the service is true.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use serde_json::Value;

use crate::docker::guest_book::{Example, GuestBook, Images};
use crate::support::at_each::at_each;
use crate::support::daemon::Daemon;
use crate::support::sandbox::{Finished, signal};

/// How many engines at once.
const WORKERS: usize = 7;
const STANDSTILL: Duration = Duration::from_secs(30);
/// No run may take longer than its window; none of these should come near it.
const END: Duration = Duration::from_mins(4);

/// What happens to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It is restarted while the runner stands still: between two actions.
    RestartedBetween,
    /// It is restarted while the runner goes on: in the middle of what comes next.
    RestartedBeside,
    /// It stands still while the runner goes on.
    Frozen,
}

/// When it happens: the first record that has this kind, and this step's id where it has one.
struct Boundary(Example, &'static [&'static str], &'static str, &'static str);

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(example, _, kind, id) = self;
        write!(f, "{} at {kind} {id}", example.file())
    }
}

const BROKEN: &[&str] = &["release=2.0.0-broken"];

const BOUNDARIES: &[Boundary] = &[
    Boundary(Example::Upgrade, &[], "step", "site_up"),
    Boundary(Example::Upgrade, &[], "step", "freeze"),
    Boundary(Example::Upgrade, &[], "step", "stop"),
    Boundary(Example::Upgrade, &[], "step", "backup"),
    Boundary(Example::Upgrade, &[], "step", "switch"),
    Boundary(Example::Upgrade, &[], "step", "validate"),
    Boundary(Example::Upgrade, &[], "step", "close"),
    Boundary(Example::Upgrade, BROKEN, "turn", ""),
    Boundary(Example::TurnBack, &[], "step", "freeze"),
    Boundary(Example::TurnBack, &[], "step", "stop"),
    Boundary(Example::TurnBack, &[], "step", "backup"),
    Boundary(Example::TurnBack, &[], "step", "switch"),
    Boundary(Example::TurnBack, &[], "step", "validate"),
    Boundary(Example::TurnBack, &[], "turn", ""),
];

fn records(book: &GuestBook<'_>) -> Vec<Value> {
    let found = crate::support::sandbox::find(&book.sandbox.state_directory(), "transcript.jsonl");
    let text = found
        .first()
        .map(|path| fs::read_to_string(path).unwrap())
        .unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn wait_for_boundary(book: &GuestBook<'_>, boundary: &Boundary) {
    let start = Instant::now();
    let Boundary(_, _, kind, id) = *boundary;
    let is_it = |record: &Value| record["kind"] == kind && (id.is_empty() || record["id"] == id);
    while !records(book).iter().any(is_it) {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "no record {kind} {id}: {:?}",
            records(book).last()
        );
        sleep(Duration::from_millis(2));
    }
}

/// Waits for the runner with a limit.
fn end_of(mut runner: Child) -> Result<Finished, String> {
    let start = Instant::now();
    let (mut out, mut err) = (runner.stdout.take().unwrap(), runner.stderr.take().unwrap());
    let out = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let err = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).map(|_| text)
    });
    let status = loop {
        if let Some(status) = runner.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > END {
            drop(runner.kill());
            drop(runner.wait());
            let said = err.join().unwrap().unwrap_or_default();
            return Err(format!("no end after {END:?}:\n{said}"));
        }
        sleep(Duration::from_millis(20));
    };
    Ok(Finished {
        exit: status.code().unwrap_or(-1),
        stdout: out.join().unwrap().unwrap_or_default(),
        stderr: err.join().unwrap().unwrap_or_default(),
    })
}

/// Whether the container of the service is stopped where the run has stopped it and not started it since.
fn stays_as_it_is(book: &GuestBook<'_>, boundary: &Boundary) -> Result<(), String> {
    let is_stopped = boundary.2 == "step" && ["backup", "switch"].contains(&boundary.3);
    if !is_stopped {
        return Ok(());
    }
    for _ in 0..20 {
        let state = book.daemon.docker(&[
            "inspect",
            "--format",
            "{{.State.Running}} {{.RestartCount}}",
            &book.name,
        ]);
        if state != "false 0" {
            return Err(format!("the stopped service came back: {state}"));
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn carry_out(daemon: &Daemon, images: &Images, boundary: &Boundary, trouble: Trouble) -> Result<(), String> {
    let book = GuestBook::with_images(daemon, boundary.0, images);
    let runner = book
        .run_command(boundary.1)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_boundary(&book, boundary);
    let mut as_stopped = Ok(());
    match trouble {
        Trouble::RestartedBetween => {
            signal(runner.id(), "STOP");
            daemon.restart();
            as_stopped = stays_as_it_is(&book, boundary);
            signal(runner.id(), "CONT");
        }
        Trouble::RestartedBeside => daemon.restart(),
        Trouble::Frozen => {
            daemon.freeze();
            sleep(STANDSTILL);
            daemon.thaw();
        }
    }
    let mut finished = end_of(runner)?;
    as_stopped?;
    // The engine stood still while the way back asked whether the service is well; it answers now.
    if trouble == Trouble::Frozen && finished.exit == 6 && finished.stdout.contains("gave no answer within") {
        finished = book.resume();
    }
    let wrong = |reason: String| format!("{reason}\n{}\n{}", finished.stdout, finished.stderr);
    let end: Value = serde_json::from_str(&finished.stdout).map_err(|error| wrong(error.to_string()))?;
    match (finished.exit, end["end"].as_str().unwrap_or_default()) {
        (0, "completed") if boundary.0 == Example::Upgrade && boundary.1.is_empty() => book.is_upgraded(),
        (5, "rolled_back") => book
            .is_as_before()
            .and_then(|()| book.has_left_no_more_than(&end["leftovers"])),
        // Past the point of no return there is no way back, and the new release stays.
        (8, "parked") if boundary.3 == "close" => book.is_upgraded(),
        // Nothing was changed: the site is as the demonstration puts it up, or was not put up.
        (4, "refused") if boundary.3 == "site_up" => Ok(()),
        (4, "refused") => book.is_as_before(),
        (exit, end) => Err(format!("exit {exit}, {end}")),
    }
    .map_err(wrong)
}

fn at_every_boundary(test: &str, trouble: Trouble) {
    let Some(first) = Daemon::private(test) else { return };
    let images = Images::pushed(&first);
    drop(first);
    at_each(
        BOUNDARIES,
        WORKERS,
        || Daemon::private(test).unwrap(),
        |daemon, boundary| carry_out(daemon, images, boundary, trouble),
    );
}

#[test]
fn engine_restarted_between_two_steps() {
    at_every_boundary("engine_restarted_between_two_steps", Trouble::RestartedBetween);
}

#[test]
fn engine_restarted_under_a_step() {
    at_every_boundary("engine_restarted_under_a_step", Trouble::RestartedBeside);
}

#[test]
fn engine_stands_still_for_half_a_minute() {
    at_every_boundary("engine_stands_still_for_half_a_minute", Trouble::Frozen);
}
