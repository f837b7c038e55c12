//! The real world and the simulated one must tell the same of the same text: small random texts run with real
//! files by the driver, and again in the simulated world with the same fault.
//!
//! What the simulated world does not know, by design, and is told: what is there at the start, and which actions
//! fail because of what effects do not say. What it cannot be told, the generator avoids: where a link
//! of the start leads, how a whole text and its settings hang together, and what of a folder nobody names. Where an
//! undo puts settings back in a file that was written as a whole, the simulated world may tell a difference that
//! is none.

mod real;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use backstay::event::{Event, OutcomeResult, RunEnd, Stamped};
use backstay::rehearse::{Case, Fault, FaultKind};
use backstay::run::driver::Rest;
use backstay::value::GroundResource;
use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use proptest::prelude::*;

use self::texts::{ANCHORS, Book, TARGETS, Thing, Things, choices};
use crate::simulation::rig::Rig;
use crate::support::effort::cases;
use crate::support::texts::Beside;

/// Runs a text in both worlds and compares.
fn compare(text: &str, start: &Things, absent: &[String]) {
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().canonicalize().unwrap();
    let root = folder.join("root");
    std::fs::create_dir(&root).unwrap();
    real::make(&root, start);
    let text = text.replace("ROOT", root.to_str().unwrap());
    let rig = Rig::new("small.runbook", &text, &Beside::default(), BTreeMap::new());
    let rig = seeded(rig, &root, start, absent);
    let before = real::tree(&root);
    let (events, rest) = real::run(&rig.plan, &folder);
    let after = real::tree(&root);

    let faults = failed(&events);
    let report = rig.run(faults.clone(), Case::default());
    let simulated: Vec<Stamped> = report.events.iter().map(|stamped| (**stamped).clone()).collect();

    let told = || {
        format!(
            "{text}\n{start:#?}\nnot there: {absent:?}\nfaults: {faults:#?}\nsimulated:\n{}",
            report.told()
        )
    };
    assert_eq!(records(&events), records(&simulated), "{}", told());
    assert_eq!(end(&rest), end(&report.rest), "{}", told());
    let changed: BTreeSet<&String> = before
        .iter()
        .filter_map(|(path, thing)| (after.get(path) != Some(thing)).then_some(path))
        .collect();
    let mut differences = report.production.differences();
    if changed.is_empty() {
        let edited = edited(&events);
        differences.retain(|difference| !edited.contains(difference));
    }
    assert_eq!(
        changed.is_empty(),
        differences.is_empty(),
        "really changed: {changed:?}, simulated: {differences:?}\n{}",
        told()
    );
}

/// Tells the simulated world what is there.
fn seeded(rig: Rig, root: &Path, start: &Things, absent: &[String]) -> Rig {
    let path_of = |path: &str| root.join(path).to_str().unwrap().to_owned();
    let thing = |kind, path: &str| -> GroundResource { Resource::new(kind, path_of(path)) };
    let mut rig = rig;
    for target in TARGETS {
        rig = rig.seeded(thing(ResourceKind::Tree, target), "");
    }
    for anchor in ANCHORS {
        rig = rig.seeded(thing(ResourceKind::File, anchor), "A=0");
    }
    for (path, what) in start {
        rig = match what {
            Thing::Folder => rig.seeded(thing(ResourceKind::Tree, path), ""),
            Thing::Link(to) => rig.seeded(thing(ResourceKind::Link, path), &path_of(to)),
            Thing::File(text) => {
                let mut rig = rig.seeded(thing(ResourceKind::File, path), &text.replace(';', "\n"));
                for (key, value) in text.split(';').filter_map(|line| line.split_once('=')) {
                    let resource = Resource::keyed(ResourceKind::Key, vec![path_of(path), key.to_owned()]);
                    rig = rig.seeded(resource, value);
                }
                rig
            }
        };
    }
    for path in absent {
        rig = rig.begins(thing(ResourceKind::Tree, path), None);
    }
    rig
}

/// What really failed of the actions, as faults.
fn failed(events: &[Stamped]) -> Vec<Fault> {
    let mut attempts: BTreeMap<&str, u32> = BTreeMap::new();
    for stamped in events {
        if let Event::Outcome(outcome) = &stamped.event
            && outcome.result == OutcomeResult::Failed
        {
            attempts.insert(&outcome.key, outcome.n);
        }
    }
    let faults = attempts.into_iter().map(|(key, attempts)| Fault {
        attempts,
        ..Fault::once(key, FaultKind::FailsBefore)
    });
    faults.collect()
}

/// The differences of files in which the run has set a setting. Settings that are put back in another whole text can
/// make it that of the start again: the simulated world does not see that, and tells a difference.
fn edited(events: &[Stamped]) -> BTreeSet<String> {
    let intents = events.iter().filter_map(|stamped| match &stamped.event {
        Event::Intent(intent) => Some(&intent.effects),
        _ => None,
    });
    let edited = intents.flatten().filter_map(|effect| match effect {
        Effect::Sets { resource, .. } if resource.kind == ResourceKind::Key => resource.key.first(),
        _ => None,
    });
    // A file that another was copied over is told as a tree.
    edited
        .flat_map(|path| ["file", "tree"].map(|kind| format!("{kind}({path}): Changed")))
        .collect()
}

