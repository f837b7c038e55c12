//! The tables of `docs/machine.md` are what the machine does: a transition that stands in no row fails, and a row
//! that no history reaches fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use backstay::event::{End, Event, RequestKind, SignalChoice};
use backstay::plan::Plan;
use backstay::rehearse::{Case, Fault, FaultKind, Kill, Resumption, single_faults};
use backstay::run::driver::{Control, Rest};
use backstay::run::machine::{Places, State, fold};
use backstay::value::Value;

use crate::simulation::rig::{Report, Rig};
use crate::simulation::{apart, back, forward, golden, healing, interruption, reference, small, watches};
use crate::support::texts::root;

/// A row of a table: the part, from what, the event, to what.
type Row = (String, String, String, String);

static ROWS: LazyLock<BTreeSet<Row>> = LazyLock::new(|| {
    let text = fs::read_to_string(root().join("docs/machine.md")).unwrap();
    let mut part = String::new();
    let mut rows = BTreeSet::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.split(' ').next().unwrap().to_lowercase().clone_into(&mut part);
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') || cells[0].starts_with('-') || cells.len() == 2 || cells[0] == "from" {
            continue;
        }
        let [from, event, to] = cells[..] else {
            panic!("a row of three cells: {line}");
        };
        for from in from.split(", ") {
            for event in event.split(", ") {
                for to in to.split(", ") {
                    rows.insert((
                        part.clone(),
                        from.to_owned(),
                        event.trim_matches('`').to_owned(),
                        to.to_owned(),
                    ));
                }
            }
        }
    }
    rows
});

/// An event as the tables call it: its kind, and the words that decide.
fn name(event: &Event) -> String {
    let json = serde_json::to_value(event).unwrap();
    let words = ["kind", "state", "result", "verdict", "timer"];
    let words = words.iter().filter_map(|field| json[field].as_str());
    words.collect::<Vec<_>>().join(" ")
}

/// The transitions of a history, each with whether a row stands for it.
pub(crate) fn transitions(plan: &Plan, report: &Report) -> BTreeMap<Row, Option<Row>> {
    let mut state = State::new(plan);
    let mut before = state.places(plan);
    let mut found = BTreeMap::new();
    for stamped in &report.events {
        fold(plan, &mut state, stamped);
        let after = state.places(plan);
        if after == before {
            continue;
        }
        let name = name(&stamped.event);
        let kind = name.split(' ').next().unwrap();
        let parts: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for key in parts {
            let place = |places: &Places| places.get(key).map_or("–", |place| place).to_owned();
            let (from, to) = (place(&before), place(&after));
            if from != to {
                let row = |from: &str, event: &str| {
                    let part = key.0.to_owned();
                    (part, from.to_owned(), event.to_owned(), to.clone())
                };
                let rows = [row(&from, &name), row(&from, kind), row(&from, "any"), row("any", kind)];
                found.insert(row(&from, &name), rows.into_iter().find(|row| ROWS.contains(row)));
            }
        }
        before = after;
    }
    found
}

/// Cases in which one thing goes wrong at a time, and the runs of them; who is gone goes on.
fn histories(rig: &Rig, more: Vec<Case>) -> Vec<Report> {
    let mut cases = vec![Case::default()];
    cases.extend(more);
    for fault in single_faults(&rig.plan) {
        cases.push(Case::of(vec![Fault {
            attempts: 1,
            ..fault.clone()
        }]));
        cases.push(Case::of(vec![fault]));
    }
    let length = rig.rehearsal.run(Case::default()).unwrap().events.len();
    for record in 1..length {
        let signal = Control::Signal("INT".to_owned());
        let pause = Control::Request {
            what: RequestKind::Pause,
            who: "somebody".to_owned(),
        };
        for (control, choice) in [
            (signal.clone(), None),
            (signal.clone(), Some(SignalChoice::GoOn)),
            (pause.clone(), None),
        ] {
            cases.push(Case {
                control_at: Some((record, control)),
                choice,
                ..Case::default()
            });
        }
        // All budgets are over; or a budget of ten minutes is just not over yet.
        for ms in [61 * 60_000, 598_500] {
            cases.push(Case {
                passes_at: Some((record, ms)),
                ..Case::default()
            });
        }
        for control in [signal.clone(), pause.clone()] {
            cases.push(Case {
                control_at: Some((record, control)),
                kill: Some(Kill::After(record + 1)),
                ..Case::default()
            });
        }
        for kill in [Kill::Before(record), Kill::After(record)] {
            cases.push(Case {
                kill: Some(kill),
                ..Case::default()
            });
        }
    }
    cases.into_iter().filter_map(|case| walked(rig, case)).collect()
}

