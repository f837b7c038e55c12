//! Every slug has a page, every page a slug, and both runbooks of a page do what it says.

use std::collections::BTreeSet;

use backstay_dsl::diagnostic::Severity;
use backstay_dsl::pages;

use crate::language::markdown::{Block, blocks};
use crate::support::texts::{Beside, all_words, compiled, files};

/// Too large to be printed in a page; see [`what_no_page_can_show`].
const NOT_SHOWN: &[&str] = &["too-large", "too-many-statements", "too-wide"];

/// What only `plan` and `run` can find: the text of a runbook does not show it.
const OF_PLAN: &[&str] = &["not-apart"];

#[test]
fn both_runbooks_of_every_page_do_what_it_says() {
    let mut failures = Vec::new();
    for slug in pages::slugs().filter(|slug| !NOT_SHOWN.contains(slug)) {
        let found = blocks(pages::page(slug).unwrap());
        let runbooks: Vec<&Block> = found
            .iter()
            .filter(|block| block.is_runbook() && block.file().is_none())
            .collect();
        let modules = found
            .iter()
            .filter_map(|block| Some((block.file()?.to_owned(), block.text.clone())));
        let beside = Beside {
            texts: modules.collect(),
            folder: None,
        };
        let kinds: &[&str] = if OF_PLAN.contains(&slug) {
            &["good"]
        } else {
            &["bad", "good"]
        };
        for kind in kinds {
            assert!(
                runbooks.iter().any(|block| block.says(kind)),
                "{slug} has no {kind} runbook"
            );
        }
        for block in runbooks {
            let compiled = compiled("page.runbook", &block.text, &beside);
            let errors = compiled
                .diagnostics
                .iter()
                .filter(|found| found.severity == Severity::Error);
            let is_right = if block.says("bad") {
                let all = compiled.diagnostics.iter();
                all.clone().count() > 0 && all.clone().all(|found| found.slug == slug)
            } else {
                errors.count() == 0
            };
            if !is_right {
                failures.push(format!("{slug}, {}:\n{}", block.info, all_words(&compiled)));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

#[test]
fn what_no_page_can_show() {
    let slugs = |text: &str| {
        let compiled = compiled("large.runbook", text, &Beside::default());
        compiled.diagnostics.iter().map(|found| found.slug).collect::<Vec<_>>()
    };
    assert_eq!(slugs(&"# a comment\n".repeat(1_400_000)), ["too-large"]);
    // Six procedures that each call the one below ten times: a million statements.
    let mut text = "runbook many \"Many\"\n\nstep many \"Many\" { do p6() }\n\n".to_owned();
    for level in 1..=6 {
        let call = format!("do p{}()\n", level - 1).repeat(10);
        text = format!("{text}procedure p{level}() {{\n{call}}}\n");
    }
    text.push_str("procedure p0() { check \"there is room\": fs.free(\"/\") > 1GiB }\n");
    assert_eq!(slugs(&text), ["too-many-statements"]);
    let side_by_side = |count: usize, header: &str| {
        let steps = (0..count).map(|step| {
            format!("step s{step} \"Look\" after nothing {{ budget 1m  check \"it is there\": fs.exists(\"/srv\") }}\n")
        });
        format!("runbook wide \"Wide\" {{ {header} }}\n\n{}", steps.collect::<String>())
    };
    let window = "window 30m keep 5m for the way back";
    assert_eq!(slugs(&side_by_side(65, window)), ["too-wide"]);
    assert_eq!(slugs(&side_by_side(64, window)), [""; 0]);
    assert_eq!(slugs(&side_by_side(65, "")), [""; 0]);
    // Chains that greed puts together wrongly: 128 steps, never more than 64 at once.
    let crossed = (0..64).map(|step| {
        let check = "budget 1s  check \"it is there\": fs.exists(\"/srv\")";
        let other = 63 - step;
        format!(
            "step a{step} \"A\" after nothing {{ {check} }}\nstep b{step} \"B\" after a{other}, a{step} {{ {check} }}\n"
        )
    });
    let (first, second): (Vec<String>, Vec<String>) = crossed
        .map(|pair| {
            pair.split_once('\n')
                .map(|(a, b)| (format!("{a}\n"), b.to_owned()))
                .unwrap()
        })
        .unzip();
    let crossed = format!(
        "runbook wide \"Wide\" {{ {window} }}\n\n{}{}",
        first.concat(),
        second.concat()
    );
    assert_eq!(slugs(&crossed), [""; 0]);
}

#[test]
fn what_is_said_of_a_long_text_stays_short() {
    let long = |header: &str, after: &dyn Fn(usize) -> String| {
        let steps = (0..1000).map(|step| {
            let after = after(step);
            format!("step step_number_{step} \"S\" {after} {{ budget 1m  let value_{step} = 1 }}\n")
        });
        let text = format!("runbook long \"Long\" {{ {header} }}\n\n{}", steps.collect::<String>());
        compiled("long.runbook", &text, &Beside::default())
    };
    let chain = long("window 30m keep 10m for the way back", &|_| String::new());
    let circle = long("", &|step| format!("after step_number_{}", (step + 1) % 1000));
    for (compiled, slug) in [(chain, "window-too-short"), (circle, "cycle")] {
        let found = compiled.diagnostics.iter().find(|found| found.slug == slug).unwrap();
        let said = found.help.iter().map(|help| &help.message).chain([&found.message]);
        let said: Vec<&String> = said.collect();
        assert!(said.iter().all(|text| text.chars().count() <= 501), "{found:#?}");
        let (_, left_out) = said.iter().find_map(|text| text.split_once("… (")).unwrap();
        let left_out: usize = left_out.split_once(" more)").unwrap().0.parse().unwrap();
        assert!((950..1000).contains(&left_out), "{found:#?}");
        assert!(found.related.len() <= 20);
    }
}

#[test]
fn every_slug_has_a_page_and_every_page_a_slug() {
    let mut raised = BTreeSet::new();
    for path in files("dsl/src", ".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        for call in ["error(", "warning(", "violation("] {
            for part in text.split(call).skip(1) {
                let Some(rest) = part.trim_start().strip_prefix('"') else {
                    continue;
                };
                let Some((slug, _)) = rest.split_once('"') else {
                    continue;
                };
                if !slug.is_empty() && slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
                    raised.insert(slug.to_owned());
                }
            }
        }
    }
    let known: BTreeSet<String> = pages::slugs().map(str::to_owned).collect();
    assert!(raised.len() > 10, "the search finds nothing any more: {raised:?}");
    let without: Vec<&String> = raised.difference(&known).collect();
    assert!(without.is_empty(), "slugs without a page in dsl/src/pages: {without:?}");
    let idle: Vec<&String> = known
        .difference(&raised)
        .filter(|slug| !OF_PLAN.contains(&slug.as_str()))
        .collect();
    assert!(idle.is_empty(), "pages that nothing raises: {idle:?}");
    let sorted: Vec<&str> = pages::slugs().collect();
    assert!(sorted.is_sorted(), "the list in dsl/src/pages.rs is not in order");
    let on_disk = files("dsl/src/pages", ".md").len();
    assert_eq!(
        on_disk,
        known.len(),
        "a page in dsl/src/pages is not in the list of pages.rs"
    );
}
