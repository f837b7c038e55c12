//! What `run` would be refused for before the first change, `plan` says, with exit code 1; and it never takes what a
//! change of the runbook decides for decided.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;

use crate::support::left_out::leave_out;
use crate::support::sandbox::{Finished, Sandbox};

/// Plans and runs one runbook: the plan exits 1 and names its obstacles, the run is refused. Gives the plan's text.
fn refused(desk: &Sandbox, text: &str, said: &[&str]) -> String {
    desk.write("refused.runbook", text);
    let planned = desk.call(&["plan", "refused.runbook"]).exits(1).in_one_line();
    let (_, obstacles) = planned
        .split_once("The run would be refused")
        .unwrap_or_else(|| panic!("{planned}"));
    for words in said {
        assert!(obstacles.contains(words), "{words}: {planned}");
    }
    let ran = desk.call(&["run", "refused.runbook", "--no-input"]).exits(4);
    assert!(ran.stdout.contains("REFUSED"), "{ran:?}");
    planned
}

/// Plans what no run would be refused for.
fn planned(desk: &Sandbox, text: &str) -> String {
    desk.write("planned.runbook", text);
    desk.call(&["plan", "planned.runbook"]).exits(0).in_one_line()
}

#[test]
fn a_first_requirement_that_does_not_hold() {
    let desk = Sandbox::desk();
    let text = refused(
        &desk,
        r#"runbook a "A" {}
step look "Look" { require fs.exists("/nope/nothing") else "put it there" }
"#,
        &["step look: put it there: fs.exists(…): false"],
    );
    assert!(text.contains("DOES NOT HOLD"), "{text}");
}

#[test]
fn a_value_that_cannot_be_read_before_the_first_change() {
    let desk = Sandbox::desk();
    let file = desk.path("worker.env");
    let readme = fs::read_to_string(crate::support::texts::root().join("README.md")).unwrap();
    let (_, first) = readme.split_once("## A first runbook\n\n```runbook\n").unwrap();
    let (text, _) = first.split_once("```").unwrap();
    let text = text.replace("/etc/worker.env", file.to_str().unwrap());
    let text = text.replace("[\"worker\"", "[\"true\"");
    let said = refused(
        &desk,
        &text,
        &["step change: let before: cannot read", "no such file or directory"],
    );
    assert!(said.contains("let before HAS NO ANSWER"), "{said}");
    fs::write(&file, "POOL=16\n").unwrap();
    let said = desk.call(&["plan", "refused.runbook"]).stdout;
    assert!(said.contains("let before: 16"), "{said}");
    assert!(!said.contains("would be refused"), "{said}");
}

#[test]
fn a_service_whose_well_cannot_be_reached() {
    let desk = Sandbox::desk();
    let address = closed();
    let text = |well: &str| {
        format!(
            r#"runbook a "A" {{}}
service self "This test" {{ runs process("{}", pid_file: "{}")  well "it answers": {well} }}
step look "Look" {{ check "there is a root": fs.exists("/") }}
"#,
            "it",
            desk.path("pid").display()
        )
    };
    fs::write(desk.path("pid"), std::process::id().to_string()).unwrap();
    let unreachable = format!("http.get(\"{address}/health\").status == 200");
    refused(&desk, &text(&unreachable), &["This test is not well: it answers: "]);
    refused(
        &desk,
        &text(&format!("http.get(\"{}/health\").status == 200", answers(503))),
        &["This test is not well: it answers: http.get(…).status == 200: 503"],
    );
}

#[test]
fn a_check_before_the_first_change_that_does_not_hold() {
    let desk = Sandbox::desk();
    let text = |failing: &str, more: &str| {
        format!(
            r#"runbook a "A" {{}}
step look "Look" {{
  check "it is there": fs.exists("{}")
  {failing}
}}
{more}
"#,
            desk.path("it").display()
        )
    };
    refused(&desk, &text("", ""), &["step look: it is there: fs.exists(…): false"]);
    let table = r#"symptoms table "Table" for look {
  symptom anything else { suspect "nothing" otherwise unwind }
}"#;
    let said = planned(&desk, &text("", table));
    assert!(said.contains("DOES NOT HOLD"), "{said}");
    assert!(said.contains("the symptom table table is consulted"), "{said}");
    let said = planned(&desk, &text("on failure continue because \"it may be away\"", ""));
    assert!(said.contains("the run would go on, because it may be away"), "{said}");
}

#[test]
fn what_decides_whether_a_step_runs_must_have_an_answer() {
    let desk = Sandbox::desk();
    for word in ["skip", "only"] {
        refused(
            &desk,
            &format!(
                r#"runbook a "A" {{}}
step look "Look" {{ {word} when fs.read("/nope/mark") == "2" because "the mark says so"  check "there is a root": fs.exists("/") }}
"#
            ),
            &["step look: ", "cannot read /nope/mark"],
        );
    }
}

