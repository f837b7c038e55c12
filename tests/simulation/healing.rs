//! Symptom tables.

use backstay::event::{End, Event, TimerId};
use backstay::rehearse::{Fault, FaultKind};

use crate::simulation::rig::Rig;
use crate::simulation::small::{look, make, once, rig, run, step};

pub(crate) fn sample() -> Rig {
    let row = |name: &str| {
        format!(
            "  symptom \"Row {name}\" {{\n    seen when fs.exists(\"/sim/seen-{name}\")\n    suspect \"the usual\"\n    \
             budget 5m\n    first {{ do fs.link(\"/sim/heal-{name}\", to: \"/sim/x\") within 4m no undo because \"it stays\" }}\n    otherwise unwind\n  }}\n"
        )
    };
    let table = format!(
        "symptoms usual \"Usual\" for a {{\n{}{}  symptom anything else {{ suspect \"more\" otherwise unwind }}\n}}\n",
        row("1"),
        row("2")
    );
    rig("", &[step("a", "", &[make("a1"), look("a2"), once("a3")]), table])
}

/// The check fails until that is done.
fn check(until: &str) -> Fault {
    Fault::always("a/2", FaultKind::Untrue).until(until)
}

fn not_seen(row: u32) -> Fault {
    Fault::always(format!("symptom:usual/{row}"), FaultKind::Untrue)
}

#[test]
fn the_first_row_that_holds_heals_and_the_statement_is_tried_once_more() {
    let report = run(&sample(), &[check("symptom:usual/2/1"), not_seen(1)]);
    report.expect(&["a/1", "symptom:usual/2/1", "a/3"], End::Completed);
    let chosen = report.events.iter().filter_map(|stamped| match stamped.event {
        Event::Symptom { chosen, .. } => Some(chosen),
        _ => None,
    });
    assert_eq!(chosen.collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_second_failure_after_healing_goes_the_rows_way() {
    let report = run(&sample(), &[check("nothing")]);
    report.expect(&["a/1", "symptom:usual/1/1", "undo:a/1/1"], End::RolledBack);
}

#[test]
fn what_must_not_be_repeated_is_not_tried_again() {
    let report = run(&sample(), &[Fault::always("a/3", FaultKind::FailsBefore)]);
    report.expect(&["a/1", "a/3", "undo:a/1/1"], End::RolledBack);
}

#[test]
fn no_row_holds_and_the_last_says_otherwise() {
    let fails = Fault::always("a/1", FaultKind::FailsBefore);
    let report = run(&sample(), &[fails, not_seen(1), not_seen(2)]);
    report.expect(&["a/1", "undo:a/1/1"], End::RolledBack);
}

#[test]
fn a_row_whose_statement_hangs_or_fails_goes_its_way() {
    for kind in [FaultKind::Hangs, FaultKind::FailsBefore] {
        let report = run(&sample(), &[check("nothing"), Fault::always("symptom:usual/1/1", kind)]);
        assert_eq!(report.end().end, End::RolledBack, "{}", report.told());
    }
}

#[test]
fn a_row_is_bounded_by_its_budget() {
    let rows = "symptoms usual \"Usual\" for a {\n  symptom \"Slow\" {\n    seen when fs.exists(\"/sim/slow\")\n    \
                suspect \"a person\"\n    budget 5m\n    first { ask \"Is it mended?\" confirm }\n    otherwise \
                unwind\n  }\n  symptom anything else { suspect \"more\" otherwise unwind }\n}\n";
    let rig = rig("", &[step("a", "", &[make("a1"), look("a2")]), rows.to_owned()]);
    let silent = crate::simulation::small::silent("symptom:usual/1/1");
    let report = crate::simulation::small::run_case(&rig, &[check("nothing")], silent);
    assert_eq!(report.end().end, End::RolledBack, "{}", report.told());
    let is_over = |event: &Event| matches!(event, Event::Timer(TimerId::Row(_) | TimerId::Silence(_)));
    assert!(report.has(is_over), "{}", report.told());
}
