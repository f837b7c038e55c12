//! Services of random runbooks: stopped, backed up, given another release and started again, in an order
//! and with a way back that keep writers within bounds. So whatever a run does against them, the engine did.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use backstay::event::{End, Event, OutcomeResult};
use backstay::rehearse::{Case, Fault, FaultKind};
use backstay::value::Value;
use proptest::prelude::*;

use crate::simulation::rig::Rig;
use crate::simulation::small::{self, make, step};
use crate::support::texts::Beside;

/// The names of the services.
const NAMES: [&str; 2] = ["one", "two"];

/// How the change of the services is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    /// By undos; a new release leaves the state's form alone.
    Undo,
    /// By undos, and the state by a restore in the undo of the link.
    UndoRestores,
    /// By a branch from the first link on.
    Branch,
}

/// Who writes what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writers {
    One,
    /// Two services, each with a state of its own.
    Two,
    /// Two services that write one state.
    TwoOfOneState,
}

/// One or two services, and how they are changed.
#[derive(Debug, Clone)]
pub(crate) struct RandomServices {
    writers: Writers,
    /// What concerns one service does not wait for the other, nor for the steps before.
    is_parallel: bool,
    retries: bool,
    has_pin_clause: bool,
    back: Back,
}

pub(crate) fn random_services() -> impl Strategy<Value = RandomServices> {
    let writers = prop_oneof![Just(Writers::One), Just(Writers::Two), Just(Writers::TwoOfOneState)];
    let back = prop_oneof![Just(Back::Undo), Just(Back::UndoRestores), Just(Back::Branch)];
    (writers, any::<bool>(), any::<bool>(), any::<bool>(), back).prop_map(
        |(writers, is_parallel, retries, has_pin_clause, back)| RandomServices {
            writers,
            is_parallel,
            retries,
            has_pin_clause,
            back,
        },
    )
}