#[test]
fn an_argument_that_cannot_be_worked_out_names_what_the_user_gave() {
    let desk = Sandbox::desk();
    desk.write(
        "refused.runbook",
        r#"runbook a "A" {}
inputs { root : path  release : text }
step write "Write" { do fs.write(root / release, content: "x") no undo because "a test" }
"#,
    );
    let root = format!("root={}", desk.path("").display());
    let call = |verb| desk.call(&[verb, "refused.runbook", "--input", &root, "--input", "release="]);
    let said = call("plan").exits(1).in_one_line();
    assert!(
        said.contains("`root / release` is not known: `/` takes one segment"),
        "{said}"
    );
    let said = call("run").exits(4).stderr;
    assert!(
        said.contains("`root / release` is not known: `/` takes one segment"),
        "{said}"
    );
}

/// An undo removes what its action made, and would take what was there before with it.
#[test]
fn an_undo_that_would_remove_what_is_there() {
    let desk = Sandbox::desk();
    let making = |before: &str, guard: &str| {
        format!(
            r#"runbook a "A" {{}}
step make "Make" {{
  {guard}
  {before}
  do fs.mkdir("{place}") undo fs.remove("{place}") within 5s
}}
"#,
            place = desk.path("place").display()
        )
    };
    planned(&desk, &making("", ""));
    fs::create_dir(desk.path("place")).unwrap();
    let said = refused(
        &desk,
        &making("", ""),
        &[
            "step make: fs.mkdir(",
            "place is there already, and the undo would remove it",
        ],
    );
    assert!(said.contains("the run would fail here as things are now: "), "{said}");
    let guard = format!(
        "skip when fs.exists(\"{}\") because \"it is made\"",
        desk.path("place").display()
    );
    planned(&desk, &making("", &guard));
    // The run itself moves it away before, so that nobody knows.
    let moving = format!(
        "do fs.move(\"{0}\", to: \"{0}.old\") undo fs.move(\"{0}.old\", to: \"{0}\") within 5s",
        desk.path("place").display()
    );
    let said = planned(&desk, &making(&moving, ""));
    assert!(!said.contains("is there already"), "{said}");
    // It is refused only where nothing was done before, and told where it fails later.
    let writing = format!("do fs.write(\"{}\", content: \"x\")", desk.path("one").display());
    let said = planned(&desk, &making(&writing, ""));
    assert!(said.contains("the run would fail here as things are now: "), "{said}");
}

/// Who plans for a run without anybody says so; no terminal alone says nothing about the run.
#[test]
fn a_question_that_nobody_answers() {
    let desk = Sandbox::desk();
    desk.write(
        "asks.runbook",
        r#"runbook a "A" {}
step look "Look" { ask "Is it time?" confirm  check "there is a root": fs.exists("/") }
"#,
    );
    desk.write("no.toml", "");
    desk.write("yes.toml", "\"look/1\" = true\n");
    desk.write("wrong.toml", "\"Is it tea?\" = true\n");
    let call = |verb: &str, options: &[&str]| desk.call(&[&[verb, "asks.runbook"], options].concat());
    for options in [&["--no-input"][..], &["--answers", "no.toml"]] {
        let said = call("plan", options).exits(1).in_one_line();
        let words = "a question that the run would ask can be answered by nobody here: look/1: Is it time?";
        assert!(said.contains(words), "{said}");
        call("run", options).exits(4);
    }
    for verb in ["plan", "run"] {
        call(verb, &["--answers", "wrong.toml"]).exits(2);
        call(verb, &["--answers", "yes.toml"]).exits(0);
    }
    call("plan", &[]).exits(0);
}

/// A change decides it: a page that says 503 once it is up, a file that a program writes, a flag.
#[test]
fn what_a_change_decides_later_is_no_obstacle() {
    let desk = Sandbox::desk();
    let flag = desk.path("maintenance.on");
    let said = planned(
        &desk,
        &format!(
            r#"runbook a "A" {{}}
hold maintenance "Users see a page" {{
  take    fs.write("{flag}", content: "on") within 5s
  release fs.remove("{flag}") within 5s
}}
step before "Before" {{ skip when fs.exists("{flag}") because "it is up"  check "there is a root": fs.exists("/") }}
step up "Put the page up" {{
  take maintenance
  check "users see it": http.get("{url}").status == 503
}}
step down "Take it down" {{
  require http.get("{url}").status == 503 else "put it up"
  release maintenance
}}
step apart "Apart from it" {{
  skip when fs.exists("/nope") because "there is nothing to do"
  check "there is a root": fs.exists("/")
}}
"#,
            flag = flag.display(),
            url = answers(200),
        ),
    );
    assert!(!said.contains("DOES NOT HOLD"), "{said}");
    assert_eq!(
        said.matches("now http.get(…).status == 503: 200 (asked before the change)")
            .count(),
        2,
        "{said}"
    );
    assert!(
        said.contains("will be done; skipped where it is up: fs.exists(…): false"),
        "{said}"
    );
    assert!(
        said.contains("skipped where there is nothing to do – now fs.exists(…): false (asked before the change)"),
        "{said}"
    );
}

