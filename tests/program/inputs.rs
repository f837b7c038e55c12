//! Inputs of a run: mistakes are told all at once, in the user's words, and never hold a secret. And modules: nothing
//! outside of the runbook's folder is read.

use std::os::unix::fs::symlink;

use crate::support::sandbox::Sandbox;

const INPUTS: &str = r#"runbook inputs "Many inputs" {
  window 10m keep 5m for the way back
}

inputs {
  grace : duration
  directory : path = "~/x"
  copy : path = directory
  webs : list of host at most 2 = []
  token : secret from env TOKEN
}

step write "Write the file" {
  budget 1m
  do fs.write(copy, content: "hello") undo { do fs.remove(copy) } within 10s
  check "it is there": fs.exists(copy) within 5s
}
"#;

fn plan(desk: &Sandbox, inputs: &[&str], token: Option<&str>) -> (i32, String) {
    let mut words = vec!["plan", "inputs.runbook", "--format", "json"];
    for input in inputs {
        words.extend(["--input", input]);
    }
    let mut command = desk.command(&words);
    command.env_remove("TOKEN");
    if let Some(token) = token {
        command.env("TOKEN", token);
    }
    let output = command.output().unwrap();
    let all = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), all)
}

#[test]
fn defaults_use_earlier_inputs() {
    let desk = Sandbox::desk();
    desk.write("inputs.runbook", INPUTS);
    let (exit, said) = plan(&desk, &["grace=5s", "directory=rel"], Some("s3cret-word\n"));
    assert_eq!(exit, 0, "{said}");
    let place = desk.path("rel");
    assert!(
        said.contains(place.to_str().unwrap()) && !said.contains("s3cret"),
        "{said}"
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let desk = Sandbox::desk();
    desk.write("inputs.runbook", INPUTS);
    let (exit, said) = plan(&desk, &["grace=5", "webs=a,b,c", "directroy=x", "token=abcdef"], None);
    assert_eq!(exit, 2, "{said}");
    for told in [
        "there is no input `directroy`",
        "did you mean `directory`?",
        "input `grace` wants duration, not \\\"5\\\"",
        "a duration has its unit, such as 30s, 5m or 1h30m",
        "input `webs` takes at most 2 elements, not 3",
        "input `token` is a secret; it cannot be given on the command line or in a file of inputs",
        "it is read from the environment variable TOKEN",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(!said.contains("abcdef"), "{said}");
    let (_, said) = plan(&desk, &["grace=5M"], Some("s3cret-word"));
    assert!(said.contains("minutes are `5m`; months are not a fixed time"), "{said}");
    let (exit, said) = plan(&desk, &[], Some("tiny"));
    assert_eq!(exit, 2, "{said}");
    assert!(
        said.contains("input `grace` is not given") && said.contains("secret `token`"),
        "{said}"
    );
    assert!(!said.contains("tiny"), "{said}");
}

#[test]
fn modules_stay_within_the_folder_of_the_runbook() {
    let desk = Sandbox::desk();
    let module = "question same(a: text) -> bool { give a == a }\n";
    for folder in ["book", "book/lib"] {
        std::fs::create_dir(desk.path(folder)).unwrap();
    }
    desk.write("book/lib/n.runbook", module);
    desk.write("book/lib/m.runbook", format!("use \"./n.runbook\" as n\n{module}"));
    desk.write(
        "book/lib/up.runbook",
        format!("use \"../lib/../lib/n.runbook\" as n\n{module}"),
    );
    desk.write("outside.runbook", module);
    symlink("../outside.runbook", desk.path("book/link.runbook")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, desk.path("book/pipe"), rustix::fs::Mode::RUSR).unwrap();
    let piped = desk.call(&["check", "book/pipe"]).exits(2);
    assert!(piped.stderr.contains("it is no plain file"), "{}", piped.stderr);
    for (path, refused) in [
        ("./pipe", Some("it is no plain file")),
        ("./lib/m.runbook", None),
        ("./lib/up.runbook", None),
        ("../outside.runbook", Some("lies outside of the runbook's folder")),
        ("./link.runbook", Some("lies outside of the runbook's folder")),
        ("./lib", Some("it is a folder")),
    ] {
        desk.write(
            "book/a.runbook",
            format!("use \"{path}\" as m\n{}", crate::program::SMALL),
        );
        let call = desk.call(&["check", "book/a.runbook"]);
        let said = format!("{}{}", call.stdout, call.stderr);
        match refused {
            None => drop(call.exits(0)),
            Some(reason) => assert!(said.contains(reason), "{path}: {said}"),
        }
    }
}
