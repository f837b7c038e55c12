//! One run at a time changes a service of this machine, whoever runs it and wherever runs are kept.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::Value;

use crate::support::left_out::leave_out;
use crate::support::sandbox::{Finished, Sandbox, finish, signal, wait_for};

/// A runbook that writes `one` and waits until `go` is there.
fn waits(desk: &Sandbox, header: &str) -> String {
    format!(
        r#"runbook waits "Wait" {{ on interrupt pause }}
{header}
step one "Write" {{ do fs.write("{0}/one", content: "1") undo fs.remove("{0}/one") within 5s }}
step two "Wait" {{ check "somebody says go": fs.exists("{0}/go") within 90s every 200ms }}
"#,
        desk.path("").display().to_string().trim_end_matches('/')
    )
}

/// A service that nothing runs as; of a name that no other test has.
fn service(desk: &Sandbox) -> String {
    let name = desk.path("idle").display().to_string();
    format!("service idle \"Nothing\" {{ runs process(\"{name}\")  begins absent }}\n")
}

/// Starts the run and waits until its first step is done.
fn started(desk: &Sandbox, runbook: &str) -> Child {
    let child = desk.start(&["run", runbook, "--no-input", "--format", "json"]);
    wait_for(&desk.path("one"));
    child
}

fn reason(refused: &Finished) -> String {
    let error: Value = refused.json();
    format!("{} {}", error["error"]["reason"], error["error"]["help"])
}

/// Calls it with another state directory.
fn elsewhere(desk: &Sandbox, words: &[&str]) -> Finished {
    let other = desk.path("elsewhere").display().to_string();
    desk.call(&[words, &["--state-dir", &other, "--no-input", "--format", "json"]].concat())
}

