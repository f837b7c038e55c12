//! Types: what mixes, what a literal becomes, where a secret may go.

use crate::check::fixture::{check_texts, found, right};
use crate::model::StatementKind;
use crate::types::Type;

fn step(body: &str) -> String {
    format!(
        "runbook r \"R\"\ninputs {{\n  folder : path\n  name : text\n  image : image\n  token : secret from env T\n  hosts : list of host\n}}\nstep a \"A\" {{\n{body}\n}}\n"
    )
}

fn type_of(expression: &str) -> Type {
    let runbook = right(&step(&format!("let x = {expression}")));
    let StatementKind::Let { value, .. } = &runbook.steps[0].body.statements[0].kind else {
        panic!("no let");
    };
    value.ty.clone()
}

#[test]
fn operators_mix_exactly_what_they_should() {
    for (expression, ty) in [
        ("2GiB * 3", Type::Size),
        ("3 * 2GiB + 1GiB", Type::Size),
        ("10s * 2 - 1s", Type::Duration),
        ("name + \"-x\"", Type::Text),
        ("folder / \"a\" / name", Type::Path),
        ("\"/srv\" / name", Type::Path),
        ("1 + 2 * 3 / 4 - 5", Type::Int),
        ("fs.size(folder) * 2 < fs.free(folder)", Type::Bool),
        ("folder == \"/srv\"", Type::Bool),
        ("\"/srv\" == folder", Type::Bool),
        ("hosts contains \"db1\"", Type::Bool),
        ("name contains \"db\" and not (name matches \"^a+$\")", Type::Bool),
        ("fs.find(\"tar\") default \"/bin/tar\"", Type::Path),
        ("fs.find(\"tar\") is present", Type::Bool),
        ("image is not pinned", Type::Bool),
        ("http.get(\"http://h/\") is ok", Type::Bool),
        ("exec.read([\"a\", folder, 8080]).stdout", Type::Text),
    ] {
        assert_eq!(type_of(expression), ty, "{expression}");
    }
}

#[test]
fn nothing_else_mixes() {
    for (expression, place) in [
        ("2GiB + 1", "2GiB + 1"),
        ("10s * 2s", "10s * 2s"),
        ("name + folder", "name + folder"),
        ("folder / folder", "folder / folder"),
        ("folder / \"..\"", "\"..\""),
        ("folder / \"a/b\"", "\"a/b\""),
        ("name == 5", "name == 5"),
        ("name == folder", "name == folder"),
        ("name < \"b\"", "name < \"b\""),
        ("fs.find(\"tar\") == \"/bin/tar\"", "fs.find(\"tar\")"),
        ("name default \"x\"", "name"),
        ("name is present", "name"),
        ("name is ok", "name"),
        ("name is pinned", "name"),
        ("name matches name", "name"),
        ("name matches \"(\"", "\"(\""),
        ("1 / 0", "0"),
        ("[]", "[]"),
        ("not name", "name"),
        ("name and true", "name"),
        ("hosts contains 5", "hosts contains 5"),
        ("[1, \"a\"]", "\"a\""),
        ("fs.size(\"\")", "\"\""),
        ("http.get(\"example.org\")", "\"example.org\""),
    ] {
        assert_eq!(
            found(&step(&format!("let x = {expression}"))),
            [format!("wrong-type: {place}")],
            "{expression}"
        );
    }
}

#[test]
fn a_text_that_is_worked_out_is_no_path() {
    let text = step("do fs.link(folder, to: name + \"/x\")");
    let checked = check_texts(&text, &[]);
    assert_eq!(checked.found, ["wrong-type: name + \"/x\""]);
    assert!(
        checked.words[0].contains("`to` takes a path, and this is text"),
        "{:?}",
        checked.words
    );
}

#[test]
fn guards_are_true_or_false() {
    let text = step("require http.get(\"http://h/\") else \"x\"\ncheck \"x\": name");
    let checked = check_texts(&text, &[]);
    assert_eq!(
        checked.found,
        ["wrong-type: http.get(\"http://h/\")", "wrong-type: name"]
    );
    assert!(checked.words[0].contains("write `… is ok`"), "{:?}", checked.words);
}

#[test]
fn a_guard_refines_what_it_proved() {
    assert_eq!(found(&step("do image.pull(image)")), ["floating-image: image"]);
    right(&step(
        "require image is pinned and name == \"a\" else \"x\"\ndo image.pull(image)",
    ));
    assert_eq!(
        found(&step(
            "require image is pinned or name == \"a\" else \"x\"\ndo image.pull(image)"
        )),
        ["floating-image: image"]
    );
    let later = step("require image is pinned else \"x\"") + "step b \"B\" { do image.pull(image) }\n";
    right(&later);
    let apart = later.replace("step b \"B\"", "step b \"B\" after nothing");
    assert_eq!(found(&apart), ["floating-image: image"]);
    let skipped = later.replace("require", "skip when name == \"x\" because \"y\"\nrequire");
    assert_eq!(found(&skipped), ["floating-image: image"]);
}

#[test]
fn a_secret_goes_into_sinks_only() {
    right(&step(
        "do fs.install(folder, content: token)\ndo exec.run([\"a\"], env: {T: token}, effects: nothing)",
    ));
    for statement in [
        "let x = token",
        "let x = token == \"a\"",
        "let x = \"a\" + token",
        "record token",
        "do exec.run([\"a\", token], effects: nothing)",
        "do notify.file(token)",
        "do fs.edit_key(folder, key: \"a\", to: token)",
    ] {
        assert_eq!(found(&step(statement)), ["secret-exposed: token"], "{statement}");
    }
}

#[test]
fn literals_take_the_type_that_is_wanted() {
    right(&step("do http.listen(8080)"));
    assert_eq!(found(&step("do http.listen(80800)")), ["wrong-type: 80800"]);
    assert_eq!(found(&step("do image.pull(\"app:1\")")), ["wrong-type: \"app:1\""]);
    let digest = "a".repeat(64);
    right(&step(&format!("do image.pull(\"app@sha256:{digest}\")")));
}

#[test]
fn questions_give_what_they_say() {
    let text = |question: &str| step("let x = q()") + question;
    right(&text("question q() -> int { give exec.read([\"a\"]).stdout }"));
    right(&text(
        "type Answer { ok: bool  count: int }\nquestion q() -> Answer { let a = exec.read([\"a\"])  give {ok: a.ok, count: a.status} }",
    ));
    right(&text(
        "type Short { ok: bool }\nquestion q() -> Short { give exec.read([\"a\"]) }",
    ));
    assert_eq!(found(&text("question q() -> int { give true }")), ["wrong-type: true"]);
    assert_eq!(
        found(&text(
            "type Answer { ok: bool }\nquestion q() -> Answer { give {okay: true} }"
        )),
        ["missing-argument: {okay: true}", "unknown-field: okay"]
    );
    assert_eq!(
        found(&text("question q() -> bool { do http.listen(80)  give true }")),
        ["misplaced-statement: do http.listen(80)"]
    );
    assert_eq!(found(&text("question q() -> bool { }")), ["missing-clause: q"]);
}
