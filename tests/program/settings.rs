//! Settings of files: what comes back, and what happens at once.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::sandbox::{Finished, Sandbox, finish};

/// A file with settings, and a runbook that sets one, sets it back and fails.
fn there_and_back(name: &str, content: &str, key: &str, to: &str) -> Sandbox {
    let desk = Sandbox::desk();
    desk.write(name, content);
    let file = desk.path(name).display().to_string();
    let text = format!(
        r#"runbook back "There and back"
step set "Set" {{
  let old = fs.key("{file}", key: "{key}")
  do fs.edit_key("{file}", key: "{key}", to: "{to}") undo fs.edit_key("{file}", key: "{key}", to: old) within 10s
  do fs.edit_key("{file}", key: "{key}", to: "{to}9") undo fs.edit_key("{file}", key: "{key}", to: "{to}") within 10s
}}
step bad "Fail" after set {{ check "it is there": fs.exists("/none/of/it") }}
"#
    );
    desk.write("back.runbook", text);
    desk
}

/// Whatever the file's readers make of it, they make the same of it as before.
#[test]
fn the_way_back_of_a_setting_brings_the_very_bytes() {
    for (name, content, key, to) in [
        (".env", "A=1\nURL=postgres://${U}@db/app\nB=2\n", "URL", "x1"),
        (".env", "URL=\"postgres://$U@db\"\n", "URL", "x1"),
        (".env", "WINPATH=\"C:\\temp\\new\"", "WINPATH", "x1"),
        (".env", "GREETING=hello world\r\nB=2\r\n", "GREETING", "x1"),
        (".env", "\u{feff}export A='x\ny' # why\n", "A", "x1"),
        (".env", "A=\t # nothing\n", "A", "x y"),
        (".env", "A=\"a\\\"b\\$c\\\\d\\`e\"\nA2=\n", "A", "it's"),
        ("c.json", "{\"a\": 1E400}", "a", "1"),
        ("c.json", "{\"a\": [-0.0, 1.50e+2]}\n", "a.1", "1"),
        ("c.json", "\u{feff}{\"a\": \"caf\\u00e9\\/\\u0041\"}\r\n", "a", "x1"),
    ] {
        let desk = there_and_back(name, content, key, to);
        desk.call(&["run", "back.runbook", "--no-input"]).exits(5);
        assert_eq!(fs::read_to_string(desk.path(name)).unwrap(), content);
        // Nothing of the old value lies around afterwards.
        assert!(!desk.run_directory().join("settings").exists());
    }
}

/// What is remembered outlives the runner.
#[test]
fn the_very_bytes_come_back_after_every_crash() {
    const CONTENT: &str = "A=1\nURL=\"postgres://$U@db\"\n";
    for record in 2.. {
        let desk = there_and_back(".env", CONTENT, "URL", "x1");
        let mut run = desk.command(&["run", "back.runbook", "--no-input"]);
        let killed = Finished::of(run.env("BACKSTAY_FAILPOINT", format!("after:{record}")));
        if killed.exit != 137 {
            assert!(record > 10, "{killed:?}");
            break;
        }
        desk.call(&["resume", &desk.run_name(), "--no-input"]);
        assert_eq!(
            fs::read_to_string(desk.path(".env")).unwrap(),
            CONTENT,
            "after record {record}"
        );
    }
}

/// A file from which one setting is taken and to which another is added, and a runbook that fails then.
fn comes_and_goes(content: &str) -> Sandbox {
    let desk = Sandbox::desk();
    desk.write(".env", content);
    let file = desk.path(".env").display().to_string();
    let text = format!(
        r#"runbook back "There and back"
step set "Set" {{
  let old = fs.key("{file}", key: "URL")
  do fs.remove_key("{file}", key: "URL") undo fs.edit_key("{file}", key: "URL", to: old, add: true) within 10s
  do fs.edit_key("{file}", key: "NEW", to: "x y", add: true) undo fs.remove_key("{file}", key: "NEW") within 10s
}}
step bad "Fail" after set {{ check "it is there": fs.exists("/none/of/it") }}
"#
    );
    desk.write("back.runbook", text);
    desk
}

