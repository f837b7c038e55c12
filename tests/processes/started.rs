//! What was started here is found again, whatever it does to be hard to find.

use std::fs;
use std::process::Command;

use super::desk::{
    Desk, NOBODY, STOP, Stranger, answers, free_port, is_silent, starts_and_fails, wait_for_answer, with_words,
};
use crate::support::sandbox::wait_until;

/// A run that starts it, fails and goes back: nothing of it is left. `seen` says from outside that it runs.
fn comes_and_goes(desk: &Desk, argv: &str, seen: impl Fn() -> bool) {
    let seen_file = desk.path("seen");
    // It fails once it was seen from outside.
    let waits = format!("check \"it was seen\": fs.exists(\"{seen_file}\") within 30s every 100ms\n");
    let text = desk.about("begins stopped", &starts_and_fails(argv, &waits));
    let mut child = desk.command("run", &text).spawn().unwrap();
    wait_until("it runs", || seen() || child.try_wait().unwrap().is_some());
    if seen() {
        fs::write(&seen_file, "").unwrap();
    }
    let ended = child.wait().unwrap();
    let said = || fs::read_to_string(desk.sandbox.run_directory().join("transcript.jsonl")).unwrap();
    assert!(fs::exists(seen_file).unwrap(), "it never ran: {}", said());
    assert_eq!(ended.code(), Some(5), "{}", said());
    assert!(!seen(), "it is left: {}", said());
    let stopped = desk.sandbox.records_of("outcome").into_iter().any(|record| {
        let line = record["evidence"].as_str().unwrap_or_default().to_owned();
        line.contains("ended")
    });
    assert!(stopped, "{}", said());
}

#[test]
fn redis_that_writes_over_its_environment() {
    let desk = Desk::new();
    let port = free_port();
    let argv = format!("[\"redis-server\", \"--port\", \"{port}\", \"--save\", \"\"]");
    comes_and_goes(&desk, &argv, || answers(port));
    assert!(is_silent(port));
}

#[test]
fn redis_that_puts_itself_into_the_background() {
    let desk = Desk::new();
    let port = free_port();
    let argv = format!("[\"redis-server\", \"--port\", \"{port}\", \"--daemonize\", \"yes\", \"--save\", \"\"]");
    comes_and_goes(&desk, &argv, || answers(port));
    assert!(is_silent(port));
}

#[test]
fn nginx_with_its_workers() {
    let desk = Desk::new();
    let port = free_port();
    for daemon in ["off", "on"] {
        let name = desk.name();
        let conf = format!(
            "daemon {daemon};\npid {name}/nginx.pid;\nerror_log {name}/error.log;\nuser nobody nogroup;\n\
             events {{}}\nhttp {{\n access_log off;\n client_body_temp_path {name}/b;\n proxy_temp_path {name}/p;\n\
             fastcgi_temp_path {name}/f;\n uwsgi_temp_path {name}/u;\n scgi_temp_path {name}/s;\n\
             server {{ listen 127.0.0.1:{port}; }}\n}}\n"
        );
        desk.sandbox.write("nginx.conf", conf);
        let argv = format!("[\"nginx\", \"-e\", \"{name}/error.log\", \"-c\", \"{name}/nginx.conf\"]");
        comes_and_goes(&desk, &argv, || answers(port));
        assert!(is_silent(port));
        fs::remove_dir_all(desk.sandbox.state_directory()).unwrap();
        let _ = fs::remove_file(desk.sandbox.path("seen"));
    }
}

/// Words of these programs' own are the only ones that name them; each is looked for from outside.
fn hides_as(program: &str) {
    let desk = Desk::new();
    let needle = format!("needle-{}", std::process::id()) + desk.name().replace('/', "-").as_str();
    let argv = program.replace("NEEDLE", &needle);
    comes_and_goes(&desk, &argv, || !with_words(&needle).is_empty());
}

