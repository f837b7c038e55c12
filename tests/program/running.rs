//! `run`, `plan`, `resume` and what they print.

use std::fs;

use crate::program::SMALL;
use crate::support::sandbox::Sandbox;

fn desk() -> (Sandbox, String) {
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    let place = format!("place={}", desk.path("out").display());
    (desk, place)
}

#[test]
fn a_plan_says_what_would_be_done_and_does_nothing() {
    let (desk, place) = desk();
    let json = desk
        .call(&["plan", "small.runbook", "--input", &place, "--format", "json"])
        .exits(0)
        .json();
    assert!(json["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(json["window_ms"], 600_000);
    for field in ["forward_ms", "longest_way_back_ms", "slack_ms"] {
        assert!(json[field].as_u64().is_some(), "{field}: {json}");
    }
    let step = &json["steps"][0];
    assert_eq!(
        (step["id"].as_str(), step["title"].as_str()),
        (Some("write"), Some("Write the file"))
    );
    assert_eq!(step["budget_ms"], 60_000);
    assert_eq!(step["would"], "run");
    assert_eq!(step["after"], serde_json::json!([]));
    assert!(!step["changes"].as_array().unwrap().is_empty(), "{json}");
    let text = desk.call(&["plan", "small.runbook", "--input", &place]).exits(0).stdout;
    for part in [
        "Write the file",
        "budget 1m",
        json["digest"].as_str().unwrap(),
        "kept for the way back",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!desk.path("out").exists());
    assert!(!desk.path("state/runs").exists());
}

#[test]
fn a_run_keeps_data_and_talk_apart() {
    let (desk, place) = desk();
    let call = desk
        .call(&[
            "run",
            "small.runbook",
            "--input",
            &place,
            "--format",
            "json",
            "--ticket",
            "CHG-7",
        ])
        .exits(0);
    let json = call.json();
    assert_eq!(json["end"], "completed");
    assert_eq!(json["exit"], 0);
    assert!(json["failed_at"].is_null() && json["way_back"].is_null());
    let transcript = fs::read_to_string(json["transcript"].as_str().unwrap()).unwrap();
    assert!(transcript.contains("\"operator\":\"ada\"") && transcript.contains("\"ticket\":\"CHG-7\""));
    assert_eq!(fs::read_to_string(desk.path("out")).unwrap(), "hello");
    assert!(
        call.stderr.contains("begins: Write the file (budget 1m)"),
        "{}",
        call.stderr
    );
    assert!(!call.stderr.contains('\u{1b}') && !call.stderr.contains('\r'));

    let run = json["run"].as_str().unwrap();
    let again = desk.call(&["resume", run, "--format", "json"]);
    assert!(again.exit == 4 || again.exit == 2, "{again:?}");
    assert!(again.json()["error"]["reason"].as_str().unwrap().contains("ended"));
}

#[test]
fn a_plan_that_was_not_approved_is_refused() {
    let (desk, place) = desk();
    let plan = desk
        .call(&["plan", "small.runbook", "--input", &place, "--format", "json"])
        .exits(0)
        .json();
    let digest = plan["digest"].as_str().unwrap();
    let other = format!("sha256:{}", "0".repeat(64));
    let words = [
        "run",
        "small.runbook",
        "--input",
        &place,
        "--format",
        "json",
        "--approved",
    ];
    let refused = desk.call(&[&words[..], &[&other]].concat()).exits(4).json();
    assert!(
        refused["error"]["reason"].as_str().unwrap().contains(digest),
        "{refused}"
    );
    assert!(!desk.path("out").exists());
    desk.call(&[&words[..], &[digest]].concat()).exits(0);
    // What was approved is in the record, and on its front page.
    assert_eq!(desk.records_of("run.start")[0]["approved"], digest);
    let shown = desk.call(&["transcript", "show", &desk.run_name()]).exits(0).stdout;
    assert!(shown.contains(&format!("{digest}, which was approved")), "{shown}");
}

#[test]
fn a_saved_plan_is_what_runs_or_it_is_said_what_differs() {
    let (desk, place) = desk();
    let plan = |out: &str| desk.call(&["plan", "small.runbook", "--input", &place, "--out", out]);
    let text = plan("approved.json").exits(0).stdout;
    assert!(text.contains("sha256:"), "{text}");
    plan("nowhere/approved.json").exits(2);
    let run = |file: &str, place: &str, approved: &str| {
        desk.call(&[
            "run",
            file,
            "--input",
            place,
            "--approved",
            approved,
            "--format",
            "json",
        ])
    };
    let other = place.replace("out", "other");
    desk.write("slow.runbook", SMALL.replace("budget 1m", "budget 2m"));
    for (file, place, words) in [
        ("small.runbook", &other, &["the input place is ", "was approved"][..]),
        (
            "slow.runbook",
            &place,
            &["the text of slow.runbook has changed", "the way forward takes up to"],
        ),
    ] {
        let refused = run(file, place, "approved.json").exits(4).json();
        let reason = refused["error"]["reason"].as_str().unwrap();
        for word in words {
            assert!(reason.contains(word), "{word}: {reason}");
        }
    }
    desk.write("torn.json", "{");
    for (approved, words) in [("torn.json", "no saved plan"), ("none.json", "no saved plan")] {
        let refused = run("small.runbook", &place, approved).exits(2).json();
        assert!(
            refused["error"]["reason"].as_str().unwrap().contains(words),
            "{refused}"
        );
    }
    assert!(!desk.path("out").exists());
    desk.write("renamed.runbook", SMALL);
    run("renamed.runbook", &place, "approved.json").exits(0);
    let saved: serde_json::Value = serde_json::from_slice(&fs::read(desk.path("approved.json")).unwrap()).unwrap();
    assert_eq!(desk.records_of("run.start")[0]["approved"], saved["digest"]);
}

#[test]
fn a_failed_check_exits_5_and_tells_the_way_back() {
    let (desk, place) = desk();
    desk.write(
        "failing.runbook",
        SMALL.replace("fs.exists(place)", "not fs.exists(place)"),
    );
    let call = desk.call(&["run", "failing.runbook", "--input", &place]).exits(5);
    for part in ["ROLLED BACK", "write", "transcript", "backstay transcript show"] {
        assert!(call.stdout.contains(part), "{part}: {}", call.stdout);
    }
    assert!(!desk.path("out").exists());
}

#[test]
fn an_undo_never_removes_what_was_there_before() {
    let (desk, place) = desk();
    desk.write(
        "failing.runbook",
        SMALL.replace("fs.exists(place)", "not fs.exists(place)"),
    );
    let refused = |what: &str| {
        let words = ["run", "failing.runbook", "--input", &place, "--format", "json"];
        let json = desk.call(&words).exits(4).json();
        let reason = json["failed_at"]["reason"].as_str().unwrap();
        assert!(reason.contains("is there already"), "{what}: {json}");
    };
    desk.write("out", "of before");
    refused("a file");
    assert_eq!(fs::read_to_string(desk.path("out")).unwrap(), "of before");

    fs::remove_file(desk.path("out")).unwrap();
    fs::create_dir(desk.path("out")).unwrap();
    desk.write("out/precious", "of before");
    refused("a folder");
    assert_eq!(fs::read_to_string(desk.path("out/precious")).unwrap(), "of before");
}

#[test]
fn what_was_only_made_is_taken_back_and_never_called_unchanged() {
    let desk = Sandbox::desk();
    let folder = desk.path("folder");
    let runbook = |undo: &str| {
        let text = "runbook small \"Make a folder\"\nstep one \"Make it\" {\n  do fs.mkdir(\"FOLDER\") UNDO\n  check \"never\": \
                    false\n}\n";
        text.replace("FOLDER", &folder.display().to_string())
            .replace("UNDO", undo)
    };
    let undo = format!("undo fs.remove(\"{}\") within 5s", folder.display());
    desk.write("undone.runbook", runbook(&undo));
    desk.call(&["run", "undone.runbook"]).exits(5);
    assert!(!folder.exists());
    desk.write("left.runbook", runbook(""));
    let call = desk.call(&["run", "left.runbook"]).exits(5);
    assert!(
        folder.exists() && !call.stdout.contains("nothing was changed"),
        "{call:?}"
    );
    assert!(call.stdout.contains("left behind: tree("), "{call:?}");
}

#[test]
fn an_undo_may_remove_what_the_run_itself_has_made() {
    let desk = Sandbox::desk();
    let folder = desk.path("folder");
    desk.write(
        "group.runbook",
        format!(
            r#"runbook group "One undo for a procedure"
procedure make(d: path) {{ do fs.mkdir(d) do fs.write(d / "file", content: "x") }}
step one "Make it" {{
  do make("{0}") undo fs.remove("{0}") within 5s
  check "never": false
}}
"#,
            folder.display()
        ),
    );
    desk.call(&["run", "group.runbook"]).exits(5);
    assert!(!folder.exists());

    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("precious"), "of before").unwrap();
    desk.call(&["run", "group.runbook"]).exits(4);
    assert_eq!(fs::read_to_string(folder.join("precious")).unwrap(), "of before");
}

#[test]
fn nothing_changes_before_the_window_starts() {
    let (desk, place) = desk();
    let date = std::process::Command::new("date")
        .args(["-u", "-d", "+3 sec", "+%FT%TZ"])
        .output()
        .unwrap();
    let start = String::from_utf8(date.stdout).unwrap();
    let words = [
        "run",
        "small.runbook",
        "--input",
        &place,
        "--window-start",
        start.trim(),
    ];
    let json = desk.call(&[&words[..], &["--format", "json"]].concat()).exits(0).json();
    let transcript = fs::read_to_string(json["transcript"].as_str().unwrap()).unwrap();
    let steps: Vec<serde_json::Value> = transcript
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|record: &serde_json::Value| record["kind"] == "step")
        .collect();
    let began = steps[0]["at"].as_str().unwrap();
    assert!(began[..19] >= start[..19], "{began} is before {start}");

    desk.write(
        "free.runbook",
        "runbook free \"No window\"\nstep a \"A\" { require true else \"no\" }\n",
    );
    let error = desk
        .call(&["run", "free.runbook", "--window-start", start.trim()])
        .exits(2);
    assert!(error.stderr.contains("no window"), "{error:?}");
}