#[test]
fn two_runs_at_once_are_refused_whatever_directory_runs_are_kept_in() {
    for has_service in [true, false] {
        let desk = Sandbox::desk();
        let header = if has_service { service(&desk) } else { String::new() };
        desk.write("waits.runbook", waits(&desk, &header));
        let first = started(&desk, "waits.runbook");
        let run = desk.run_name();
        let same = desk
            .call(&["run", "waits.runbook", "--no-input", "--format", "json"])
            .exits(75);
        for refused in [same, elsewhere(&desk, &["run", "waits.runbook"]).exits(75)] {
            let reason = reason(&refused);
            assert!(reason.contains(&run) && reason.contains("turn-back"), "{reason}");
        }
        let planned = desk.call(&["plan", "waits.runbook"]).exits(1).stdout;
        assert!(planned.contains("is locked by run"), "{planned}");
        desk.write("go", "");
        finish(first).exits(0);
        fs::remove_file(desk.path("one")).unwrap();
        elsewhere(&desk, &["run", "waits.runbook"]).exits(0);
        let left: Vec<_> = fs::read_dir(desk.path("locks")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_service_by_another_name_is_the_same_by_its_port() {
    let desk = Sandbox::desk();
    let named = |name: &str| {
        service(&desk)
            .replace("\")", &format!("{name}\", port: 47119)"))
            .replace("absent", "stopped")
    };
    desk.write("waits.runbook", waits(&desk, &named("one")));
    desk.write("other.runbook", waits(&desk, &named("two")));
    let first = started(&desk, "waits.runbook");
    let refused = reason(&elsewhere(&desk, &["run", "other.runbook"]).exits(75));
    assert!(refused.contains("the port 47119"), "{refused}");
    desk.write("go", "");
    finish(first).exits(0);
}

#[test]
fn a_service_by_another_name_is_the_same_by_its_pid_file_whatever_way_leads_there() {
    let desk = Sandbox::desk();
    fs::create_dir(desk.path("run")).unwrap();
    symlink("run", desk.path("var-run")).unwrap();
    let named = |name: &str| {
        let file = desk.path(name).join("x.pid").display().to_string();
        service(&desk).replace("\")", &format!("-{name}\", pid_file: \"{file}\")"))
    };
    desk.write("waits.runbook", waits(&desk, &named("run")));
    desk.write("other.runbook", waits(&desk, &named("var-run")));
    let first = started(&desk, "waits.runbook");
    let refused = reason(&elsewhere(&desk, &["run", "other.runbook"]).exits(75));
    assert!(
        refused.contains("the pid file") && refused.contains("run/x.pid"),
        "{refused}"
    );
    desk.write("go", "");
    finish(first).exits(0);
}

/// The port, the user or the words tell two of one program apart; who says fewer of them may mean either.
#[test]
fn a_service_by_another_name_is_the_same_by_its_program() {
    let desk = Sandbox::desk();
    fs::create_dir(desk.path("bin")).unwrap();
    symlink("bin", desk.path("link")).unwrap();
    let [first, by_link] = ["bin", "link"].map(|folder| desk.path(folder).join("it").display().to_string());
    let named = |name: &str, words: &str| service(&desk).replace("\")", &format!("-{name}\", {words})"));
    let of = |path: &str, more: &str| format!("executable: \"{path}\"{more}");
    desk.write(
        "waits.runbook",
        waits(&desk, &named("one", &of(&first, ", arguments: [\"serve\", \"red\"]"))),
    );
    let runner = started(&desk, "waits.runbook");
    for (words, exit) in [
        (of(&by_link, ""), 75),
        (of(&first, ", user: \"nobody\""), 75),
        (of(&first, ", arguments: [\"serve\"]"), 75),
        (of(&first, ", arguments: [\"serve\", \"blue\"]"), 0),
        (of("/none/of/them", ""), 0),
        ("user: \"nobody\", arguments: [\"serve\", \"red\"]".to_owned(), 0),
    ] {
        let header = named("two", &words);
        let text = format!("runbook other \"Other\"\n{header}step a \"A\" {{ check \"there\": fs.exists(\"/\") }}\n");
        desk.write("other.runbook", text);
        let call = elsewhere(&desk, &["run", "other.runbook"]).exits(exit);
        elsewhere(&desk, &["plan", "other.runbook"]).exits(i32::from(exit > 0));
        if exit > 0 {
            let refused = reason(&call);
            assert!(refused.contains("service idle"), "{words}: {refused}");
        }
    }
    desk.write("go", "");
    finish(runner).exits(0);
}

/// A run that was paused by a signal or killed.
fn left(desk: &Sandbox, how: &str) -> String {
    let child = started(desk, "waits.runbook");
    signal(child.id(), how);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), (how == "INT").then_some(7));
    desk.run_name()
}

#[test]
fn a_run_that_has_not_ended_stops_the_next_one() {
    for how in ["INT", "KILL"] {
        let desk = Sandbox::desk();
        desk.write("waits.runbook", waits(&desk, &service(&desk)));
        let run = left(&desk, how);
        let here = reason(
            &desk
                .call(&["run", "waits.runbook", "--no-input", "--format", "json"])
                .exits(75),
        );
        for words in [
            &run,
            "backstay resume",
            "backstay turn-back",
            "backstay give-up",
            "service idle",
        ] {
            assert!(here.contains(words), "{words}: {here}");
        }
        let planned = desk.call(&["plan", "waits.runbook"]).exits(1).stdout;
        assert!(planned.contains(&run), "{planned}");
        // Elsewhere it goes by its directory, so that the command can be pasted.
        let there = reason(&elsewhere(&desk, &["run", "waits.runbook"]).exits(75));
        let directory = desk.path("state/runs").join(&run);
        assert!(
            there.contains(&format!("backstay turn-back {}", directory.display())),
            "{there}"
        );

        desk.call(&["turn-back", directory.to_str().unwrap(), "--no-input"])
            .exits(5);
        desk.write("go", "");
        elsewhere(&desk, &["run", "waits.runbook"]).exits(0);
    }
}

#[test]
fn a_run_that_was_given_up_stops_nobody_and_does_not_go_on() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, ""));
    let run = left(&desk, "KILL");
    desk.call(&["give-up", &run]).exits(2);
    desk.call(&["give-up", &run, "--because", "the machine was made anew"])
        .exits(0);
    for command in ["resume", "turn-back"] {
        let refused = desk.call(&[command, &run, "--no-input"]).exits(4);
        assert!(
            refused.stderr.contains("given up by ada: the machine was made anew"),
            "{refused:?}"
        );
    }
    desk.call(&["give-up", &run, "--because", "twice"]).exits(4);
    fs::remove_file(desk.path("one")).unwrap();
    desk.write("go", "");
    elsewhere(&desk, &["run", "waits.runbook"]).exits(0);
}

