//! A runner that was killed, and attempts that are ended beside others.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::desk::{Desk, with_words};
use crate::support::sandbox::{signal, wait_until};

/// Says that it begins, and whether an earlier one, or what that started, still works.
const WORK: &str = "#!/bin/sh\nexec 9> HERE/lock\nflock -n 9 || touch HERE/twice\ntouch HERE/begun\nsleep 3\n";

/// The runner is killed (SIGKILL) while the program works; what resume begins never runs beside it.
fn never_two_at_once(argv: &str, limit: &str) {
    let desk = Desk::new();
    let work = desk.script("work.sh", &WORK.replace("HERE", &desk.name()));
    let argv = argv.replace("WORK", &work);
    let place = desk.name();
    let text = format!(
        "runbook about \"Work\"\n\nstep work \"Work\" {{\n  budget 3m\n  do \"Work\": exec.run({argv}, effects: {{ adds tree(\"{place}\")  repeat convergent  limit {limit} }}) within {limit}\n}}\n"
    );
    let mut runner = desk.command("run", &text).spawn().unwrap();
    wait_until("it works", || fs::exists(desk.path("begun")).unwrap());
    signal(runner.id(), "KILL");
    runner.wait().unwrap();
    fs::remove_file(desk.path("begun")).unwrap();
    let run = desk.sandbox.run_name();
    let mut resumed = desk
        .sandbox
        .command(&["resume", &run, "--format", "json"])
        .spawn()
        .unwrap();
    wait_until("it is done again", || {
        assert!(!fs::exists(desk.path("twice")).unwrap(), "two at once");
        resumed.try_wait().unwrap().is_some()
    });
    let ended = resumed.wait().unwrap();
    assert!(!fs::exists(desk.path("twice")).unwrap(), "two at once");
    assert_eq!(ended.code(), Some(0));
    assert!(fs::exists(desk.path("begun")).unwrap(), "it was not done again");
}

#[test]
fn work_in_a_fresh_environment() {
    never_two_at_once(r#"["env", "-i", "WORK"]"#, "40s");
}

#[test]
fn work_of_another_user_in_a_fresh_environment() {
    never_two_at_once(
        r#"["setpriv", "--reset-env", "env", "-i", "PATH=/usr/bin:/bin", "WORK"]"#,
        "40s",
    );
}

#[test]
fn work_that_lost_its_limits_too() {
    never_two_at_once(r#"["env", "-i", "prlimit", "--locks=unlimited", "WORK"]"#, "40s");
}

#[test]
fn work_that_forked_away() {
    never_two_at_once(r#"["sh", "-c", "(env -i PATH=$PATH setsid WORK &); sleep 5"]"#, "40s");
}

/// Killed, with everything that it started, also while another runs beside it.
#[test]
fn what_hides_is_ended_while_another_runs() {
    let desk = Desk::new();
    let needle = format!("needle{}", desk.name().replace('/', "-"));
    let hide = format!(
        "(env -i PATH=$PATH setsid perl -e '$SIG{{TERM}} = q(IGNORE); fork and exit; fork and exit; sleep 300' {needle} &); sleep 300"
    );
    let text = format!(
        "runbook about \"Two\"\n\n\
         step beside \"Beside\" after nothing {{ budget 1m do \"Sleep\": exec.run([\"sleep\", \"6\"], effects: {{ opaque external(\"x\") repeat convergent }}) within 20s no undo because \"a test\" }}\n\
         step hides \"Hides\" after nothing {{ budget 1m do \"Hide\": exec.run([\"sh\", \"-c\", \"{}\"], effects: {{ opaque external(\"y\") repeat convergent limit 2s }}) within 2s no undo because \"a test\" }}\n",
        hide.replace('"', "\\\"")
    );
    let mut runner = desk.command("run", &text).spawn().unwrap();
    wait_until("it hides", || {
        runner.try_wait().unwrap().is_some() || { with_words(&needle).iter().any(|pid| is_orphan(*pid, runner.id())) }
    });
    let ended = runner.wait().unwrap();
    assert!(ended.code() == Some(5) || ended.code() == Some(6), "{ended:?}");
    sleep(Duration::from_millis(100));
    let left: Vec<String> = with_words(&needle)
        .iter()
        .map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default())
        .collect();
    assert!(left.is_empty(), "it is left: {left:?}");
}

fn is_orphan(pid: i32, runner: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.split(' ').nth(1))
        .map(str::to_owned);
    parent == Some(runner.to_string())
}
