//! Procedures and questions of files and modules.

use std::fmt::Write as _;

use crate::check::fixture::{assert_no_unknown, check_texts, found, keys, right};
use crate::model::{ExprKind, StatementKind, Undo};

#[test]
fn a_procedure_is_written_out_with_its_own_names() {
    let runbook = right(
        r#"
runbook r "R"
step a "A" {
  let x = "outer"
  do twice(fs.target("/l"), to: x) within 5s undo { do fs.edit_key("/f", key: "U", to: x) } within 30s
  record x
}
procedure twice(spot: path, to: text) {
  let x = fs.key(spot, key: "K")
  do fs.edit_key(spot, key: "K", to: to) undo fs.edit_key(spot, key: "K", to: x) within 1s
  do inner(spot)
}
procedure inner(spot: path) { do fs.link(spot, to: "/new") within 2s }
"#,
    );
    let body = &runbook.steps[0].body;
    assert_eq!(keys(&body.statements), ["a/1", "a/2", "a/3", "a/4", "a/5", "a/6"]);
    let names: Vec<&str> = runbook.bindings.iter().map(|binding| binding.name.as_str()).collect();
    assert_eq!(names, ["x", "#spot", "x"]);
    let StatementKind::Do(edit) = &body.statements[3].kind else {
        panic!("{body:?}");
    };
    assert_eq!(
        (edit.within_ms, edit.undo.is_none(), body.statements[3].group),
        (5_000, true, Some(0))
    );
    let StatementKind::Do(link) = &body.statements[4].kind else {
        panic!("{body:?}");
    };
    assert_eq!((link.within_ms, body.statements[4].calls.len()), (2_000, 2));
    assert_eq!(
        (body.groups[0].key.as_str(), body.groups[0].within_ms),
        ("undo:a/3", 30_000)
    );
    let StatementKind::Record(values) = &body.statements[5].kind else {
        panic!("{body:?}");
    };
    assert!(matches!(values[0].1.kind, ExprKind::Binding(id) if id.0 == 0));
}

#[test]
fn modules_are_called_by_the_name_they_are_given() {
    let checked = check_texts(
        r#"
use "./compose.runbook" as compose
runbook r "R"
service app { runs process("app")  well "up": compose.up(app) }
step a "A" {
  require compose.release("x") == "1" else "x"
  do compose.restart(app) undo compose.restart(app) within 1m
  check app is well
}
"#,
        &[(
            "compose",
            r#"
question up(s: service) -> bool { give release("x") == "1" }
question release(name: text) -> text { give exec.read(["ask", name]).stdout }
question unused() -> bool { give true }
procedure restart(s: service) {
  do exec.run(["restart"], effects: { stops s  starts s  repeat convergent })
  check "up": up(s)
}
"#,
        )],
    );
    assert_eq!(checked.found, Vec::<String>::new(), "{:?}", checked.words);
    let runbook = checked.runbook.unwrap();
    assert_no_unknown(&runbook);
    let questions: Vec<&str> = runbook
        .questions
        .iter()
        .map(|question| question.name.as_str())
        .collect();
    assert_eq!(questions, ["compose.release", "compose.up"]);
    let StatementKind::Do(restart) = &runbook.steps[0].body.statements[1].kind else {
        panic!("{runbook:?}");
    };
    let touched = restart.call.effects.list[0].resource().unwrap();
    assert!(matches!(&touched.key[0].kind, ExprKind::Service(name) if name == "app"));
}

#[test]
fn a_module_by_itself_is_checked_and_is_no_runbook() {
    let right = check_texts(
        "question q() -> int { give 1 }\nprocedure p(s: service) { do process.stop(s) }\n",
        &[],
    );
    assert!(right.runbook.is_none() && right.found.is_empty(), "{:?}", right.found);
    let wrong = check_texts("procedure p() { do fs.link(\"/a\") }\n", &[]);
    assert_eq!(wrong.found, ["missing-argument: fs.link(\"/a\")"]);
}

