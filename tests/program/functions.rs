//! Functions in Rhai as a user meets them: in inputs, plans and runs, and what they may not do.

use std::fs;

use crate::support::sandbox::Sandbox;

const SIZES: &str = r#"runbook sizes "Sizes of a pool"

inputs {
  /// The folder.
  root : path
  /// Which release.
  release : text
  /// How many.
  workers : int = major(release) * 4
}

step write "Write the size" {
  let all = facts(release, workers: workers, waits: 90s)
  do fs.write(root / "size", content: text(all.workers) + " " + all.label) undo fs.remove(root / "size") within 5s
  check "it is as computed": all is ok and fs.read(root / "size") == "8 release-2-of-3 after 1m30s"
  record all
}

type Facts { ok: bool  workers: int  label: text  parts: list of text }

fn major(release: text) -> int rhai """
  parse_int(release.split(".")[0])
"""

fn facts(release: text, workers: int, waits: duration) -> Facts rhai """
  let parts = release.split(".");
  let label = `release-${parts[0]}-of-${parts.len()} after ${waits / 60000}m${waits / 1000 % 60}s`;
  #{ ok: workers > 0, workers: workers, label: label, parts: parts }
"""
"#;

#[test]
fn a_function_computes_in_inputs_plans_and_runs() {
    let desk = Sandbox::desk();
    fs::create_dir_all(desk.path("root")).unwrap();
    let root = format!("root={}", desk.path("root").display());
    desk.write("sizes.runbook", SIZES);
    let plan = desk
        .call(&["plan", "sizes.runbook", "--input", &root, "--input", "release=2.4.1"])
        .exits(0);
    assert!(plan.stdout.contains("8 release-2-of-3 after 1m30s"), "{}", plan.stdout);
    desk.call(&["run", "sizes.runbook", "--input", &root, "--input", "release=2.4.1"])
        .exits(0);
    let written = fs::read_to_string(desk.path("root/size")).unwrap();
    assert_eq!(written, "8 release-2-of-3 after 1m30s");

    // A default that cannot be computed is told before anything begins.
    let refused = desk.call(&["plan", "sizes.runbook", "--input", &root, "--input", "release=next"]);
    assert_ne!(refused.exit, 0);
    assert!(
        refused.stderr.contains("`major` failed at line 22, column 3"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_a_function_may_not_do_fails_the_step_with_its_place() {
    for (ty, script, reason) in [
        (
            "int",
            "loop { }",
            "`bad` failed at line 8, column 8 of its file: it takes more than 100000 operations",
        ),
        (
            "int",
            "1 / (1 - n)",
            "`bad` failed at line 8, column 5 of its file: division by zero",
        ),
        ("int", "\"one\"", "gave text, and int is declared"),
        ("list of int", "[1, true]", "gave bool, and int is declared"),
        ("path", "\"\"", "gave a text that is no path"),
        ("duration", "-1", "gave -1, and a duration is not below zero"),
        ("port", "0", "gave 0, which is no port"),
        (
            "int",
            "throw \"no such size\"",
            "column 3 of its file: it gives up: no such size",
        ),
        (
            "int",
            "let a = []; for i in 0..990 { a = [a] } a.to_string()",
            "gave text, and int is declared",
        ),
    ] {
        let desk = Sandbox::desk();
        desk.write(
            "bad.runbook",
            format!(
                "runbook bad \"Bad\"\n\nstep look \"Look\" {{\n  let given = bad(1)\n  record given\n}}\nfn bad(n: int) -> {ty} rhai \"\"\"\n  {script}\n\"\"\"\n"
            ),
        );
        let run = desk.call(&["run", "bad.runbook"]);
        assert_eq!(run.exit, 4, "{script}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains(reason), "{script}: {}{}", run.stdout, run.stderr);
    }
}
