//! Symptom tables.

use backstay::event::{End, Event, StepState, TimerId};
use backstay::rehearse::{Fault, FaultKind};

use crate::simulation::rig::Rig;
use crate::simulation::small::{just, look, make, once, rig, run, run_case, silent, slow_row, step};

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

/// A step whose check fails, and a row of five minutes that first does this.
fn slow(first: &str) -> Rig {
    rig("", &[step("a", "", &[make("a1"), look("a2")]), slow_row(first)])
}

#[test]
fn a_row_is_bounded_by_its_budget() {
    let key = "symptom:usual/1/2";
    let after_a_while = |what: &str| format!("wait 1m because \"time\"\n    {what}");
    let link = after_a_while("do fs.link(\"/sim/heal\", to: \"/sim/x\") within 5m no undo because \"it stays\"");
    let check = after_a_while("check \"mended\": fs.exists(\"/sim/mended\") within 5m every 1s");
    for (first, kind) in [(link, FaultKind::Hangs), (check, FaultKind::Untrue)] {
        let report = run(&slow(&first), &[self::check("nothing"), Fault::always(key, kind)]);
        assert_eq!(report.end().end, End::RolledBack, "{}", report.told());
        let time = |is: &dyn Fn(&Event) -> bool| {
            let found = report.events.iter().find(|stamped| is(&stamped.event));
            found.unwrap_or_else(|| panic!("{}", report.told())).boot_ns / 1_000_000_000
        };
        let row = TimerId::Row("symptom:usual/1".into());
        let healing = |event: &Event| {
            matches!(
                event,
                Event::Step {
                    state: StepState::Healing,
                    ..
                }
            )
        };
        let over = time(&|event| matches!(event, Event::Timer(timer) if *timer == row));
        assert_eq!(over - time(&healing), 5 * 60, "{}", report.told());
        // Not when the statement has used up its own time.
        assert_eq!(
            time(&|event| matches!(event, Event::Turn { .. })),
            over,
            "{}",
            report.told()
        );
    }
}

/// A person who is asked by a row may be silent as long as the row may last.
#[test]
fn a_person_who_is_silent_ends_the_row() {
    let silent = silent("symptom:usual/1/1");
    let report = run_case(&slow("ask \"Is it mended?\" confirm"), &[check("nothing")], silent);
    assert_eq!(report.end().end, End::RolledBack, "{}", report.told());
    let is_silence = |event: &Event| matches!(event, Event::Timer(TimerId::Silence(_)));
    assert!(report.has(is_silence), "{}", report.told());
}

/// Each time the question finds something else, so the evidence is newer; `again` bounds how often that counts.
#[test]
fn a_row_is_taken_again_as_often_as_it_says() {
    for (again, taken) in [("", 3), ("again at most 1\n", 2), ("again at most 0\n", 1)] {
        let row = format!(
            "  symptom \"Row\" {{\n    seen when fs.read(\"/sim/seen\") != \"nothing\"\n    suspect \"the usual\"\n    budget \
             1m\n    first {{ do fs.write(\"/sim/seen\", content: \"healed\") no undo because \"it stays\" }}\n    \
             {again}    otherwise unwind\n  }}\n"
        );
        let table = format!(
            "symptoms usual \"Usual\" for a, b, c {{\n{row}  symptom anything else {{ suspect \"more\" otherwise unwind \
             }}\n}}\n"
        );
        let steps = ["a", "b", "c"].map(|name| {
            let says = format!("do fs.write(\"/sim/seen\", content: \"{name}\") no undo because \"it stays\"\n");
            step(name, "", &[says, just(name)])
        });
        let rig = rig("", &[&steps[..], &[table]].concat());
        let faults = ["a", "b", "c"].map(|name| Fault::once(format!("{name}/2"), FaultKind::FailsBefore));
        let report = run(&rig, &faults);
        let healed = report.events.iter().filter(|stamped| {
            let state = match &stamped.event {
                Event::Step { state, .. } => Some(*state),
                _ => None,
            };
            state == Some(StepState::Healing)
        });
        assert_eq!(healed.count(), taken, "{again:?}: {}", report.told());
        let end = if taken == 3 { End::Completed } else { End::RolledBack };
        assert_eq!(report.end().end, end, "{again:?}: {}", report.told());
    }
}

#[test]
fn a_row_that_healed_is_not_taken_again_on_the_same_evidence() {
    let row = "  symptom \"Row\" {\n    seen when fs.exists(\"/sim/seen\")\n    suspect \"the usual\"\n    budget 1m\n    \
               first { do fs.link(\"/sim/heal\", to: \"/sim/x\") no undo because \"it stays\" }\n    otherwise unwind\n  }\n";
    let table = format!(
        "symptoms usual \"Usual\" for a, b {{\n{row}  symptom anything else {{ suspect \"more\" otherwise unwind }}\n}}\n"
    );
    let steps = [
        step("a", "", &[make("a1"), look("a2")]),
        step("b", "", &[make("b1"), look("b2")]),
    ];
    let rig = rig("", &[steps[0].clone(), steps[1].clone(), table]);
    let fails_again = Fault::always("b/2", FaultKind::Untrue);
    let report = run(&rig, &[check("symptom:usual/1/1"), fails_again]);
    report.expect(
        &["a/1", "symptom:usual/1/1", "b/1", "undo:b/1/1", "undo:a/1/1"],
        End::RolledBack,
    );
    assert!(
        report.has(|event| matches!(event, Event::Symptom { is_old: true, .. })),
        "{}",
        report.told()
    );
}