#[test]
fn what_comes_back_to_itself_is_refused() {
    let checked = check_texts(
        r#"
runbook r "R"
anchor now = q()
step a { do p() }
procedure p() { do o() }
procedure o() { do p() }
question q() -> bool { give now }
"#,
        &[],
    );
    assert_eq!(
        checked.found,
        ["recursion: o()", "recursion: now"],
        "{:?}",
        checked.words
    );
    assert!(checked.words[0].contains("`p` → `o` → `p`"), "{:?}", checked.words);
}

#[test]
fn a_procedure_knows_only_its_parameters() {
    let text = "runbook r \"R\"\ninputs { i : text = \"x\" }\nstep a { let x = \"1\"  do p() }\nprocedure p() { do fs.edit_key(\"/f\", key: i, to: x) }\n";
    assert_eq!(found(text), ["unknown-name: x"]);
}

#[test]
fn an_undo_that_a_procedure_brings_along_means_nothing_on_the_way_back() {
    let runbook = right(
        "runbook r \"R\"\nstep a { do p() }\nstep b { }\nrollback back { applies from b until b  do p() }\nprocedure p() { do fs.link(\"/a\", to: \"/b\") undo fs.link(\"/a\", to: \"/c\") within 1s }\n",
    );
    let undo_of = |statements: &[crate::model::Statement]| match &statements[0].kind {
        StatementKind::Do(action) => action.undo.clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        undo_of(&runbook.steps[0].body.statements),
        Some(Undo::Body(_))
    ));
    assert!(undo_of(&runbook.rollbacks[0].body.statements).is_none());
}

#[test]
fn procedures_that_multiply_are_bounded() {
    let mut text = String::from("runbook r \"R\"\nstep a { do p0() }\nprocedure p9() { do http.listen(1) }\n");
    for number in 0..9 {
        let call = format!("do p{}()\n", number + 1);
        writeln!(text, "procedure p{number}() {{\n{} }}", call.repeat(10)).unwrap();
    }
    assert_eq!(found(&text), ["too-many-statements: p0()"]);
}

#[test]
fn a_procedure_gives_no_value_and_is_not_retried() {
    let text = "runbook r \"R\"\nstep a { retry 2 every 1s  do p() as x }\nprocedure p() { do http.listen(1) }\n";
    assert_eq!(found(text), ["misplaced-statement: retry 2 every 1s", "wrong-type: x"]);
    let read =
        "runbook r \"R\"\nstep a { do fs.size(\"/\") as x  let y = http.listen(1)  let z = p() }\nprocedure p() { }\n";
    assert_eq!(
        found(read),
        [
            "misplaced-statement: fs.size(\"/\")",
            "misplaced-statement: http.listen(1)",
            "misplaced-statement: p()"
        ]
    );
}

#[test]
fn nothing_that_calls_deep_or_wide_hangs() {
    let chain = |length: usize, body: &str| {
        let mut text = String::from("runbook r \"R\"\nstep a { do p0(x: \"x\") }\n");
        for number in 0..length {
            let body = body.replace("NEXT", &format!("p{}", number + 1));
            writeln!(text, "procedure p{number}(x: text) {{\n{body}\n}}").unwrap();
        }
        writeln!(text, "procedure p{length}(x: text) {{ }}").unwrap();
        text
    };
    assert_eq!(found(&chain(3_000, "do NEXT(x: x)")), ["too-deep: p0(x: \"x\")"]);
    let ten_times = "do NEXT(x: x)\n".repeat(10);
    assert_eq!(found(&chain(12, &ten_times)), ["too-many-statements: p0(x: \"x\")"]);
    right(&chain(60, "do NEXT(x: x + x)"));
}

#[test]
fn two_circles_that_meet_are_refused_and_not_followed() {
    let found = found(
        "runbook r \"R\"\nstep a { do p3() }\nprocedure p1() { do p2() }\nprocedure p2() { do p1()  do p3() }\nprocedure p3() { do p4() }\nprocedure p4() { do p3()  do p1() }\n",
    );
    assert_eq!(found[0], "recursion: p2()");
}
