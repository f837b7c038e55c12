//! Texts of files that are replaced in part or made from a template, and what is told about files.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use backstay::value::Value;

use crate::support::bench::{Bench, path_value, text};
use crate::support::worlds::real;

fn content(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn owner_and_mode_are_told_of_what_a_link_leads_to() {
    let bench = real();
    let file = bench.given("app.env", "A=1\n").await;
    symlink("app.env", bench.path("alias")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o4640)).unwrap();
    let alias = [("path", path_value(&bench.path("alias")))];
    assert_eq!(bench.does("fs.mode", &alias).await, Some(text("4640")));
    for (owner, expected) in [((0, 0), "root:root"), ((54_321, 54_322), "54321:54322")] {
        if chown(&file, Some(owner.0), Some(owner.1)).is_err() {
            return crate::support::left_out::leave_out("owner_and_mode_are_told", "giving files away needs root");
        }
        assert_eq!(bench.does("fs.owner", &alias).await, Some(text(expected)));
    }
    let none = [("path", path_value(&bench.path("none")))];
    for question in ["fs.owner", "fs.mode"] {
        assert!(bench.fails(question, &none).await.contains("no such file"));
    }
}

fn replace(file: &Path, pattern: &str, with: &str, expect: i64) -> [(&'static str, Value); 4] {
    [
        ("path", path_value(file)),
        ("pattern", text(pattern)),
        ("with", text(with)),
        ("expect", Value::Int(expect)),
    ]
}

#[tokio::test]
async fn each_find_is_replaced_and_nothing_else() {
    for (before, pattern, with, expect, after) in [
        ("a 1\r\nb 1\r\n", "1$", "2", 2, "a 2\r\nb 2\r\n"),
        ("port=80 # port", "^port=[0-9]+", "port=81", 1, "port=81 # port"),
        ("x=1;y=2", r"(\w)=(?P<v>\d)", "${v}=$1", 2, "1=x;2=y"),
        ("price", "price", "$$5", 1, "$5"),
        ("one\ntwo\nend", "(?s)one.*two\\n", "", 1, "end"),
        ("é A a", "(?i)a", "é", 2, "é é é"),
        ("aa", "a", "aa", 2, "aaaa"),
    ] {
        let bench = real();
        let file = bench.given("f", before).await;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o604)).unwrap();
        bench.does("fs.replace", &replace(&file, pattern, with, expect)).await;
        assert_eq!(content(&file), after, "{pattern}");
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o604);
        assert_eq!(std::fs::read_dir(&bench.folder).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn what_is_not_found_as_often_as_expected_is_not_replaced() {
    const BEFORE: &str = "hunter22\nA=1\nA=2\n";
    let bench = real();
    let file = bench.given("f", BEFORE).await;
    for (pattern, with, expect, expected) in [
        ("^A=", "B=", 1, "is found 2 times in "),
        ("^A=1", "B=", 2, "is found once in "),
        ("^C=", "B=", 1, "is found nowhere in "),
        ("^A=", "B=", 0, "once at least"),
        ("^A=", "B=", -1, "once at least"),
        ("^(A=", "B=", 1, "the pattern cannot be understood"),
        ("^(A)=", "$1x", 2, "the pattern has no group `1x`"),
        ("^(A)=", "${2}", 2, "the pattern has no group `2`"),
    ] {
        let reason = bench.fails("fs.replace", &replace(&file, pattern, with, expect)).await;
        assert!(reason.contains(expected), "{pattern}: {reason}");
        assert!(!reason.contains("hunter22"), "{reason}");
        assert_eq!(content(&file), BEFORE);
    }
    std::fs::write(&file, b"A=\xff").unwrap();
    let reason = bench.fails("fs.replace", &replace(&file, "A", "B", 1)).await;
    assert!(reason.contains("not text in UTF-8"), "{reason}");
}

/// A replacement may be found by its own pattern, so only what was kept tells a second attempt from the first.
#[tokio::test]
async fn a_second_attempt_replaces_nothing_twice() {
    let bench = real();
    let file = bench.given("f", "a\n").await;
    let call = |attempt| {
        bench
            .call("fs.replace", &replace(&file, "a", "aa", 1))
            .keyed("1", attempt)
    };
    for attempt in [1, 2] {
        let outcome = bench.perform(&call(attempt)).await;
        assert!(matches!(outcome, backstay::action::Outcome::Done(_)), "{outcome:?}");
        assert_eq!(content(&file), "aa\n");
    }
    std::fs::write(&file, "other\n").unwrap();
    let settled = bench.settle(&call(2)).await;
    assert!(
        matches!(&settled, backstay::action::Settled::Undecidable(why) if why.contains("changed by somebody else")),
        "{settled:?}"
    );
}

fn template(bench: &Bench, source: (&'static str, Value), token: Value) -> [(&'static str, Value); 3] {
    let values = Value::Map([("token".to_owned(), token)].into());
    [("path", path_value(&bench.path("out"))), source, ("values", values)]
}

#[tokio::test]
async fn a_template_with_a_secret_becomes_a_private_file() {
    let bench = real().with_secret("hunter-2-hunter");
    let source = bench.given("in", "token: {{ token }}\n").await;
    let out = bench.given("out", "token: older-hunter\n").await;
    std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o644)).unwrap();
    let arguments = template(&bench, ("file", path_value(&source)), bench.secret());
    let call = bench.call("fs.template", &arguments);
    let told = format!("{:?} {:?}", bench.preview(&call).await, bench.perform(&call).await);
    assert!(!told.contains("hunter"), "{told}");
    assert_eq!(content(&out), "token: hunter-2-hunter\n");
    assert_eq!(out.metadata().unwrap().mode() & 0o7777, 0o600);
    let said = [arguments.to_vec(), vec![("mode", text("0640"))]].concat();
    bench.does("fs.template", &said).await;
    assert_eq!(out.metadata().unwrap().mode() & 0o7777, 0o640);
}

#[tokio::test]
async fn a_template_that_is_not_whole_writes_nothing() {
    let bench = real();
    let out = bench.given("out", "old\n").await;
    for (source, expected) in [
        (
            ("text", text("{{ token }}\n{{ tokn }}")),
            "line 2: there is no value for `tokn`",
        ),
        (("text", text("{{ token")), "syntax error"),
        (("file", path_value(&bench.path("none"))), "no such file"),
        (("mode", text("0600")), "either in `text` or in `file`"),
    ] {
        let reason = bench.fails("fs.template", &template(&bench, source, text("t"))).await;
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(content(&out), "old\n");
    }
    bench
        .does(
            "fs.template",
            &template(&bench, ("text", text("<{{ token }}>\n")), text("&\"")),
        )
        .await;
    assert_eq!(content(&out), "<&\">\n");
}
