//! Small runbooks for one law each, in a world in which everything is there that they look for.
//!
//! Statements of texts here: `make(N)` makes a file and its undo removes it; `just(N)` makes one that
//! stays; `once(N)` does that with a program that must not be run twice; `look(N)` is a check.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use backstay::event::{End, Event};
use backstay::rehearse::{Case, Fault, FaultKind};
use backstay_dsl::effect::{Resource, ResourceKind};

use crate::simulation::laws;
use crate::simulation::rig::{Report, Rig};
use crate::support::texts::Beside;

/// How often an undo may be begun: once, and once more after it failed.
const TRIES: usize = 2;

pub(crate) fn make(name: &str) -> String {
    format!(
        "  do fs.write(\"/sim/{name}\", content: \"new\") within 1m undo {{ do fs.remove(\"/sim/{name}\") }} within 1m\n"
    )
}

pub(crate) fn once(name: &str) -> String {
    let effects = format!("{{ adds file(\"/sim/{name}\")  repeat once }}");
    format!(
        "  do \"Run it\": exec.run([\"make\", \"{name}\"], effects: {effects}) within 1m no undo because \"it may stay\"\n"
    )
}

pub(crate) fn just(name: &str) -> String {
    format!("  do fs.write(\"/sim/{name}\", content: \"new\") within 1m no undo because \"it may stay\"\n")
}

pub(crate) fn look(name: &str) -> String {
    format!("  check \"{name} is there\": fs.exists(\"/sim/{name}\") within 1m\n")
}

/// A step of ten minutes with these lines; `head` stands after its title: `after nothing`, …
pub(crate) fn step(name: &str, head: &str, lines: &[String]) -> String {
    let mut text = format!("step {name} \"Step {name}\" {head} {{\n  budget 10m\n");
    for line in lines {
        text.push_str(line);
    }
    text + "}\n\n"
}

/// A symptom table for the step `a`: a row of five minutes that first does this, and one for anything else.
pub(crate) fn slow_row(first: &str) -> String {
    format!(
        "symptoms usual \"Usual\" for a {{\n  symptom \"Slow\" {{\n    seen when fs.exists(\"/sim/slow\")\n    suspect \
         \"the usual\"\n    budget 5m\n    first {{ {first} }}\n    otherwise unwind\n  }}\n  symptom anything else {{ \
         suspect \"more\" otherwise unwind }}\n}}\n"
    )
}

/// A runbook of these parts; `header` stands in its braces.
pub(crate) fn rig(header: &str, parts: &[String]) -> Rig {
    let mut text = String::new();
    let _ = writeln!(text, "runbook small \"Small\" {{\n  {header}\n}}\n");
    for part in parts {
        text.push_str(part);
    }
    let quiet = Resource::new(ResourceKind::Link, "/sim/quiet".to_owned());
    Rig::new("small.runbook", &text, &Beside::default(), BTreeMap::new()).seeded(quiet, "/sim/off")
}

/// Runs with these faults, and holds the laws.
pub(crate) fn run(rig: &Rig, faults: &[Fault]) -> Report {
    run_case(rig, faults, Case::default())
}

pub(crate) fn run_case(rig: &Rig, faults: &[Fault], case: Case) -> Report {
    let report = rig.run(faults.to_vec(), case);
    laws::hold(&rig.plan, &report, TRIES);
    report
}

/// Runs with a fault at one place, which stays.
pub(crate) fn run_with(rig: &Rig, key: &str, kind: FaultKind) -> Report {
    run(rig, &[Fault::always(key, kind)])
}

impl Report {
    /// The keys of the intents, in order.
    pub(crate) fn performed(&self) -> Vec<&str> {
        self.intents().into_iter().map(|(key, _)| key).collect()
    }

    pub(crate) fn has(&self, is: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(|stamped| is(&stamped.event))
    }

    /// The place of the first such record.
    pub(crate) fn place(&self, is: impl Fn(&Event) -> bool) -> Option<usize> {
        self.events.iter().position(|stamped| is(&stamped.event))
    }

    /// It performed exactly these, and ended so.
    pub(crate) fn expect(&self, performed: &[&str], end: End) {
        assert_eq!(self.performed(), performed, "{}", self.told());
        assert_eq!(self.end().end, end, "{}", self.told());
    }
}

/// Nobody answers the question of this key.
pub(crate) fn silent(key: &str) -> Case {
    Case {
        answers: BTreeMap::from([(key.to_owned(), None)]),
        ..Case::default()
    }
}
