//! Names, arguments, clauses: many mistakes in one run, each told once.

use std::fmt::Write as _;

use crate::check::fixture::{check_texts, found, right};

#[test]
fn many_mistakes_are_told_in_one_run() {
    let checked = check_texts(
        r#"
runbook r "R" { window 1h keep 10m for the way back  on failure rollback bak }
inputs { site : pth  size : int = "x" }
step one "One" {
  let a = fs.kye("/etc/a", key: "A")
  do fs.edit_key("/etc/a", kee: "A", to: a)
  do exec.run(["x"])
}
step two "Two" after won {
  budget 1m
  let b = c + 1
  require b == 1 else "x"
  take drain
}
step two "Again" { budget 1m }
rollback back "Back" { budget 1m }
"#,
        &[],
    );
    assert_eq!(
        checked.found,
        [
            "unknown-name: bak",
            "unknown-type: pth",
            "wrong-type: \"x\"",
            "missing-budget: one",
            "unknown-action: fs.kye",
            "missing-argument: fs.edit_key(\"/etc/a\", kee: \"A\", to: a)",
            "unknown-argument: kee",
            "opaque-change: exec.run([\"x\"])",
            "unknown-step: won",
            "unknown-name: c",
            "unknown-name: drain",
            "duplicate-name: two",
            "missing-clause: back",
        ],
        "{:#?}",
        checked.words
    );
    assert!(checked.words[4].contains("did you mean `key`?"), "{:?}", checked.words);
    assert!(checked.words[0].contains("did you mean `back`?"), "{:?}", checked.words);
}

#[test]
fn name_spaces_are_apart() {
    right(
        r#"
runbook r "R"
inputs { app : text = "x" }
service app "App" { runs process(app)  writes app  well "ok": fs.size("/a") > 1B }
protect app { path "/srv" }
step app "App" {
  do process.stop(app)
  do backup.create(app, to: "/b") as backup
  record app, backup
}
rollback app "App" { applies from app until app  do process.start(app, ["x", app]) }
"#,
    );
}

#[test]
fn values_share_one_name_space() {
    assert_eq!(
        found(
            "runbook r \"R\"\ninputs { a : int = 1 }\nanchor a = fs.size(\"/\")\nstep s { let a = 1  let b = 2  let b = 3 }\nstep t { let b = 4 }\n"
        ),
        [
            "duplicate-name: a",
            "duplicate-name: a",
            "duplicate-name: b",
            "duplicate-name: b"
        ]
    );
}

