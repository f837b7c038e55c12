//! Steps for each element of a list that is given.

use crate::support::sandbox::Sandbox;

const EACH: &str = "runbook each \"T\"\ninputs { names : list of text at most 3 }\n\
                    for each name in names one at a time {\n  step make \"Make\" {\n    \
                    do fs.mkdir(\"ROOT/made\" / name) undo fs.remove(\"ROOT/made\" / name) within 1s\n    \
                    check \"it is there\": fs.exists(\"ROOT/made\" / name)\n  }\n}\n";

#[test]
fn steps_are_done_for_each_element_that_is_given() {
    let desk = Sandbox::desk();
    desk.write_runbook("each.runbook", EACH);
    std::fs::create_dir(desk.path("made")).unwrap();
    desk.call(&["check", "each.runbook"]).exits(0);
    desk.write("two.toml", "names = [\"a\", \"b\"]\n");
    let plan = desk
        .call(&["plan", "each.runbook", "--inputs", "two.toml"])
        .exits(0)
        .stdout;
    assert!(
        plan.contains("make[names.2]") && !plan.contains("make[names.3]"),
        "{plan}"
    );
    desk.call(&["run", "each.runbook", "--inputs", "two.toml", "--no-input"])
        .exits(0);
    assert!(desk.path("made/a").exists() && desk.path("made/b").exists());
}

#[test]
fn a_list_that_is_empty_or_says_one_thing_twice_is_refused() {
    let desk = Sandbox::desk();
    desk.write_runbook("each.runbook", EACH);
    for (names, words) in [
        ("[]", "`names` is empty"),
        ("[\"a\", \"a\"]", "`a` stands in `names` twice"),
        ("[\"a\", \"b\", \"c\", \"d\"]", "at most 3"),
    ] {
        desk.write("names.toml", format!("names = {names}\n"));
        let plan = desk.call(&["plan", "each.runbook", "--inputs", "names.toml"]).exits(2);
        assert!(plan.stderr.contains(words), "{}", plan.stderr);
    }
}