/// Records by kind, key and result.
fn records(events: &[Stamped]) -> Vec<String> {
    let told = events.iter().filter_map(|stamped| {
        Some(match &stamped.event {
            Event::Intent(intent) => format!("intent {} {} {:?}", intent.key, intent.n, intent.way),
            Event::Outcome(outcome) => format!("outcome {} {} {:?}", outcome.key, outcome.n, outcome.result),
            Event::Settled { key, n, verdict, .. } => format!("settled {key} {n} {verdict:?}"),
            Event::Evaluated {
                key,
                what,
                result,
                values,
                ..
            } => format!("{what:?} {key} {result:?} {values:?}"),
            Event::Step { id, state, .. } => format!("step {id} {state:?}"),
            Event::RunEnd(_) => return None,
            other => {
                let json = serde_json::to_value(other).unwrap();
                json.get("kind").unwrap().to_string()
            }
        })
    });
    told.collect()
}

/// An end without words.
fn end(rest: &Rest) -> RunEnd {
    let Rest::Ended(end) = rest else {
        panic!("{rest:?}");
    };
    let mut end = RunEnd::clone(end);
    end.reason.clear();
    for not_back in &mut end.not_put_back {
        not_back.because.clear();
    }
    if let Some(at) = &mut end.failed_at {
        at.reason.clear();
    }
    end
}

/// The smallest texts in which the two worlds differed.
#[test]
fn what_lies_in_a_tree_goes_with_it() {
    let start = Things::from([
        ("d1".to_owned(), Thing::Folder),
        ("d1/l".to_owned(), Thing::Link("t2".to_owned())),
        ("f0.env".to_owned(), Thing::File("A=1;B=2".to_owned())),
    ]);
    let [stays, fails] = [
        "no undo because \"it may stay\"",
        "  check \"no\": fs.exists(\"ROOT/never\")\n",
    ];
    let back = |change: &str, undo: &str| format!("  do {change} within 10s undo {{ do {undo} }} within 10s\n");
    let there_and_back = |from: &str, to: &str| {
        let [forth, back_again] =
            [(from, to), (to, from)].map(|(from, to)| format!("fs.move(\"ROOT/{from}\", to: \"ROOT/{to}\")"));
        back(&forth, &back_again)
    };
    for doing in [
        // A link was taken out of a folder that is moved away and back.
        format!(
            "  do fs.move(\"ROOT/d1/l\", to: \"ROOT/l1\") within 10s {stays}\n{}",
            there_and_back("d1", "d0")
        ),
        // A setting was changed in a file that is moved away and back.
        format!(
            "  do fs.edit_key(\"ROOT/f0.env\", key: \"A\", to: \"9\") within 10s {stays}\n{}",
            there_and_back("f0.env", "f1.env")
        ),
        // A setting that was put back elsewhere is as it was.
        format!(
            "{}  do fs.edit_key(\"ROOT/f1.env\", key: \"A\", to: \"9\") within 10s {stays}\n  do fs.edit_key(\"ROOT/f1.env\", key: \
             \"A\", to: \"1\") within 10s {stays}\n",
            there_and_back("f0.env", "f1.env")
        ),
        // What is written through a link that the run has made is written where it leads.
        format!(
            "{}  do fs.write(\"ROOT/l1\", content: \"A=5\") within 10s {stays}\n",
            back("fs.link(\"ROOT/l1\", to: \"ROOT/f0.env\")", "fs.remove(\"ROOT/l1\")")
        ),
        format!(
            "{}{}",
            back("fs.link(\"ROOT/l1\", to: \"ROOT/d1\")", "fs.remove(\"ROOT/l1\")"),
            back("fs.write(\"ROOT/l1/x\", content: \"A=5\")", "fs.remove(\"ROOT/d1/x\")")
        ),
        // What is there and the undo would remove is not touched.
        back(
            "fs.write(\"ROOT/f0.env\", content: \"A=5\")",
            "fs.remove(\"ROOT/f0.env\")",
        ),
        // A folder that is there already is not made by `fs.mkdir`.
        format!(
            "  do fs.mkdir(\"ROOT/d1\") within 10s {stays}\n  do fs.move(\"ROOT/d1\", to: \"ROOT/d0\") within 10s {stays}\n"
        ),
        // What was not there at the start is not there when its folder is back.
        format!(
            "{}  check \"yes\": not fs.exists(\"ROOT/d1/x\")\n",
            there_and_back("d1", "d0")
        ),
    ] {
        let text = format!(
            "runbook small \"Small\" {{\n  window 1h keep 30m for the way back\n}}\nstep one \"One\" {{\n  budget 5m\n{doing}{fails}}}\n"
        );
        let absent = ["d0", "d1/x", "f1.env", "l1", "never"].map(str::to_owned);
        compare(&text, &start, &absent);
    }
}

/// A file that lay in a folder takes the folder's place, and then something is named below both names.
#[test]
fn what_lay_in_a_folder_takes_its_place() {
    let start = Things::from([
        ("d0".to_owned(), Thing::Folder),
        ("d0/x.env".to_owned(), Thing::File("A=5;B=6".to_owned())),
    ]);
    let stays = "within 10s no undo because \"it may stay\"";
    let text = format!(
        "runbook small \"Small\" {{\n  window 1h keep 30m for the way back\n}}\nstep one \"One\" {{\n  budget 5m\n  do \
         fs.move(\"ROOT/d0/x.env\", to: \"ROOT/n\") {stays}\n  do fs.remove(\"ROOT/d0\") {stays}\n  do \
         fs.move(\"ROOT/n\", to: \"ROOT/d0\") {stays}\n  check \"no\": not fs.exists(\"ROOT/never\")\n}}\n"
    );
    compare(&text, &start, &["n", "d0/l", "never"].map(str::to_owned));
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn both_worlds_tell_the_same(choices in choices()) {
        let book = Book::new(&choices);
        compare(&book.text, &book.start, &book.absent);
    }
}
