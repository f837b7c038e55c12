//! The reference runbook of the language: it is accepted as it is printed, over stand-ins for the modules
//! that come with Docker, and its sums of time are those that an approver gets by hand.

use std::fs;

use crate::support::texts::{Beside, all_words, compiled, root};

const MINUTE: u64 = 60_000;

fn text(name: &str) -> String {
    fs::read_to_string(root().join("tests/reference").join(name)).unwrap()
}

#[test]
fn the_sums_of_the_reference_runbook() {
    let beside = Beside {
        folder: Some(root()),
        ..Beside::default()
    };
    let name = "tests/reference/gateway/upgrade.runbook";
    let compiled = compiled(name, &text("gateway/upgrade.runbook"), &beside);
    assert!(compiled.diagnostics.is_empty(), "\n{}", all_words(&compiled));
    let times = compiled.times;
    assert_eq!(times.forward_to_commit_ms, 38 * MINUTE);
    assert_eq!(times.forward_ms, 41 * MINUTE);
    assert_eq!(times.longest_way_back_ms, 39 * MINUTE, "{:?}", times.way_back_parts);
    assert_eq!(times.slack_ms, Some(22 * MINUTE));
}

/// The stand-in differs from the printed text in what it uses, and in nothing else.
#[test]
fn the_stand_in_is_the_printed_text() {
    let without_uses = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("use "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let printed = without_uses(&text("whole.runbook"));
    let stand_in = without_uses(&text("gateway/upgrade.runbook"));
    assert_eq!(printed, stand_in);
}
