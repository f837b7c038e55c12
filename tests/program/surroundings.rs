//! What the program is called in: streams that nobody reads, too few threads, a record that vanishes.

use std::fmt::Write as _;
use std::fs;

use crate::support::left_out::leave_out;
use crate::support::sandbox::{Finished, Sandbox, finish, wait_for, wait_until};

/// Far more lines than a pipe holds.
fn many_steps() -> String {
    let mut text = "runbook many \"Many steps\"\n".to_owned();
    for number in 0..800 {
        writeln!(text, "step s{number} \"Step {number}\" {{ check \"it holds\": true }}").unwrap();
    }
    text
}

#[test]
fn a_run_ends_where_nobody_reads_what_it_says() {
    let desk = Sandbox::desk();
    desk.write("many.runbook", many_steps());
    for format in ["text", "json"] {
        let mut child = desk.start(&["run", "many.runbook", "--format", format]);
        let stdout = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || std::io::read_to_string(stdout).unwrap());
        let mut exit = None;
        wait_until("the program ends", || {
            exit = child.try_wait().unwrap();
            exit.is_some()
        });
        assert_eq!(exit.unwrap().code(), Some(0));
        assert!(reader.join().unwrap().to_lowercase().contains("completed"));
    }
}

#[test]
fn too_few_threads_are_a_refusal() {
    let desk = Sandbox::desk();
    desk.write("many.runbook", many_steps());
    for limit in ["--nproc=1:1", "--nproc=2:2"] {
        let words = ["run", "many.runbook", "--format", "json"];
        let Some(mut command) = desk.as_nobody(&["prlimit", limit], &words) else {
            return leave_out("program::surroundings", "only root can be somebody else");
        };
        let refused = Finished::of(&mut command).exits(4).json();
        assert!(
            refused["error"]["reason"].as_str().unwrap().contains("threads"),
            "{refused}"
        );
    }
}

#[test]
fn a_run_whose_record_vanishes_says_so() {
    let desk = Sandbox::desk();
    let folder = desk.path("").display().to_string();
    desk.write(
        "waits.runbook",
        format!(
            "runbook waits \"Wait\"\nstep one \"Wait\" {{\n  do fs.write(\"{0}/one\", content: \"1\") undo \
             fs.remove(\"{0}/one\") within 5s\n  check \"go\": fs.exists(\"{0}/go\") within 90s every 100ms\n}}\n",
            folder.trim_end_matches('/')
        ),
    );
    let child = desk.start(&["run", "waits.runbook", "--no-input", "--format", "json"]);
    wait_for(&desk.path("one"));
    let run = desk.run_name();
    fs::remove_dir_all(desk.run_directory()).unwrap();
    let finished = finish(child).exits(6);
    let json = finished.json();
    let reason = json["error"]["reason"].as_str().unwrap();
    assert!(
        reason.contains(&run) && reason.contains("neither resumed nor turned back"),
        "{json}"
    );
    assert!(!finished.stderr.contains("can be resumed:"), "{finished:?}");
}