impl RandomServices {
    fn names(&self) -> &'static [&'static str] {
        if self.writers == Writers::One {
            &NAMES[..1]
        } else {
            &NAMES
        }
    }

    /// The service whose backup holds the state that this one writes.
    fn keeper(&self, name: &'static str) -> &'static str {
        if self.writers == Writers::TwoOfOneState {
            NAMES[0]
        } else {
            name
        }
    }

    fn is_keeper(&self, name: &'static str) -> bool {
        self.keeper(name) == name
    }

    /// What the header says of failures.
    pub(crate) fn header(&self) -> &'static str {
        match self.back {
            Back::Undo | Back::UndoRestores => "  on failure unwind\n",
            Back::Branch => "  on failure rollback before\n  on interrupt rollback before\n",
        }
    }

    pub(crate) fn declare(&self, text: &mut String) {
        for name in self.names() {
            let pin = if self.has_pin_clause {
                format!("  pinned by link(\"/sim/{name}/current\")\n")
            } else {
                String::new()
            };
            let form = match self.back {
                Back::Undo => " unmigrated because \"the form stays\"",
                Back::UndoRestores | Back::Branch => "",
            };
            let state = self.keeper(name);
            let _ = writeln!(
                text,
                "service {name} \"Service {name}\" {{\n  runs process(\"{name}\")\n{pin}  writes state_{state}{form}\n  \
                 well \"it runs\": process.alive({name}) within 10s every 1s\n}}\n"
            );
            if self.is_keeper(name) {
                let _ = writeln!(
                    text,
                    "protect state_{name} \"State {name}\" {{ path \"/sim/{name}/data\" }}\n"
                );
            }
        }
    }

    /// The clause for a step that needs these: without it a step waits for all before it.
    fn after(&self, needed: &[String]) -> String {
        match needed {
            _ if !self.is_parallel => String::new(),
            [] => " after nothing".to_owned(),
            needed => format!(" after {}", needed.join(", ")),
        }
    }

    /// The same step of every service whose backup holds what this one writes.
    fn of_sharers(&self, step: &str, name: &'static str) -> Vec<String> {
        let names = self.names().iter();
        let sharers = names.filter(|other| self.keeper(other) == self.keeper(name));
        sharers.map(|other| format!("{step}_{other}")).collect()
    }

    pub(crate) fn write_steps(&self, text: &mut String) {
        for name in self.names() {
            let after = self.after(&[]);
            let _ = writeln!(
                text,
                "step stop_{name} \"Stop {name}\"{after} {{\n  budget 4m\n{}  do process.stop({name}, grace: 5s) undo {{ do \
                 {} }} within 30s\n}}\n",
                self.retry(),
                start(name)
            );
        }
        for name in self.names().iter().filter(|name| self.is_keeper(name)) {
            let after = self.after(&self.of_sharers("stop", name));
            let _ = writeln!(
                text,
                "step backup_{name} \"Back {name} up\"{after} {{\n  budget 4m\n  do backup.create(state_{name}, to: \
                 \"/sim/backups\") within 1m as snapshot_{name}\n  check \"it restores {name}\": \
                 backup.verify(snapshot_{name}) is ok within 30s\n}}\n"
            );
        }
        for name in self.names() {
            self.write_look(name, text);
        }
        for name in self.names() {
            self.write_link(name, text);
        }
        for name in self.names() {
            let after = self.after(&self.of_sharers("link", name));
            let after = if self.back == Back::Branch { "" } else { &after };
            let undo = match self.back {
                Back::Branch => String::new(),
                Back::Undo | Back::UndoRestores => format!(" undo {{ do process.stop({name}, grace: 5s) }}"),
            };
            let _ = writeln!(
                text,
                "step start_{name} \"Start {name}\"{after} {{\n  budget 4m\n{}  do {}{undo} within 30s\n  check {name} is \
                 well\n}}\n",
                self.retry(),
                start(name)
            );
        }
    }

    /// What the branch uses is bound before it applies, so this is a step of its own.
    fn write_look(&self, name: &'static str, text: &mut String) {
        let after = self.after(&[format!("backup_{}", self.keeper(name))]);
        // The branch begins with the first link: all that is before has ended by then.
        let after = if self.back == Back::Branch { "" } else { &after };
        let _ = writeln!(
            text,
            "step look_{name} \"Look at {name}\"{after} {{\n  budget 4m\n  let was_{name} = \
             fs.target(\"/sim/{name}/current\")\n}}\n"
        );
    }

    fn write_link(&self, name: &'static str, text: &mut String) {
        let restore = if self.back == Back::UndoRestores && self.is_keeper(name) {
            format!("do backup.restore(snapshot_{name}) within 1m ")
        } else {
            String::new()
        };
        let undo = match self.back {
            Back::Branch => String::new(),
            Back::Undo | Back::UndoRestores => {
                format!(" undo {{ {restore}\n  do fs.link(\"/sim/{name}/current\", to: was_{name}) }}")
            }
        };
        let after = if self.is_parallel && self.back != Back::Branch {
            format!(" after look_{name}")
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "step link_{name} \"Link {name}\"{after} {{\n  budget 4m\n  do fs.link(\"/sim/{name}/current\", to: \
             \"/sim/{name}/new\"){undo} within 2m\n}}\n"
        );
    }

    fn retry(&self) -> &'static str {
        if self.retries { "  retry 1 every 5s\n" } else { "" }
    }

    /// The branch: the undos of the steps before it start the services again.
    pub(crate) fn write_branch(&self, text: &mut String) {
        if self.back != Back::Branch {
            return;
        }
        let first = self.names()[0];
        let _ = writeln!(
            text,
            "\nrollback before \"As it was\" {{\n  applies from link_{first} until last\n  budget 30m"
        );
        for name in self.names() {
            let _ = writeln!(text, "  do process.stop({name}, grace: 5s) within 30s");
        }
        for name in self.names().iter().filter(|name| self.is_keeper(name)) {
            let _ = writeln!(text, "  do backup.restore(snapshot_{name}) within 1m");
        }
        for name in self.names() {
            let _ = writeln!(text, "  do fs.link(\"/sim/{name}/current\", to: was_{name}) within 30s");
        }
        if self.retries {
            for name in self.names() {
                let _ = writeln!(text, "  do {} within 30s\n  check {name} is well", start(name));
            }
        }
        text.push_str("  unwind\n}\n");
    }
}

fn start(name: &str) -> String {
    format!("process.start({name}, [\"/sim/{name}/current/serve\"])")
}

/// The law is not empty: a backup beside a writer, and a restore beside one, are seen.
#[test]
fn a_writer_beside_a_backup_or_a_restore_is_seen() {
    let services = RandomServices {
        writers: Writers::One,
        is_parallel: false,
        retries: false,
        has_pin_clause: true,
        back: Back::Branch,
    };
    let mut text = format!("runbook wrong \"Wrong\" {{\n{}}}\n\n", services.header());
    services.declare(&mut text);
    services.write_steps(&mut text);
    text.push_str("step last \"Last\" {\n  budget 5m\n  check \"it is there\": fs.exists(\"/sim\")\n}\n");
    services.write_branch(&mut text);
    let stop = "  do process.stop(one, grace: 5s) within 30s\n";
    assert!(text.contains(stop), "{text}");
    let untrue = Fault::always("start_one/2", FaultKind::Untrue);
    for (text, slug) in [
        (
            text.replace(
                "do process.stop(one, grace: 5s) undo",
                "do process.start(one, [\"/sim\"]) undo",
            ),
            "backup-not-cold",
        ),
        (text.replace(stop, ""), "order-unsafe"),
    ] {
        let rig = Rig::new("wrong.runbook", &text, &Beside::default(), BTreeMap::new());
        let report = rig.run(vec![untrue.clone()], Case::default());
        let violations = report.production.violations();
        let is_seen = violations
            .iter()
            .any(|violation| violation.ends_with(&format!("({slug})")));
        assert!(is_seen, "{slug}: {violations:?}\n{}", report.told());
    }
}