#[test]
fn a_run_whose_record_is_gone_stops_nobody_and_that_is_told() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    let run = left(&desk, "KILL");
    fs::remove_dir_all(desk.path("state/runs").join(&run)).unwrap();
    fs::remove_file(desk.path("one")).unwrap();
    desk.write("go", "");
    let told = elsewhere(&desk, &["run", "waits.runbook"]).exits(0);
    assert!(
        told.stderr
            .contains(&format!("run {run} had not ended, but its record is gone")),
        "{told:?}"
    );
    fs::remove_file(desk.path("one")).unwrap();
    let silent = elsewhere(&desk, &["run", "waits.runbook"]).exits(0);
    assert!(!silent.stderr.contains(&run), "{silent:?}");
}

#[test]
fn a_record_that_cannot_be_seen_is_not_gone() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    let run = left(&desk, "KILL");
    // As where a home is not mounted.
    fs::rename(desk.path("state"), desk.path("unmounted")).unwrap();
    let refused = reason(&elsewhere(&desk, &["run", "waits.runbook"]).exits(75));
    assert!(
        refused.contains(&run) && refused.contains("cannot be seen"),
        "{refused}"
    );
    fs::rename(desk.path("unmounted"), desk.path("state")).unwrap();

    // Somebody cleaned the place: the run takes again what nobody else has, and says so.
    let claims = files(&desk.path("locks"), "claim");
    assert_eq!(claims.len(), 1, "{claims:?}");
    fs::remove_file(&claims[0]).unwrap();
    let back = desk.call(&["turn-back", &run, "--no-input"]).exits(5);
    for words in ["so another may have changed that", "has changed the same meanwhile"] {
        assert!(back.stderr.contains(words), "{words}: {back:?}");
    }
}

/// Nothing kept another run off, so what it did is told before anything is put back.
#[test]
fn what_another_run_did_while_the_claim_was_gone_is_told() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    let run = left(&desk, "KILL");
    for claim in files(&desk.path("locks"), "claim") {
        fs::remove_file(claim).unwrap();
    }
    desk.write(
        "other.runbook",
        format!(
            "runbook other \"Other\"\n{}step one \"Write\" {{ do fs.write(\"{}\", content: \"2\") no undo because \"a \
             test\" }}\n",
            service(&desk),
            desk.path("one").display()
        ),
    );
    desk.call(&["run", "other.runbook", "--no-input"]).exits(0);
    let back = desk.call(&["turn-back", &run, "--no-input"]);
    assert!(
        back.stderr
            .contains("has worked on the same since, and ended meanwhile (completed)"),
        "{back:?}"
    );
    assert!(!back.stderr.contains("has changed the same meanwhile"), "{back:?}");
}

/// What others may have written is not gone on with.
#[test]
fn a_run_that_others_may_write_into_is_refused() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, ""));
    let run = left(&desk, "KILL");
    let place = desk.path("state/runs").join(&run);
    for path in [place.clone(), place.join("transcript.jsonl"), desk.path("state/runs")] {
        let before = fs::metadata(&path).unwrap().permissions();
        let open = fs::Permissions::from_mode(before.mode() | 0o020);
        fs::set_permissions(&path, open).unwrap();
        for command in ["resume", "turn-back"] {
            let refused = desk.call(&[command, &run, "--no-input"]).exits(4);
            let words = format!("others may write to {}", path.display());
            assert!(refused.stderr.contains(&words), "{refused:?}");
        }
        fs::set_permissions(&path, before).unwrap();
    }
    desk.call(&["turn-back", &run, "--no-input"]).exits(5);
}

