//! What others started is known by what operators know it by: all that is given must fit.

use std::fs;
use std::process::Command;

use super::desk::{Desk, NOBODY, Stranger, answers, free_port, is_silent, runbook, wait_for_answer, with_words};
use crate::support::sandbox::{find, wait_until};

const STOP: &str = "step down \"Stop\" { do process.stop(r, grace: 5s) no undo because \"a test\" }";

fn redis(port: u16, more: &[&str]) -> Stranger {
    let port_word = port.to_string();
    let mut words = vec!["redis-server", "--port", &port_word, "--save", ""];
    words.extend(more);
    let stranger = Stranger::start(&words);
    wait_for_answer(port);
    stranger
}

fn well(port: u16) -> String {
    format!("well \"it answers\": process.listening({port}) within 5s")
}

/// What actions said, in all runs.
fn outcomes(desk: &Desk) -> String {
    let transcripts = find(&desk.sandbox.state_directory(), "transcript.jsonl");
    let texts = transcripts.iter().map(|path| fs::read_to_string(path).unwrap());
    let lines: Vec<String> = texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let outcomes = lines.into_iter().filter(|line| line.contains("\"kind\":\"outcome\""));
    outcomes.collect::<Vec<_>>().join("\n")
}

/// It was started by hand and `well` holds: nothing is believed of it, and nothing is done.
#[test]
fn a_name_alone_names_nothing_that_others_started() {
    let desk = Desk::new();
    let port = free_port();
    let mut stranger = redis(port, &[]);
    let text = desk.about(&well(port), STOP);
    let refused = desk.call("run", &text).exits(4);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        said.contains("say how operators know it") && said.contains("pid_file:"),
        "{said}"
    );
    let planned = desk.call("plan", &text).exits(1);
    assert!(
        planned.in_one_line().contains("say how operators know it"),
        "{planned:?}"
    );
    assert!(desk.sandbox.records_of("intent").is_empty());
    // That it should be stopped already is refused as well: something answers there.
    let stopped = desk.about(&format!("{}\n  begins stopped", well(port)), STOP);
    fs::remove_dir_all(desk.sandbox.state_directory()).unwrap();
    let refused = desk.call("run", &stopped).exits(4);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("should not run yet, and is well"), "{said}");
    desk.call("plan", &stopped).exits(1);
    assert!(stranger.lives());
}

/// Each of the words by itself finds it, and stops it.
#[test]
fn redis_is_known_by_each_word() {
    let desk = Desk::new();
    let pid_file = desk.path("redis.pid");
    let words = [
        format!(", pid_file: \"{pid_file}\""),
        ", port: PORT".to_owned(),
        ", executable: \"/usr/bin/redis-server\", port: PORT".to_owned(),
        ", user: \"root\", arguments: [\"redis-server\", \":PORT\"], stop: INT".to_owned(),
        ", port: PORT, stop: [\"redis-cli\", \"-p\", \"PORT\", \"shutdown\"]".to_owned(),
    ];
    for more in words {
        let port = free_port();
        let mut stranger = redis(port, &["--pidfile", &pid_file]);
        wait_until("the pid file", || fs::exists(&pid_file).unwrap());
        let runs = desk.process(&more.replace("PORT", &port.to_string()));
        let text = runbook(&runs, "", STOP);
        desk.call("plan", &text).exits(0);
        let ran = desk.call("run", &text);
        assert_eq!(ran.exit, 0, "{more}: {ran:?}");
        assert!(ran.stderr.contains("`r` runs, known by "), "{ran:?}");
        assert!(is_silent(port), "{more}");
        assert!(!stranger.lives(), "{more}");
        let _ = fs::remove_file(&pid_file);
    }
}

#[test]
fn what_does_not_fit_is_not_it() {
    let desk = Desk::new();
    let port = free_port();
    let mut stranger = redis(port, &[]);
    for more in [
        format!(", port: {port}, user: \"nobody\""),
        format!(", port: {port}, executable: \"/bin/sleep\""),
        format!(", port: {port}, arguments: [\"redis-server\", \"--no-such-word\"]"),
        format!(", port: {port}, pid_file: \"{}\"", desk.path("none")),
        format!(", port: {}", free_port()),
    ] {
        let text = runbook(&desk.process(&more), &well(port), STOP);
        let refused = desk.call("run", &text);
        assert_eq!(refused.exit, 4, "{more}: {refused:?}");
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("no process fits"), "{more}: {said}");
    }
    assert!(stranger.lives() && answers(port));
}

