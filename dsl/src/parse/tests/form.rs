use super::{SMALL, WHOLE, bound, errors, parsed, right, statements, told, under};
use crate::ast::{Do, HeaderClause, ItemKind, ModulePath, StatementKind, UndoKind};

#[test]
fn the_reference_runbooks_parse_as_they_stand() {
    let small = right(SMALL);
    assert_eq!(small.items.len(), 3);
    let whole = right(WHOLE);
    assert_eq!(whole.uses.len(), 2);
    assert_eq!(whole.items.len(), 17);
    for item in &whole.items {
        let text = under(WHOLE, item.span);
        assert!(
            text.ends_with('}') || matches!(item.kind, ItemKind::Anchor(_)),
            "{text}"
        );
    }
}

#[test]
fn the_header_inputs_and_services_of_the_reference() {
    let whole = right(WHOLE);
    assert!(matches!(&whole.uses[0].module, ModulePath::Standard(names) if names.len() == 2));
    assert_eq!(under(WHOLE, whole.uses[0].span), "use std.openclaw.compose as openclaw");
    let ItemKind::Runbook(header) = &whole.items[0].kind else {
        panic!()
    };
    assert_eq!(
        whole.items[0].doc,
        "Upgrade a production OpenClaw gateway that runs under Docker Compose."
    );
    assert_eq!(header.clauses.len(), 6);
    let window = header.clauses.iter().find_map(|clause| match clause {
        HeaderClause::Window { window, keep } => Some((window.value, keep.value)),
        _ => None,
    });
    assert_eq!(window, Some((6_000_000, 2_400_000)));
    let ItemKind::Inputs(inputs) = &whole.items[1].kind else {
        panic!()
    };
    assert_eq!(inputs.len(), 6);
    assert_eq!(inputs[0].doc, "New image, by digest.");
    assert_eq!(under(WHOLE, inputs[0].span), "new_image  : pinned image");
    assert_eq!(
        under(WHOLE, inputs[5].span),
        "ui_token   : secret from env OPENCLAW_GATEWAY_TOKEN"
    );
    let ItemKind::Service(service) = &whole.items[2].kind else {
        panic!()
    };
    assert_eq!(service.clauses.len(), 5);
    let ItemKind::Protect(state) = &whole.items[3].kind else {
        panic!()
    };
    let kinds: Vec<&str> = state.parts.iter().map(|part| part.kind.value.as_str()).collect();
    assert_eq!(kinds, ["path", "volume", "file"]);
}

#[test]
fn tables_and_scenarios_of_the_reference() {
    let whole = right(WHOLE);
    let table = whole.items.iter().find_map(|item| match &item.kind {
        ItemKind::Symptoms(table) => Some(table),
        _ => None,
    });
    let table = table.unwrap();
    assert_eq!(table.steps.len(), 2);
    assert_eq!(table.rows.len(), 3);
    assert!(table.rows[2].title.is_none() && table.rows[2].otherwise.is_some());
    let scenario = whole.items.iter().find_map(|item| match &item.kind {
        ItemKind::Scenario(scenario) => Some(scenario),
        _ => None,
    });
    let scenario = scenario.unwrap();
    assert_eq!(scenario.injects.len(), 1);
    assert_eq!(scenario.injects[0].answers.len(), 2);
    assert_eq!(scenario.injects[0].until.as_ref().map(Vec::len), Some(2));
    assert_eq!(scenario.expect_end.as_ref().unwrap().value, "completed");
}

