//! Files whose text is replaced in part or made from a template: the runner dies at each of its moments.

use std::fs;

use crate::support::sandbox::{Finished, Sandbox};

const BEFORE: &str = "listen 80;\nname a;\n";

/// A runbook that changes the file twice; `fails` makes it turn back.
fn desk() -> Sandbox {
    let desk = Sandbox::desk();
    desk.write("site.conf", BEFORE);
    desk.write("site.template", "{{ before }}listen {{ port }};\n");
    let [file, template] = ["site.conf", "site.template"].map(|name| desk.path(name).display().to_string());
    let text = format!(
        r#"runbook texts "Texts"
inputs {{ fails : bool = false }}
step part "Replace a part" {{
  let before = fs.read("{file}")
  do fs.replace("{file}", pattern: "0;$", with: "00;", expect: 1) undo fs.write("{file}", content: before) within 20s
}}
step whole "Write the whole" after part {{
  let middle = fs.read("{file}")
  do fs.template("{file}", file: "{template}", values: {{"before": middle, "port": 81}}) undo fs.write("{file}", content: middle) within 20s
}}
step bad "Fail" after whole {{ check "it goes well": not fails }}
"#
    );
    desk.write("texts.runbook", text);
    desk
}

#[test]
fn texts_are_whole_after_every_crash() {
    for (fails, after) in [("true", BEFORE), ("false", "listen 800;\nname a;\nlisten 81;\n")] {
        for record in 2.. {
            let desk = desk();
            let input = format!("fails={fails}");
            let mut run = desk.command(&["run", "texts.runbook", "--no-input", "--input", &input]);
            let killed = Finished::of(run.env("BACKSTAY_FAILPOINT", format!("after:{record}")));
            if killed.exit != 137 {
                assert!(record > 10, "{killed:?}");
                break;
            }
            desk.call(&["resume", &desk.run_name(), "--no-input"]);
            let text = fs::read_to_string(desk.path("site.conf")).unwrap();
            assert_eq!(text, after, "after record {record}");
            // Nothing of it lies around afterwards.
            assert!(!desk.run_directory().join("replaced").exists());
        }
    }
}
