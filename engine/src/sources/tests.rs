//! Nothing outside of the folder is read, and what was read can be read again.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::eval::Places;
use std::os::unix::fs::symlink;

struct Tree(tempfile::TempDir);

impl Tree {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            let path = tree.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

#[test]
fn modules_stay_within_the_folder_of_the_runbook() {
    let tree = Tree::new(&[
        ("book/a.runbook", b"a"),
        ("book/lib/m.runbook", b"m"),
        ("book/lib/n.runbook", b"n"),
        ("outside.runbook", b"o"),
    ]);
    symlink("../outside.runbook", tree.path("book/link.runbook")).unwrap();
    let (sources, name, _) = FileSources::open(&tree.path("book/a.runbook")).unwrap();
    let (module, text) = sources.relative(&name, "./lib/m.runbook").unwrap();
    assert_eq!(text, "m");
    assert_eq!(sources.relative(&module, "./n.runbook").unwrap().1, "n");
    assert_eq!(sources.relative(&module, "../lib/../lib/n.runbook").unwrap().1, "n");
    for outside in ["../outside.runbook", "./link.runbook"] {
        let error = sources.relative(&name, outside).unwrap_err();
        assert_eq!(error, format!("{outside} lies outside of the runbook's folder"));
    }
    assert!(sources.relative(&name, "./lib").unwrap_err().contains("it is a folder"));
    assert!(sources.relative("std.x", "./m.runbook").is_err());
}

#[test]
fn bad_bytes_are_named_by_line_and_column() {
    let tree = Tree::new(&[("a.runbook", b"ok\n\xc3\xa4b\xff")]);
    let Err(error) = FileSources::open(&tree.path("a.runbook")) else {
        unreachable!("the text is not valid")
    };
    assert!(
        error
            .to_string()
            .ends_with("line 2, column 3: this byte is not valid UTF-8"),
        "{error}"
    );
}

#[test]
fn what_was_read_is_kept_and_read_again() {
    let tree = Tree::new(&[("a.runbook", b"a"), ("m.runbook", b"m")]);
    let (sources, name, _) = FileSources::open(&tree.path("a.runbook")).unwrap();
    let module = sources.relative(&name, "./m.runbook").unwrap();
    let places = Places {
        working_directory: "/w".into(),
        home: None,
    };
    sources.into_kept().write(&tree.path("kept"), &places).unwrap();
    std::fs::write(tree.path("m.runbook"), "changed").unwrap();
    let kept = KeptSources::read(&tree.path("kept")).unwrap();
    assert_eq!(kept.runbook(), (name.as_str(), "a"));
    assert_eq!(kept.relative(&name, "./m.runbook").unwrap(), module);
    assert_eq!(kept.places(), Some(places));
}
