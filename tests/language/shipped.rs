//! Every runbook that is printed in the documentation, shipped as an example, or part of the standard
//! modules compiles without errors.

use std::path::Path;

use backstay_dsl::diagnostic::Severity;

use crate::language::markdown::{Block, blocks};
use crate::support::texts::{Beside, all_words, compiled, files, name, root};

/// Needs modules that come with Docker; `tests/reference/gateway` is the same text over stand-ins.
const NOT_YET: &str = "tests/reference/whole.runbook";

#[test]
fn printed_runbooks_compile() {
    let mut failures = Vec::new();
    let mut pages = files("docs/language", ".md");
    pages.push(root().join("README.md"));
    for page in pages.iter().filter(|page| page.exists()) {
        let text = std::fs::read_to_string(page).unwrap();
        let runbooks: Vec<Block> = blocks(&text).into_iter().filter(Block::is_runbook).collect();
        for block in runbooks
            .iter()
            .filter(|block| block.file().is_none() && !block.says("bad"))
        {
            let modules = runbooks.iter().filter(|module| module.heading == block.heading);
            let beside = Beside {
                texts: modules
                    .filter_map(|module| Some((module.file()?.to_owned(), module.text.clone())))
                    .collect(),
                folder: None,
            };
            let compiled = compiled("printed.runbook", &block.text, &beside);
            if compiled
                .diagnostics
                .iter()
                .any(|found| found.severity == Severity::Error)
            {
                failures.push(format!("{}:{}\n{}", name(page), block.line, all_words(&compiled)));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

#[test]
fn shipped_runbooks_compile_without_a_finding() {
    let mut failures = Vec::new();
    for folder in ["examples", "tests/reference", "tests/realistic", "stdlib-runbooks"] {
        if !root().join(folder).exists() {
            continue;
        }
        for path in files(folder, ".runbook") {
            let text = std::fs::read_to_string(&path).unwrap();
            // A module is compiled as part of the runbook that uses it.
            if name(&path) == NOT_YET || !text.lines().any(|line| line.starts_with("runbook ")) {
                continue;
            }
            let beside = Beside {
                folder: Some(root()),
                ..Beside::default()
            };
            let compiled = compiled(&name(&path), &text, &beside);
            if !compiled.diagnostics.is_empty() {
                failures.push(format!("{}\n{}", name(Path::new(&path)), all_words(&compiled)));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}
