//! The two runbooks of the language's contract, and every example, against the real catalogue.

#![expect(clippy::unwrap_used, reason = "a test stops where a file is not as it thinks")]

use std::path::{Component, Path, PathBuf};

use backstay::action;
use backstay_dsl::compile::{Compiled, compile};
use backstay_dsl::source::Sources;

/// Files beside the runbook.
struct Folder;

impl Sources for Folder {
    fn relative(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let mut name = PathBuf::new();
        for part in Path::new(from).parent().unwrap().join(path).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    name.pop();
                }
                other => name.push(other),
            }
        }
        let text = std::fs::read_to_string(&name).map_err(|error| error.to_string())?;
        Ok((name.display().to_string(), text))
    }

    fn standard(&self, _: &[String]) -> Option<String> {
        None
    }

    fn standard_names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn compiled(name: &str) -> Compiled {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    compile(
        &path.display().to_string(),
        &text,
        &Folder,
        &action::builtin().catalogue(),
    )
}

/// Everything that was found, a line each.
fn told(compiled: &Compiled) -> Vec<String> {
    let findings = compiled.diagnostics.iter().map(|finding| {
        let place = compiled.sources.start(finding.span);
        let source = compiled.sources.get(finding.span.source).unwrap();
        let helps: Vec<&str> = finding.help.iter().map(|help| help.message.as_str()).collect();
        format!(
            "{}:{}:{} {:?} {}: {} [{}]",
            source.name,
            place.line,
            place.column,
            finding.severity,
            finding.slug,
            finding.message,
            helps.join("; ")
        )
    });
    findings.collect()
}

#[test]
fn the_small_runbook_passes() {
    let small = compiled("tests/reference/small.runbook");
    assert!(small.is_ok() && small.runbook.is_some(), "{:#?}", told(&small));
}

#[test]
fn the_reference_runbook_passes_and_its_sums_are_those_of_the_contract() {
    let upgrade = compiled("tests/reference/gateway/upgrade.runbook");
    assert!(upgrade.is_ok() && upgrade.runbook.is_some(), "{:#?}", told(&upgrade));
    let minute = 60_000;
    assert_eq!(upgrade.times.forward_ms, 41 * minute);
    assert_eq!(upgrade.times.forward_to_commit_ms, 38 * minute);
    assert_eq!(upgrade.times.longest_way_back_ms, 39 * minute);
}

#[test]
fn every_module_of_the_reference_passes_by_itself() {
    for module in ["compose", "docker", "ingress", "openclaw"] {
        let module = compiled(&format!("tests/reference/gateway/{module}.runbook"));
        assert!(module.is_ok() && module.runbook.is_none(), "{:#?}", told(&module));
    }
}

#[test]
fn every_example_passes() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut files = 0;
    for folder in std::fs::read_dir(examples).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "runbook") {
                let example = compiled(
                    path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
                        .unwrap()
                        .to_str()
                        .unwrap(),
                );
                assert!(example.is_ok(), "{:#?}", told(&example));
                files += 1;
            }
        }
    }
    assert!(files >= 3, "the examples are found");
}
