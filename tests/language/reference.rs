//! The reference runbook of the language: it is accepted as it is printed, over stand-ins for the modules
//! that come with Docker, and its sums of time are those that an approver gets by hand.

use std::fs;

use crate::language::outline;
use crate::support::texts::{Beside, all_words, compiled, root};

const SUMS: &str = "\
forward 41m, to the last commits 38m
latest starts 0s 0s 2m 7m 22m 28m 36m 38m
remaining 38m 38m 36m 31m 16m 10m 2m 3m
way back 39m
  30s ending what runs in step cutover
  35m way back previous_release
  1m release of drained
  2m gateway is well
  30s closing anchors
slack 22m
";

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
    assert_eq!(outline::times(&compiled), SUMS);
    let model = outline::model(&compiled);
    assert_eq!(model, text("gateway/upgrade.model"), "\n{model}");
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