#[test]
fn perl_that_renames_itself() {
    hides_as(r#"["perl", "-e", "$0 = $ARGV[0]; sleep 300", "NEEDLE"]"#);
}

#[test]
fn a_fresh_environment() {
    hides_as(r#"["env", "-i", "perl", "-e", "sleep 300", "NEEDLE"]"#);
}

#[test]
fn another_user_with_a_fresh_environment() {
    hides_as(
        r#"["setpriv", "--reuid", "65534", "--clear-groups", "--reset-env", "perl", "-e", "sleep 300", "NEEDLE"]"#,
    );
}

#[test]
fn a_session_of_another_user() {
    hides_as(r#"["su", "-", "nobody", "-s", "/bin/sh", "-c", "exec perl -e 'sleep 300' NEEDLE"]"#);
}

#[test]
fn a_session_of_another_user_that_forks_away_and_lets_its_parents_end() {
    hides_as(
        r#"["su", "-", "nobody", "-s", "/bin/sh", "-c", "setsid perl -e 'fork and exit; fork and exit; sleep 300' NEEDLE > /dev/null 2>&1 & sleep 0.1"]"#,
    );
}

#[test]
fn two_forks_a_session_a_fresh_environment_and_no_limits() {
    hides_as(
        r#"["sh", "-c", "env -i setsid prlimit --locks=unlimited perl -e 'fork and exit; fork and exit; sleep 300' NEEDLE & sleep 0.1"]"#,
    );
}

/// Its parent goes on: what forked away belongs to it all the same.
#[test]
fn a_child_that_forks_away_later() {
    hides_as(
        r#"["sh", "-c", "trap '' TERM; sleep 0.4; (env -i setsid perl -e 'fork and exit; sleep 300' NEEDLE &); while :; do sleep 1; done"]"#,
    );
}

/// Each run has a state directory of its own: the tag and the control group tell it all the same.
#[test]
fn another_state_directory_knows_it_too() {
    let desk = Desk::new();
    let port = free_port();
    let start = format!(
        "step up \"Start\" {{ do process.start(r, [\"redis-server\", \"--port\", \"{port}\", \"--save\", \"\"]) undo process.stop(r) within 20s }}"
    );
    desk.call("run", &desk.about("begins stopped", &start)).exits(0);
    wait_for_answer(port);
    let stop = desk.about("", STOP);
    let mut command = desk.command("run", &stop);
    command.env("BACKSTAY_STATE_DIR", desk.path("elsewhere"));
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    assert!(is_silent(port));
}

/// A number that was used again is told by the moment of start.
#[test]
fn a_number_that_was_used_again_is_spared() {
    let desk = Desk::new();
    let start = "step up \"Start\" { do process.start(r, [\"sleep\", \"300\"]) undo process.stop(r) within 20s }";
    desk.call("run", &desk.about("begins stopped", start)).exits(0);
    let folder = desk.sandbox.path("state/services");
    let note = fs::read_dir(&folder).unwrap().flatten().next().unwrap().path();
    let text = fs::read_to_string(&note).unwrap();
    let pid = text
        .split("\"pid\":")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    let mut stranger = Stranger::start(&["setsid", "sleep", "300"]);
    fs::write(&note, text.replace(&pid, &stranger.0.id().to_string())).unwrap();
    let stop = desk.about("begins stopped", STOP);
    desk.call("run", &stop).exits(0);
    assert!(stranger.lives(), "a stranger was ended");
}

#[test]
fn notes_that_cannot_be_read_stop_everything() {
    let desk = Desk::new();
    let start = "step up \"Start\" { do process.start(r, [\"sleep\", \"300\"]) undo process.stop(r) within 20s }";
    desk.call("run", &desk.about("begins stopped", start)).exits(0);
    let folder = desk.sandbox.path("state/services");
    let note = fs::read_dir(&folder).unwrap().flatten().next().unwrap().path();
    fs::write(&note, "half a li").unwrap();
    let stop = desk.about("", STOP);
    let refused = desk.call("run", &stop).exits(4);
    assert!(
        refused.stderr.contains("then remove that file") || refused.stdout.contains("then remove that file"),
        "{refused:?}"
    );
    fs::remove_file(&note).unwrap();
    desk.call("run", &stop).exits(0);
}

/// Started again it is done; with other words it is not the same.
#[test]
fn what_runs_is_not_started_again() {
    let desk = Desk::new();
    let start = |seconds: &str| {
        format!("step up \"Start\" {{ do process.start(r, [\"sleep\", \"{seconds}\"]) no undo because \"a test\" }}")
    };
    desk.call("run", &desk.about("begins stopped", &start("301"))).exits(0);
    let running = |steps: &str| desk.about("", steps);
    let again = desk.call("run", &running(&start("301"))).exits(0);
    assert!(again.stderr.contains("runs already"), "{again:?}");
    let other = desk.call("run", &running(&start("302")));
    assert!(other.exit != 0 && other.stdout.contains("other words"), "{other:?}");
    desk.call("run", &desk.about("", STOP)).exits(0);
}

/// Whoever is called by the service cannot end it and say afterwards that it did.
#[test]
fn a_service_does_not_judge_itself() {
    let desk = Desk::new();
    let stop = desk.about("", STOP);
    let name = desk.name();
    desk.sandbox.write("stop.runbook", stop);
    let inner = format!(
        "#!/bin/sh\n{} run {name}/stop.runbook --state-dir {name}/inner > {name}/said 2>&1\necho $? > {name}/exit\nsleep 300\n",
        env!("CARGO_BIN_EXE_backstay")
    );
    let script = desk.script("service", &inner);
    let start = format!("step up \"Start\" {{ do process.start(r, [\"{script}\"]) no undo because \"a test\" }}");
    desk.call("run", &desk.about("begins stopped", &start)).exits(0);
    let exit = desk.sandbox.path("exit");
    wait_until("it was called", || {
        fs::read_to_string(&exit).is_ok_and(|text| text.ends_with('\n'))
    });
    let said = fs::read_to_string(desk.sandbox.path("said")).unwrap();
    assert_eq!(fs::read_to_string(&exit).unwrap(), "4\n", "{said}");
    assert!(said.contains("started inside of it"), "{said}");
    desk.call("run", &desk.about("", STOP)).exits(0);
}

/// Without root there is no control group here, and the program loses every other sign: it came to the runner as the
/// only orphan that it can be.
#[test]
fn without_root_what_lost_every_sign() {
    for argv in [
        r#"["sh", "-c", "env -i setsid prlimit --locks=unlimited perl -e 'fork and exit; fork and exit; sleep 300' NEEDLE & sleep 0.1"]"#,
        r#"["env", "-i", "perl", "-e", "sleep 300", "NEEDLE"]"#,
    ] {
        let desk = Desk::new();
        let needle = format!("needle{}", desk.name().replace('/', "-"));
        let steps = starts_and_fails(&argv.replace("NEEDLE", &needle), "");
        let back = desk.call_as(NOBODY, "run", &desk.about("begins stopped", &steps));
        let back = back.exits(5);
        assert!(
            back.stderr.contains("ok: process ") && back.stderr.contains(" ended"),
            "{back:?}"
        );
        assert!(with_words(&needle).is_empty());
    }
}