/// What `well` reads is evidence about a service, through a question and its arguments too.
#[test]
fn a_right_cutover_breaks_no_rule() {
    let direct = "http.get(site).status == 200";
    let other = "answers(\"http://127.0.0.1:9001/health\")";
    for (well, is_evidence) in [(direct, true), ("answers(site)", true), (other, false)] {
        let text = CUTOVER.replace("WELL", well);
        let site = Value::Url("http://127.0.0.1:9000/health".to_owned());
        let rig = Rig::new(
            "up.runbook",
            &text,
            &Beside::default(),
            BTreeMap::from([("site".to_owned(), site)]),
        );
        let report = rig.run(Vec::new(), Case::default());
        assert_eq!(report.end().end, End::Completed, "{}", report.told());
        let violations = report.production.violations();
        assert_eq!(violations.is_empty(), is_evidence, "{well}: {violations:?}");
        assert!(
            violations.iter().all(|words| words.ends_with("(cutover-unvalidated)")),
            "{violations:?}"
        );
    }
}

const CUTOVER: &str = r#"runbook up "Upgrade" {
  window 2h keep 1h for the way back
}

inputs {
  site: url
}

question answers(address: url) -> bool {
  give http.get(address).status == 200
}

service app "App" {
  runs      process("app")
  pinned by link("/sim/current")
  behind    ingress("site")
  well      "answers": WELL within 10s every 1s
}

step one "Switch" {
  budget 10m
  let old = fs.target("/sim/current")
  do "Drain": exec.run(["drain"], effects: { drains service(app) repeat convergent })
    undo { do "Open": exec.run(["open"], effects: { opens service(app) repeat convergent }) } within 1m
  do process.stop(app) undo { do process.start(app, argv: ["/sim/current/serve"]) } within 1m
  do fs.link("/sim/current", to: "/sim/2") undo { do fs.link("/sim/current", to: old) } within 1m
  do process.start(app, argv: ["/sim/current/serve"]) undo { do process.stop(app) } within 1m
  check "it answers": http.get("http://127.0.0.1:9000/health").status == 200 within 1m every 2s
  do "Open": exec.run(["open"], effects: { opens service(app) repeat convergent })
    undo { do "Drain": exec.run(["drain"], effects: { drains service(app) repeat convergent }) } within 1m
}
"#;

/// Where it cannot be told what runs, no service is started or stopped, forward or back, and no run begins.
#[test]
fn what_cannot_be_told_of_processes_lets_nothing_go_on() {
    let service = "service app \"App\" {\n  runs process(\"app\")\n  well \"it runs\": process.alive(app) within 10s every \
                   1s\n}\n\n";
    let start = "process.start(app, [\"/sim/serve\"])";
    let lines = [
        format!("  do process.stop(app, grace: 5s) undo {start} within 1m\n"),
        make("w"),
        format!("  do {start} undo process.stop(app, grace: 5s) within 1m\n"),
        "  check app is well\n".to_owned(),
    ];
    let rig = small::rig("", &[service.to_owned(), step("a", "", &lines)]);
    small::run(&rig, &[]).expect(&["a/1", "a/2", "a/3"], End::Completed);
    small::run(&rig, &[Fault::unseen(None)]).expect(&[], End::Refused);
    for (since, performed) in [
        ("a/1", &["a/1", "a/2", "a/3"][..]),
        ("a/2", &["a/1", "a/2", "a/3"]),
        ("a/3", &["a/1", "a/2", "a/3"]),
    ] {
        let report = small::run(&rig, &[Fault::unseen(Some(since))]);
        assert!(report.performed().starts_with(performed), "{since}: {}", report.told());
        assert_eq!(report.end().end, End::Stuck, "{since}: {}", report.told());
        let done = |key: &str| {
            report.place(|event| match event {
                Event::Outcome(outcome) => outcome.key == key && outcome.result == OutcomeResult::Ok,
                _ => false,
            })
        };
        let from = done(since).unwrap_or_else(|| panic!("{}", report.told()));
        for key in ["a/1", "a/3", "undo:a/1/1", "undo:a/3/1"] {
            assert!(
                done(key).is_none_or(|at| at <= from),
                "{since} {key}: {}",
                report.told()
            );
        }
    }
}

