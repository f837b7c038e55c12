use super::{errors, parsed, statements, told};
use crate::ast::ItemKind;

#[test]
fn several_errors_are_told_in_one_run_and_the_rest_is_kept() {
    let text = r#"step a "A" {
  budgett 2m
  do f(
  check "x": g() within 5
  record y
}
step b "B" {
  do h() undo i() within 1.5h
  let x 3
  timeout 5m
  check s is wel
  unwind
}
stepp c "C" { do j() }
step d "D" { require x > 1 do k() }
"#;
    let (file, found) = parsed(text);
    assert_eq!(
        told(text, &found),
        "2:3 unknown-statement: there is no statement `budgett`\n\
         3:7 syntax: this `(` is never closed\n\
         4:25 unit: `5` has no unit, and a duration is wanted here\n\
         8:26 unit: `1.5h` has a fraction, and numbers here are whole\n\
         9:9 syntax: expected `=` after `x`, found `3`\n\
         10:3 unknown-statement: there is no statement `timeout`\n\
         11:14 syntax: expected `ok`, `present`, `pinned` or `well` after `is`, found `wel`\n\
         14:1 unknown-statement: there is no `stepp` at the top level of a file\n\
         15:28 syntax: expected `else \"…\"` after `1`, found `do`"
    );
    assert_eq!(file.items.len(), 3);
    assert_eq!(statements(&file).len(), 2);
    let ItemKind::Step(second) = &file.items[1].kind else {
        panic!()
    };
    assert_eq!(second.body.len(), 2);
    let helps: Vec<&str> = found
        .iter()
        .flat_map(|one| &one.help)
        .map(|help| help.message.as_str())
        .collect();
    assert!(helps.contains(&"did you mean `budget`?"));
    assert!(helps.iter().any(|help| help.contains("`within 30s` behind an action")));
    assert!(helps.contains(&"did you mean `step`?"));
}

#[test]
fn unclosed_brackets_and_texts_name_where_they_were_opened() {
    assert_eq!(
        errors("step a \"A\" {\n  do f()\n\nstep b \"B\" {\n  do g()\n}\n"),
        "1:12 syntax: this `{` is never closed"
    );
    assert_eq!(
        errors("step a \"A\" {\n  do f(\"x)\n  do g()\n}\n"),
        "2:8 syntax: this text is not closed before the end of its line"
    );
    assert_eq!(
        errors("step a \"A\" {\n  do f()\n}\n}\nstep b \"B\" { do g() }\n"),
        "4:1 syntax: nothing is open that this `}` could close"
    );
    assert_eq!(
        errors("step a \"A\" {\n  let x = \"\"\"\n  do f()\n}\n"),
        "1:12 syntax: this `{` is never closed\n2:11 syntax: this text in `\"\"\"` is never closed"
    );
    assert_eq!(
        errors("step a \"A\" {\n  do f() undo {\n    do g()\n  check h()\n}\nstep b \"B\" { do g() }\n"),
        "1:12 syntax: this `{` is never closed"
    );
}

#[test]
fn pasted_text_without_indentation_is_cut_at_braces() {
    let text = "step a \"A\" {\ndo f()\non failure rollback r\nbudgett 5m\n}\nrollback r \"R\" {\napplies from a until a\nwhat 5\n}";
    assert_eq!(
        errors(text),
        "4:1 unknown-statement: there is no statement `budgett`\n8:1 unknown-statement: there is no statement `what`"
    );
}

#[test]
fn habits_of_other_languages_get_their_answer() {
    let cases = [
        ("do f(); do g()", "`;` ends nothing here"),
        ("let x = a = b", "`=` does not compare"),
        ("let x = 'a'", "texts are not written in `'`"),
        ("let x = a && b", "`&` is no operator"),
        ("let x = f (a)", "the `(` of a call touches its name"),
        ("let x = -5", "there are no negative numbers here"),
        ("let x = “a”", "this is a typographic quotation mark"),
        ("do f() // later", "`//` begins no comment"),
        (
            "/// what it does\n do f()",
            "documentation stands above an item or an input, not here",
        ),
        ("do f() whithin 5m", "there is no statement `whithin`"),
        ("budget", "expected a duration such as `5m` after `budget`, found `}`"),
        (
            "do f() undo",
            "expected `on HOST`, `{` or an action such as `fs.copy(…)` after `undo`, found `}`",
        ),
        ("seen when x", "there is no statement `seen`"),
        ("budget 5M", "`M` in `5M` is not a unit"),
        ("let x = 2G", "`G` in `2G` is not a unit"),
        (
            "let within = 3",
            "`within` is a word of the language and cannot name a value",
        ),
    ];
    for (statement, message) in cases {
        let found = errors(&format!("step a \"A\" {{\n {statement} }}"));
        assert!(found.contains(message), "{statement}\n{found}");
        assert!(!found.is_empty());
    }
}

#[test]
fn every_block_knows_its_words() {
    let cases = [
        (
            "runbook a \"A\" { owners \"x\" }",
            "1:17 unknown-statement: the header of a runbook knows no `owners`",
        ),
        (
            "service a \"A\" { depends b }",
            "1:17 unknown-statement: a `service` knows no `depends`",
        ),
        (
            "protect a \"A\" { folder b }",
            "1:17 unknown-statement: a `protect` knows no `folder`",
        ),
        (
            "hold a \"A\" { tke b() }",
            "1:14 unknown-statement: a `hold` knows no `tke`",
        ),
        (
            "symptoms a \"A\" for b { row }",
            "1:24 unknown-statement: a table of symptoms knows no `row`",
        ),
        (
            "symptoms a \"A\" for b { symptom \"x\" { sen when y } }",
            "1:38 unknown-statement: a `symptom` knows no `sen`",
        ),
        (
            "scenario \"x\" { wenn b }",
            "1:16 unknown-statement: a `scenario` knows no `wenn`",
        ),
        (
            "step a \"A\" { do f(effects: { read x }) }",
            "1:30 unknown-statement: a block of effects knows no `read`",
        ),
        (
            "inputs { a : text  b text }",
            "1:22 syntax: expected `:` after `b`, found `text`",
        ),
        (
            "step a \"A\" aftr b { do f() }",
            "1:12 syntax: expected `on HOST`, `after a, b`, `before window` or `{` after `\"A\"`, found `aftr`",
        ),
        (
            "runbook \"x\" { }",
            "1:9 syntax: expected a name after `runbook`, found a text",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), expected, "{text}");
    }
}
