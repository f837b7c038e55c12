//! The whole program, side by side with `make`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::bench::measure::{Seconds, children_cpu_seconds, table};

/// One command that is measured.
struct Subject {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Subject {
    fn backstay(name: &'static str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Self {
            name,
            program: env!("CARGO_BIN_EXE_backstay").into(),
            arguments,
        }
    }

    fn make(name: &'static str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Self {
            name,
            program: "make".into(),
            arguments,
        }
    }

    /// The mean of `repeats` runs.
    fn run(&self, repeats: u32) -> Seconds {
        let (cpu_before, start) = (children_cpu_seconds(), Instant::now());
        for _ in 0..repeats {
            let status = Command::new(&self.program)
                .args(&self.arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert!(status.success(), "{} failed: {status}", self.name);
        }
        let repeats = f64::from(repeats);
        Seconds {
            wall: start.elapsed().as_secs_f64() / repeats,
            cpu: (children_cpu_seconds() - cpu_before) / repeats,
        }
    }
}

/// Runs the subjects in turn, `rounds` times, and prints a row for each with its ratio to the last.
fn compare(title: &str, subjects: &[Subject], rounds: usize, repeats: u32) {
    let mut taken: Vec<Vec<Seconds>> = vec![Vec::new(); subjects.len()];
    for subject in subjects {
        subject.run(1);
    }
    for _ in 0..rounds {
        for (subject, times) in subjects.iter().zip(&mut taken) {
            times.push(subject.run(repeats));
        }
    }
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name).collect();
    table(title, &names, &taken);
}

/// A chain of steps, each with this statement.
fn runbook(folder: &Path, steps: usize, statement: &str) -> String {
    let mut text = "runbook bench \"A benchmark\"\n".to_owned();
    for number in 0..steps {
        writeln!(text, "step s{number} \"Step {number}\" {{\n  {statement}\n}}").unwrap();
    }
    let path = folder.join(format!("bench-{steps}-{}.runbook", statement.len()));
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The same chain for make.
fn makefile(folder: &Path, steps: usize, command: &str) -> String {
    let mut text = format!(".PHONY: all\nall: s{}\n", steps - 1);
    for number in 0..steps {
        let after = if number == 0 {
            String::new()
        } else {
            format!(" s{}", number - 1)
        };
        writeln!(text, ".PHONY: s{number}\ns{number}:{after}\n\t@{command}").unwrap();
    }
    let path = folder.join(format!("bench-{steps}-{}.mk", command.len()));
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

const TRUE: &str = "do \"True\": exec.run([\"/bin/true\"], effects: nothing)";
const NOTHING: &str = "wait 0s because \"nothing to do\"";

/// The whole program beside `make`.
pub(crate) fn compare_with_make() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let state = runs.display().to_string();

    let ten = runbook(folder.path(), 10, TRUE);
    let ten_make = makefile(folder.path(), 10, "/bin/true");
    let subjects = [
        Subject::backstay("backstay check, 10 steps", &["check", &ten]),
        Subject::make("make -n, 10 rules", &["-nf", &ten_make]),
    ];
    compare("Start-up", &subjects, 5, 40);

    let thousands: Vec<String> = [5_000, 10_000, 20_000]
        .iter()
        .map(|steps| runbook(folder.path(), *steps, NOTHING))
        .collect();
    let many_make = makefile(folder.path(), 10_000, ":");
    let subjects = [
        Subject::backstay("backstay check, 5,000 steps", &["check", &thousands[0]]),
        Subject::backstay("backstay check, 20,000 steps", &["check", &thousands[2]]),
        Subject::backstay("backstay check, 10,000 steps", &["check", &thousands[1]]),
    ];
    compare("Checking: linear in steps", &subjects, 5, 2);

    let chain = runbook(folder.path(), 1_000, TRUE);
    let chain_make = makefile(folder.path(), 1_000, "/bin/true");
    let run = ["run", chain.as_str(), "--state-dir", state.as_str(), "--no-input"];
    let subjects = [
        Subject::backstay("backstay run, every record durable", &run),
        Subject::make("make", &["-f", &chain_make]),
    ];
    compare("A chain of 1,000 × /bin/true", &subjects, 5, 1);

    let run = |file: &'_ str| {
        [
            "run".to_owned(),
            file.to_owned(),
            "--state-dir".to_owned(),
            state.clone(),
            "--no-input".to_owned(),
        ]
    };
    let words: Vec<[String; 5]> = thousands.iter().map(|file| run(file)).collect();
    let words: Vec<Vec<&str>> = words
        .iter()
        .map(|words| words.iter().map(String::as_str).collect())
        .collect();
    let subjects = [
        Subject::make("make, 10,000 rules with `:`", &["-f", &many_make]),
        Subject::backstay("backstay run, 5,000 steps", &words[0]),
        Subject::backstay("backstay run, 20,000 steps", &words[2]),
        Subject::backstay("backstay run, 10,000 steps", &words[1]),
    ];
    compare("Steps that do nothing, every record durable", &subjects, 3, 1);
}
