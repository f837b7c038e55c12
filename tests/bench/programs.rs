//! The whole program, side by side with `make` and `just`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::bench::graphs::Graph;
use crate::bench::measure::{Seconds, children_cpu_seconds, table};

/// One command that is measured.
struct Subject {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Subject {
    fn backstay(name: &'static str, arguments: &[&str]) -> Self {
        Self::of(env!("CARGO_BIN_EXE_backstay"), name, arguments)
    }

    fn of(program: &str, name: &'static str, arguments: &[&str]) -> Self {
        Self {
            name,
            program: program.into(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// Whether its program is there.
    fn is_there(&self) -> bool {
        let mut asked = Command::new(&self.program);
        let asked = asked.arg("--version").stdout(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
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
    if let Some(missing) = subjects.iter().find(|subject| !subject.is_there()) {
        println!("\n### {title}\n\nLeft out: {} is not there.", missing.program.display());
        return;
    }
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

const TRUE: &str = "do \"True\": exec.run([\"/bin/true\"], effects: nothing)";
pub(crate) const NOTHING: &str = "wait 0s because \"nothing to do\"";
/// A name, a change with its undo, a check: something for every proof.
const CHANGE: &str = "let was# = fs.target(\"/sim/l#\")
  do fs.link(\"/sim/l#\", to: \"/sim/n#\") undo { do fs.link(\"/sim/l#\", to: was#) } within 30s
  check \"c#\": fs.exists(\"/sim/e#\")";

/// The whole program beside `make` and `just`.
pub(crate) fn compare_with_others() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files { folder: folder.path() };
    files.start_up();
    files.checking();
    files.running();
    files.shapes();
    files.doing_nothing();
}

/// Where the texts and the runs are.
struct Files<'a> {
    folder: &'a Path,
}

impl Files<'_> {
    /// A run of a graph whose steps each have this statement.
    fn run(&self, name: &'static str, graph: &Graph, statement: &str) -> Subject {
        let file = graph.runbook(self.folder, statement);
        let state = self.folder.join("runs").display().to_string();
        Subject::backstay(name, &["run", &file, "--state-dir", &state, "--no-input"])
    }

    fn check(&self, name: &'static str, graph: &Graph, statement: &str) -> Subject {
        Subject::backstay(name, &["check", &graph.runbook(self.folder, statement)])
    }

    fn make(&self, name: &'static str, flags: &str, graph: &Graph, command: &str) -> Subject {
        let file = graph.makefile(self.folder, command);
        let flags = flags.split_whitespace().chain(["-f", &file]);
        Subject::of("make", name, &flags.collect::<Vec<_>>())
    }

    fn just(&self, name: &'static str, graph: &Graph) -> Subject {
        let file = graph.justfile(self.folder, "/bin/true");
        Subject::of("just", name, &["-f", &file, "all"])
    }

    fn start_up(&self) {
        let ten = Graph::chain(10);
        let subjects = [
            self.check("backstay check, 10 steps", &ten, TRUE),
            self.make("make -n, 10 rules", "-n", &ten, "/bin/true"),
        ];
        compare("Start-up", &subjects, 5, 40);
        let one = Graph::chain(1);
        let subjects = [self.run("backstay run", &one, TRUE), self.just("just", &one)];
        compare("One step", &subjects, 5, 20);
    }

    fn checking(&self) {
        let of = |name, steps| self.check(name, &Graph::chain(steps), NOTHING);
        let subjects = [
            of("backstay check, 5,000 steps", 5_000),
            of("backstay check, 20,000 steps", 20_000),
            of("backstay check, 10,000 steps", 10_000),
        ];
        compare("Checking: linear in steps", &subjects, 5, 2);
        let layers = Graph::layers(10_000);
        let subjects = [
            self.check("backstay check", &layers, TRUE),
            self.make("make -n", "-n", &layers, "/bin/true"),
        ];
        compare("Checking 10,000 steps in layers", &subjects, 5, 2);
        for (steps, repeats) in [(100, 20), (1_000, 5), (10_000, 1)] {
            let chain = Graph::chain(steps);
            let subjects = [
                self.check("backstay check", &chain, CHANGE),
                self.make("make -n", "-n", &chain, "/bin/true"),
            ];
            compare(
                &format!("All proofs of {steps} changes in a chain"),
                &subjects,
                5,
                repeats,
            );
        }
    }

    fn running(&self) {
        let chain = Graph::chain(1_000);
        let subjects = [
            self.run("backstay run, every record durable", &chain, TRUE),
            self.make("make", "", &chain, "/bin/true"),
        ];
        compare("A chain of 1,000 × /bin/true", &subjects, 5, 1);
        let beside = Graph::side_by_side(1_000);
        let subjects = [
            self.run("backstay run, every record durable", &beside, TRUE),
            self.make("make -j2", "-j2", &beside, "/bin/true"),
        ];
        compare("1,000 × /bin/true side by side", &subjects, 5, 1);
    }

    /// Shapes of which each is to grow with its steps, beside `just`.
    fn shapes(&self) {
        for steps in [1_000, 10_000] {
            for (shape, graph) in [("layers", Graph::layers(steps)), ("fan", Graph::fan(steps))] {
                let subjects = [
                    self.run("backstay run, every record durable", &graph, TRUE),
                    self.just("just", &graph),
                ];
                compare(&format!("{steps} × /bin/true: {shape}"), &subjects, 3, 1);
            }
        }
    }

    fn doing_nothing(&self) {
        let of = |name, steps| self.run(name, &Graph::chain(steps), NOTHING);
        let subjects = [
            self.make("make, 10,000 rules with `:`", "", &Graph::chain(10_000), ":"),
            of("backstay run, 5,000 steps", 5_000),
            of("backstay run, 20,000 steps", 20_000),
            of("backstay run, 10,000 steps", 10_000),
        ];
        compare("Steps that do nothing, every record durable", &subjects, 3, 1);
    }
}
