//! Disks that are full or cannot be written.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::program::SMALL;
use crate::support::left_out::leave_out;
use crate::support::sandbox::Sandbox;

/// A small disk of memory, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, and a loud line, where this user may not mount.
    fn mount(desk: &Sandbox, size: &str) -> Option<Self> {
        let path = desk.path("disk");
        fs::create_dir(&path).unwrap();
        let size = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        leave_out("program::disk", "a small disk cannot be mounted by this user");
        None
    }

    fn enlarge(&self) {
        let status = Command::new("mount")
            .args(["-o", "remount,size=8m"])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

/// A runbook whose records need more room than a small disk has, and which takes its time.
fn long_runbook(out: &str) -> String {
    let mut text = "runbook long \"Many steps\"\n".to_owned();
    for number in 0..250 {
        writeln!(
            text,
            "step s{number} \"Step {number}\" {{\n  do fs.write(\"{out}\", content: \"{number}\") undo {{ do fs.write(\"{out}\", content: \"\") }} \
             within 10s\n  wait 20ms because \"slowly\"\n}}"
        )
        .unwrap();
    }
    text
}

#[test]
fn a_full_disk_pauses_the_run_and_loses_no_record() {
    let desk = Sandbox::desk();
    let Some(small) = SmallDisk::mount(&desk, "640k") else {
        return;
    };
    desk.write("long.runbook", long_runbook(&desk.path("out").display().to_string()));
    let words = ["--state-dir", "disk", "--format", "json"];
    let ran = desk.call(&[&["run", "long.runbook"][..], &words].concat()).exits(7);
    let warning = "backstay: WARN the disk is full; the reserve of the transcript is used from now on\n";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    let paused = ran.json();
    assert_eq!(paused["end"], "paused");
    assert!(paused["reason"].as_str().unwrap().contains("disk is full"), "{paused}");
    let run = paused["run"].as_str().unwrap();
    let verdict = desk
        .call(&[&["transcript", "verify", run][..], &words].concat())
        .exits(1)
        .json();
    assert_eq!(verdict["verdict"], "unsealed");

    small.enlarge();
    desk.call(&[&["resume", run][..], &words].concat()).exits(0);
    assert_eq!(fs::read_to_string(desk.path("out")).unwrap(), "249");
    let verdict = desk
        .call(&[&["transcript", "verify", run][..], &words].concat())
        .exits(0)
        .json();
    assert_eq!(verdict["verdict"], "unsigned");
}

/// What a program said has no room: the run goes on, and its record says what it lacks.
#[test]
fn an_output_that_is_lost_is_told() {
    let desk = Sandbox::desk();
    let Some(_small) = SmallDisk::mount(&desk, "640k") else {
        return;
    };
    desk.write(
        "loud.runbook",
        "runbook loud \"Loud\"\nstep says \"Says much\" {\n  do \"Say much\": exec.run([\"head\", \"-c\", \"1000000\", \
         \"/dev/zero\"], effects: { edits external(\"x\") repeat convergent }) no undo because \"nothing is kept\"\n}\n",
    );
    let ran = desk.call(&["run", "loud.runbook", "--state-dir", "disk"]).exits(0);
    let lost = "ok: head ended well; stdout: a long output cannot be kept: No space left on device";
    assert!(ran.stderr.contains(lost), "{}", ran.stderr);
}

#[test]
fn a_way_back_has_what_was_reserved_for_it() {
    let desk = Sandbox::desk();
    let Some(_small) = SmallDisk::mount(&desk, "640k") else {
        return;
    };
    desk.write("long.runbook", long_runbook(&desk.path("out").display().to_string()));
    let words = ["--state-dir", "disk", "--format", "json"];
    let run = [&["run", "long.runbook"][..], &words].concat();
    let paused = desk.call(&run).exits(7).json();
    let run = paused["run"].as_str().unwrap();
    // Nobody made room.
    desk.call(&[&["resume", run][..], &words].concat()).exits(4);
    desk.call(&[&["turn-back", run][..], &words].concat()).exits(5);
    assert_eq!(fs::read_to_string(desk.path("out")).unwrap(), "");
}

#[test]
fn a_disk_that_is_full_from_the_start_is_refused() {
    let desk = Sandbox::desk();
    let Some(_small) = SmallDisk::mount(&desk, "128k") else {
        return;
    };
    desk.write("small.runbook", SMALL);
    let place = format!("place={}", desk.path("out").display());
    let words = [
        "run",
        "small.runbook",
        "--input",
        &place,
        "--state-dir",
        "disk",
        "--format",
        "json",
    ];
    let refused = desk.call(&words).exits(4).json();
    assert!(
        refused["error"]["reason"].as_str().unwrap().contains("disk"),
        "{refused}"
    );
    assert!(!desk.path("out").exists());
}

#[test]
fn a_state_directory_that_cannot_be_used_is_refused() {
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    let place = format!("place={}", desk.path("out").display());
    for state in ["/proc/nope", "small.runbook"] {
        let words = [
            "run",
            "small.runbook",
            "--input",
            &place,
            "--state-dir",
            state,
            "--format",
            "json",
        ];
        let refused = desk.call(&words).exits(4).json();
        assert!(
            refused["error"]["help"].to_string().contains("--state-dir"),
            "{refused}"
        );
        assert!(!desk.path("out").exists());
    }
}