#[test]
fn what_others_wrote_is_no_command_to_paste() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    let state = desk.path("st; touch PWNED #").display().to_string();
    let mut child = desk.start(&["run", "waits.runbook", "--no-input", "--state-dir", &state]);
    wait_for(&desk.path("one"));
    signal(child.id(), "KILL");
    child.wait().unwrap();
    let refused = reason(&elsewhere(&desk, &["run", "waits.runbook"]).exits(75));
    assert!(
        refused.contains(&format!("backstay resume '{state}/runs/")),
        "{refused}"
    );

    let claims = files(&desk.path("locks"), "claim");
    let claim: Value = serde_json::from_slice(&fs::read(&claims[0]).unwrap()).unwrap();
    let with = |key: &str, value: &str| {
        let mut claim = claim.clone();
        claim[key] = value.into();
        serde_json::to_vec(&claim).unwrap()
    };
    let poisoned = [
        with("directory", "/tmp/m/x; touch PWNED #"),
        with("run", "x; touch PWNED #"),
        with("directory", "runs/x"),
    ];
    for content in poisoned {
        fs::write(&claims[0], content).unwrap();
        let refused = reason(&elsewhere(&desk, &["run", "waits.runbook"]).exits(75));
        assert!(
            refused.contains("cannot be read") && !refused.contains("PWNED"),
            "{refused}"
        );
    }
    fs::rename(&claims[0], desk.path("kept")).unwrap();
    symlink(desk.path("kept"), &claims[0]).unwrap();
    let refused = reason(&elsewhere(&desk, &["run", "waits.runbook"]).exits(75));
    assert!(refused.contains("cannot be read"), "{refused}");
}

#[test]
fn a_run_of_another_user_is_theirs_to_finish() {
    let desk = Sandbox::desk();
    let words = ["run", "waits.runbook", "--no-input", "--format", "json"];
    let Some(mut theirs) = desk.as_nobody(&[], &words) else {
        return leave_out("program::claims", "only root can be somebody else");
    };
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    let mut child = theirs.spawn().unwrap();
    wait_for(&desk.path("one"));
    let runs: Vec<_> = fs::read_dir(desk.path("theirs/runs")).unwrap().collect();
    let directory = runs[0].as_ref().unwrap().path();
    let directory = directory.to_str().unwrap();
    desk.call(&["pause", directory]).exits(4);
    signal(child.id(), "KILL");
    child.wait().unwrap();

    let refused = reason(&desk.call(&words).exits(75));
    assert!(
        refused.contains("ask nobody") && !refused.contains("backstay "),
        "{refused}"
    );
    let calls: [&[&str]; 4] = [
        &["resume", directory, "--no-input"],
        &["turn-back", directory, "--no-input"],
        &["answer", directory, "yes"],
        &["give-up", directory, "--because", "x"],
    ];
    for call in calls {
        let refused = desk.call(call).exits(4);
        assert!(refused.stderr.contains("nobody's"), "{refused:?}");
    }
    assert!(desk.path("one").exists());
    desk.call(&["transcript", "show", directory]).exits(0);
    assert_eq!(files(&desk.path("locks"), "claim").len(), 1);
}

#[test]
fn runs_that_may_not_be_listed_are_not_none() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    let Some(mut status) = desk.as_nobody(&[], &["status"]) else {
        return leave_out("program::claims", "only root can be somebody else");
    };
    let run = left(&desk, "KILL");
    let status = Finished::of(status.env("BACKSTAY_STATE_DIR", desk.path("state"))).exits(4);
    assert!(status.stderr.contains("cannot be listed"), "{status:?}");
    let mut resume = desk.as_nobody(&[], &["resume", &run]).unwrap();
    let resume = Finished::of(resume.env("BACKSTAY_STATE_DIR", desk.path("state"))).exits(4);
    assert!(resume.stderr.contains("cannot be looked for"), "{resume:?}");
}

/// The files of a folder with this ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect()
}

#[test]
fn a_stuck_run_stops_the_next_one() {
    let desk = Sandbox::desk();
    let text = format!(
        "runbook stuck \"Get stuck\"\nstep one \"Write\" {{ do fs.write(\"{0}/x\", content: \"1\") undo \
         fs.write(\"{0}/no/x\", content: \"1\") within 5s\n  check \"never\": false }}\n",
        desk.path("").display()
    );
    desk.write("stuck.runbook", text);
    desk.call(&["run", "stuck.runbook"]).exits(6);
    let refused = reason(&desk.call(&["run", "stuck.runbook", "--format", "json"]).exits(75));
    assert!(refused.contains("is stuck") && refused.contains("give-up"), "{refused}");
    let run = desk.run_name();
    desk.call(&["give-up", &run, "--because", "put right by hand"]).exits(0);
    fs::remove_file(desk.path("x")).unwrap();
    desk.call(&["run", "stuck.runbook"]).exits(6);
}