#[test]
fn what_has_no_way_back_is_never_called_rolled_back() {
    let (desk, place) = desk();
    let undo = " undo { do fs.remove(place) } within 10s";
    let failing = SMALL.replace("fs.exists(place)", "not fs.exists(place)");
    assert!(failing.contains(undo));
    desk.write("owing.runbook", failing.replace(undo, ""));
    let words = ["run", "owing.runbook", "--input", &place, "--format", "json"];
    let json = desk.call(&words).exits(6).json();
    assert_eq!(json["end"], "stuck");
    let left = json["commands_left"].to_string();
    assert!(left.contains("fs.write(") && left.contains("take back"), "{json}");

    let run = json["run"].as_str().unwrap();
    desk.call(&["give-up", run, "--because", "the file was removed by hand"])
        .exits(0);
    let reason = " no undo because \"the file may stay\"";
    desk.write("excused.runbook", failing.replace(undo, reason));
    desk.call(&["run", "excused.runbook", "--input", &place]).exits(5);
}

#[test]
fn a_run_that_made_nothing_since_all_was_there_has_nothing_to_roll_back() {
    let (desk, _) = desk();
    desk.write(
        "there.runbook",
        "runbook there \"There\"\ninputs { fails : bool = true }\nstep make \"Make\" {\n  \
         do fs.mkdir(\"there\") no undo because \"an empty folder\"\n  check \"it works\": not fails\n}\n",
    );
    let words = ["run", "there.runbook", "--format", "json"];
    let made = desk.call(&words).exits(5).json();
    assert_eq!(made["end"], "rolled_back");
    let found = desk.call(&words).exits(4).json();
    assert_eq!(found["end"], "refused");
}