/// nginx is one tree of two users.
#[test]
fn a_tree_is_one_service() {
    let desk = Desk::new();
    let (name, port) = (desk.name(), free_port());
    let conf = format!(
        "daemon on;\npid {name}/nginx.pid;\nworker_processes 2;\nuser nobody nogroup;\nevents {{}}\nhttp {{\n access_log off;\n\
         client_body_temp_path {name}/b;\n proxy_temp_path {name}/p;\n fastcgi_temp_path {name}/f;\n\
         uwsgi_temp_path {name}/u;\n scgi_temp_path {name}/s;\n server {{ listen 127.0.0.1:{port}; }}\n}}\n"
    );
    desk.sandbox.write("nginx.conf", conf);
    let (log, conf) = (format!("{name}/error.log"), format!("{name}/nginx.conf"));
    for more in [
        format!(", pid_file: \"{name}/nginx.pid\", stop: QUIT"),
        format!(", port: {port}, stop: QUIT"),
    ] {
        assert!(
            Command::new("nginx")
                .args(["-e", &log, "-c", &conf])
                .status()
                .unwrap()
                .success()
        );
        wait_for_answer(port);
        let text = runbook(&desk.process(&more), "", STOP);
        desk.call("run", &text).exits(0);
        let said = outcomes(&desk);
        assert!(said.contains("ended") && !said.contains("killed"), "{said}");
        assert!(is_silent(port));
    }
}

#[test]
fn postgresql_is_stopped_as_its_operators_stop_it() {
    let desk = Desk::new();
    let (name, port) = (desk.name(), free_port());
    let data = format!("{name}/pg");
    let tools = fs::read_dir("/usr/lib/postgresql")
        .unwrap()
        .flatten()
        .next()
        .unwrap()
        .path()
        .join("bin");
    let open = Command::new("chmod").args(["777", &name]).status().unwrap();
    assert!(open.success());
    let as_postgres = |program: &str, arguments: &[&str]| {
        let tool = tools.join(program);
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"])
            .arg(tool)
            .args(arguments);
        let done = command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    as_postgres("initdb", &["-D", &data, "--no-sync", "-A", "trust"]);
    let options = format!("-p {port} -k {data} -h 127.0.0.1");
    as_postgres(
        "pg_ctl",
        &["-D", &data, "-o", &options, "-w", "-l", &format!("{data}/log"), "start"],
    );
    let more = format!(", pid_file: \"{data}/postmaster.pid\", user: \"postgres\", port: {port}, stop: INT");
    let text = runbook(&desk.process(&more), "", STOP);
    desk.call("run", &text).exits(0);
    let said = outcomes(&desk);
    assert!(said.contains("ended") && !said.contains("killed"), "{said}");
    assert!(is_silent(port));
    assert!(
        !fs::exists(format!("{data}/postmaster.pid")).unwrap(),
        "it ended in order"
    );
}

/// It ends at this signal only: without the word it has to be killed.
#[test]
fn the_signal_that_the_text_names_is_sent() {
    const SCRIPT: &str = "$SIG{$_} = \"IGNORE\" for qw(TERM INT QUIT HUP USR2 WINCH); $SIG{USR1} = sub { exit 0 }; \
                          open F, \">\", shift; close F; sleep 1 while 1";
    for (stop, grace, how) in [(", stop: USR1", "1m", "ended"), ("", "300ms", "so it was killed")] {
        let desk = Desk::new();
        let ready = desk.path("ready");
        let mut stranger = Stranger::start(&["perl", "-e", SCRIPT, &ready]);
        wait_until("it is ready", || fs::exists(&ready).unwrap());
        let text = runbook(
            &desk.process(&format!(", arguments: [\"{ready}\"]{stop}")),
            "",
            &format!(
                "step down \"Stop\" {{ do process.stop(r, grace: {grace}) within 2m no undo because \"a test\" }}"
            ),
        );
        desk.call("run", &text).exits(0);
        let said = outcomes(&desk);
        assert!(said.contains(how), "{said}");
        assert_eq!(said.contains("killed"), stop.is_empty(), "{said}");
        assert!(!stranger.lives());
    }
}

/// What it printed stands in the failure; what it left behind when it was not done in time goes with it.
#[test]
fn the_command_that_stops_is_watched_like_every_program() {
    let desk = Desk::new();
    let (ready, left) = (desk.path("ready"), desk.path("left"));
    let mut stranger = Stranger::start(&["sh", "-c", "touch \"$0\"; sleep 300; :", &ready]);
    wait_until("it is ready", || fs::exists(&ready).unwrap());
    let stopped_by = |command: &str, grace: &str| {
        let runs = desk.process(&format!(
            ", arguments: [\"{ready}\"], stop: [\"sh\", \"-c\", \"{command}\"]"
        ));
        let step =
            format!("step down \"Stop\" {{ do process.stop(r, grace: {grace}) within 2m no undo because \"a test\" }}");
        desk.call("run", &runbook(&runs, "", &step))
    };
    let failed = stopped_by("echo no such server >&2; exit 3", "1m");
    assert_ne!(failed.exit, 0);
    let said = outcomes(&desk);
    assert!(
        said.contains("ended with status 3, and nothing else was done: no such server"),
        "{said}"
    );
    let hides = format!("setsid env -i sleep 299.5 & touch {left}; wait");
    let failed = stopped_by(&hides, "3s");
    assert_ne!(failed.exit, 0);
    assert!(fs::exists(&left).unwrap(), "{failed:?}");
    assert!(outcomes(&desk).contains("not done within 3s"), "{}", outcomes(&desk));
    assert_eq!(with_words("sleep 299.5"), Vec::<i32>::new());
    assert!(stranger.lives());
}

/// Two that fit, and none is the other's child: nobody can tell which is meant.
#[test]
fn two_trees_are_not_one_service() {
    let desk = Desk::new();
    let words = format!("needle{}", desk.name().replace('/', "-"));
    let mut strangers = [(); 2].map(|()| Stranger::start(&["perl", "-e", "sleep 300", &words]));
    wait_until("both run", || with_words(&words).len() == 2);
    let text = runbook(&desk.process(&format!(", arguments: [\"{words}\"]")), "", STOP);
    let refused = desk.call("run", &text).exits(4);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("none of them started the others"), "{said}");
    assert!(strangers.iter_mut().all(Stranger::lives));
    drop(strangers);
}

