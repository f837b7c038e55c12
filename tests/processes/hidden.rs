//! Where processes cannot be seen, nothing is believed and nothing is done.

use std::process::Command;

use super::desk::{Desk, NOBODY, STOP, Stranger};
use crate::support::left_out::leave_out;
use crate::support::sandbox::{Finished, behind};

const ASKED: &str = "step look \"Look\" { check \"it is gone\": not process.alive(r) within 1s }";

/// Calls the program behind a preparation by a shell, in name spaces of its own.
fn called_behind(desk: &Desk, spaces: &[&str], preparation: &str, text: &str) -> Option<Finished> {
    let mut tried = Command::new("unshare");
    tried.args(spaces).args(["sh", "-c", preparation]);
    let can = tried.output().is_ok_and(|tried| tried.status.success());
    can.then(|| Finished::of(&mut behind(spaces, preparation, &desk.command("run", text))))
}

fn cannot_tell(left_out: &str, spaces: &[&str], preparation: &str, says: &str) {
    for steps in [STOP, ASKED] {
        let desk = Desk::new();
        let text = desk.about("begins stopped", steps);
        let Some(finished) = called_behind(&desk, spaces, preparation, &text) else {
            return leave_out(left_out, "this machine gives no such name spaces");
        };
        let finished = finished.exits(4);
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(said.contains("cannot be told") && said.contains(says), "{said}");
        assert!(desk.sandbox.records_of("intent").is_empty());
    }
}

#[test]
fn without_proc() {
    cannot_tell(
        "without_proc",
        &["--mount"],
        "mount -t tmpfs none /proc",
        "mount -t proc",
    );
}

#[test]
fn with_the_proc_of_others() {
    let test = "with_the_proc_of_others";
    cannot_tell(
        test,
        &["--pid", "--fork"],
        "true",
        "does not show the processes that we are among",
    );
}

#[test]
fn with_a_proc_that_hides_others() {
    let preparation = "mount -t proc -o hidepid=2 proc /proc";
    for spaces in [&["--mount"][..], &["--mount", "--pid", "--fork"]] {
        let desk = Desk::new();
        let text = desk.about("begins stopped", STOP);
        // Root sees all of them, others do not.
        let Some(finished) = called_behind(&desk, spaces, preparation, &text) else {
            return leave_out(
                "with_a_proc_that_hides_others",
                "this machine gives no such name spaces",
            );
        };
        finished.exits(0);
    }
    let desk = Desk::new();
    let text = desk.about("begins stopped", STOP);
    desk.call_as(NOBODY, "run", &text).exits(0);
    let program = desk.path("backstay");
    let (state, locks) = (desk.path("others"), desk.path("locks"));
    let script = format!(
        "{preparation} && cd {} && exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups env BACKSTAY_STATE_DIR={state} BACKSTAY_LOCK_DIR={locks} {program} run about.runbook",
        desk.name()
    );
    let refused = Finished::of(Command::new("unshare").args(["--mount", "sh", "-c", &script])).exits(4);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("hidepid"), "{said}");
}

/// A database that another user could write to, and a process of that user whose files are hidden from us.
#[test]
fn a_writer_that_may_not_be_seen() {
    let desk = Desk::new();
    let name = desk.name();
    let prepared = format!(
        "mkdir {name}/data && {{ printf 'SQLite format 3\\000'; head -c 4096 /dev/zero; }} > {name}/data/db && chown -R {NOBODY}:{NOBODY} {name}/data"
    );
    assert!(Command::new("sh").args(["-c", &prepared]).status().unwrap().success());
    let mut other = Stranger::start(&["setpriv", "--reuid", "daemon", "--clear-groups", "sleep", "300"]);
    let text = format!(
        "runbook about \"A copy\"\n\nprotect data \"Data\" {{ path \"{name}/data\" }}\n\n\
         step copy \"Copy\" {{ do backup.create(data, to: \"{name}/others/copies\") as kept }}\n"
    );
    desk.call_as(NOBODY, "run", &text).exits(0);
    assert!(
        Command::new("chmod")
            .args(["666", &desk.path("data/db")])
            .status()
            .unwrap()
            .success()
    );
    let failed = desk.call_as(NOBODY, "run", &text);
    assert!(
        failed.exit != 0 && failed.stdout.contains("writes there cannot be told"),
        "{failed:?}"
    );
    assert!(other.lives());
}
