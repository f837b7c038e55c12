//! A container from digest to digest, and back with the state that belongs to it. Its image is its pin
//! without a word: what `docker.running_image` said while the old one ran brings the old one back.

use std::collections::BTreeMap;

use backstay::event::{AnchorTime, End, Event};
use backstay::rehearse::{Case, Fault, FaultKind};
use backstay::value::{RecordedValue, Value};
use backstay_dsl::state::Release;

use crate::simulation::crash::killed_everywhere_in;
use crate::simulation::laws;
use crate::simulation::reference::{faults_of, is_no_failure};
use crate::simulation::rig::{Report, Rig};
use crate::support::texts::Beside;

const UPGRADE: &str = r#"
runbook upgrade "New image" {
  window 60m keep 20m for the way back
  on failure   rollback previous
  on interrupt rollback previous
}

inputs {
  /// The image to run, by digest.
  new_image : pinned image
}

service app "The application" {
  runs   container("app")
  writes records
  well   "it runs": docker.state(app) is ok and docker.health(app) is ok within 10s
}

protect records "Records" { volume "app_data" }

anchor running_image = docker.running_image(app)

step freeze "Write down what runs" {
  budget 2m
  let old_image = docker.running_image(app)
  require old_image is pinned else "Push the image that runs to a registry first"
  do docker.pull(new_image) within 1m
}

step stop "Stop it" {
  budget 2m
  do docker.stop(app, grace: 10s) undo docker.start(app) within 1m
}

step backup "Cold backup" {
  budget 3m
  do backup.create(records, to: "/var/backups") within 1m as snapshot
  check "it restores": backup.verify(snapshot) is ok within 1m
}

step cutover "Run the new image" {
  budget 3m
  do docker.run(app, image: new_image) within 1m
  check app is well
  check "it was not started again": docker.restarts(app) == 0
}

step validate "Prove that it works" {
  budget 1m
  check "what runs is what was approved": docker.running_image(app) == new_image
  check "its log is empty": docker.logs(app, since: 5m) == ""
}

rollback previous "The image and the records of before" {
  applies from cutover until close
  budget 8m
  do docker.stop(app, grace: 10s) within 1m
  do backup.restore(snapshot) within 1m
  do docker.run(app, image: old_image) within 1m
}

step close "Record" {
  budget 30s
  record running_image
}
"#;

/// A service that is not there yet, and whose undo removes it or only stops it.
const FIRST: &str = r#"
runbook first "A new service"

inputs {
  /// By digest.
  image : pinned image
}

service app "The application" { runs container("the-app")  begins absent }

step one "Bring it up" {
  do docker.pull(image)
  do docker.run(app, image: image) undo docker.UNDO(app) within 1m
  check "it runs": docker.state(app) is ok
}
"#;

fn image(digit: char) -> Value {
    Value::Image(format!("registry.example/app@sha256:{}", digit.to_string().repeat(64)))
}

fn rig() -> Rig {
    let inputs = BTreeMap::from([("new_image".to_owned(), image('b'))]);
    Rig::new("upgrade.runbook", UPGRADE, &Beside::default(), inputs)
}

/// The image that ran, as the anchor recorded it.
fn anchor(report: &Report, wanted: AnchorTime) -> Option<RecordedValue> {
    report.events.iter().find_map(|stamped| match &stamped.event {
        Event::Anchor { when, value, .. } if *when == wanted => value.clone(),
        _ => None,
    })
}

#[test]
fn the_new_image_runs_and_nothing_is_left_to_clean_up_but_the_backup() {
    let report = rig().run(Vec::new(), Case::default());
    assert_eq!(report.end().end, End::Completed, "{}", report.told());
    let member = report.production.member("app").expect("a member");
    assert_eq!((member.run, member.pin), (Some(Release::New), Release::New));
    assert_eq!(anchor(&report, AnchorTime::End), Some((&image('b')).into()));
    let left = report.leftovers();
    assert!(
        left.iter().all(|left| left.starts_with("file(/var/backups/")),
        "{left:?}"
    );
}

#[test]
fn every_failure_ends_with_the_old_image_on_the_old_state() {
    let rig = rig();
    let steps = [
        ("freeze", End::Refused),
        ("stop", End::RolledBack),
        ("backup", End::RolledBack),
        ("cutover", End::RolledBack),
        ("validate", End::RolledBack),
    ];
    let mut ended_back = 0;
    for (step, end) in steps {
        // The guard asks nothing: the value is there already.
        let faults = faults_of(&rig, step).into_iter().filter(|(key, _)| key != "freeze/2");
        for (key, kind) in faults {
            let report = rig.run(vec![Fault::always(&*key, kind)], Case::default());
            laws::hold(&rig.plan, &report, 2);
            if is_no_failure(kind) {
                continue;
            }
            assert_eq!(report.end().end, end, "{key} {kind:?}\n{}", report.told());
            let differences = report.production.differences();
            assert_eq!(differences, Vec::<String>::new(), "{key} {kind:?}\n{}", report.told());
            if end != End::RolledBack {
                continue;
            }
            let member = report.production.member("app").expect("a member");
            assert_eq!(
                (member.run, member.pin),
                (Some(Release::Old), Release::Old),
                "{key} {kind:?}"
            );
            assert_eq!(anchor(&report, AnchorTime::End), anchor(&report, AnchorTime::Start));
            let left = report.leftovers();
            assert!(left.contains(&format!("image({})", image('b').canonical())), "{left:?}");
            ended_back += 1;
        }
    }
    assert!(ended_back > 20, "{ended_back}");
}

#[test]
fn killed_at_every_record() {
    killed_everywhere_in(&rig(), &[], End::Completed);
    let fails = Fault::always("validate/1", FaultKind::Untrue);
    killed_everywhere_in(&rig(), &[fails], End::RolledBack);
}

#[test]
fn a_new_service_that_is_turned_back_is_removed_or_told_of() {
    for (undo, left) in [("remove", None), ("stop", Some("container(the-app)"))] {
        let inputs = BTreeMap::from([("image".to_owned(), image('b'))]);
        let rig = Rig::new(
            "first.runbook",
            &FIRST.replace("UNDO", undo),
            &Beside::default(),
            inputs,
        );
        let report = rig.run(vec![Fault::always("one/3", FaultKind::Untrue)], Case::default());
        assert_eq!(report.end().end, End::RolledBack, "{}", report.told());
        assert_eq!(report.production.differences(), Vec::<String>::new());
        let leftovers = report.leftovers();
        let container = leftovers.iter().find(|left| left.starts_with("container("));
        assert_eq!(container.map(String::as_str), left, "{undo}");
    }
}
