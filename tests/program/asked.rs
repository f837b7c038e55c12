//! What the record says of a question: what was asked, all of it, and what decided; what follows from that for
//! symptom tables, and looking them up.

use std::fs;

use crate::support::sandbox::Sandbox;

/// The evidence of each check, by its label.
fn evidence_of(desk: &Sandbox, label: &str) -> String {
    let records = desk.records_of("evaluated");
    let found = records.iter().find(|record| record["label"] == label).unwrap();
    found["evidence"].as_str().unwrap().to_owned()
}

/// What is known goes into the question: on paper, at the person, in the record, in the words of a "no".
#[test]
fn a_question_says_what_is_known_by_then() {
    let desk = Sandbox::desk();
    desk.write("version", "1.2.3");
    desk.write_runbook(
        "known.runbook",
        "runbook known \"T\"\ninputs { shop : text }\nstep a \"A\" {\n\
         \x20 let version = fs.read(\"ROOT/version\")\n\
         \x20 ask \"Is \" + shop + \" the shop?\" confirm\n\
         \x20 do fs.write(\"ROOT/made\", content: \"x\") undo fs.remove(\"ROOT/made\") within 1s\n\
         \x20 let made = fs.read(\"ROOT/made\")\n\
         \x20 ask \"Is \" + version + \" right, and \" + made + \"?\" confirm\n}\n",
    );
    // By its exact words where they are known before the run, by its place where not.
    desk.write("answers.toml", "\"Is Lisbon the shop?\" = true\n\"a/5\" = false\n");
    let input = ["known.runbook", "--input", "shop=Lisbon", "--answers", "answers.toml"];
    let plan = desk.call(&[&["plan"], &input[..3]].concat()).exits(0).stdout;
    assert!(plan.contains("asks a person: Is Lisbon the shop?"), "{plan}");
    assert!(plan.contains("asks a person: Is 1.2.3 right, and x?"), "{plan}");
    let ended = desk.call(&[&["run"], &input[..], &["--no-input"]].concat()).exits(5);
    assert!(
        ended.stdout.contains("answered no: Is 1.2.3 right, and x?"),
        "{}",
        ended.stdout
    );
    let asked = desk.records_of("answer");
    let asked: Vec<&str> = asked.iter().map(|record| record["prompt"].as_str().unwrap()).collect();
    assert_eq!(asked, ["Is Lisbon the shop?", "Is 1.2.3 right, and x?"]);

    let missing = desk
        .call(&["run", "known.runbook", "--input", "shop=Porto", "--no-input"])
        .exits(4);
    assert!(missing.stderr.contains("a/2: Is Porto the shop?"), "{}", missing.stderr);
}

#[test]
fn evidence_says_what_was_asked_and_what_decided() {
    let desk = Sandbox::desk();
    let noise = "INFO all is well, as ever and for a long time\n".repeat(400);
    desk.write(
        "log",
        format!("{noise}FATAL: early\n{noise}12:01 FATAL: out of memory\n{noise}"),
    );
    desk.write("name", "vm\n");
    desk.write(
        "asked.runbook",
        "runbook asked \"T\"\ninputs { log : path  name : path }\n\
         step a \"A\" {\n\
         \x20 check \"clean\": not (fs.read(name) matches \"FATAL\")\n\
         \x20 check \"fatal\": fs.read(log) matches \"FATAL: .*\"\n\
         \x20 check \"memory\": fs.read(log) contains \"memory\"\n\
         \x20 check \"no panic\": not (fs.read(log) matches \"PANIC\")\n\
         \x20 check \"both\": fs.exists(log) and not (fs.read(name) contains \"x\")\n\
         \x20 check \"neither\": not (fs.exists(name / \"x\") or fs.read(name) == \"x\")\n}\n",
    );
    let inputs = ["log", "name"].map(|name| format!("{name}={}", desk.path(name).display()));
    let given = [
        "run",
        "asked.runbook",
        "--input",
        &inputs[0],
        "--input",
        &inputs[1],
        "--no-input",
    ];
    desk.call(&given).exits(0);
    for (label, evidence) in [
        ("clean", "not fs.read(…) matches \"FATAL\": vm "),
        ("fatal", "fs.read(…) matches \"FATAL: .*\": 12:01 FATAL: out of memory"),
        ("memory", "fs.read(…) contains \"memory\": 12:01 FATAL: out of memory"),
        (
            "no panic",
            "not fs.read(…) matches \"PANIC\": found in none of its lines",
        ),
        (
            "both",
            "fs.exists(…) and not fs.read(…) contains \"x\", seen: fs.exists(…): true; fs.read(…) contains \"x\": vm ",
        ),
        (
            "neither",
            "not (fs.exists(…) or fs.read(…) == \"x\"), seen: fs.exists(…): false; fs.read(…) == \"x\": vm ",
        ),
    ] {
        assert_eq!(evidence_of(&desk, label), evidence, "{label}");
    }
}