#[test]
fn what_was_added_and_taken_out_is_as_before_after_every_crash() {
    const CONTENT: &str = "A=1\nexport URL=\"postgres://$U@db\" # why\nB=2";
    for record in 2.. {
        let desk = comes_and_goes(CONTENT);
        let mut run = desk.command(&["run", "back.runbook", "--no-input"]);
        let killed = Finished::of(run.env("BACKSTAY_FAILPOINT", format!("after:{record}")));
        if killed.exit != 137 {
            assert!(record > 10, "{killed:?}");
            break;
        }
        desk.call(&["resume", &desk.run_name(), "--no-input"]);
        let text = fs::read_to_string(desk.path(".env")).unwrap();
        assert_eq!(text, CONTENT, "after record {record}");
        assert!(!desk.run_directory().join("settings").exists());
    }
}

/// A setting that is there is no new one, and its undo would remove it.
#[test]
fn a_setting_that_is_there_is_not_added_where_the_undo_removes_it() {
    let desk = comes_and_goes("URL=a\nNEW=mine\n");
    let planned = desk.call(&["plan", "back.runbook"]);
    assert!(planned.stdout.contains("NEW is there already"), "{planned:?}");
    desk.call(&["run", "back.runbook", "--no-input"]);
    assert_eq!(fs::read_to_string(desk.path(".env")).unwrap(), "URL=a\nNEW=mine\n");
}

/// Steps that set `K0` to `K7` at once.
fn eight_at_once(title: &str, file: &str, to: &str) -> String {
    let steps = (0..8).map(|nth| {
        format!(
            "step s{nth} \"Set\" after nothing {{\n  do fs.edit_key(\"{file}\", key: \"K{nth}\", to: \"{to}\") no undo \
             because \"a test\"\n}}\n"
        )
    });
    format!(
        "runbook {title} \"Eight at once\"\n{}",
        steps.collect::<Vec<_>>().concat()
    )
}

fn eight(value: &str) -> String {
    let lines: Vec<String> = (0..8).map(|nth| format!("K{nth}={value}\n")).collect();
    lines.concat()
}

#[test]
fn edits_of_one_file_at_once_are_one_after_the_other() {
    for _ in 0..5 {
        let desk = Sandbox::desk();
        desk.write(".env", eight("0"));
        let file = desk.path(".env").display().to_string();
        desk.write("eight.runbook", eight_at_once("eight", &file, "1"));
        desk.call(&["run", "eight.runbook", "--no-input"]).exits(0);
        assert_eq!(fs::read_to_string(desk.path(".env")).unwrap(), eight("1"));
    }
}

/// The second calls the file by another name.
#[test]
fn two_runs_at_once_lose_no_edit() {
    for _ in 0..3 {
        let desk = Sandbox::desk();
        let others = |value: &str| eight(value).replace('K', "L");
        desk.write(".env", eight("0") + others("0").as_str());
        fs::create_dir(desk.path("real")).unwrap();
        symlink("../.env", desk.path("real/link")).unwrap();
        let [file, link] = [".env", "real/link"].map(|name| desk.path(name).display().to_string());
        desk.write("one.runbook", eight_at_once("one", &file, "1"));
        desk.write("two.runbook", eight_at_once("two", &link, "2").replace("\"K", "\"L"));
        let runs = ["one", "two"].map(|name| desk.start(&["run", &format!("{name}.runbook"), "--no-input"]));
        for run in runs {
            finish(run).exits(0);
        }
        let expected = eight("1") + others("2").as_str();
        assert_eq!(fs::read_to_string(desk.path(".env")).unwrap(), expected);
    }
}

/// A program that holds the file's lock is waited for, and named where that takes too long.
#[test]
fn what_others_lock_is_waited_for() {
    let desk = Sandbox::desk();
    desk.write(".env", "K0=0\n");
    let file = desk.path(".env").display().to_string();
    let mut holder = std::process::Command::new("flock")
        .args([&file, "sleep", "300"])
        .spawn()
        .unwrap();
    crate::support::sandbox::wait_until("it is locked", || {
        let tried = std::process::Command::new("flock").args(["-n", &file, "true"]).status();
        !tried.unwrap().success()
    });
    let text = format!(
        "runbook lock \"Lock\"\nstep set \"Set\" {{ do fs.edit_key(\"{file}\", key: \"K0\", to: \"1\") within 2s no undo because \"a test\" }}\n"
    );
    desk.write("lock.runbook", text);
    let failed = desk.call(&["run", "lock.runbook", "--no-input"]);
    assert_ne!(failed.exit, 0);
    assert!(
        format!("{failed:?}").contains("is locked by another program"),
        "{failed:?}"
    );
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(fs::read_to_string(desk.path(".env")).unwrap(), "K0=0\n");
}
