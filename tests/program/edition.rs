//! What statements of the language do when they run, seen from outside.

use std::fs;

use crate::support::sandbox::Sandbox;

#[test]
fn a_soak_lasts_for_all_of_its_time_and_forgives_what_it_may() {
    let desk = Sandbox::desk();
    desk.write("up", "");
    desk.write_runbook(
        "soak.runbook",
        "runbook soak \"T\"\n\
         step a \"A\" {\n  check \"stays\": fs.exists(\"ROOT/up\") for 3s every 1s\n\
         \x20 check \"forgiven\": fs.exists(\"ROOT/none\") for 3s every 1s at most 9 misses\n\
         \x20 check \"falls\": fs.exists(\"ROOT/none\") for 50m every 100ms at most 2 misses\n}\n",
    );
    let plan = desk.call(&["plan", "soak.runbook"]).exits(0).stdout;
    assert!(plan.contains("forgiven for 3s every 1s at most 9 misses"), "{plan}");
    desk.call(&["run", "soak.runbook", "--no-input"]).exits(4);
    let seen = desk.records_of("evaluated");
    let of = |label: &str| seen.iter().find(|record| record["label"] == label).unwrap();
    let (stays, forgiven, falls) = (of("stays"), of("forgiven"), of("falls"));
    assert_eq!((&stays["result"], &stays["polls"]), (&"holds".into(), &4.into()));
    assert!(stays["ms"].as_u64().unwrap() >= 3000, "{stays}");
    assert_eq!(forgiven["result"], "holds");
    assert!(
        forgiven["evidence"]
            .as_str()
            .unwrap()
            .contains("it did not hold 4 of 4 times"),
        "{forgiven}"
    );
    assert_eq!(
        (&falls["result"], &falls["polls"]),
        (&"does_not_hold".into(), &3.into())
    );
}

#[test]
fn reasons_for_what_is_set_aside_are_in_the_record() {
    let desk = Sandbox::desk();
    fs::create_dir(desk.path("data")).unwrap();
    desk.write("data/journal", "one\n");
    desk.write_runbook(
        "live.runbook",
        "runbook live \"T\"\nservice shop \"The shop\" {\n  runs process(\"shop\")\n  writes data\n  begins stopped\n  \
         ends stopped\n}\nprotect data \"Data\" { path \"ROOT/data\" }\n\
         step a \"A\" {\n  do backup.create(data, to: \"ROOT/kept\") live because \"it is only appended to\"\n\
         \x20 allow no-way-back because \"it may stay\"\n  do fs.write(\"ROOT/new\", content: \"x\")\n}\n",
    );
    let reasons = serde_json::json!([
        { "rule": "backup-not-cold", "because": "it is only appended to" },
        { "rule": "no-way-back", "because": "it may stay" },
    ]);
    let plan = desk.call(&["plan", "live.runbook", "--format", "json"]).exits(0).json();
    assert_eq!(plan["set_aside"], reasons);
    desk.call(&["run", "live.runbook", "--no-input"]).exits(0);
    assert_eq!(desk.records_of("run.start")[0]["outline"]["set_aside"], reasons);
    let shown = desk.call(&["transcript", "show", &desk.run_name()]).exits(0).stdout;
    assert!(shown.contains("backup-not-cold: it is only appended to"), "{shown}");
}

/// An edit where nothing need survive has no undo, and the run is back all the same.
#[test]
fn what_is_excepted_from_protected_state_is_not_owed_by_a_run() {
    for (place, exit, end) in [("cache", 5, "rolled_back"), ("other", 6, "stuck")] {
        let desk = Sandbox::desk();
        for folder in ["data", "data/cache", "data/other"] {
            fs::create_dir(desk.path(folder)).unwrap();
        }
        desk.write("data/cache/page", "old");
        desk.write("data/other/page", "old");
        // What is set aside is owed by the run, and not by the text.
        let allow = "  allow no-way-back because \"see what the run makes of it\"\n";
        let allow = if place == "other" { allow } else { "" };
        desk.write_runbook(
            "clear.runbook",
            &format!(
                "runbook clear \"T\"\nprotect data \"Data\" {{ path \"ROOT/data\" except \"cache\" }}\n\
                 step a \"A\" {{\n{allow}  do fs.remove(\"ROOT/data/{place}/page\")\n\
                 \x20 check \"never\": fs.exists(\"ROOT/none\")\n}}\n"
            ),
        );
        let plan = desk.call(&["plan", "clear.runbook"]).exits(0).stdout;
        let plan = plan.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plan.contains("/data) except \"cache\""), "{plan}");
        desk.call(&["run", "clear.runbook", "--no-input"]).exits(exit);
        assert_eq!(desk.records_of("run.end")[0]["end"], end);
    }
}

const TWO: &str = "runbook two \"T\"\n\
                   step a \"A\" {\n  ask \"Shall we?\" confirm by two people\n  ask \"Which?\" text as x by two people\n  record x\n}\n";