const ASKS: &str = r#"runbook asks "Ask first"
step ask "Be sure" {
  ask "Shall it be done?" confirm
  ask "Who decides?" text as who
  record who
}
"#;

#[test]
fn answers_come_from_a_file_and_their_source_is_recorded() {
    let desk = Sandbox::desk();
    desk.write("asks.runbook", ASKS);
    desk.write("answers.toml", "\"ask/1\" = true\n\"Who decides?\" = \"grace\"\n");
    desk.call(&["run", "asks.runbook", "--answers", "answers.toml"])
        .exits(0);
    let transcript =
        fs::read_to_string(desk.path(&format!("state/runs/{}/transcript.jsonl", desk.run_name()))).unwrap();
    assert!(
        transcript.contains("\"via\":\"file\"") && transcript.contains("grace"),
        "{transcript}"
    );
}

#[test]
fn a_question_that_the_inputs_rule_out_is_asked_of_nobody() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "asks.runbook",
        "runbook asks \"T\"\ninputs { env : text  quick : bool = false }\n\
         step sure \"Sure\" {\n  only when env == \"production\" because \"elsewhere nobody is asked\"\n  ask \"Sure?\" confirm\n}\n\
         step ready \"Ready\" {\n  skip when quick or fs.exists(\"ROOT/ready\") because \"it is quick\"\n  ask \"Ready?\" confirm\n}\n\
         step write \"Write\" { do fs.write(\"ROOT/out\", content: env) undo fs.remove(\"ROOT/out\") within 5s }\n",
    );
    let with = |command: &str, inputs: &[&str], exit: i32| {
        let mut words = vec![command, "asks.runbook"];
        for input in inputs {
            words.extend(["--input", input]);
        }
        let words = if command == "run" {
            [&words[..], &["--no-input"]].concat()
        } else {
            words
        };
        desk.call(&words).exits(exit)
    };
    let refused = with("run", &["env=production"], 4).stderr;
    assert!(refused.contains("Sure?") && refused.contains("Ready?"), "{refused}");
    // What only production decides may be asked.
    let refused = with("run", &["env=staging"], 4).stderr;
    assert!(!refused.contains("Sure?") && refused.contains("Ready?"), "{refused}");
    let plan = with("plan", &["env=staging", "quick=true"], 0).stdout;
    assert!(!plan.contains("asks a person"), "{plan}");
    with("run", &["env=staging", "quick=true"], 0);
}

#[test]
fn a_run_whose_question_nobody_can_answer_is_refused_before_anything() {
    let desk = Sandbox::desk();
    desk.write("asks.runbook", ASKS);
    desk.write("answers.toml", "\"Shall it be done?\" = true\n");
    let json = desk
        .call(&["run", "asks.runbook", "--no-input", "--format", "json"])
        .exits(4)
        .json();
    assert!(json["error"].to_string().contains("Shall it be done?"), "{json}");
    let half = desk
        .call(&["run", "asks.runbook", "--answers", "answers.toml", "--format", "json"])
        .exits(4)
        .json();
    assert!(half["error"].to_string().contains("Who decides?"), "{half}");
}