/// `None` where it waits for a person for ever.
fn walked(rig: &Rig, case: Case) -> Option<Report> {
    let mut walk = rig.rehearsal.walk(case);
    let mut rest = walk.run().ok()?;
    // A way back that is stuck goes on too, once.
    if !matches!(&rest, Rest::Ended(end) if end.end != End::Stuck) {
        walk.kill(None);
        walk.resume(Resumption::default());
        rest = walk.run().ok()?;
    }
    Some(Report(walk.report(rest)))
}

fn answered(key: &str, answer: Option<Value>) -> Case {
    Case {
        answers: BTreeMap::from([(key.to_owned(), answer)]),
        ..Case::default()
    }
}

/// What goes wrong twice, or only together with something else.
fn golden_cases() -> Vec<Case> {
    let check = || Fault::always("link/5", FaultKind::Untrue);
    let twice = |key: &str, kind| Case::of(vec![check(), Fault::always(key, kind)]);
    vec![
        answered("notes/1", None),
        answered("notes/1", Some(Value::Bool(false))),
        Case::of(vec![check().until("symptom:usual/1/1")]),
        twice("undo:link/4/1", FaultKind::FailsBefore),
        twice("symptom:usual/1", FaultKind::Untrue),
        twice("symptom:usual/1/1", FaultKind::FailsBefore),
        Case::of(vec![
            Fault::always("hold:quiet/take/1", FaultKind::FailsBefore),
            Fault::always("hold:quiet/release/1", FaultKind::FailsBefore),
        ]),
    ]
}

fn reference_cases() -> Vec<Case> {
    let well = |when: &str| Fault::always(format!("well:gateway:{when}"), FaultKind::Untrue);
    let fails = || Fault::always("validate/2", FaultKind::Untrue);
    vec![
        Case::of(vec![well("start")]),
        Case::of(vec![well("end")]),
        Case::of(vec![fails(), well("back")]),
        Case::of(vec![fails()]),
    ]
}

/// Two steps that heal one after the other, waits, a step that is not wanted, a failure that is excepted.
fn mixed() -> Rig {
    let line = |text: &str| format!("  {text}\n");
    let table = "symptoms usual \"Usual\" for left, right {\n  symptom \"Slow\" {\n    seen when \
                 fs.exists(\"/sim/slow\")\n    suspect \"a person\"\n    budget 5m\n    first { do \
                 fs.link(\"/sim/heal\", to: \"/sim/x\") within 4m no undo because \"it stays\" }\n    otherwise \
                 unwind\n  }\n  symptom anything else { suspect \"more\" otherwise unwind }\n}\n";
    let only =
        "symptoms other \"Other\" for last {\n  symptom anything else { suspect \"more\" otherwise unwind }\n}\n";
    let wait = line("wait 1m because \"time\"");
    small::rig(
        "",
        &[
            ANCHOR.to_owned(),
            small::step(
                "wanted",
                "",
                &[
                    line("only when fs.exists(\"/sim/wanted\") because \"not here\""),
                    wait.clone(),
                ],
            ),
            small::step(
                "left",
                "after wanted",
                &[wait.clone(), small::make("a"), small::look("left")],
            ),
            small::step("right", "after wanted", &[small::make("b"), wait, small::look("right")]),
            small::step(
                "nice",
                "after left, right",
                &[small::make("c"), line("on failure continue because \"nice to have\"")],
            ),
            small::step("last", "after nice", &[small::look("last")]),
            table.to_owned(),
            only.to_owned(),
        ],
    )
}