fn first_do(text: &str) -> Do {
    let file = right(&format!("step a \"A\" {{ {text} }}"));
    match &statements(&file)[0].kind {
        StatementKind::Do(action) => (**action).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_clauses_of_an_action() {
    let text = r#"do "Copy": fs.copy(a, to: b) within 30s as copied live because "small" undo fs.remove(b) within 1m"#;
    let action = first_do(text);
    assert_eq!(action.title.unwrap().value, "Copy");
    assert_eq!(action.within.unwrap().value, 30_000);
    assert_eq!(action.name.unwrap().value, "copied");
    let UndoKind::Body { body, within, host } = action.undo.unwrap().kind else {
        panic!()
    };
    assert_eq!((body.len(), within.unwrap().value, host), (1, 60_000, None));
    let none = first_do("do f() no undo because \"nothing to take back\"");
    assert!(matches!(none.undo.unwrap().kind, UndoKind::None(_)));
    let on_host = first_do("do f() undo on web { do g() check s is well } within 2m");
    let UndoKind::Body { body, host, .. } = on_host.undo.unwrap().kind else {
        panic!()
    };
    assert_eq!((body.len(), host.unwrap().value.as_str()), (2, "web"));
}

#[test]
fn clauses_out_of_order_say_the_right_order() {
    let text = "step a \"A\" {\n  do f() as x within 5s\n  do g()\n}";
    let (file, found) = parsed(text);
    assert_eq!(told(text, &found), "2:15 clause-order: `within` stands before `as`");
    assert!(found[0].help[0].message.contains("within D as x live because"));
    assert_eq!(statements(&file).len(), 2);
    assert_eq!(
        errors("step a \"A\" before window after b { do f() }"),
        "1:26 clause-order: `after` stands before `before window`"
    );
}

#[test]
fn operators_bind_as_the_reference_says() {
    assert_eq!(
        bound("a or b and not c == d + e * f"),
        "(a or (b and (not (c == (d + (e * f))))))"
    );
    assert_eq!(bound("not x is ok"), "(not (x is Ok))");
    assert_eq!(
        bound("x is not ok and y is pinned"),
        "((x is not Ok) and (y is Pinned))"
    );
    assert_eq!(bound("a default b + 1 < c"), "((a default (b + 1)) < c)");
    assert_eq!(bound("a - b - c"), "((a - b) - c)");
    assert_eq!(bound("(a or b) and c"), "((a or b) and c)");
    assert_eq!(
        bound("http.get(\"u\").status == 200"),
        "(http.get(\"u\").status == 200)"
    );
    assert_eq!(bound("image at start == x.y.z"), "((image at start) == x.y.z)");
    assert_eq!(
        bound("f(a, at: 1, from: [b, c], for: \"x\")"),
        "f(a, at: 1, from: [b c], for: \"x\")"
    );
    assert_eq!(
        bound("f(env: {A: \"b\", \"C d\": e}, effects: nothing)"),
        "f(env: {A: \"b\" C d: e}, effects: <0>)"
    );
    assert_eq!(
        bound("f(env: {}, effects: { reads a  sets b to c  cancel grace 5s })"),
        "f(env: {}, effects: <3>)"
    );
}

#[test]
fn words_end_where_names_go_on() {
    // `as` begins `assets`, `on` begins `only`, `or` begins `order`, `is` begins `island`.
    assert_eq!(bound("order or notes and island"), "(order or (notes and island))");
    let file = right("step asked \"A\" { do f() ask \"ok?\" confirm only when assets because \"x\" }");
    assert_eq!(statements(&file).len(), 3);
}

#[test]
fn statement_words_are_words_only_where_a_statement_begins() {
    let file = right("step check \"A\" { let budget = take record wait, step release hold }");
    assert_eq!(statements(&file).len(), 3);
    let file = right(
        "use std.a.hold as step\nhold step \"x\" { take a() within 1s release b() within 1s }\nstep hold \"y\" after step { take step }",
    );
    assert_eq!((file.uses.len(), file.items.len()), (1, 2));
}

#[test]
fn chains_of_comparisons_are_refused() {
    assert_eq!(
        errors("step a \"A\" { let x = 1 < b < 3 }"),
        "1:28 syntax: comparisons do not chain: one has been made already"
    );
}

#[test]
fn line_ends_and_indentation_mean_nothing() {
    let line: String = WHOLE
        .lines()
        .map(|line| line.split("///").next().unwrap_or(line).trim().to_owned() + " ")
        .collect();
    assert_eq!(right(&line).items.len(), 17);
    let flat: String = WHOLE.lines().map(|line| line.trim().to_owned() + "\r\n").collect();
    assert_eq!(right(&flat).items.len(), 17);
}

#[test]
fn modules_types_and_functions() {
    let file = right(
        "use \"./a.runbook\" as a\nuse std.x.{b, c} by kind as d\n\
         type Answer { ok: bool  said: optional text }\n\
         question q(m: service, n: int = 3) -> Answer { give exec.read([\"x\"]) }\n\
         procedure p() { do q() }\n\
         fn f(a: text) -> int rhai \"\"\"\n  a.len()\n\"\"\"\n\
         inputs { from: text step: list of pinned image at most 3 = [] key: secret from command [\"pass\", \"x\"] }\n\
         for each web in webs one at a time { /// Doc.\n step s \"S\" on web { do f() } }",
    );
    assert_eq!((file.uses.len(), file.items.len()), (2, 6));
    let ItemKind::ForEach(each) = &file.items[5].kind else {
        panic!()
    };
    assert_eq!(each.steps[0].0, "Doc.");
    let ItemKind::Inputs(inputs) = &file.items[4].kind else {
        panic!()
    };
    assert_eq!(inputs.len(), 3);
}