#[test]
fn the_place_is_not_trusted_blindly() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    desk.write("go", "");
    let run = |desk: &Sandbox| desk.call(&["run", "waits.runbook", "--no-input", "--format", "json"]);

    let open = |mode| fs::set_permissions(desk.path("locks"), fs::Permissions::from_mode(mode)).unwrap();
    open(0o777);
    let refused = reason(&run(&desk).exits(4));
    assert!(
        refused.contains("sticky bit") && refused.contains("--lock-dir"),
        "{refused}"
    );
    assert!(!desk.path("one").exists());
    open(0o1777);

    // Where the lock will be, somebody has put a link to what is precious, or something that is no file.
    let first = started(&desk, "waits.runbook");
    finish(first).exits(0);
    fs::remove_file(desk.path("one")).unwrap();
    fs::remove_file(desk.path("go")).unwrap();
    let child = started(&desk, "waits.runbook");
    let lock = fs::read_dir(desk.path("locks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "lock"));
    let lock = lock.unwrap();
    desk.write("go", "");
    finish(child).exits(0);
    desk.write("precious", "of root");
    symlink(desk.path("precious"), &lock).unwrap();
    let refused = reason(&run(&desk).exits(4));
    assert!(refused.contains(lock.to_str().unwrap()), "{refused}");
    assert_eq!(fs::read_to_string(desk.path("precious")).unwrap(), "of root");
    fs::remove_file(&lock).unwrap();
    assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success());
    run(&desk).exits(4);
}

#[test]
fn root_and_users_see_each_others_runs() {
    let desk = Sandbox::desk();
    let words = ["run", "waits.runbook", "--no-input", "--format", "json"];
    let Some(mut theirs) = desk.as_nobody(&[], &words) else {
        return leave_out("program::claims", "only root can be somebody else");
    };
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    // Theirs first, then root's; and a run of root that a user can see, but not judge.
    let theirs = theirs.spawn().unwrap();
    wait_for(&desk.path("one"));
    let refused = reason(&desk.call(&words).exits(75));
    assert!(
        refused.contains("goes on") || refused.contains("is locked by run"),
        "{refused}"
    );
    desk.write("go", "");
    finish(theirs).exits(0);
    fs::remove_file(desk.path("one")).unwrap();
    fs::remove_file(desk.path("go")).unwrap();

    let run = left(&desk, "KILL");
    let refused = reason(&Finished::of(&mut desk.as_nobody(&[], &words).unwrap()).exits(75));
    assert!(
        refused.contains(&run) && refused.contains("cannot be told"),
        "{refused}"
    );
}

#[test]
fn status_tells_where_runs_stand_and_what_they_have() {
    let desk = Sandbox::desk();
    desk.write("waits.runbook", waits(&desk, &service(&desk)));
    let status = || desk.call(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(status(), serde_json::json!({ "runs": [], "claims": [] }));
    let child = started(&desk, "waits.runbook");
    let run = desk.run_name();
    let now = status();
    assert_eq!(
        (&now["runs"][0]["run"], &now["runs"][0]["standing"]),
        (&run.as_str().into(), &"running".into())
    );
    assert_eq!(now["runs"][0]["steps"], serde_json::json!(["two"]), "{now}");
    let claim = &now["claims"][0];
    assert_eq!(
        (&claim["thing"], &claim["is_held"]),
        (&"service idle".into(), &true.into()),
        "{now}"
    );
    assert_eq!(claim["process"], child.id());

    signal(child.id(), "INT");
    finish(child).exits(7);
    let now = status();
    assert_eq!(now["runs"][0]["standing"], "paused");
    assert_eq!(now["claims"][0]["is_held"], false);
    let text = desk.call(&["status"]).exits(0).stdout;
    for words in [&run, "paused: interrupted by INT", "backstay turn-back", "service idle"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    desk.call(&["turn-back", &run, "--no-input"]).exits(5);
    let now = status();
    assert_eq!(
        (&now["runs"][0]["standing"], &now["claims"]),
        (&"rolled_back".into(), &serde_json::json!([]))
    );
}