#[test]
fn two_people_answer_from_a_file_under_two_names() {
    for (answers, exit) in [
        (
            "{ ada = true, grace = true }\n\"a/2\" = { ada = \"7\", grace = \"7\" }",
            0,
        ),
        (
            "{ ada = true, grace = false }\n\"a/2\" = { ada = \"7\", grace = \"7\" }",
            4,
        ),
        (
            "{ ada = true, grace = true }\n\"a/2\" = { ada = \"7\", grace = \"8\" }",
            4,
        ),
        // One person is not two, however written.
        ("true\n\"a/2\" = \"7\"", 4),
        ("{ ada = true }\n\"a/2\" = { ada = \"7\", grace = \"7\" }", 4),
        (
            "{ ada = true, Ada = true }\n\"a/2\" = { ada = \"7\", grace = \"7\" }",
            2,
        ),
        (
            "{ ada = true, grace = \"yes\" }\n\"a/2\" = { ada = \"7\", grace = \"7\" }",
            2,
        ),
    ] {
        let desk = Sandbox::desk();
        desk.write("two.runbook", TWO);
        desk.write("answers.toml", format!("\"a/1\" = {answers}\n"));
        let run = desk.call(&["run", "two.runbook", "--no-input", "--answers", "answers.toml"]);
        let run = run.exits(exit);
        if exit == 0 {
            let who: Vec<String> = desk
                .records_of("answer")
                .iter()
                .map(|said| said["who"].to_string())
                .collect();
            assert_eq!(who, ["\"ada\"", "\"grace\"", "\"ada\"", "\"grace\""]);
        }
        if answers.starts_with("true") {
            assert!(run.stderr.contains("Shall we? (by two people)"), "{run:?}");
        }
    }
}

#[test]
fn a_question_of_a_role_says_whose_word_it_is() {
    let desk = Sandbox::desk();
    desk.write(
        "role.runbook",
        "runbook role \"T\"\nstep a \"A\" {\n  ask \"Shall we?\" confirm of \"shift lead\"\n  ask \"Which?\" text as x of \"database\" by \
         two people\n  record x\n}\n",
    );
    let plan = desk.call(&["plan", "role.runbook"]).stdout;
    assert!(plan.contains("asks shift lead: Shall we?"), "{plan}");
    assert!(plan.contains("asks two of database: Which?"), "{plan}");
    let refused = desk.call(&["run", "role.runbook", "--no-input"]).exits(4);
    assert!(refused.stderr.contains("Shall we? (of shift lead)"), "{refused:?}");
    assert!(
        refused.stderr.contains("Which? (of database, by two people)"),
        "{refused:?}"
    );
    desk.write(
        "answers.toml",
        "\"a/1\" = { ada = true }\n\"a/2\" = { grace = \"7\", alan = \"7\" }\n",
    );
    let run = desk
        .call(&["run", "role.runbook", "--no-input", "--answers", "answers.toml"])
        .exits(0);
    assert!(run.stderr.contains("yes (ada for shift lead, file)"), "{run:?}");
    let said = desk.records_of("answer");
    let of: Vec<&str> = said.iter().map(|said| said["of"].as_str().unwrap()).collect();
    assert_eq!(of, ["shift lead", "database", "database"]);
    desk.call(&["transcript", "verify", &desk.run_name()]).exits(0);
}

#[test]
fn what_the_header_requires_is_asked_before_the_first_change() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "guarded.runbook",
        "runbook guarded \"T\" {\n  require not fs.exists(\"ROOT/freeze\") else \"Wait for the end of the freeze\"\n}\n\
         step a \"A\" before window { do \"Wait\": exec.run([\"ROOT/begin\"], effects: nothing) no undo because \"x\" }\n\
         step b \"B\" { do fs.write(\"ROOT/new\", content: \"x\") undo fs.remove(\"ROOT/new\") within 5s }\n",
    );
    let begin = |script: &str| {
        desk.write("begin", format!("#!/bin/sh\n{script}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(desk.path("begin"), mode).unwrap();
    };
    begin("true");
    let plan = desk.call(&["plan", "guarded.runbook"]).exits(0).in_one_line();
    assert!(plan.contains("required: not fs.exists(…) holds"), "{plan}");
    desk.write("freeze", "");
    let plan = desk.call(&["plan", "guarded.runbook"]).exits(1).stdout;
    assert!(plan.contains("Wait for the end of the freeze"), "{plan}");
    desk.call(&["run", "guarded.runbook", "--no-input"]).exits(4);
    assert!(!desk.path("new").exists());

    // The freeze begins while a step before the window runs.
    fs::remove_file(desk.path("freeze")).unwrap();
    begin(&format!("touch {}", desk.path("freeze").display()));
    let refused = desk.call(&["run", "guarded.runbook", "--no-input"]).exits(4);
    assert!(refused.stdout.contains("Wait for the end of the freeze"), "{refused:?}");
    assert!(!desk.path("new").exists());

    fs::remove_file(desk.path("freeze")).unwrap();
    begin("true");
    desk.call(&["run", "guarded.runbook", "--no-input"]).exits(0);
    assert!(desk.path("new").exists());
}

#[test]
fn a_label_says_which_of_several_this_is() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "named.runbook",
        "runbook named \"T\" {\n  label \"shop on \" + site\n}\ninputs { site : text }\n\
         step a \"A\" { do notify.file(\"ROOT/said\", message: \"it begins\") }\n",
    );
    let call = |command| {
        desk.call(&[command, "named.runbook", "--input", "site=b"])
            .exits(0)
            .stdout
    };
    assert!(call("plan").contains("label     shop on b"));
    call("run");
    let said = fs::read_to_string(desk.path("said")).unwrap();
    assert!(said.ends_with("\t[shop on b] it begins\n"), "{said}");
    assert_eq!(desk.records_of("run.start")[0]["label"], "shop on b");
    let shown = desk.call(&["transcript", "show", &desk.run_name()]).exits(0).stdout;
    assert!(shown.contains("begins: T – shop on b ("), "{shown}");
}