#[test]
fn arguments_are_named_but_the_first() {
    assert_eq!(
        found("runbook r \"R\"\nstep a { do fs.link(\"/a\", \"/b\") }\n"),
        ["unknown-argument: \"/b\""]
    );
    right("runbook r \"R\"\ninputs { to : path = \"/b\" }\nstep a { do fs.link(\"/a\", to) }\n");
    right("runbook r \"R\"\nservice s { runs process(\"s\") }\nstep a { do process.start(s, [\"x\"]) }\n");
    assert_eq!(
        found("runbook r \"R\"\nstep a { do http.listen(1, 2, port: 3) }\n"),
        ["duplicate-clause: 3", "unknown-argument: 2"]
            .map(str::to_owned)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
}

#[test]
fn statements_stand_where_they_may() {
    let text = r#"
runbook r "R"
hold h { take p() within 1s  release p() within 1s }
step a "A" {
  let x = 1
  budget 1m
  do http.listen(80)
  require x == 1 else "x"
  retry 2 every 1s
  check "y": true
  unwind
}
step b "B" after nothing before window { do http.listen(81) }
step c "C" after nothing before window { do fs.link("/a", to: "/b") }
procedure p() { ask "x?" confirm }
rollback back "Back" {
  applies from a until b
  do http.listen(82) undo http.listen(83) within 1s
  commits "no"
}
"#;
    assert_eq!(
        found(text),
        [
            "misplaced-statement: budget 1m",
            "misplaced-statement: require x == 1 else \"x\"",
            "misplaced-statement: retry 2 every 1s",
            "misplaced-statement: unwind",
            "misplaced-statement: do fs.link(\"/a\", to: \"/b\")",
            "misplaced-statement: ask \"x?\" confirm",
            "misplaced-statement: undo http.listen(83) within 1s",
            "misplaced-statement: commits \"no\"",
        ]
    );
}

#[test]
fn what_is_not_carried_out_yet_is_refused_by_name() {
    let text = r#"
runbook r "R"
service s { runs process("s")  members { } }
step a "A" on db { do http.listen(80) live because "x" }
step b "B" { ask "ok?" confirm by two people  allow floating-image because "x" }
fn f(a: text) -> int rhai """1"""
"#;
    let found = found(text);
    assert!(
        found.iter().all(|finding| finding.starts_with("not-supported-yet")),
        "{found:?}"
    );
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn effects_know_their_words() {
    let text =
        |effects: &str| format!("runbook r \"R\"\nstep a {{ do exec.run([\"x\"], effects: {{ {effects} }}) }}\n");
    right(&text(
        "edits tree(\"/a\")  sets key(\"/a\", \"B\") to \"c\"  repeat keyed  settle fs.size(\"/a\") > 1B  partial yes  cancel grace 5s  limit 2m",
    ));
    assert_eq!(found(&text("repeat always")), ["unknown-name: always"]);
    assert_eq!(
        found(&text("repeat once  repeat keyed")),
        ["duplicate-clause: repeat keyed"]
    );
    assert_eq!(found(&text("stops gateway")), ["unknown-name: gateway"]);
    assert_eq!(found(&text("edits tree(5)")), ["wrong-type: 5"]);
    assert_eq!(found(&text("edits \"/a\"")), ["wrong-type: \"/a\""]);
    assert_eq!(
        found(&text("edits tree(fs.target(\"/a\"))")),
        ["value-not-available: fs.target(\"/a\")"]
    );
    assert_eq!(
        found(&text("edits tree(\"/a\")  repeat read")),
        ["wrong-type: repeat read"]
    );
}

#[test]
fn services_say_what_they_are() {
    let text = |clauses: &str| format!("runbook r \"R\"\nservice s {{ {clauses} }}\nstep a {{ check s is well }}\n");
    assert_eq!(found(&text("")), ["missing-clause: s", "missing-clause: s"]);
    assert_eq!(
        found(&text("runs pod(\"x\")  well \"w\": true  begins runing  writes data")),
        ["unknown-name: pod", "unknown-name: runing", "unknown-name: data"]
    );
    assert_eq!(
        found(&text(
            "runs unit(\"x\")  runs unit(\"y\")  well \"w\": s is well within 1s"
        )),
        ["duplicate-clause: unit(\"y\")", "recursion: s"]
    );
}

#[test]
fn what_is_named_in_great_numbers_stays_cheap() {
    let mut text = String::from("runbook r \"R\"\nstep a {\n");
    (0..3_000).for_each(|number| writeln!(text, "let value{number} = unknown{number}").unwrap());
    text.push_str("}\n");
    let found = found(&text);
    assert!(found.len() <= crate::check::FINDINGS_MAX, "{}", found.len());
    let mut anchors = String::from("runbook r \"R\"\nstep s { }\n");
    (0..1_000).for_each(|number| writeln!(anchors, "anchor a{number} = a{}", number + 1).unwrap());
    anchors.push_str("anchor a1000 = fs.size(\"/\")\n");
    assert!(
        self::found(&anchors)
            .iter()
            .all(|finding| finding.starts_with("too-deep"))
    );
    let mut types = String::from("runbook r \"R\"\nstep s { }\n");
    (0..1_000).for_each(|number| writeln!(types, "type T{number} {{ a: T{0}  b: T{0} }}", number + 1).unwrap());
    types.push_str("type T1000 { ok: bool }\n");
    assert!(
        self::found(&types)
            .iter()
            .all(|finding| finding.starts_with("too-deep"))
    );
}
