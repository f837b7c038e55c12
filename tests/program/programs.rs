//! Programs that the text names are there before the first change.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::sandbox::{Finished, Sandbox};

/// What plan and run say of a runbook that both refuse, before anything was done.
fn refused(desk: &Sandbox, text: &str) -> [String; 2] {
    desk.write("refused.runbook", text);
    let planned = desk.call(&["plan", "refused.runbook"]).exits(1).in_one_line();
    let ran = desk.call(&["run", "refused.runbook", "--no-input"]).exits(4);
    let ran = ran.in_one_line() + ran.stderr.as_str();
    [planned, ran]
}

#[test]
fn programs_that_are_missing_are_found_before_the_first_change() {
    let desk = Sandbox::desk();
    desk.write("tool", "#!/bin/sh\n");
    fs::set_permissions(desk.path("tool"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = refused(
        &desk,
        r#"runbook a "A" {}
inputs { tools : path = "." }
question asks(what: text) -> bool { give exec.read(["nowhere-to-ask", what]).ok }
step change "Change" {
  do fs.write("one", content: "1") undo {
    do "Take it back": exec.run(["nowhere-to-undo"], effects: { opaque external("it")  repeat convergent })
  } within 5s
  do "Use the tool": exec.run([tools / "tool"], effects: nothing)
  check "it answers": asks("it")
}
"#,
    );
    for said in said {
        for words in [
            "undo:change/1/1: the program `nowhere-to-undo` was not found",
            "change/2: ",
            "/tool may not be run; check its mode",
            "asks: the program `nowhere-to-ask` was not found",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(
            said.find("nowhere-to-undo") < said.find("/tool may not be run"),
            "{said}"
        );
    }
    assert!(desk.records_of("intent").is_empty());
    assert!(!desk.path("one").exists());
}

/// The command of `stop:`, and the program of a question that settles what nobody knows.
#[test]
fn programs_that_no_argument_names_are_looked_for_too() {
    let desk = Sandbox::desk();
    let said = refused(
        &desk,
        &format!(
            r#"runbook a "A" {{}}
service it "It" {{ runs process("it", stop: ["nowhere-to-stop", "it"])  begins stopped }}
question is_done() -> bool {{ give exec.read(["nowhere-to-settle"]).ok }}
step change "Change" {{
  do fs.write("{one}", content: "1") undo fs.remove("{one}") within 5s
  do "Tell it": exec.run(["true"], effects: {{ adds external("it")  settle is_done() }})
  do process.stop(it) no undo because "it was stopped before"
}}
"#,
            one = desk.path("one").display()
        ),
    );
    for said in said {
        for words in [
            "change/3: the program `nowhere-to-stop` was not found",
            "is_done: the program `nowhere-to-settle` was not found",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    assert!(!desk.path("one").exists());
}

#[test]
fn what_the_run_makes_is_not_looked_for() {
    let desk = Sandbox::desk();
    let place = desk.path("site").display().to_string();
    desk.write(
        "made.runbook",
        format!(
            r#"runbook a "A" {{}}
step make "Make it" {{
  do "Unpack": exec.run(["/bin/mkdir", "-p", "{place}"], effects: {{ adds tree("{place}")  repeat convergent }})
  do "Run it": exec.run(["{place}/tool"], cwd: "{place}", effects: nothing)
}}
"#
        ),
    );
    desk.call(&["plan", "made.runbook"]).exits(0);
    desk.write(
        "installed.runbook",
        r#"runbook a "A" {}
step make "Install it" {
  do "Install": exec.run(["/bin/true", "install"], effects: { adds package("nowhere-yet=1.0")  repeat convergent })
  do "Run it": exec.run(["nowhere-yet"], effects: nothing)
}
"#,
    );
    desk.call(&["plan", "installed.runbook"]).exits(0);
}

#[test]
fn what_the_run_puts_into_path_is_not_looked_for() {
    let desk = Sandbox::desk();
    desk.write("source", "#!/bin/sh\necho it runs\n");
    fs::set_permissions(desk.path("source"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(desk.path("bin")).unwrap();
    let call = |command: &str, name: &str| {
        desk.write(
            "path.runbook",
            format!(
                r#"runbook a "A" {{}}
step make "Make it" {{
  do fs.copy("source", to: "{}") no undo because "it may stay"
  do "Run it": exec.run(["backstay-test-tool"], effects: nothing)
}}
"#,
                desk.path("bin").join(name).display()
            ),
        );
        let path = format!("{}:{}", desk.path("bin").display(), std::env::var("PATH").unwrap());
        Finished::of(desk.command(&[command, "path.runbook"]).env("PATH", path))
    };
    let refused = call("plan", "another-tool").exits(1);
    assert!(
        refused
            .in_one_line()
            .contains("the program `backstay-test-tool` was not found"),
        "{refused:?}"
    );
    call("plan", "backstay-test-tool").exits(0);
    call("run", "backstay-test-tool").exits(0);
}

/// The folder of the text in which it stands, wherever the command is run.
#[test]
fn a_script_beside_the_text_is_named_by_here() {
    let desk = Sandbox::desk();
    let script = |path: &str, says: &str| {
        desk.write(path, format!("#!/bin/sh\necho {says}\n"));
        fs::set_permissions(desk.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    };
    fs::create_dir_all(desk.path("books/lib")).unwrap();
    desk.write(
        "books/a.runbook",
        r#"use "./lib/m.runbook" as m
runbook a "A" {}
step look "Look" {
  check "its own": exec.read([here / "helper.sh"], effects: nothing).stdout contains "of the runbook"
  check "that of the module": m.says() contains "of the module"
}
"#,
    );
    desk.write(
        "books/lib/m.runbook",
        r#"question says() -> text { give exec.read([here / "helper.sh"], effects: nothing).stdout }
"#,
    );
    let missing = desk.call(&["run", "books/a.runbook"]).exits(4);
    assert!(missing.in_one_line().contains("books/helper.sh"), "{missing:?}");
    script("books/helper.sh", "of the runbook");
    script("books/lib/helper.sh", "of the module");
    desk.call(&["run", "books/a.runbook"]).exits(0);
    let absolute = desk.path("books/a.runbook").display().to_string();
    Finished::of(desk.command(&["run", &absolute]).current_dir("/")).exits(0);
    let within = desk.path("books");
    Finished::of(desk.command(&["run", "a.runbook"]).current_dir(within)).exits(0);
}