fn mixed_cases() -> Vec<Case> {
    let both = ["left/3", "right/3"].map(|key| Fault::always(key, FaultKind::Untrue).until("symptom:usual/1/1"));
    vec![
        Case::of(both.to_vec()),
        Case::of(vec![Fault::always("wanted/1", FaultKind::Untrue)]),
    ]
}

/// Two people are asked.
fn seconded() -> Rig {
    let ask = "  ask \"Shall we?\" confirm by two people\n".to_owned();
    small::rig("", &[small::step("go", "", &[ask, small::make("a")])])
}

fn seconded_cases() -> Vec<Case> {
    let says = |answer| answered("go/1#2", answer);
    vec![says(Some(Value::Bool(false))), says(None), answered("go/1", None)]
}

const SERVICE: &str = "service app \"App\" {\n  runs process(\"app\")\n  well \"it runs\": process.alive(app) within 10s \
                       every 1s\n}\n\n";
/// A service that does not say what being well means.
const PLAIN: &str = "service app \"App\" { runs process(\"app\") }\n\n";
/// A service of a kind that cannot be asked yet whether it runs.
const UNIT: &str = "service app \"App\" {\n  runs unit(\"app\")\n  well \"it is there\": fs.exists(\"/sim/app\") within 10s every 1s\n}\n\n";
const ANCHOR: &str = "anchor live = fs.target(\"/sim/current\")\n\n";

/// With a service or an anchor, and a hold that may be left for the end.
fn held(head: &str) -> Rig {
    let line = |text: &str| format!("  {text}\n");
    small::rig(
        "",
        &[
            head.to_owned(),
            forward::hold(),
            small::step("one", "", &[small::make("a"), small::look("one")]),
            small::step("two", "after one", &[line("take quiet"), small::make("b")]),
            small::step(
                "three",
                "after two",
                &[
                    small::look("three"),
                    line("release quiet"),
                    line("on failure continue because \"it is given back anyway\""),
                ],
            ),
        ],
    )
}

fn held_cases() -> Vec<Case> {
    let passed_over = || Fault::always("three/1", FaultKind::Untrue);
    let release = Fault::always("hold:quiet/release/1", FaultKind::FailsBefore);
    vec![Case::of(vec![passed_over(), release])]
}

/// Undos that fail, and with them holds that stay taken.
fn strand_cases(check: &str, failing: [&str; 2]) -> Vec<Case> {
    let cases = failing.map(|key| {
        let check = Fault::always(check, FaultKind::Untrue);
        Case::of(vec![check, Fault::always(key, FaultKind::FailsBefore)])
    });
    cases.into()
}

#[test]
fn each_row_is_reached_and_no_other() {
    let runs = vec![
        (golden::rig(), golden_cases()),
        (reference::rig(), reference_cases()),
        (mixed(), mixed_cases()),
        (seconded(), seconded_cases()),
        (interruption::released(), Vec::new()),
        (held(""), held_cases()),
        (held(SERVICE), held_cases()),
        (held(PLAIN), held_cases()),
        (held(&[SERVICE, ANCHOR].concat()), held_cases()),
        (held(&[UNIT, ANCHOR].concat()), held_cases()),
        (healing::sample(), Vec::new()),
        (back::with_branch(), Vec::new()),
        (apart::strands(), strand_cases("last/1", ["undo:a/2/1", "undo:e/1/1"])),
        (watches::watched(), Vec::new()),
        (watches::committed(), watches::told_cases()),
        (watches::looking(), Vec::new()),
        (
            apart::kept(),
            strand_cases("e/4", ["undo:e/1/1", "hold:quiet/release/1"]),
        ),
    ];
    let mut reached = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for (rig, cases) in runs {
        for report in histories(&rig, cases) {
            for (transition, row) in transitions(&rig.plan, &report) {
                match row {
                    Some(row) => reached.insert(row),
                    None => unknown.insert(transition),
                };
            }
        }
    }
    let written = ROWS.difference(&reached).collect::<Vec<_>>();
    assert!(
        unknown.is_empty() && written.is_empty(),
        "in no row: {unknown:#?}\nnot reached: {written:#?}"
    );
}
