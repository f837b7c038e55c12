//! What a way back leaves: what was made is removed, what was moved is moved back, and each thing that is not as
//! it was is told once.

use std::collections::BTreeMap;

use backstay::event::End;
use backstay::rehearse::{Case, Fault, FaultKind};
use backstay_dsl::model::StatementKind;

use crate::simulation::laws;
use crate::simulation::reference::faults_of;
use crate::simulation::rig::{Report, Rig};
use crate::support::texts::Beside;

/// A step that does this and then fails.
fn fails_after(doing: &str) -> Report {
    let text = format!(
        "runbook small \"Small\" {{\n  window 1h keep 30m for the way back\n}}\n\nstep one \"One\" {{\n  budget \
         5m\n{doing}\n  check \"it fails\": fs.exists(\"/srv/other\") within 5s\n}}\n"
    );
    let rig = Rig::new("small.runbook", &text, &Beside::default(), BTreeMap::new());
    let statements = rig.plan.program.statements();
    let mut checks = statements.filter(|(_, statement)| matches!(statement.kind, StatementKind::Check(_)));
    let (_, check) = checks.next().expect("the check");
    let report = rig.run(vec![Fault::always(&*check.key, FaultKind::Untrue)], Case::default());
    assert_eq!(report.end().end, End::RolledBack, "{}", report.told());
    report
}

#[test]
fn what_was_made_and_is_removed_leaves_everything_as_it_was() {
    for doing in [
        r#"  do fs.write("/srv/new", content: "hello") undo { do fs.remove("/srv/new") } within 10s"#,
        r#"  do fs.write("/srv/new/x", content: "hello") undo { do fs.remove("/srv/new") } within 10s"#,
        r#"  do fs.link("/srv/new", to: "/srv/1") undo { do fs.remove("/srv/new") } within 10s"#,
        r#"  do fs.mkdir("/srv/new") undo { do fs.remove("/srv/new") } within 10s
  do fs.write("/srv/new/x", content: "hello") undo { do fs.remove("/srv/new/x") } within 10s"#,
        r#"  do fs.copy("/srv/t", to: "/srv/old") undo { do fs.remove("/srv/old") } within 10s
  do fs.mkdir("/srv/t/u") undo { do fs.remove("/srv/t/u") } within 10s
  do fs.remove("/srv/t") undo { do fs.copy("/srv/old", to: "/srv/t") } within 10s"#,
    ] {
        let report = fails_after(doing);
        assert_eq!(report.production.differences(), Vec::<String>::new(), "{doing}");
        assert!(report.production.violations().is_empty());
    }
}

#[test]
fn what_was_read_was_there_so_an_action_whose_undo_removes_it_is_refused() {
    let doing = r#"  let old = fs.target("/srv/current")
  do fs.write("/srv/new", content: "one") undo { do fs.remove("/srv/new") } within 10s
  do fs.link("/srv/current", to: "/srv/2") undo { do fs.remove("/srv/current") } within 10s"#;
    let report = fails_after(doing);
    let failed = report.end().failed_at.as_ref().expect("the action is refused");
    assert!(failed.reason.contains("/srv/current is there already"), "{failed:?}");
    assert_eq!(report.production.differences(), Vec::<String>::new());
}

#[test]
fn what_a_run_has_made_itself_may_be_made_again_and_removed() {
    let doing = r#"  do fs.write("/srv/new", content: "one") undo { do fs.remove("/srv/new") } within 10s
  do fs.write("/srv/new", content: "two") undo { do fs.remove("/srv/new") } within 10s"#;
    let report = fails_after(doing);
    assert!(
        report
            .end()
            .failed_at
            .as_ref()
            .expect("the check")
            .reason
            .contains("it fails")
    );
    assert_eq!(report.production.differences(), Vec::<String>::new());
}

#[test]
fn what_was_moved_away_and_back_is_as_it_was() {
    let doing = r#"  do fs.move("/srv/a", to: "/srv/b") undo { do fs.move("/srv/b", to: "/srv/a") } within 10s"#;
    assert_eq!(fails_after(doing).production.differences(), Vec::<String>::new());
}

#[test]
fn a_file_put_back_from_its_copy_is_as_it_was() {
    let doing = r#"  do fs.copy("/srv/.env", to: "/srv/.env.old") undo { do fs.remove("/srv/.env.old") } within 10s
  do fs.edit_key("/srv/.env", key: "A", to: "2") undo { do fs.copy("/srv/.env.old", to: "/srv/.env") } within 10s"#;
    assert_eq!(fails_after(doing).production.differences(), Vec::<String>::new());
}

#[test]
fn another_value_is_told_once() {
    let doing = r#"  let old = fs.target("/srv/current")
  do fs.link("/srv/current", to: "/srv/2") undo { do fs.link("/srv/current", to: "/srv/3") } within 10s"#;
    assert_eq!(
        fails_after(doing).production.differences(),
        ["link(/srv/current): Changed"]
    );
}

#[test]
fn the_laws_hold_for_what_is_made_and_removed_whatever_goes_wrong() {
    let text = r#"runbook small "Write a file" {
  window 10m keep 5m for the way back
}
step write "Write the file" {
  budget 1m
  do fs.write("/srv/new", content: "hello") undo { do fs.remove("/srv/new") } within 10s
  check "it is there": fs.exists("/srv/new") within 5s
}
"#;
    let rig = Rig::new("a.runbook", text, &Beside::default(), BTreeMap::new());
    for (key, kind) in faults_of(&rig, "write") {
        let report = rig.run(vec![Fault::always(&*key, kind)], Case::default());
        laws::hold(&rig.plan, &report, 2);
    }
}
