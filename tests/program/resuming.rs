//! A run that was paused: its secrets are read again, its window can be extended, and what could not be
//! told to people stopped nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::sandbox::{Finished, Sandbox, files_with, find, finish, signal, wait_for, wait_until};

const PAUSES: &str = r#"runbook pauses "Waits for somebody to pause it" {
  window 150s keep 60s for the way back
  on interrupt pause
}

inputs {
  /// Where.
  place : path
  /// What the service knows callers by.
  token : secret from env SERVICE_TOKEN
}

step one "Tell, then write" {
  budget 30s
  do notify.file(place / "missing" / "news", message: "it begins")
  do fs.write(place / "one", content: "1") undo { do fs.remove(place / "one") } within 2s
  record place
}

step two "Install the token" {
  budget 40s
  wait 2s because "somebody may pause it"
  do fs.install(place / "token", content: token, mode: "600") undo { do fs.remove(place / "token") } within 2s
}
"#;

/// A run of which nobody but a person can tell whether its last action was done: its runner was killed meanwhile.
fn killed_while_it_books() -> (Sandbox, String) {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "books.runbook",
        "runbook books \"Books\" { on interrupt pause }\n\
         step one \"Write\" { do fs.write(\"ROOT/one\", content: \"1\") undo fs.remove(\"ROOT/one\") within 5s }\n\
         step book \"Book\" {\n  do \"Book the ticket\": exec.run([\"sh\", \"-c\", \"touch ROOT/began; until test -e ROOT/go; do sleep 0.05; done\"], \
         effects: { adds external(\"ticket\")  repeat once }) within 20m no undo because \"a ticket stays\"\n}\n",
    );
    let child = desk.start(&["run", "books.runbook", "--no-input"]);
    wait_for(&desk.path("began"));
    signal(child.id(), "KILL");
    drop(child.wait_with_output());
    desk.write("go", "");
    let run = desk.run_name();
    (desk, run)
}

/// An action that must not be done twice, whose runner is killed meanwhile: only a person can tell whether it was done.
#[test]
fn what_only_a_person_can_tell_is_waited_for() {
    let (desk, run) = killed_while_it_books();
    for _ in 0..2 {
        let paused = desk.call(&["resume", &run, "--no-input"]).exits(7);
        for words in [
            "PAUSED",
            "Was it done?",
            "Book the ticket",
            &format!("backstay answer {run}"),
            "--answers",
        ] {
            assert!(paused.stdout.contains(words), "{words}: {paused:?}");
        }
        assert!(desk.path("one").exists());
    }
    let asked = desk.call(&["answer", &run, "--format", "json"]).exits(0).json();
    assert_eq!(asked["questions"][0]["key"], "book/1", "{asked}");
    desk.call(&["answer", &run, "perhaps"]).exits(2);
    let answered = desk.call(&["answer", &run, "Y"]).exits(0);
    assert!(
        answered.stdout.contains(&format!("backstay resume {run}")),
        "{answered:?}"
    );
    desk.call(&["resume", &run, "--no-input"]).exits(0);
    let settled = desk.records_of("settled");
    assert_eq!(settled[0]["by"]["name"], "ada", "{settled:?}");
}

/// An answer is one to the attempt of which nobody knows whether it was done: not before there is one, nor of another
/// action.
#[test]
fn an_answer_says_nothing_of_what_is_known_or_not_begun() {
    let (desk, run) = killed_while_it_books();
    desk.write("answers.toml", "\"book/1\" = false\n");
    let early = ["run", "books.runbook", "--no-input", "--answers", "answers.toml"];
    for command in ["run", "plan"] {
        let mut early = early;
        early[0] = command;
        let refused = desk.call(&early).exits(2);
        assert!(
            refused.stderr.contains("nobody has to say now whether it was done"),
            "{refused:?}"
        );
    }
    desk.write("other.toml", "\"one/1\" = true\n");
    let over = ["resume", &run, "--no-input", "--answers", "other.toml"];
    assert!(desk.call(&over).exits(2).stderr.contains("`one/1` is an action"));
    assert!(desk.records_of("settled").is_empty());
    desk.call(&["resume", &run, "--no-input", "--answers", "answers.toml"])
        .exits(5);
    assert_eq!(desk.records_of("settled")[0]["by"]["name"], "ada");
}

