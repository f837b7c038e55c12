//! Modules from memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{FILES_MAX, Loaded, USE_DEPTH_MAX, load};
use crate::diagnostic::Diagnostics;
use crate::source::Sources;

/// Files by name; a name that begins with `std.` is a shipped module.
#[derive(Default)]
struct Memory(BTreeMap<String, String>);

impl Memory {
    fn with(mut self, name: &str, text: &str) -> Self {
        self.0.insert(name.to_owned(), text.to_owned());
        self
    }
}

impl Sources for Memory {
    fn relative(&self, _from: &str, path: &str) -> Result<(String, String), String> {
        let name = path.trim_start_matches("./").to_owned();
        let text = self.0.get(&name).cloned().ok_or("there is no such file")?;
        Ok((name, text))
    }

    fn standard(&self, path: &[String]) -> Option<String> {
        self.0.get(&format!("std.{}", path.join("."))).cloned()
    }

    fn standard_names(&self) -> Vec<String> {
        self.0.keys().filter(|name| name.starts_with("std.")).cloned().collect()
    }
}

fn loaded(text: &str, sources: &Memory) -> (Loaded, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let loaded = load("main.runbook", text, sources, &mut diagnostics);
    let told = diagnostics
        .iter()
        .map(|one| format!("{}: {}", one.slug, one.message))
        .collect();
    (loaded, told)
}

#[test]
fn each_module_is_loaded_once() {
    let sources = Memory::default()
        .with("a.runbook", "use \"./b.runbook\" as b\nprocedure p() { do b.q() }")
        .with("b.runbook", "use std.x.y as y\nprocedure q() { do y.z() }")
        .with("std.x.y", "procedure z() { }");
    let text = "use \"./a.runbook\" as first\nuse \"./b.runbook\" as second\nuse std.x.y as third";
    let (loaded, told) = loaded(text, &sources);
    assert!(told.is_empty(), "{told:?}");
    let names: Vec<&str> = loaded.modules.iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, ["main.runbook", "a.runbook", "b.runbook", "std/x/y"]);
    let uses = [("first", 1), ("second", 2), ("third", 3)].map(|(name, place)| (name.to_owned(), place));
    assert_eq!(loaded.modules[0].uses, uses);
    assert_eq!(loaded.modules[2].uses, [("y".to_owned(), 3)]);
    let item = &loaded.modules[3].file.items[0];
    assert_eq!(loaded.sources.text(item.span), "procedure z() { }");
}

#[test]
fn circles_show_their_chain() {
    let sources = Memory::default()
        .with("a.runbook", "use \"./b.runbook\" as b")
        .with("b.runbook", "use \"./a.runbook\" as a");
    let (first, told) = loaded("use \"./a.runbook\" as a", &sources);
    assert_eq!(
        told,
        ["import-cycle: modules use each other in a circle: a.runbook → b.runbook → a.runbook"]
    );
    assert_eq!(first.modules[2].missing, ["a"]);
    let (_, told) = loaded(
        "use \"./main.runbook\" as me",
        &Memory::default().with("main.runbook", ""),
    );
    assert_eq!(
        told,
        ["import-cycle: modules use each other in a circle: main.runbook → main.runbook"]
    );
}

#[test]
fn unknown_modules_get_suggestions() {
    let sources = Memory::default().with("std.ingress.nginx", "");
    let mut diagnostics = Diagnostics::default();
    load(
        "m",
        "use std.ingress.ngnix as i\nuse \"./no.runbook\" as n",
        &sources,
        &mut diagnostics,
    );
    let found = diagnostics.into_sorted();
    assert_eq!(found[0].slug, "unknown-module");
    let suggestion = found[0].help[0].suggestion.as_ref().unwrap();
    assert_eq!(suggestion.replacement, "ingress.nginx");
    assert_eq!(
        found[1].message,
        "the module \"./no.runbook\" cannot be used: there is no such file"
    );
}

#[test]
fn depth_number_and_size_are_bounded() {
    let mut deep = Memory::default();
    for level in 1..=USE_DEPTH_MAX + 1 {
        deep = deep.with(&format!("{level}"), &format!("use \"./{}\" as next", level + 1));
    }
    let (first, told) = loaded("use \"./1\" as next", &deep.with(&format!("{}", USE_DEPTH_MAX + 2), ""));
    assert_eq!(told, ["too-deep: modules are used more than 8 levels deep here"]);
    assert_eq!(first.modules.len(), USE_DEPTH_MAX + 1);

    let mut many = Memory::default();
    let mut text = String::new();
    for number in 0..FILES_MAX {
        many = many.with(&format!("{number}"), "");
        writeln!(text, "use \"./{number}\" as m{number}").unwrap();
    }
    let (first, told) = loaded(&text, &many);
    assert_eq!((first.modules.len(), told.len()), (FILES_MAX, 1));

    let large = Memory::default()
        .with("a", &" ".repeat(9 << 20))
        .with("b", &"\n".repeat(9 << 20));
    let (_, told) = loaded("use \"./a\" as a\nuse \"./b\" as b", &large);
    assert_eq!(
        told,
        ["too-large: a runbook and its modules are at most 16 MiB together"]
    );
}