/// After the way forward those services have to be well that should run then: as the text says, else what begins so or
/// is started.
#[test]
fn a_service_that_should_not_run_at_the_end_is_not_asked() {
    let well = "well \"it runs\": process.alive(app) within 10s every 1s";
    let stop = "  do process.stop(app, grace: 5s) undo process.start(app, [\"/sim/serve\"]) within 1m\n";
    let start = "  do process.start(app, [\"/sim/serve\"]) undo process.stop(app, grace: 5s) within 1m\n";
    for (clauses, does, end) in [
        ("", stop, End::RolledBack),
        ("ends stopped", stop, End::Completed),
        ("ends absent", stop, End::Completed),
        ("begins stopped", "", End::Completed),
        ("begins stopped", start, End::Completed),
        ("begins stopped  ends running", "", End::RolledBack),
    ] {
        let service = format!("service app \"App\" {{\n  runs process(\"app\")\n  {well}\n  {clauses}\n}}\n\n");
        let rig = small::rig("", &[service, step("a", "", &[make("a"), does.to_owned()])]);
        let report = small::run(&rig, &[]);
        assert_eq!(report.end().end, end, "{clauses} {does}\n{}", report.told());
    }
}

/// Each service is asked whether it is as it should be when a run ends, also one that does not say what being well means:
/// otherwise, or where nobody can tell, a run completes with an exception, and a way back ends stuck until it is so.
#[test]
fn a_service_is_as_it_should_be_at_the_end_or_that_is_told() {
    let stop = "  do process.stop(app, grace: 5s) undo process.start(app, [\"/sim/serve\"]) within 1m\n";
    let start = "  do process.start(app, [\"/sim/serve\"]) undo process.stop(app, grace: 5s) within 1m\n";
    let restart = [stop, start].concat();
    for (clauses, does) in [
        ("", ""),
        ("", &*restart),
        ("begins stopped", start),
        ("begins stopped", ""),
        ("ends stopped", stop),
        ("ends absent", stop),
        ("begins absent", ""),
    ] {
        let service = format!("service app \"App\" {{\n  runs process(\"app\")\n  {clauses}\n}}\n\n");
        let shown = if does.ends_with(start) {
            "  check \"it runs\": process.alive(app) within 1m\n"
        } else {
            ""
        };
        let lines = [make("a"), does.to_owned(), shown.to_owned(), small::look("z")];
        let rig = small::rig("", &[service, step("a", "", &lines)]);
        let look = format!("a/{}", 2 + does.lines().count() + shown.lines().count());
        let fails = || Fault::always(&*look, FaultKind::Untrue);
        let right = small::run(&rig, &[]);
        let end = right.end();
        assert_eq!(
            (end.end, end.exceptions.len()),
            (End::Completed, 0),
            "{clauses} {does}\n{}",
            right.told()
        );
        let back = small::run(&rig, &[fails()]);
        assert_eq!(back.end().end, End::RolledBack, "{clauses} {does}\n{}", back.told());
        for kind in FaultKind::OF_QUESTION {
            let wrong = |when| Fault::always(format!("presence:app:{when}"), kind);
            let report = small::run(&rig, &[wrong("end")]);
            let end = report.end();
            let told: Vec<&str> = end
                .exceptions
                .iter()
                .map(|exception| exception.title.as_str())
                .collect();
            assert_eq!(
                (end.end, &*told),
                (End::Completed, &["App"][..]),
                "{kind:?} {clauses} {does}\n{}",
                report.told()
            );
            let report = small::run(&rig, &[fails(), wrong("back")]);
            let end = report.end();
            assert_eq!(end.end, End::Stuck, "{kind:?} {clauses} {does}\n{}", report.told());
            assert!(end.commands_left[0].text.contains("bring App back"), "{end:?}");
        }
    }
}

/// Started counts what was begun: a step that was not taken starts nothing.
#[test]
fn what_was_not_started_need_not_run_at_the_end() {
    let well = "well \"it runs\": process.alive(app) within 10s every 1s";
    let start = "  do process.start(app, [\"/sim/serve\"]) undo process.stop(app, grace: 5s) within 1m\n";
    for well in ["", well] {
        let service = format!("service app \"App\" {{\n  runs process(\"app\")\n  {well}\n  begins stopped\n}}\n\n");
        let lines = ["  skip when true because \"not today\"\n".to_owned(), start.to_owned()];
        let rig = small::rig("", &[service, step("a", "", &[make("a")]), step("b", "", &lines)]);
        let report = small::run(&rig, &[]);
        let end = report.end();
        assert_eq!(
            (end.end, end.exceptions.len()),
            (End::Completed, 0),
            "{}",
            report.told()
        );
    }
}