/// What has no way back in the text no runner can take back: that is a person's, and then the run is given up.
#[test]
fn what_only_hands_can_put_right_is_not_offered_to_resume() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "once.runbook",
        "runbook once \"Once\" { on failure unwind }\nstep a \"A\" {\n  allow no-way-back because \"a test\"\n  do \"Do it\": \
         exec.run([\"true\"], effects: { opaque external(\"x\")  repeat convergent })\n  check \"it is there\": \
         fs.exists(\"ROOT/none\") within 200ms\n}\n",
    );
    let stuck = desk.call(&["run", "once.runbook", "--no-input"]).exits(6);
    let status = desk.call(&["status"]).exits(0);
    for told in [&stuck.stdout, &status.stdout] {
        assert!(
            told.contains("backstay give-up") && !told.contains("backstay resume"),
            "{told}"
        );
    }
}

/// Answers come through a pipe that is open already, as a shell's `<(…)` is.
#[test]
fn answers_come_through_an_open_pipe() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "asks.runbook",
        "runbook asks \"Asks\"\nstep a \"A\" { ask \"Is it so?\" confirm }\n",
    );
    for path in ["/dev/stdin", "/dev/fd/0"] {
        let mut child = desk
            .command(&["run", "asks.runbook", "--no-input", "--answers", path])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(b"\"Is it so?\" = true\n").unwrap();
        drop(pipe);
        finish(child).exits(0);
    }
}

/// Nobody goes on with a run that was given up, so an answer would be kept for nobody.
#[test]
fn a_run_that_was_given_up_takes_no_answer() {
    let (desk, run) = killed_while_it_books();
    desk.call(&["resume", &run, "--no-input"]).exits(7);
    desk.call(&["give-up", &run, "--because", "nobody knows"]).exits(0);
    let refused = desk.call(&["answer", &run, "yes"]).exits(4);
    assert!(refused.stderr.contains("was given up by"), "{refused:?}");
    assert!(
        !desk
            .state_directory()
            .join("runs")
            .join(&run)
            .join("answers.json")
            .exists()
    );
}

#[test]
fn a_record_that_cannot_be_read_is_not_one_without_questions() {
    let (desk, run) = killed_while_it_books();
    desk.call(&["resume", &run, "--no-input"]).exits(7);
    let records = desk.run_directory().join("transcript.jsonl");
    let altered = fs::read_to_string(&records).unwrap().replacen('{', "[", 1);
    fs::write(&records, altered).unwrap();
    for words in [&["answer", &run][..], &["answer", &run, "yes"]] {
        let refused = desk.call(words).exits(4);
        assert!(refused.stderr.contains("nobody knows what it asks"), "{refused:?}");
    }
}

const TOKEN: &str = "canary-in-a-coal-mine";

