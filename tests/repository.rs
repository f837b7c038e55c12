//! The house rules, held by a test: sizes of files and functions, the layer table, no forgotten test file.
//!
//! A rule of this file is changed in `docs/contributing.md` first.

mod layers;
mod names;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::texts::root;

const FILE_LINES_MAX: usize = 600;
const FILE_LINES_MEDIAN_MAX: usize = 150;
const FUNCTION_LINES_MAX: usize = 70;

fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|known| known == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn product_files() -> Vec<PathBuf> {
    let mut files = files_below(&root().join("dsl/src"), "rs");
    files.extend(files_below(&root().join("engine/src"), "rs"));
    assert!(files.len() > 30, "the sources were not found");
    files
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// A secret that is cut is not found any more, so only what scrubs first may shorten, and what shows records.
#[test]
fn no_text_is_shortened_before_it_is_scrubbed() {
    for path in product_files() {
        let name = relative(&path);
        let is_free = ["dsl/", "engine/src/redact", "engine/src/render/", "engine/src/bin/"];
        if is_free.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        for line in product_lines(&path) {
            let cuts = ["chars().take(", "char_indices().nth(", "floor_char_boundary("];
            let cuts = cuts.iter().any(|cut| line.contains(cut));
            assert!(!cuts, "{name} shortens a text; let `Redactor::shortened` do it: {line}");
        }
    }
}

/// The lines of a file without its tests: none of a `tests.rs` or of a file in `tests/`.
fn product_lines(path: &Path) -> Vec<String> {
    if relative(path).ends_with("/tests.rs") || relative(path).contains("/tests/") {
        return Vec::new();
    }
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .take_while(|line| *line != "mod tests {")
        .map(str::to_owned)
        .collect()
}

#[test]
fn files_are_small() {
    let mut sizes = Vec::new();
    let mut too_large = Vec::new();
    for path in product_files() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        sizes.push(product_lines(&path).len());
        if lines > FILE_LINES_MAX {
            too_large.push(format!("{}: {lines} lines", relative(&path)));
        }
    }
    sizes.sort_unstable();
    assert!(
        too_large.is_empty(),
        "files over {FILE_LINES_MAX} lines:\n{}",
        too_large.join("\n")
    );
    let median = sizes[sizes.len() / 2];
    assert!(median <= FILE_LINES_MEDIAN_MAX, "the median file has {median} lines");
}

#[test]
fn functions_are_small() {
    let mut too_large = Vec::new();
    let mut files = product_files();
    files.extend(files_below(&root().join("tests"), "rs"));
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let start = line.trim_start();
            let head = match start.strip_prefix("pub(") {
                Some(rest) => rest.split_once(") ").map_or("", |(_, rest)| rest),
                None => start.strip_prefix("pub ").unwrap_or(start),
            };
            let head = head.trim_start_matches("const ").trim_start_matches("async ");
            if !head.starts_with("fn ") {
                continue;
            }
            // What a trait only names has no body.
            let heads_end = lines[number..].iter().find(|line| line.ends_with(['{', ';', '}']));
            if heads_end.is_some_and(|line| line.ends_with(';')) {
                continue;
            }
            let indent = line.len() - start.len();
            let end = format!("{}}}", " ".repeat(indent));
            let Some(length) = lines[number..].iter().position(|line| **line == end) else {
                continue;
            };
            if length + 1 > FUNCTION_LINES_MAX {
                too_large.push(format!("{}:{}: {} lines", relative(&path), number + 1, length + 1));
            }
        }
    }
    assert!(
        too_large.is_empty(),
        "functions over {FUNCTION_LINES_MAX} lines:\n{}",
        too_large.join("\n")
    );
}

/// A page that names a file names one that is there.
#[test]
fn files_that_the_architecture_names_are_there() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut files = product_files();
    files.extend(files_below(&root().join("tests"), "rs"));
    let words = text.split('`').skip(1).step_by(2);
    let is_source = |word: &&str| Path::new(word).extension().is_some_and(|end| end == "rs");
    let named: Vec<&str> = words.filter(is_source).filter(|word| !word.contains(' ')).collect();
    assert!(named.len() > 50, "the names were not found");
    for name in named {
        let is_there = files.iter().any(|file| file.ends_with(name));
        assert!(is_there, "docs/architecture.md names {name}, and there is none");
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let tests = root().join("tests");
    let manifest = fs::read_to_string(root().join("engine/Cargo.toml")).unwrap();
    let mut named: Vec<PathBuf> = manifest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("path = \"../tests/"))
        .map(|rest| tests.join(rest.trim_end_matches('"')))
        .collect();
    assert!(named.contains(&tests.join("main.rs")), "the manifest was not read");
    let mut forgotten: BTreeSet<PathBuf> = files_below(&tests, "rs").into_iter().collect();
    while let Some(file) = named.pop() {
        forgotten.remove(&file);
        let is_program = file.parent() == Some(&tests) && manifest.contains(&relative(&file));
        let folder = if is_program {
            tests.clone()
        } else {
            file.with_extension("")
        };
        let text = fs::read_to_string(&file).unwrap();
        named.extend(text.lines().filter_map(|line| {
            let declaration = line.trim().strip_suffix(';')?;
            let name = declaration.trim_start_matches("pub(crate) ").strip_prefix("mod ")?;
            Some(folder.join(name).with_extension("rs"))
        }));
    }
    assert!(forgotten.is_empty(), "no target or `mod` names these: {forgotten:?}");
}

#[test]
fn top_level_holds_what_the_contract_names() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "docs",
        "dsl",
        "engine",
        "examples",
        "stdlib-runbooks",
        "target",
        "tests",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(
            name.starts_with('.') || allowed.contains(&name.as_str()),
            "`{name}` does not belong at the top level"
        );
    }
}

/// What `tests/cases.md` names is there: a test, or the file of many.
#[test]
fn each_test_that_holds_a_case_is_there() {
    let cases = fs::read_to_string(root().join("tests/cases.md")).unwrap();
    let files = [product_files(), files_below(&root().join("tests"), "rs")].concat();
    let functions: BTreeSet<String> = files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let names = text.lines().filter_map(|line| {
                let (_, rest) = line.split_once("fn ")?;
                Some(rest.split(['(', '<']).next()?.to_owned())
            });
            names.collect::<Vec<_>>()
        })
        .collect();
    let is_file = |path: &str| {
        let place = format!("/{}.rs", path.trim_end_matches("::tests").replace("::", "/"));
        files.iter().any(|file| file.to_string_lossy().ends_with(&place))
    };
    let named = cases.split('`').skip(1).step_by(2).filter(|word| {
        let is_path = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ":_".contains(letter);
        word.contains("::") && word.chars().all(is_path)
    });
    let missing: Vec<&str> = named
        .filter(|path| {
            let function = path.rsplit("::").next().unwrap_or_default();
            !functions.contains(function) && !is_file(path)
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
