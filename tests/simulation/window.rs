//! Time: budgets, the moment to turn back, beginning too late.

use backstay::event::{End, Event, Stamped, StepState, TimerId};
use backstay::rehearse::{Case, Fault, FaultKind, Kill, Resumption};
use backstay::run::machine::next;

use crate::simulation::laws;
use crate::simulation::rig::{Report, Rig};
use crate::simulation::small::{just, look, make, rig, run, run_case, run_with, silent, slow_row, step};

const MINUTE_MS: u64 = 60_000;

fn wait(minutes: u64) -> String {
    format!("  wait {minutes}m because \"time\"\n")
}

fn sample() -> Rig {
    rig(
        "window 60m keep 20m for the way back",
        &[
            step("a", "", &[make("a1"), wait(5)]),
            step("b", "", &[make("b1"), look("b2")]),
        ],
    )
}

fn is_timer(wanted: &TimerId) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Timer(timer) if timer == wanted)
}

fn first_intent(report: &Report) -> usize {
    report.place(|event| matches!(event, Event::Intent(_))).unwrap() + 1
}

#[test]
fn a_step_that_overruns_is_cancelled_and_the_run_turns_back() {
    let hangs = make("b1").replacen("within 1m", "within 9m", 1);
    let rig = rig(
        "window 60m keep 20m for the way back",
        &[
            step("a", "", &[make("a1")]),
            step("b", "", &["  wait 1m because \"time\"\n".to_owned(), hangs]),
        ],
    );
    let begun = run_with(&rig, "b/2", FaultKind::Hangs);
    let at = begun
        .place(|event| matches!(event, Event::Intent(intent) if intent.key == "b/2"))
        .unwrap()
        + 1;
    // The machine sleeps for nine minutes while the action runs.
    let slept = Case {
        passes_at: Some((at, 9 * MINUTE_MS + 30_000)),
        ..Case::default()
    };
    let report = run_case(&rig, &[Fault::always("b/2", FaultKind::Hangs)], slept);
    assert!(report.has(is_timer(&TimerId::Step("b".into()))), "{}", report.told());
    report.expect(&["a/1", "b/2", "undo:b/2/1", "undo:a/1/1"], End::RolledBack);
    assert_eq!(report.end().failed_at.as_ref().unwrap().statement, "b/2");
}

/// Two steps of which each is done at once; so many minutes pass as the first is done.
fn late(minutes: u64) -> Report {
    let rig = rig(
        "window 60m keep 20m for the way back",
        &[step("a", "", &[make("a1")]), step("b", "", &[make("b1")])],
    );
    let all = run(&rig, &[]);
    all.expect(&["a/1", "b/1"], End::Completed);
    let case = Case {
        passes_at: Some((first_intent(&all) + 1, minutes * MINUTE_MS)),
        ..Case::default()
    };
    run_case(&rig, &[], case)
}

#[test]
fn a_step_does_not_begin_without_the_time_for_it() {
    late(29).expect(&["a/1", "b/1"], End::Completed);
    let report = late(31);
    assert!(report.has(is_timer(&TimerId::TooLate("b".into()))), "{}", report.told());
    report.expect(&["a/1", "undo:a/1/1"], End::RolledBack);
}

/// Inside a step its budget is used up before that moment.
#[test]
fn the_moment_to_turn_back_comes_before_the_next_step() {
    let report = late(40);
    assert!(report.has(is_timer(&TimerId::TBack)), "{}", report.told());
    report.expect(&["a/1", "undo:a/1/1"], End::RolledBack);
}

#[test]
fn past_the_point_of_no_return_time_alone_does_nothing() {
    let commits = "  commits \"users write from here\"\n".to_owned();
    let rig = rig(
        "window 40m keep 20m for the way back",
        &[
            step("a", "", &[commits, just("a1")]),
            step("b", "", &[just("b1"), wait(1)]),
        ],
    );
    let all = run(&rig, &[]);
    let is_done = |event: &Event| matches!(event, Event::Step { id, state: StepState::Done, .. } if id == "a");
    let at = all.place(is_done).unwrap() + 1;
    let late = Case {
        passes_at: Some((at, 60 * MINUTE_MS)),
        ..Case::default()
    };
    assert_eq!(run_case(&rig, &[], late).end().end, End::Completed);
}

/// Killed while the first action runs, and gone on with fifty minutes later.
#[test]
fn a_run_resumed_past_the_moment_only_turns_back_unless_it_is_extended() {
    let rig = sample();
    let at = first_intent(&run(&rig, &[]));
    for reboot in [false, true] {
        for (extend_ms, end) in [(0, End::RolledBack), (60 * MINUTE_MS, End::Completed)] {
            let scene = rig.scene(Vec::new(), Case::default());
            assert!(scene.drive(Some(Kill::After(at))).is_none());
            scene.recover(Resumption {
                after_ms: 50 * MINUTE_MS,
                reboot,
                extend_ms,
                ..Resumption::default()
            });
            let report = scene.drive(None).unwrap();
            laws::hold(&rig.plan, &report, 2);
            assert_eq!(report.end().end, end, "{reboot}\n{}", report.told());
            assert_eq!(report.performed().contains(&"b/1"), end == End::Completed);
        }
    }
}