/// Two steps whose checks fail until a row has healed them; before the second something is written to the log.
fn heal_twice(written: &str) -> (Sandbox, i32) {
    let desk = Sandbox::desk();
    desk.write("log", "1 locked\n");
    let folder = desk.path("");
    let folder = folder.display();
    desk.write(
        "twice.runbook",
        format!(
            "runbook twice \"T\"\n\
             step one \"One\" {{ check \"one\": fs.exists(\"{folder}/one\") }}\n\
             step two \"Two\" {{\n\
             \x20 do \"Say more\": exec.run([\"sh\", \"-c\", \"printf '{written}' >> {folder}/log\"], effects: {{ edits file(\"{folder}/log\") }}) no undo because \"it is a log\"\n\
             \x20 check \"two\": fs.exists(\"{folder}/two\")\n}}\n\
             symptoms usual \"Usual\" for one, two {{\n\
             \x20 symptom \"A lock\" {{\n    seen when fs.read(\"{folder}/log\") contains \"locked\"\n    suspect \"a lock\"\n    budget 1m\n\
             \x20   first {{ do \"Heal\": exec.run([\"sh\", \"-c\", \"if [ -e {folder}/one ]; then touch {folder}/two; else touch {folder}/one; fi\"], effects: {{ adds external(\"x\") }}) no undo because \"it stays\" }}\n\
             \x20   otherwise unwind\n  }}\n\
             \x20 symptom anything else {{ suspect \"more\" otherwise unwind }}\n}}\n"
        ),
    );
    let exit = desk.call(&["run", "twice.runbook", "--no-input"]).exit;
    (desk, exit)
}

#[test]
fn a_row_is_not_taken_again_on_the_evidence_on_which_it_healed() {
    let (desk, exit) = heal_twice("all is well\\n");
    assert_eq!(exit, 5);
    assert!(desk.path("one").exists() && !desk.path("two").exists());
    let passed_over: Vec<_> = desk
        .records_of("symptom")
        .into_iter()
        .filter(|record| record["is_old"] == true)
        .collect();
    assert_eq!(passed_over.len(), 1, "{passed_over:?}");
    let shown = desk.call(&["transcript", "show", &desk.run_name()]).exits(0).stdout;
    assert!(shown.contains("not taken again"), "{shown}");
}

#[test]
fn on_newer_evidence_a_row_is_taken_again() {
    let (desk, exit) = heal_twice("2 locked\\n");
    assert_eq!(
        exit,
        0,
        "{}",
        fs::read_to_string(desk.run_directory().join("transcript.jsonl")).unwrap()
    );
    assert!(desk.path("two").exists());
}

#[test]
fn a_symptom_is_looked_up_without_any_run() {
    let desk = Sandbox::desk();
    desk.write(
        "shop.runbook",
        "runbook shop \"T\"\nprocedure tidy() { do fs.remove(\"/x/lock\") no undo because \"a lock\" }\n\
         step a \"A\" { check \"up\": fs.exists(\"/x/up\") }\n\
         symptoms usual \"Usual trouble\" for a {\n  symptom \"Restart loop\" {\n    seen when fs.exists(\"/x/lock\")\n      and fs.exists(\"/x\")\n\
         \x20   suspect \"a lock that was left\"\n    budget 1m\n    first { do tidy()  wait 1s because \"it settles\" }\n    otherwise unwind\n  }\n\
         \x20 symptom anything else { suspect \"not in the table\" otherwise unwind }\n}\n",
    );
    let shown = desk.call(&["symptoms", "shop.runbook", "LOCK restart"]).exits(0).stdout;
    for line in [
        "Usual trouble (usual; a)",
        "  Restart loop",
        "    seen when  fs.exists(\"/x/lock\") and fs.exists(\"/x\")",
        "    suspect    a lock that was left",
        "    first      tidy()",
        "               wait 1s because \"it settles\"",
        "    otherwise  unwind",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(!shown.contains("anything else"), "{shown}");
    let json = desk
        .call(&["symptoms", "shop.runbook", "loop", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(json["symptoms"][0]["title"], "Restart loop");
    assert_eq!(json["symptoms"][0]["first"][0], "tidy()");
    let none = desk.call(&["symptoms", "shop.runbook", "disk"]).exits(1).stdout;
    assert!(none.contains("Restart loop"), "{none}");
    let none = desk
        .call(&["symptoms", "shop.runbook", "disk", "--format", "json"])
        .exits(1)
        .json();
    assert_eq!(none["symptoms"], serde_json::json!([]));
    desk.write("broken.runbook", "runbook x \"T\"\nstep a \"A\" { chek }\n");
    desk.call(&["symptoms", "broken.runbook", "x"]).exits(3);
    desk.call(&["symptoms", "none.runbook", "x"]).exits(2);
    assert!(!desk.state_directory().exists());
}

#[test]
fn that_nobody_answers_can_be_said() {
    let desk = Sandbox::desk();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    desk.write(
        "nobody.runbook",
        format!(
            "runbook nobody \"T\"\nquestion up(u: url) -> bool {{ give http.get(u) is ok }}\n\
             step a \"A\" {{\n  check \"nobody\": http.get(\"http://{closed}/\") is not answered\n\
             \x20 check \"inside\": not (up(\"http://{closed}/\") is answered)\n\
             \x20 check \"program\": exec.read([\"true\"], effects: nothing) is answered\n}}\n"
        ),
    );
    let plan = desk.call(&["plan", "nobody.runbook"]).exits(0).stdout;
    assert!(plan.contains("exec.read is not run by a plan"), "{plan}");
    desk.call(&["run", "nobody.runbook", "--no-input"]).exits(0);
    let evidence = evidence_of(&desk, "nobody");
    assert!(
        evidence.starts_with("http.get(…) is not answered: not answered ("),
        "{evidence}"
    );
}

#[test]
fn what_a_question_gave_that_is_none_of_its_values_is_shown() {
    let desk = Sandbox::desk();
    desk.write(
        "count.runbook",
        "runbook count \"T\"\n\
         step a \"A\" { let n = count(\"many\")  let none = count(\"\")  record n, none }\n\
         question count(said: text) -> int { give exec.read([\"echo\", said], effects: nothing).stdout }\n",
    );
    let refused = desk.call(&["run", "count.runbook"]).exits(4);
    assert!(refused.stdout.contains("gave no int but “many”"), "{refused:?}");
}
