//! Bad input: a clear error that says what to do, the right exit code, no panic, no hang.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::program::SMALL;
use crate::support::sandbox::Sandbox;

/// The error of a call with `--format json`.
fn error(desk: &Sandbox, exit: i32, words: &[&str]) -> Value {
    let words = [words, &["--format", "json"]].concat();
    let json = desk.call(&words).exits(exit).json();
    let error = json["error"].clone();
    assert_eq!(error["exit"], exit, "{json}");
    let reason = error["reason"].as_str().unwrap();
    assert!(!reason.is_empty() && !reason.contains('\n'), "{json}");
    assert!(
        error["help"].as_array().is_some_and(|help| !help.is_empty()),
        "nothing says what to do: {json}"
    );
    error
}

fn reason(error: &Value) -> &str {
    error["reason"].as_str().unwrap()
}

#[test]
fn files_that_cannot_be_read() {
    let desk = Sandbox::desk();
    fs::create_dir(desk.path("folder")).unwrap();
    for command in ["check", "run", "plan"] {
        assert!(reason(&error(&desk, 2, &[command, "gone.runbook"])).contains("gone.runbook"));
        assert!(reason(&error(&desk, 2, &[command, "folder"])).contains("folder"));
    }
}

#[test]
fn bytes_that_are_no_text() {
    let desk = Sandbox::desk();
    desk.write("latin.runbook", b"runbook x \"X\"\n# caf\xe9\n");
    let error = error(&desk, 3, &["check", "latin.runbook"]);
    assert!(reason(&error).contains("line 2, column 6"), "{error}");
}

#[test]
fn a_huge_text_is_read_or_refused_but_never_hangs() {
    let desk = Sandbox::desk();
    let mut text = SMALL.to_owned();
    while text.len() < 10 << 20 {
        text.push_str("# ballast ballast ballast ballast ballast ballast ballast ballast ballast\n");
    }
    desk.write("large.runbook", &text);
    desk.call(&["check", "large.runbook"]).exits(0);
    desk.write("larger.runbook", [text.as_bytes(), text.as_bytes()].concat());
    error(&desk, 3, &["check", "larger.runbook"]);
    desk.write("nonsense.runbook", vec![b'x'; 10 << 20]);
    desk.call(&["check", "nonsense.runbook", "--format", "json"]).exits(3);
}

#[test]
fn deep_nesting_is_an_error_at_its_place() {
    let desk = Sandbox::desk();
    let deep = format!(
        "runbook x \"X\"\nstep a \"A\" {}{}\n",
        "{".repeat(10_000),
        "}".repeat(10_000)
    );
    desk.write("deep.runbook", deep);
    let json = desk
        .call(&["check", "deep.runbook", "--format", "json"])
        .exits(3)
        .json();
    assert!(!json["diagnostics"].as_array().unwrap().is_empty(), "{json}");
}

#[test]
fn modules_in_a_circle() {
    let desk = Sandbox::desk();
    desk.write("a.runbook", format!("use \"./b.runbook\" as b\n{SMALL}"));
    desk.write("b.runbook", "use \"./c.runbook\" as c\n");
    desk.write("c.runbook", "use \"./b.runbook\" as b\n");
    let json = desk.call(&["check", "a.runbook", "--format", "json"]).exits(3).json();
    assert!(json["diagnostics"].to_string().contains("b.runbook"), "{json}");
}

#[test]
fn inputs_that_are_missing_or_wrong_are_told_all_at_once() {
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    let missing = error(&desk, 2, &["run", "small.runbook", "--no-input"]);
    assert!(reason(&missing).contains("place"), "{missing}");
    let wrong = error(
        &desk,
        2,
        &["run", "small.runbook", "--input", "count=three", "--input", "spice=hot"],
    );
    for name in ["place", "count", "spice"] {
        assert!(wrong.to_string().contains(name), "{name}: {wrong}");
    }
    error(&desk, 2, &["run", "small.runbook", "--input", "place"]);
    error(&desk, 2, &["plan", "small.runbook"]);
    assert!(!desk.path("state/runs").exists(), "a run was begun");
}

#[test]
fn files_of_inputs_and_answers_that_are_wrong() {
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    desk.write("bad.toml", "place = \n");
    desk.write("answers.toml", "[cutover]\n2 = true\n");
    let no_toml = error(&desk, 2, &["run", "small.runbook", "--inputs", "bad.toml"]);
    assert!(reason(&no_toml).contains("line 1"), "{no_toml}");
    error(&desk, 2, &["run", "small.runbook", "--inputs", "gone.toml"]);
    let place = format!("place={}", desk.path("out").display());
    let table = error(
        &desk,
        2,
        &["run", "small.runbook", "--input", &place, "--answers", "answers.toml"],
    );
    assert!(reason(&table).contains("cutover"), "{table}");
}

