//! Runbooks that were spoilt anywhere.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::CPU_S;
use crate::support::chance::Chance;
use crate::support::effort::seeds;
use crate::support::texts::{Beside, all_words, compiled, files, name, root};

/// A text in words, the spaces between them and single signs.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let end = if is_word(first) {
            rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

/// Changes a text at a few places: words left out, doubled, exchanged, put in from elsewhere, cut off.
fn malformed(text: &str, other: &str, numbers: &mut Chance) -> String {
    let (mut words, others) = (words(text), words(other));
    for _ in 0..=numbers.below(4) {
        if words.is_empty() {
            break;
        }
        let (at, to) = (numbers.below(words.len()), numbers.below(words.len()));
        match numbers.below(7) {
            0 => drop(words.drain(at..(at + 1 + numbers.below(12)).min(words.len()))),
            1 => words.swap(at, to),
            2 => words.insert(at, others[to % others.len()]),
            3 => words.truncate(at),
            4 => {
                let part: Vec<&str> = words[at..(at + 200).min(words.len())].to_vec();
                let times = 1 + numbers.below(20);
                words.splice(to..to, part.iter().copied().cycle().take(part.len() * times));
            }
            5 => {
                let strange = [
                    "\u{202e}",
                    "\"\"\"",
                    "{",
                    "}",
                    "9223372036854775807",
                    "\\",
                    "///",
                    "é",
                    "do",
                    "undo",
                    "[[",
                    "0s",
                ];
                words.insert(at, strange[to % strange.len()]);
            }
            _ => words[at] = others[to % others.len()],
        }
    }
    words.concat()
}

fn cpu_of_this_thread() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn malformed_runbooks_end_in_findings() {
    let folders = ["examples", "tests/reference", "tests/realistic"];
    let texts = folders.iter().flat_map(|folder| files(folder, ".runbook"));
    let texts: Vec<(String, String)> = texts
        .map(|path| (name(&path), std::fs::read_to_string(path).unwrap()))
        .collect();
    assert!(texts.len() > 25, "{}", texts.len());
    let (first, count) = seeds(100, 50_000);
    let beside = Beside {
        folder: Some(root()),
        ..Beside::default()
    };
    for seed in (0..count as u64).map(|number| first.wrapping_add(number)) {
        let mut numbers = Chance::new(seed);
        let (name, text) = &texts[numbers.below(texts.len())];
        let (_, other) = &texts[numbers.below(texts.len())];
        let spoilt = malformed(text, other, &mut numbers);
        let begun = cpu_of_this_thread();
        let found = std::panic::catch_unwind(|| all_words(&compiled(name, &spoilt, &beside)));
        let took = cpu_of_this_thread().saturating_sub(begun);
        assert!(found.is_ok(), "seed {seed} of {name}:\n{spoilt}");
        assert!(took.as_secs() < CPU_S, "seed {seed} of {name} took {took:?}:\n{spoilt}");
    }
}