#[test]
fn what_is_not_known_is_named_as_the_user_named_it() {
    let desk = Sandbox::desk();
    fs::create_dir(desk.path("records")).unwrap();
    let said = planned(
        &desk,
        &format!(
            r#"runbook a "A" {{}}
protect records "Records" {{ path "{root}/records" }}
step keep "Keep" {{
  do backup.create(records, to: "{root}/backups") as snapshot
  check "it restores": backup.verify(snapshot) is ok
}}
"#,
            root = desk.path("").display()
        ),
    );
    assert!(
        said.contains("it restores (backup.verify(…) is ok) – `snapshot` is not known: unknown until step keep"),
        "{said}"
    );
}

/// Beside steps that wait for something else, a step is asked now.
#[test]
fn only_what_is_done_before_it_decides_a_question() {
    let desk = Sandbox::desk();
    desk.write(
        "beside.runbook",
        format!(
            r#"runbook a "A" {{}}
step one "One" after nothing {{ do fs.write("{}", content: "x") no undo because "a test" }}
step two "Two" after nothing {{ require fs.exists("/nope") else "put it there" }}
"#,
            desk.path("one").display()
        ),
    );
    let said: Value = desk
        .call(&["plan", "beside.runbook", "--format", "json"])
        .exits(1)
        .json();
    assert_eq!(said["obstacles"][0], "step two: put it there: fs.exists(…): false");
}

/// An address at which nobody listens.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Answers every request with this status, and ends with the test program.
fn answers(status: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

/// A file that this user may not write: the run would fail at once, and be refused.
#[test]
fn what_this_user_may_not_write() {
    let desk = Sandbox::desk();
    let folder = desk.path("closed");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "old").unwrap();
    for (what, exit) in [
        (
            "fs.write(\"ROOT/closed/file\", content: \"new\") undo fs.write(\"ROOT/closed/file\", content: \"old\") within 5s",
            1,
        ),
        (
            "fs.mkdir(\"ROOT/closed/new\") undo fs.remove(\"ROOT/closed/new\") within 5s",
            1,
        ),
        ("fs.mkdir(\"ROOT/new\") undo fs.remove(\"ROOT/new\") within 5s", 0),
    ] {
        desk.write_runbook(
            "closed.runbook",
            &format!("runbook closed \"Closed\"\nstep a \"A\" {{ do {what} }}\n"),
        );
        desk.call(&["plan", "closed.runbook"]).exits(0);
        let Some(mut plan) = desk.as_nobody(&[], &["plan", "closed.runbook"]) else {
            leave_out("what_this_user_may_not_write", "it takes root to become another user");
            return;
        };
        let planned = Finished::of(&mut plan).exits(exit).in_one_line();
        let is_told = planned.contains("this user may not write to");
        assert_eq!(is_told, exit == 1, "{what}: {planned}");
        let mut run = desk.as_nobody(&[], &["run", "closed.runbook", "--no-input"]).unwrap();
        Finished::of(&mut run).exits(if exit == 1 { 4 } else { 0 });
    }
}

#[test]
fn what_is_safe_with_other_inputs_only() {
    let desk = Sandbox::desk();
    desk.write(
        "two.runbook",
        r#"runbook two "Two settings"

inputs {
  one : path
  two : path
}

step first "The first" {
  let before = fs.key(one, key: "POOL")
  do fs.edit_key(one, key: "POOL", to: "32") undo fs.edit_key(one, key: "POOL", to: before) within 10s
}

step second "The second" after nothing {
  let other = fs.key(two, key: "POOL")
  do fs.edit_key(two, key: "POOL", to: "64") undo fs.edit_key(two, key: "POOL", to: other) within 10s
}
"#,
    );
    desk.write("a.env", "POOL=16\n");
    desk.write("b.env", "POOL=16\n");
    let call = |verb: &str, two: &str| {
        let inputs =
            [("one", "a.env"), ("two", two)].map(|(name, file)| format!("{name}={}", desk.path(file).display()));
        desk.call(&[verb, "two.runbook", "--input", &inputs[0], "--input", &inputs[1]])
    };
    call("plan", "b.env").exits(0);
    for (verb, code) in [("plan", 1), ("run", 4)] {
        let said = call(verb, "./a.env").exits(code);
        let all = format!("{}{}", said.stdout, said.stderr);
        for words in [
            "overlapping-writers",
            "may run at once",
            "with these inputs the runbook is not safe",
        ] {
            assert!(all.contains(words), "{verb}: {words}: {all}");
        }
    }
    assert_eq!(fs::read_to_string(desk.path("a.env")).unwrap(), "POOL=16\n");
    call("run", "b.env").exits(0);
}