/// Of a moment nothing can be said where only a wall clock tells how much time has passed, and that one is behind.
/// Where another clock tells it, a wall clock that is set changes nothing.
#[test]
fn a_wall_clock_that_is_behind_after_another_start_counts_as_the_moment_to_turn_back() {
    let rig = sample();
    let report = run(&rig, &[]);
    let history: Vec<Stamped> = report.events[..first_intent(&report)]
        .iter()
        .map(|stamped| Stamped::clone(stamped))
        .collect();
    for (uncertain, wall_went_back) in [(false, false), (false, true), (true, false), (true, true)] {
        let gap = Stamped {
            event: Event::ClockGap {
                gap_ms: 6_000,
                uncertain,
                wall_went_back,
                wall_ms: if wall_went_back { -7_200_000 } else { 0 },
            },
            ..history.last().unwrap().clone()
        };
        let timers = next(&rig.plan, history.iter().chain([&gap])).timers;
        let is_now = timers
            .iter()
            .any(|(id, moment)| *id == TimerId::TBack && *moment <= gap.boot_ns);
        assert_eq!(is_now, uncertain && wall_went_back, "{timers:?}");
    }
}

/// Inside a step that waits: the driver sees it and tells it, and goes on.
#[test]
fn a_wall_clock_that_is_set_inside_a_step_is_told_and_changes_nothing() {
    let rig = sample();
    let at = first_intent(&run(&rig, &[])) + 1;
    let scene = || rig.scene(Vec::new(), Case::default());
    let is_gap = |event: &Event| matches!(event, Event::ClockGap { .. });
    let steady = scene().drive_watched(None);
    assert!(!steady.has(is_gap), "{}", steady.told());
    steady.expect(&["a/1", "b/1"], End::Completed);
    let report = scene().drive_watched(Some(at));
    laws::hold(&rig.plan, &report, 2);
    let went_back = |event: &Event| {
        matches!(
            event,
            Event::ClockGap {
                wall_ms: -3_600_000,
                ..
            }
        )
    };
    assert!(report.has(went_back), "{}", report.told());
    report.expect(&["a/1", "b/1"], End::Completed);
}

/// A row is chosen only where there is time for all of it, and a step begins only with the time for it: inside of them
/// it is that moment only where nobody was there for a while.
#[test]
fn the_moment_to_turn_back_comes_inside_a_step_that_heals_or_asks() {
    let link = "do fs.link(\"/sim/heal\", to: \"/sim/x\") within 4m no undo because \"it stays\"";
    let ask = "ask \"Go on?\" confirm";
    let heals = |first: &str| vec![step("a", "", &[make("a1"), look("a2")]), slow_row(first)];
    let (in_row, in_step) = ("symptom:usual/1/1", "a/2");
    for (parts, key, performed) in [
        (heals(link), in_row, &["a/1", in_row, "undo:a/1/1"][..]),
        (heals(ask), in_row, &["a/1", "undo:a/1/1"]),
        (
            vec![step("a", "", &[make("a1"), format!("  {ask}\n")])],
            in_step,
            &["a/1", "undo:a/1/1"],
        ),
    ] {
        let rig = rig("window 60m keep 20m for the way back", &parts);
        let faults = vec![
            Fault::always("a/2", FaultKind::Untrue),
            Fault::always(in_row, FaultKind::Hangs),
        ];
        // Nothing happens for minutes where it heals or asks: the last record before that.
        let begun = run_case(&rig, &faults, silent(key));
        let times = begun.events.windows(2);
        let at = times
            .into_iter()
            .position(|pair| pair[1].boot_ns - pair[0].boot_ns > 60_000_000_000);
        let at = at.unwrap_or_else(|| panic!("it never waits\n{}", begun.told()));
        let scene = rig.scene(faults, silent(key));
        assert!(scene.drive(Some(Kill::After(at + 1))).is_none());
        scene.recover(Resumption {
            after_ms: 50 * MINUTE_MS,
            ..Resumption::default()
        });
        let report = scene.drive(None).unwrap();
        laws::hold(&rig.plan, &report, 2);
        assert!(report.has(is_timer(&TimerId::TBack)), "{}", report.told());
        report.expect(performed, End::RolledBack);
    }
}

#[test]
fn what_hangs_is_bounded_by_its_own_limit() {
    let report = run_with(&sample(), "b/1", FaultKind::Hangs);
    assert_eq!(report.end().end, End::RolledBack, "{}", report.told());
}
