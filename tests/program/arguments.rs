//! Help, usage, the catalogue, the pages.

use std::collections::BTreeSet;
use std::fs;

use crate::support::sandbox::{Finished, Sandbox};
use crate::support::texts::root;

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let desk = Sandbox::desk();
    let help = desk.call(&["--help"]).exits(0);
    for word in [
        "check",
        "plan",
        "run",
        "resume",
        "turn-back",
        "pause",
        "answer",
        "status",
        "give-up",
        "anchors",
        "actions",
        "explain",
        "transcript",
        "75 locked by another run",
    ] {
        assert!(help.stdout.contains(word), "{word}: {}", help.stdout);
    }
    assert!(help.stderr.is_empty());
    assert!(desk.call(&["--version"]).exits(0).stdout.starts_with("backstay "));
    for command in [
        "check",
        "plan",
        "run",
        "resume",
        "turn-back",
        "pause",
        "status",
        "give-up",
        "anchors",
        "actions",
        "explain",
    ] {
        assert!(
            desk.call(&[command, "--help"]).exits(0).stdout.contains("Usage:"),
            "{command}"
        );
    }
}

/// What can be asked for stands in the documents, and not only in the help.
#[test]
fn the_documents_name_every_option() {
    let desk = Sandbox::desk();
    let folder = root().join("docs");
    let documents: String = ["operating.md", "transcript-format.md"]
        .map(|name| fs::read_to_string(folder.join(name)).unwrap())
        .concat();
    let commands = "check plan run resume turn-back pause answer give-up status anchors symptoms actions explain";
    let commands = commands.split(' ').map(|command| vec![command]);
    let commands = commands.chain([vec!["transcript", "verify"], vec!["transcript", "show"]]);
    let mut missing = BTreeSet::new();
    for command in commands {
        let help = desk.call(&[&command[..], &["--help"]].concat()).exits(0).stdout;
        for line in help.lines() {
            let words = line.split_whitespace().take(2);
            let option = words
                .map(|word| word.trim_end_matches(','))
                .find(|word| word.starts_with("--"));
            let is_named = option.is_none_or(|option| documents.contains(option));
            if let Some(option) = option.filter(|_| !is_named && line.starts_with(' ')) {
                missing.insert(option.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_wrong_call_exits_2_and_says_why_in_json_too() {
    let desk = Sandbox::desk();
    for words in [
        &["frobnicate"][..],
        &["run"],
        &["check"],
        &["run", "x.runbook", "--window-start", "tomorrow"],
        &["resume", "x", "--extend", "30"],
        &["resume", "x", "--extend", "30m"],
    ] {
        let call = desk.call(words).exits(2);
        assert!(call.stdout.is_empty() && call.stderr.contains("error:"), "{call:?}");
    }
    let json = desk.call(&["run", "--format", "json"]).exits(2).json();
    assert_eq!(json["error"]["exit"], 2);
    assert!(json["error"]["reason"].as_str().unwrap().contains("<FILE>"), "{json}");
    assert!(!json["error"]["help"].as_array().unwrap().is_empty());
}

#[test]
fn the_catalogue_shows_types_effects_and_documentation() {
    let desk = Sandbox::desk();
    let all = desk.call(&["actions"]).exits(0).stdout;
    assert!(all.lines().count() > 20 && all.contains("fs.link"), "{all}");
    let family = desk.call(&["actions", "process"]).exits(0).stdout;
    assert!(family.lines().all(|line| line.starts_with("process.")), "{family}");
    let link = desk.call(&["actions", "fs.link"]).exits(0).stdout;
    for part in ["fs.link(at: path, to: path)", "sets link(at)", "may be repeated"] {
        assert!(link.contains(part), "{part}: {link}");
    }
    for name in all.lines().filter_map(|line| line.split(' ').next()) {
        let page = desk.call(&["actions", name]).exits(0).stdout;
        assert!(page.starts_with(name) && page.contains("Effects"), "{page}");
    }
    assert!(
        desk.call(&["actions", "fs.frob"])
            .exits(2)
            .stderr
            .contains("backstay actions")
    );
}

#[test]
fn every_diagnostic_has_a_page() {
    let desk = Sandbox::desk();
    let slugs = desk.call(&["explain"]).exits(0).stdout;
    assert!(slugs.lines().count() > 20, "{slugs}");
    for slug in slugs.lines() {
        let page = desk.call(&["explain", slug]).exits(0).stdout;
        assert!(page.contains(slug), "{slug}: {page}");
    }
    desk.call(&["explain", "no-such-slug"]).exits(2);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Sandbox::desk();
    let mut command = desk.command(&["actions"]);
    command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let desk = Sandbox::desk();
    desk.write("bad.runbook", "runbook x \"X\"\nstep a \"A\" { frobnicate }\n");
    let plain = desk.call(&["check", "bad.runbook"]).exits(3);
    assert!(!plain.stdout.contains('\u{1b}') && !plain.stderr.contains('\u{1b}'));
    let always = desk.call(&["check", "bad.runbook", "--color", "always"]).exits(3);
    assert!(always.stdout.contains("\u{1b}["), "{}", always.stdout);
    let forbidden = Finished::of(
        desk.command(&["check", "bad.runbook", "--color", "never"])
            .env("CLICOLOR_FORCE", "1"),
    );
    assert!(!forbidden.stdout.contains('\u{1b}'));
}
