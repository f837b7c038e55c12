//! A module that an input chooses: what is planned and run, and what is approved.

use std::fs;

use crate::support::sandbox::Sandbox;

const CHOICE: &str = r#"use "./{left, right}.runbook" by side as hand

runbook wave "Wave" {
  window 10m keep 5m for the way back
}

inputs {
  /// Where.
  place : path
  /// Which.
  side : text = "left"
}

step wave "Wave" {
  budget 5m
  do hand.write(place)
  check "it is written": fs.read(place) == hand.word()
}
"#;

fn desk() -> (Sandbox, String) {
    let desk = Sandbox::desk();
    desk.write("wave.runbook", CHOICE);
    for (side, within) in [("left", "1m"), ("right", "2m")] {
        let module = format!(
            "question word() -> text {{ give \"{side}\" }}\n\nprocedure write(to: path) {{\n  do fs.write(to, content: \
             word()) within 10s undo fs.remove(to) within {within}\n}}\n"
        );
        desk.write(&format!("{side}.runbook"), module);
    }
    let place = format!("place={}", desk.path("out").display());
    (desk, place)
}

#[test]
fn the_input_chooses_what_is_planned_approved_and_run() {
    let (desk, place) = desk();
    let plan = |side: &str| {
        let side = format!("side={side}");
        let words = [
            "plan",
            "wave.runbook",
            "--input",
            &place,
            "--input",
            &side,
            "--format",
            "json",
        ];
        desk.call(&words).exits(0).json()
    };
    let (left, right) = (plan("left"), plan("right"));
    assert_ne!(left["digest"], right["digest"]);
    let way_back = |plan: &serde_json::Value| plan["longest_way_back_ms"].as_u64().unwrap();
    assert_eq!(way_back(&right) - way_back(&left), 60_000);
    let run = |side: &str| {
        let words = ["run", "wave.runbook", "--input", &place, "--input", side, "--approved"];
        desk.call(&[&words[..], &[right["digest"].as_str().unwrap()]].concat())
    };
    run("side=left").exits(4);
    assert!(!desk.path("out").exists());
    run("side=right").exits(0);
    assert_eq!(fs::read_to_string(desk.path("out")).unwrap(), "right");
}

#[test]
fn another_word_is_refused_with_those_that_choose() {
    let (desk, place) = desk();
    for command in ["plan", "run"] {
        let words = [command, "wave.runbook", "--input", &place, "--input", "side=middle"];
        let refused = desk.call(&words).exits(2);
        let words = "input `side`: “middle” chooses no module; it has to be one of left, right";
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}