/// A run that was interrupted while it waited.
fn paused() -> (Sandbox, String) {
    let desk = Sandbox::desk();
    desk.write("pauses.runbook", PAUSES);
    let place = format!("place={}", desk.path("").display());
    let child = desk
        .command(&["run", "pauses.runbook", "--input", &place, "--no-input"])
        .env("SERVICE_TOKEN", TOKEN)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.unwrap();
    wait_until("the first step is done", || {
        let transcripts = find(&desk.state_directory(), "transcript.jsonl");
        let text: String = transcripts
            .iter()
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        text.lines()
            .any(|line| line.contains(r#""id":"one""#) && line.contains(r#""state":"done""#))
    });
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let run = desk.run_name();
    (desk, run)
}

fn records(desk: &Sandbox, run: &str) -> Vec<Value> {
    let text = fs::read_to_string(desk.path("state/runs").join(run).join("transcript.jsonl")).unwrap();
    assert!(!text.contains(TOKEN));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn secrets_are_read_again_and_the_window_is_extended_with_a_reason() {
    let (desk, run) = paused();
    let refused = desk.call(&["resume", &run, "--no-input"]).exits(2);
    assert!(refused.stderr.contains("SERVICE_TOKEN"), "{refused:?}");
    assert!(!desk.path("token").exists());

    let words = [
        "resume",
        &run,
        "--no-input",
        "--extend",
        "30m",
        "--because",
        "the board said yes",
    ];
    Finished::of(desk.command(&words).env("SERVICE_TOKEN", TOKEN)).exits(0);
    assert_eq!(fs::read_to_string(desk.path("token")).unwrap(), TOKEN);
    let records = records(&desk, &run);
    let decision = records.iter().find(|one| one["kind"] == "decision").unwrap();
    assert_eq!(decision["because"], "the board said yes");
    assert_eq!(decision["what"], "extend 30m");
    assert_eq!(decision["who"], "ada");
}

#[test]
fn what_cannot_be_told_to_people_stops_nothing() {
    let (desk, run) = paused();
    let records = records(&desk, &run);
    let outcomes: Vec<_> = records.iter().filter(|one| one["kind"] == "outcome").collect();
    assert_eq!(outcomes[0]["result"], "failed", "{}", outcomes[0]);
    assert_eq!(outcomes[1]["result"], "ok", "{}", outcomes[1]);
    assert!(records.iter().any(|one| one["id"] == "one" && one["state"] == "done"));

    Finished::of(
        desk.command(&["turn-back", &run, "--no-input"])
            .env("SERVICE_TOKEN", TOKEN),
    )
    .exits(5);
    assert!(!desk.path("one").exists());
}

/// A run whose secret comes from a command that waits for `secret`, and says with `asked` that it does.
fn with_a_slow_secret(desk: &Sandbox) {
    let text = r#"runbook slow "Needs a secret" { on interrupt pause }
inputs {
  /// What the service knows callers by.
  token : secret from command ["sh", "-c", "touch ROOT/asked; until test -e ROOT/secret; do sleep 0.05; done; echo TOKEN"]
}
step one "Write" { do fs.write("ROOT/one", content: "1") undo fs.remove("ROOT/one") within 5s }
step two "Wait" { check "go": fs.exists("ROOT/go") within 90s every 100ms }
step three "Install" { do fs.install("ROOT/token", content: token, mode: "600") undo fs.remove("ROOT/token") within 5s }
"#;
    desk.write_runbook("slow.runbook", &text.replace("TOKEN", TOKEN));
}

#[test]
fn what_is_asked_of_a_runner_that_has_just_begun_is_done() {
    let desk = Sandbox::desk();
    with_a_slow_secret(&desk);
    desk.write("secret", "");
    let child = desk.start(&["run", "slow.runbook", "--no-input"]);
    wait_for(&desk.path("one"));
    signal(child.id(), "KILL");
    drop(child.wait_with_output());
    let run = desk.run_name();

    for name in ["secret", "asked"] {
        fs::remove_file(desk.path(name)).unwrap();
    }
    let resumed = desk.start(&["resume", &run, "--no-input"]);
    wait_for(&desk.path("asked"));
    let asked = desk.call(&["turn-back", &run, "--no-input"]).exits(0);
    assert!(asked.stdout.contains("was asked to turn back"), "{asked:?}");
    // Had it been forgotten, the run would complete.
    desk.write("go", "");
    desk.write("secret", "");
    finish(resumed).exits(5);
    assert!(!desk.path("one").exists() && !desk.path("token").exists());
    assert_eq!(desk.records_of("request").len(), 1);
}

#[test]
fn a_wish_to_turn_back_outlives_a_runner_that_did_not_hear_it() {
    let desk = Sandbox::desk();
    with_a_slow_secret(&desk);
    desk.write("secret", "");
    let child = desk.start(&["run", "slow.runbook", "--no-input"]);
    wait_for(&desk.path("one"));
    signal(child.id(), "STOP");
    let run = desk.run_name();
    for command in ["turn-back", "pause"] {
        desk.call(&[command, &run, "--format", "json"]).exits(0);
    }
    signal(child.id(), "KILL");
    drop(child.wait_with_output());
    desk.write("go", "");
    desk.call(&["resume", &run, "--no-input"]).exits(5);
}

const ASKS_LATE: &str = r#"runbook late "Ask at the end" { on interrupt pause }
step one "Write" { do fs.write("ROOT/one", content: "1") undo fs.remove("ROOT/one") within 5s }
step two "Wait" { check "go": fs.exists("ROOT/go") within 90s every 100ms }
step three "Ask" { ask "Shall it stay?" confirm }
"#;

#[test]
fn answers_of_the_start_are_kept_and_resuming_is_refused_as_starting_is() {
    for with_answers in [true, false] {
        let desk = Sandbox::desk();
        desk.write_runbook("late.runbook", ASKS_LATE);
        desk.write("answers.toml", "\"Shall it stay?\" = true\n");
        let words = ["run", "late.runbook", "--no-input", "--answers", "answers.toml"];
        let child = desk.start(&words);
        wait_for(&desk.path("one"));
        signal(child.id(), "INT");
        finish(child).exits(7);
        let run = desk.run_name();
        desk.write("go", "");
        if with_answers {
            desk.call(&["resume", &run, "--no-input"]).exits(0);
            let answers = desk.records_of("answer");
            assert_eq!(
                (&answers[0]["who"], &answers[0]["via"]),
                (&"ada".into(), &"file".into())
            );
        } else {
            fs::remove_file(desk.run_directory().join("answers.json")).unwrap();
            let refused = desk.call(&["resume", &run, "--no-input"]).exits(4);
            assert!(refused.stderr.contains("Shall it stay?"), "{refused:?}");
            desk.call(&["turn-back", &run, "--no-input"]).exits(5);
        }
    }
}

const WAY_BACK_WAITS: &str = r#"runbook slow_back "Takes its time to turn back"
step one "Write" {
  do fs.write("ROOT/one", content: "1") undo {
    do fs.write("ROOT/waits", content: "1")
    check "go": fs.exists("ROOT/go") within 60s every 100ms
    do fs.remove("ROOT/one")
  } within 90s
}
step two "Wait" { check "never": fs.exists("ROOT/never") within 90s every 100ms }
"#;

#[test]
fn a_signal_of_another_kind_is_no_second_one() {
    let desk = Sandbox::desk();
    desk.write_runbook("slow.runbook", WAY_BACK_WAITS);
    for is_second in [false, true] {
        let child = desk.start(&["run", "slow.runbook", "--no-input"]);
        wait_for(&desk.path("one"));
        signal(child.id(), "INT");
        wait_for(&desk.path("waits"));
        // As who cancels a job does.
        signal(child.id(), "TERM");
        signal(child.id(), "QUIT");
        let is_told = |name: &str| desk.records_of("signal").iter().any(|record| record["name"] == name);
        wait_until("all signals are recorded", || is_told("TERM") && is_told("QUIT"));
        if is_second {
            signal(child.id(), "TERM");
            finish(child).exits(7);
            continue;
        }
        desk.write("go", "");
        finish(child).exits(5);
        fs::remove_dir_all(desk.state_directory()).unwrap();
        for name in ["go", "waits"] {
            fs::remove_file(desk.path(name)).unwrap();
        }
    }
}

/// Leaves something running until `go` is there, kills its runner, and makes a call that waits for it.
fn waiting(desk: &Sandbox, call: impl FnOnce(&str) -> Child) -> Child {
    let text = r#"runbook lasts "Takes its time"
step one "Work" {
  do "Work": exec.run(["sh", "-c", "touch ROOT/works; until test -e ROOT/go; do sleep 0.05; done; touch ROOT/over"], effects: nothing) within 90s
}
"#;
    desk.write_runbook("lasts.runbook", text);
    let child = desk.start(&["run", "lasts.runbook", "--no-input"]);
    wait_for(&desk.path("works"));
    signal(child.id(), "KILL");
    drop(child.wait_with_output());
    let mut waiting = call(&desk.run_name());
    let mut said = String::new();
    BufReader::new(waiting.stderr.as_mut().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(
        said.contains("left something running (process ") && said.contains("limit"),
        "{said}"
    );
    waiting
}

#[test]
fn what_is_waited_for_is_told_at_once() {
    let desk = Sandbox::desk();
    let mut waiting = waiting(&desk, |run| desk.start(&["resume", run, "--no-input"]));
    desk.write("go", "");
    // Whether the work was done, only a person can tell.
    assert_eq!(waiting.wait().unwrap().code(), Some(7));
}

#[test]
fn nothing_is_given_up_while_something_of_it_runs() {
    let desk = Sandbox::desk();
    let mut waiting = waiting(&desk, |run| desk.start(&["give-up", run, "--because", "enough"]));
    assert!(!desk.run_directory().join("given-up").exists());
    assert!(fs::read_dir(desk.path("locks")).unwrap().next().is_some());
    desk.write("go", "");
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    assert!(desk.path("over").exists() && desk.run_directory().join("given-up").exists());
}

#[test]
fn a_way_back_keeps_no_answers() {
    let desk = Sandbox::desk();
    let text = r#"runbook asks "Ask" { on interrupt pause }
inputs { token : secret from env SERVICE_TOKEN }
step one "Write" { do fs.write("ROOT/one", content: "1") undo fs.remove("ROOT/one") within 5s }
step two "Wait" { check "somebody says go": fs.exists("ROOT/go") within 90s every 200ms }
step three "Ask" {
  ask "Shall it stay?" confirm
  ask "Who?" text as who
  do fs.install("ROOT/token", content: token, mode: "600") undo fs.remove("ROOT/token") within 5s
  record who
}
"#;
    desk.write_runbook("asks.runbook", text);
    desk.write("answers.toml", "\"Shall it stay?\" = true\n\"Who?\" = \"ada\"\n");
    let with_secret = |words: &[&str]| {
        let mut command = desk.command(words);
        command.env("SERVICE_TOKEN", "a-very-secret-token");
        command
    };
    let words = ["run", "asks.runbook", "--no-input", "--answers", "answers.toml"];
    let mut child = with_secret(&words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&desk.path("one"));
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let run = desk.run_name();
    desk.write("answers.toml", "\"Who?\" = \"a-very-secret-token\"\n");
    let back = ["turn-back", &run, "--no-input", "--answers", "answers.toml"];
    let refused = Finished::of(&mut with_secret(&back)).exits(2);
    assert!(refused.stderr.contains("holds a secret"), "{refused:?}");
    assert!(files_with(&desk.path("state"), "a-very-secret-token").is_empty());
    desk.write("answers.toml", "\"Who?\" = \"somebody else\"\n");
    Finished::of(&mut with_secret(&back)).exits(5);
    assert!(files_with(&desk.path("state"), "somebody else").is_empty());
}

#[test]
fn a_way_back_that_was_stuck_is_finished_once_its_cause_is_mended() {
    let desk = Sandbox::desk();
    let text = r#"runbook owing "Two strands"
inputs { folder: path }
step one "One" {
  do fs.write(folder / "one", content: "x") undo {
    do "Take it back": exec.run(["test", "-e", folder / "mended"], effects: { nothing  repeat convergent }) within 5s
    do fs.remove(folder / "one")
  } within 20s
}
step other "Another" after nothing {
  do fs.write(folder / "other", content: "x") undo fs.remove(folder / "other") within 5s
}
step last "Last" after one, other { check "never": false }
"#;
    desk.write("owing.runbook", text);
    fs::create_dir(desk.path("made")).unwrap();
    let folder = format!("folder={}", desk.path("made").display());
    let call = desk.call(&["run", "owing.runbook", "--input", &folder]).exits(6);
    assert!(desk.path("made/one").exists() && !desk.path("made/other").exists());
    let run = desk.run_name();
    let left = format!("\n    rm -r -- {}\n", desk.path("made/one").display());
    for part in [
        "stuck:       the way back failed",
        "not back:    fs.write(",
        "put back:    fs.write(",
        &left,
    ] {
        assert!(call.stdout.contains(part), "{part}: {}", call.stdout);
    }
    assert!(
        call.stdout.contains(&format!("backstay resume {run}")),
        "{}",
        call.stdout
    );
    desk.call(&["transcript", "verify", &run]).exits(0);

    desk.call(&["resume", &run]).exits(6);
    fs::write(desk.path("made/mended"), "").unwrap();
    let json = desk.call(&["resume", &run, "--format", "json"]).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert!(!desk.path("made/one").exists());
    let verified = desk
        .call(&["transcript", "verify", &run, "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(verified["head"], json["head"]);
    desk.call(&["resume", &run]).exits(4);
}

#[test]
fn what_is_left_to_do_can_be_pasted_into_a_shell() {
    let desk = Sandbox::desk();
    let text = r#"runbook owing "Pasted"
inputs { folder: path  word: secret from env WORD }
step one "One" {
  do fs.write(folder / "one", content: "x") undo {
    do "Wait for it": exec.run(["test", "-e", "mended"], cwd: folder, env: { A: "b c" }, effects: { nothing  repeat convergent }) within 5s
    do "Say it": exec.run(["true"], env: { WORD: word }, effects: { nothing  repeat convergent }) within 5s
    check "it is there": fs.exists(folder / "one")
    do fs.mkdir(folder / "a" / "b")
    do fs.link(folder / "link", to: folder / "a")
    do fs.move(folder / "one", to: folder / "a" / "b" / "$(one)")
  } within 40s
}
step last "Last" { check "never": false }
"#;
    desk.write("owing.runbook", text);
    let folder = desk.path("it's made");
    fs::create_dir(&folder).unwrap();
    let input = format!("folder={}", folder.display());
    let mut command = desk.command(&["run", "owing.runbook", "--input", &input, "--format", "json"]);
    let call = Finished::of(command.env("WORD", "never-to-be-shown")).exits(6);
    let shown = call.stderr.split("in this order:\n").nth(1).unwrap();
    let left: Vec<&str> = shown.lines().map_while(|line| line.strip_prefix("    ")).collect();
    let secret = left.iter().find(|line| line.contains("exec.run([\"true\"]")).unwrap();
    assert!(
        secret.starts_with("# ") && !secret.contains("never-to-be-shown"),
        "{call:?}"
    );
    assert_eq!(call.json()["commands_by_hand"][0], left[0], "{call:?}");

    fs::write(folder.join("mended"), "").unwrap();
    let mut shell = std::process::Command::new("sh");
    assert!(
        shell
            .args(["-ec", &left.join("\n")])
            .current_dir("/")
            .status()
            .unwrap()
            .success(),
        "{call:?}"
    );
    assert!(
        folder.join("link/b/$(one)").exists() && !folder.join("one").exists(),
        "{call:?}"
    );
}
