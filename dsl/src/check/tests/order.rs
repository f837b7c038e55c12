//! The order of steps, and which values are surely there.

use std::fmt::Write as _;

use crate::check::fixture::{check_texts, found, right};

fn after(text: &str) -> Vec<Vec<usize>> {
    right(text).steps.into_iter().map(|step| step.after).collect()
}

#[test]
fn a_step_waits_for_all_above_unless_it_says_otherwise() {
    let text =
        "runbook r \"R\"\nstep a { }\nstep b after a { }\nstep c after a { }\nstep d { }\nstep e after nothing { }\n";
    assert_eq!(after(text), [vec![], vec![0], vec![0], vec![1, 2], vec![]]);
}

#[test]
fn using_a_value_orders_steps() {
    let text = "runbook r \"R\"\nstep a { let x = 1 }\nstep b after nothing { let y = x + 1 }\nstep c after nothing { let z = w }\nstep d after nothing { let w = y }\n";
    assert_eq!(after(text), [vec![], vec![0], vec![3], vec![1]]);
}

#[test]
fn steps_cannot_wait_for_each_other() {
    let checked = check_texts(
        "runbook r \"R\"\nstep a after c { }\nstep b after a { }\nstep c after b { }\nstep d after d { }\n",
        &[],
    );
    assert_eq!(checked.found, ["cycle: a", "cycle: d"]);
    assert!(checked.words[0].contains("a → c → b → a"), "{:?}", checked.words);
}

#[test]
fn a_value_is_there_once_its_step_is_done() {
    let text = |first: &str, second: &str| format!("runbook r \"R\"\nstep a {{ {first} }}\nstep b {{ {second} }}\n");
    assert_eq!(found(&text("let x = y + 1", "let y = 1")), ["value-not-available: y"]);
    assert_eq!(found(&text("let x = y + 1  let y = 1", "")), ["value-not-available: y"]);
    let skipped = check_texts(&text("skip when true because \"x\"  let x = 1", "record x"), &[]);
    assert_eq!(skipped.found, ["value-not-available: x"]);
    assert!(skipped.words[0].contains("may be skipped"), "{:?}", skipped.words);
    assert_eq!(
        found(&text("let x = 1  on failure continue because \"y\"", "record x")),
        ["value-not-available: x"]
    );
    right(&text("skip when true because \"x\"  let x = 1  record x", ""));
}

#[test]
fn an_undo_sees_what_was_bound_before_its_action() {
    let text = |undo: &str| {
        format!(
            "runbook r \"R\"\nprotect s {{ path \"/s\" }}\nstep a {{ let x = \"1\"  do backup.create(s, to: \"/b\") as b undo {undo} within 1s  let y = \"1\" }}\n"
        )
    };
    right(&text("fs.edit_key(\"/f\", key: \"K\", to: x)"));
    assert_eq!(
        found(&text("fs.edit_key(\"/f\", key: \"K\", to: y)")),
        ["value-not-available: y"]
    );
    assert_eq!(found(&text("backup.restore(b)")), ["value-not-available: b"]);
}

#[test]
fn a_way_back_uses_what_was_bound_before_its_stretch() {
    let text = |from: &str| {
        format!(
            "runbook r \"R\"\nstep a {{ let x = \"1\" }}\nstep b {{ let y = \"1\" }}\nstep c {{ }}\nrollback back {{ applies from {from} until c  do fs.edit_key(\"/f\", key: x, to: y) }}\n"
        )
    };
    right(&text("c"));
    assert_eq!(found(&text("b")), ["value-not-available: y"]);
    assert_eq!(found(&text("a")), ["value-not-available: x", "value-not-available: y"]);
}

#[test]
fn tables_and_parks_use_what_is_there_for_each_step() {
    let text = |steps: &str, header: &str| {
        format!(
            "runbook r \"R\" {{ {header} }}\nstep a {{ let x = \"1\" }}\nstep b {{ let y = \"1\"  on failure park safe }}\nstep c {{ }}\nsymptoms t for {steps} {{ symptom \"s\" {{ seen when y == \"1\" suspect \"s\" otherwise unwind }} }}\npark safe {{ record x }}\n"
        )
    };
    right(&text("c", ""));
    assert_eq!(found(&text("b, c", "")), ["value-not-available: y"]);
    assert_eq!(found(&text("c", "on failure park safe")), ["value-not-available: x"]);
}

#[test]
fn at_start_is_for_anchors_and_not_before_the_window() {
    let text = |step: &str, value: &str| {
        format!("runbook r \"R\"\nanchor n = fs.size(\"/\")\nstep a {step} {{ let x = {value} }}\n")
    };
    right(&text("", "n at start"));
    assert_eq!(
        found(&text("before window", "n at start")),
        ["value-not-available: n at start"]
    );
    assert_eq!(
        found(&text("", "fs.size(\"/\") at start")),
        ["wrong-type: fs.size(\"/\") at start"]
    );
}

#[test]
fn before_the_window_waits_for_nothing_inside() {
    assert_eq!(
        found("runbook r \"R\"\nstep a { }\nstep b before window { }\n"),
        ["misplaced-statement: b"]
    );
}

#[test]
fn many_steps_are_a_chain() {
    let mut text = String::from("runbook r \"R\"\n");
    for number in 0..2_000 {
        let before = if number == 0 {
            "1".to_owned()
        } else {
            format!("x{} + 1", number - 1)
        };
        writeln!(text, "step s{number} \"Step {number}\" {{ let x{number} = {before}  do fs.edit_key(\"/f\", key: \"K\", to: \"v\") }}").unwrap();
    }
    let runbook = right(&text);
    assert!(
        runbook
            .steps
            .iter()
            .enumerate()
            .skip(1)
            .all(|(at, step)| step.after == [at - 1])
    );
}