/// A pid file that a program of long ago left names a process that began after it was written.
#[test]
fn a_stale_pid_file_names_nobody() {
    let desk = Desk::new();
    let mut stranger = Stranger::start(&["sleep", "300"]);
    desk.sandbox.write("pid", format!("{}\n", stranger.0.id()));
    let file = desk.path("pid");
    let with = format!(", pid_file: \"{file}\"");
    let text = runbook(&desk.process(&with), "", STOP);
    desk.call("plan", &text).exits(0);
    assert!(
        Command::new("touch")
            .args(["-d", "1 hour ago", &file])
            .status()
            .unwrap()
            .success()
    );
    let refused = desk.call("run", &text).exits(4);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("no process fits"), "{said}");
    desk.sandbox.write("pid", "");
    let refused = desk.call("run", &text).exits(4);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("has no number in it"), "{said}");
    assert!(stranger.lives());
}

/// What one user may not see is not taken for not there; what everybody sees decides.
#[test]
fn who_is_not_root_hears_what_cannot_be_told() {
    let desk = Desk::new();
    let port = free_port();
    let mut stranger = redis(port, &[]);
    for (more, says) in [
        (format!(", port: {port}"), "run as root"),
        (", executable: \"/usr/bin/redis-server\"".to_owned(), "run as root"),
        (", user: \"bin\"".to_owned(), "no process fits"),
        (format!(", port: {}", free_port()), "no process fits"),
    ] {
        let text = runbook(&desk.process(&more), &well(port), STOP);
        let refused = desk.call_as(NOBODY, "run", &text);
        assert_eq!(refused.exit, 4, "{more}: {refused:?}");
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(says), "{more}: {said}");
    }
    // It is seen by words that everybody may read, and cannot be ended.
    let more = format!(", arguments: [\"redis-server\", \":{port}\"]");
    let text = runbook(
        &desk.process(&more),
        &well(port),
        "step down \"Stop\" { do process.stop(r, grace: 300ms) no undo because \"a test\" }",
    );
    let failed = desk.call_as(NOBODY, "run", &text);
    assert!(failed.exit != 0 && failed.stdout.contains("another user"), "{failed:?}");
    assert!(stranger.lives());
}
