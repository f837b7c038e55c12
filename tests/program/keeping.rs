//! What failed is kept as evidence: `keep failed "…"` in a branch, and what becomes of it when the run has ended.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::support::at_each::{at_each, every_record};
use crate::support::sandbox::{Sandbox, find};

fn desk(keeps: &str) -> Sandbox {
    let desk = Sandbox::desk();
    fs::create_dir(desk.path("data")).unwrap();
    desk.write("data/rows", "old");
    desk.write_runbook(
        "kept.runbook",
        &format!(
            "runbook kept \"T\" {{\n  on failure rollback back\n  on interrupt rollback back\n}}\n\
             protect data \"Data\" {{ path \"ROOT/data\" }}\n\
             step backup \"B\" {{\n  do backup.create(data, to: \"ROOT/backups\") as saved\n\
             \x20 check \"it restores\": backup.verify(saved) is ok within 1m\n}}\n\
             step change \"C\" {{\n  do fs.write(\"ROOT/data/rows\", content: \"half migrated\")\n\
             \x20 check \"never\": fs.exists(\"ROOT/none\")\n}}\n\
             rollback back \"R\" {{\n  applies from change until change\n  {keeps}\n  do backup.restore(saved)\n}}\n"
        ),
    );
    desk
}

/// The states that were replaced and are there.
fn replaced(desk: &Sandbox) -> Vec<PathBuf> {
    let entries = fs::read_dir(desk.path("data").parent().unwrap()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path().join("root/rows"));
    paths.filter(|path| path.exists()).collect()
}

const KEEPS: &str = "keep failed \"the state that the migration left\"";

#[test]
fn what_a_restore_replaces_outlives_the_run_where_a_branch_says_so() {
    for keeps in [KEEPS, ""] {
        let desk = desk(keeps);
        let plan = desk.call(&["plan", "kept.runbook"]).exits(0).stdout;
        let plan = plan.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            plan.contains("backup.keep_failed(\"the state that the migration left\")"),
            !keeps.is_empty()
        );
        let ended = desk.call(&["run", "kept.runbook", "--no-input"]).exits(5);
        assert_eq!(fs::read_to_string(desk.path("data/rows")).unwrap(), "old");
        let replaced = replaced(&desk);
        if keeps.is_empty() {
            assert!(replaced.is_empty(), "{replaced:?}");
            continue;
        }
        let [rows] = &replaced[..] else { panic!("{replaced:?}") };
        assert_eq!(fs::read_to_string(rows).unwrap(), "half migrated");
        let folder = rows.parent().unwrap().parent().unwrap();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let told = ended.in_one_line();
        assert!(told.contains(folder.to_str().unwrap()), "{told}");
        assert!(
            told.contains("kept as evidence: the state that the migration left"),
            "{told}"
        );
    }
}

/// Killed at each record, forward and on the way back, and resumed: it is kept once, and the state is back.
#[test]
fn it_is_kept_wherever_the_runner_dies() {
    let whole = desk(KEEPS);
    whole.call(&["run", "kept.runbook", "--no-input"]).exits(5);
    let boundaries = every_record(whole.records().len());
    at_each(
        &boundaries,
        4,
        || (),
        |(), boundary| {
            let desk = desk(KEEPS);
            let mut command = desk.command(&["run", "kept.runbook", "--no-input"]);
            let killed = command.env("BACKSTAY_FAILPOINT", boundary).output().unwrap();
            if killed.status.code().is_some() {
                return Err(format!("the runner was not killed: {killed:?}"));
            }
            if find(&desk.state_directory(), "transcript.jsonl").is_empty() || desk.records().is_empty() {
                return Ok(());
            }
            let ended = desk.records().last().is_some_and(|record| record["kind"] == "run.end");
            let resumed = desk.call(&["resume", &desk.run_name(), "--no-input"]);
            let rows = fs::read_to_string(desk.path("data/rows")).unwrap();
            let kept: Vec<String> = replaced(&desk)
                .iter()
                .map(|path| fs::read_to_string(path).unwrap())
                .collect();
            match (ended, resumed.exit) {
                (true, _) | (false, 5) if rows == "old" && kept == ["half migrated"] => Ok(()),
                _ => Err(format!("{rows}, kept {kept:?}: {resumed:?}")),
            }
        },
    );
}

/// What cannot be kept is told, and hinders nothing.
#[test]
fn a_way_back_goes_on_where_nothing_can_be_kept() {
    let desk = desk(KEEPS);
    let mut command = desk.command(&["run", "kept.runbook", "--no-input"]);
    let killed = command.env("BACKSTAY_FAILPOINT", "after:5").output().unwrap();
    assert_eq!(killed.status.code(), None);
    fs::write(desk.run_directory().join("failed"), "in the way").unwrap();
    desk.call(&["resume", &desk.run_name(), "--no-input"]).exits(5);
    assert_eq!(fs::read_to_string(desk.path("data/rows")).unwrap(), "old");
    let outcomes = desk.records_of("outcome");
    let kept = outcomes
        .iter()
        .find(|record| record["key"].as_str().unwrap().starts_with("rollback:back/1"))
        .unwrap();
    assert_eq!(kept["result"], "failed", "{kept}");
    assert!(kept.to_string().contains("what failed is not kept"), "{kept}");
}