#[test]
fn an_input_that_is_given_twice() {
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    let (first, second) = (desk.path("one"), desk.path("two"));
    let (first, second) = (
        format!("place={}", first.display()),
        format!("place={}", second.display()),
    );
    let error = error(
        &desk,
        2,
        &["run", "small.runbook", "--input", &first, "--input", &second],
    );
    assert!(reason(&error).contains("`place` is given twice"), "{error}");
    assert!(!desk.path("one").exists() && !desk.path("two").exists());
}

#[test]
fn a_file_that_holds_no_runbook() {
    let desk = Sandbox::desk();
    for (name, text) in [("empty", ""), ("comment", "# later\n")] {
        desk.write(name, text);
        for command in ["check", "run", "plan"] {
            let call = desk.call(&[command, name]).exits(3);
            assert!(
                (call.stdout + call.stderr.as_str()).contains("this file has no header"),
                "{command} {name}"
            );
        }
    }
    desk.write("module", "question same(a: text) -> bool { give a == a }\n");
    assert!(
        desk.call(&["check", "module"])
            .exits(0)
            .stdout
            .contains("no errors, a module")
    );
    assert!(reason(&error(&desk, 3, &["run", "module"])).contains("is a module"));
}

#[test]
fn answers_that_fit_no_question() {
    let desk = Sandbox::desk();
    let place = desk.path("out");
    desk.write(
        "asks.runbook",
        format!(
            r#"runbook asks "Ask"
step write "Write" {{ do fs.write("{}", content: "x") no undo because "a test" }}
step ask "Ask" {{
  ask "Shall it be done?" confirm
  ask "Who decides?" text as who
  record who
}}
"#,
            place.display()
        ),
    );
    for (answers, what) in [
        ("\"ask/1\" = \"yes\"\n\"ask/2\" = \"ada\"\n", "must be true or false"),
        ("\"ask/1\" = true\n\"ask/2\" = false\n", "must be a text"),
        (
            "\"ask/1\" = true\n\"ask/2\" = \"ada\"\n\"Who decidess?\" = \"ada\"\n",
            "no question `Who decidess?`",
        ),
    ] {
        desk.write("answers.toml", answers);
        let error = error(&desk, 2, &["run", "asks.runbook", "--answers", "answers.toml"]);
        assert!(reason(&error).contains(what), "{what}: {error}");
        assert!(!place.exists());
    }
}

#[test]
fn runs_that_are_not_there() {
    let desk = Sandbox::desk();
    for words in [
        &["resume", "gone"][..],
        &["turn-back", "../gone"],
        &["pause", "gone"],
        &["transcript", "verify", "gone"],
    ] {
        assert!(reason(&error(&desk, 2, words)).contains("gone"));
    }
    desk.call(&["transcript", "show", "gone\u{1b}[2J"]).exits(2);
}

#[test]
fn a_pipe_or_a_folder_in_place_of_a_file_is_no_reason_to_wait() {
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    let place = format!("place={}", desk.path("out").display());
    let run = ["run", "small.runbook", "--input", &place];
    desk.call(&run).exits(0);
    let pipe = desk.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for instead in [&pipe, &desk.path("home")] {
        let instead = instead.to_str().unwrap();
        for option in ["--answers", "--inputs"] {
            let refused = desk.call(&[&run[..], &[option, instead]].concat()).exits(2);
            assert!(refused.stderr.contains("no plain file"), "{option}: {refused:?}");
        }
        desk.call(&["run", instead]).exits(2);
        for name in ["seal.json", "transcript.jsonl"] {
            let path = desk.run_directory().join(name);
            let kept = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            assert!(
                Command::new("cp")
                    .args(["-a", instead])
                    .arg(&path)
                    .status()
                    .unwrap()
                    .success()
            );
            let run = path.parent().unwrap().to_str().unwrap();
            let verdict = desk.call(&["transcript", "verify", run]);
            assert!(verdict.exit == 1 || verdict.exit == 2, "{name}: {verdict:?}");
            drop(fs::remove_dir_all(&path));
            drop(fs::remove_file(&path));
            fs::write(&path, kept).unwrap();
        }
    }
}

#[test]
fn a_name_that_no_file_can_have_is_refused_by_check() {
    let desk = Sandbox::desk();
    let named = |length: usize| SMALL.replace("runbook small", &format!("runbook {}", "x".repeat(length)));
    let place = format!("place={}", desk.path("out").display());
    desk.write("long.runbook", named(300));
    let refused = desk.call(&["check", "long.runbook"]).exits(3);
    assert!(format!("{refused:?}").contains("too-large"), "{refused:?}");
    desk.write("long.runbook", named(100));
    desk.call(&["run", "long.runbook", "--input", &place]).exits(0);
}
