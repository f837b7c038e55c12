//! An undo that fails stops nothing that has nothing to do with it, nor does a release; and the way back that is
//! stuck goes on once its cause is mended.

use std::collections::{BTreeMap, BTreeSet};

use backstay::event::{End, Event};
use backstay::rehearse::{Case, Fault, FaultKind, Resumption};
use backstay_dsl::effect::{Resource, ResourceKind};

use crate::simulation::forward::hold;
use crate::simulation::laws;
use crate::simulation::rig::{Report, Rig};
use crate::simulation::small::{look, make, rig, step};

/// Tries that fail before a way back is stuck.
const TRIES: u32 = 2;

/// Four strands that have nothing to do with each other: `a`; `b` and then `c`; `d` with `e`, and the page; quiet.
pub(crate) fn strands() -> Rig {
    let effects = "{ adds file(\"/sim/d1\")  reads file(\"/sim/e1\")  repeat convergent }";
    let of_e = format!(
        "  do \"Make it\": exec.run([\"make\"], effects: {effects}) within 1m undo {{ do fs.remove(\"/sim/d1\") }} \
         within 1m\n"
    );
    rig(
        "",
        &[
            hold(),
            page(),
            step("a", "after nothing", &[take("quiet"), make("a1"), make("a2")]),
            step("b", "after nothing", &[make("b1")]),
            step("c", "after b", &[make("c1")]),
            step("d", "after nothing", &[take("page"), of_e]),
            step("e", "after nothing", &[make("e1")]),
            step(
                "last",
                "after a, c, d, e",
                &[look("last"), release("quiet"), release("page")],
            ),
        ],
    )
    .begins(Resource::new(ResourceKind::File, "/sim/page".to_owned()), None)
}

/// A hold that shows what is not put back was taken after one that does not.
pub(crate) fn kept() -> Rig {
    let lines = [
        make("e1"),
        take("quiet"),
        take("page"),
        look("last"),
        release("page"),
        release("quiet"),
    ];
    rig("", &[hold(), page(), step("e", "", &lines)])
        .begins(Resource::new(ResourceKind::File, "/sim/page".to_owned()), None)
}

fn take(name: &str) -> String {
    format!("  take {name}\n")
}

fn release(name: &str) -> String {
    format!("  release {name}\n")
}

/// It shows what `e` makes.
fn page() -> String {
    "hold page \"A page\" {\n  take    fs.copy(\"/sim/e1\", to: \"/sim/page\") within 1m\n  release \
     fs.remove(\"/sim/page\") within 1m\n}\n\n"
        .to_owned()
}

/// What is not put back where this fails, its own statement first.
fn held_back() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([
        ("undo:a/2/1", vec!["undo:a/3/1"]),
        ("undo:a/3/1", vec!["undo:a/2/1"]),
        ("undo:b/1/1", vec![]),
        ("undo:c/1/1", vec!["undo:b/1/1"]),
        ("undo:d/2/1", vec![]),
        ("undo:e/1/1", vec!["undo:d/2/1", "hold:page/release/1"]),
        ("hold:page/release/1", vec![]),
        ("hold:quiet/release/1", vec![]),
    ])
}

/// What a failure of this holds back really: of one step only what comes after it on the way back.
fn stays(key: &str) -> Vec<&'static str> {
    let held_back = held_back();
    let of_key = &held_back[key];
    of_key
        .iter()
        .filter(|held| key != "undo:a/2/1" || **held != "undo:a/3/1")
        .copied()
        .collect()
}

fn done(report: &Report) -> BTreeSet<&str> {
    let outcomes = report.events.iter().filter_map(|stamped| match &stamped.event {
        Event::Outcome(outcome) if outcome.result == backstay::event::OutcomeResult::Ok => Some(outcome.key.as_str()),
        _ => None,
    });
    outcomes.collect()
}

#[test]
fn one_failing_undo_or_release_stops_nothing_else_and_is_made_up_for_later() {
    let rig = strands();
    let keys = held_back();
    for (key, kind) in keys
        .keys()
        .flat_map(|key| [(*key, FaultKind::FailsBefore), (*key, FaultKind::FailsAfter)])
    {
        let failing = Fault {
            attempts: TRIES,
            ..Fault::once(key, kind)
        };
        let faults = vec![Fault::always("last/1", FaultKind::Untrue), failing];
        let scene = rig.scene(faults, Case::default());
        let report = scene.drive(None).expect("nobody kills it");
        laws::hold(&rig.plan, &report, 2);
        let end = report.end();
        assert_eq!(end.end, End::Stuck, "{key}\n{}", report.told());
        let done_now = done(&report);
        let open: BTreeSet<&str> = keys.keys().copied().filter(|other| !done_now.contains(other)).collect();
        let expected: BTreeSet<&str> = stays(key).into_iter().chain([key]).collect();
        assert_eq!(open, expected, "{key} {kind:?}\n{}", report.told());
        let undos = |keys: &BTreeSet<&str>| keys.iter().filter(|key| key.starts_with("undo:")).count();
        if undos(&open) > 0 {
            assert_eq!(end.not_put_back.len(), undos(&open), "{end:?}");
            assert_eq!(end.put_back.len(), 6 - undos(&open), "{end:?}");
        }
        assert_eq!(end.commands_left.len(), open.len(), "{end:?}");
        assert_eq!(end.held.len(), open.len() - undos(&open), "{end:?}");

        scene.recover(Resumption::default());
        let report = scene.drive(None).expect("nobody kills it");
        laws::hold(&rig.plan, &report, 3);
        assert_eq!(report.end().end, End::RolledBack, "{key}\n{}", report.told());
        assert!(keys.keys().all(|key| done(&report).contains(key)), "{}", report.told());
        assert_eq!(report.production.differences(), Vec::<String>::new(), "{key}");
    }
}

#[test]
fn what_is_stuck_for_another_reason_asks_again() {
    let service = "service app \"App\" {\n  runs process(\"app\")\n  well \"it runs\": process.alive(app) within 10s every \
                   1s\n}\n\n";
    let rig = rig("", &[service.to_owned(), step("a", "", &[make("a1"), look("a2")])]);
    let faults = vec![
        Fault::always("a/2", FaultKind::Untrue),
        Fault::always("well:app:back", FaultKind::Untrue),
    ];
    let scene = rig.scene(faults, Case::default());
    for _ in 0..3 {
        let report = scene.drive(None).expect("nobody kills it");
        laws::hold(&rig.plan, &report, 2);
        assert_eq!(report.end().end, End::Stuck, "{}", report.told());
        scene.recover(Resumption::default());
    }
}