const LOOP: &str = "runbook loop \"T\"\nfor each name in [\"a\", \"b\", \"c\"] one at a time {\n  step make \"Make it\" {\n    \
         do fs.mkdir(\"ROOT\" / name) undo fs.remove(\"ROOT\" / name) within 5s\n    \
         check \"it may be\": not fs.exists(\"ROOT\" / (name + \".not\"))\n  }\n}\n";

#[test]
fn a_loop_ends_with_the_turn_that_fails_and_what_was_finished_is_undone_last_first() {
    let desk = Sandbox::desk();
    desk.write_runbook("loop.runbook", LOOP);
    desk.write("b.not", "");
    let plan = desk.call(&["plan", "loop.runbook"]).exits(1).stdout;
    assert!(plan.contains("make[c] – Make it (c)"), "{plan}");
    desk.call(&["run", "loop.runbook", "--no-input"]).exits(5);
    let begun: Vec<String> = desk
        .records_of("intent")
        .iter()
        .map(|intent| intent["key"].to_string())
        .collect();
    assert_eq!(
        begun,
        [
            "\"make[a]/1\"",
            "\"make[b]/1\"",
            "\"undo:make[b]/1/1\"",
            "\"undo:make[a]/1/1\""
        ]
    );
    assert!(!desk.path("a").exists() && !desk.path("b").exists());
}

#[test]
fn a_run_goes_to_a_turn_of_a_loop_and_on_from_there() {
    let desk = Sandbox::desk();
    desk.write_runbook("loop.runbook", LOOP);
    desk.call(&["run", "loop.runbook", "--no-input", "--until", "make[b]"])
        .exits(7);
    let run = desk.run_name();
    assert!(desk.path("b").exists() && !desk.path("c").exists());
    desk.call(&["resume", &run, "--no-input"]).exits(0);
    assert!(desk.path("c").exists());
}

#[test]
fn waiting_in_vain_ends_at_once() {
    let desk = Sandbox::desk();
    desk.write("dead", "");
    desk.write_runbook(
        "vain.runbook",
        "runbook vain \"T\"\nstep a \"A\" {\n  check \"soak\": fs.exists(\"ROOT/dead\") for 1s every 300ms unless fs.exists(\"ROOT/none\")\n  \
         check \"comes\": fs.exists(\"ROOT/none\") within 50m every 100ms unless fs.exists(\"ROOT/dead\")\n}\n",
    );
    desk.call(&["run", "vain.runbook", "--no-input"]).exits(4);
    let seen = desk.records_of("evaluated");
    let of = |label: &str| seen.iter().find(|record| record["label"] == label).unwrap();
    assert_eq!(of("soak")["result"], "holds");
    assert_eq!(
        (&of("comes")["result"], &of("comes")["polls"]),
        (&"does_not_hold".into(), &1.into())
    );
    assert!(
        of("comes")["evidence"].as_str().unwrap().contains("it is in vain"),
        "{seen:?}"
    );
}

#[test]
fn a_value_that_a_procedure_is_given_is_shown_by_the_name_of_its_parameter() {
    let desk = Sandbox::desk();
    desk.write("old", "1");
    desk.write_runbook(
        "given.runbook",
        "runbook given \"T\"\n\
         procedure put(found: bool) {\n  let seen = found\n  check \"as found\": seen == found\n}\n\
         step a \"A\" { do put(found: fs.exists(\"ROOT/old\")) }\n",
    );
    let plan = desk.call(&["plan", "given.runbook"]).exits(0).stdout;
    let run = desk.call(&["run", "given.runbook", "--no-input"]).exits(0).stderr;
    for shown in [plan, run] {
        assert!(shown.contains("found") && !shown.contains("#found"), "{shown}");
    }
}
