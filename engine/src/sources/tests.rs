//! What was read can be read again.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::eval::Places;

#[test]
fn what_was_read_is_kept_and_read_again() {
    let tree = tempfile::tempdir().unwrap();
    let path = |name: &str| tree.path().join(name);
    std::fs::write(path("a.runbook"), "a").unwrap();
    std::fs::write(path("m.runbook"), "m").unwrap();
    let (sources, name, _) = FileSources::open(&path("a.runbook")).unwrap();
    let module = sources.relative(&name, "./m.runbook").unwrap();
    assert!(sources.relative("std.x", "./m.runbook").is_err());
    let places = Places {
        working_directory: "/w".into(),
        home: None,
    };
    sources.into_kept().write(&path("kept"), &places).unwrap();
    std::fs::write(path("m.runbook"), "changed").unwrap();
    let kept = KeptSources::read(&path("kept")).unwrap();
    assert_eq!(kept.runbook(), (name.as_str(), "a"));
    assert_eq!(kept.relative(&name, "./m.runbook").unwrap(), module);
    assert_eq!(kept.places(), Some(places));
}
