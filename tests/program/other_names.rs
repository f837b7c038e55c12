//! Files with another name that would keep the old content: hard links, and files that are mounted by themselves.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};

use crate::support::left_out::leave_out;
use crate::support::sandbox::{Finished, Sandbox, behind, wait_until};

const OLD: &str = "A=1\nURL=\"$U\" # old and longer\n";

/// Each action that gives a file new content, with its way back, and what the file holds then.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        "fs.edit_key(file, key: \"A\", to: \"2\")",
        "fs.edit_key(file, key: \"A\", to: old)",
        "A=2\nURL=\"$U\" # old and longer\n",
    ),
    (
        "fs.edit_key(file, key: \"NEW\", to: \"2\", add: true)",
        "fs.remove_key(file, key: \"NEW\")",
        "A=1\nURL=\"$U\" # old and longer\nNEW=2\n",
    ),
    (
        "fs.remove_key(file, key: \"A\")",
        "fs.edit_key(file, key: \"A\", to: old, add: true)",
        "URL=\"$U\" # old and longer\n",
    ),
    (
        "fs.write(file, content: \"B=2\\n\")",
        "fs.write(file, content: text)",
        "B=2\n",
    ),
    (
        "fs.install(file, content: \"B=2\\n\", mode: \"0600\")",
        "fs.install(file, content: text, mode: \"0644\")",
        "B=2\n",
    ),
    (
        "fs.replace(file, pattern: \"^([A-Z]+)=.*$\", with: \"$1=2\", expect: 2)",
        "fs.write(file, content: text)",
        "A=2\nURL=2\n",
    ),
    (
        "fs.template(file, text: \"B={{ b }}\\n\", values: {\"b\": \"2\"})",
        "fs.write(file, content: text)",
        "B=2\n",
    ),
];

fn runbook(change: &str, undo: &str) -> String {
    format!(
        "runbook names \"Names\"\ninputs {{ file : path  fails : bool = false }}\n\
         step set \"Set\" {{\n  let old = fs.key(file, key: \"A\")\n  let text = fs.read(file)\n  \
         do {change} undo {undo} within 20s\n  record old\n  record text\n}}\n\
         step bad \"Fail\" after set {{ check \"it is there\": not fails }}\n"
    )
}

fn desk(change: &str, undo: &str) -> Sandbox {
    let desk = Sandbox::desk();
    desk.write(".env", OLD);
    desk.write("names.runbook", runbook(change, undo));
    desk
}

/// The program with the file under this name.
fn command(desk: &Sandbox, what: &str, name: &str, fails: bool) -> Command {
    let file = format!("file={}", desk.path(name).display());
    let fails = format!("fails={fails}");
    let mut arguments = vec![what, "names.runbook", "--input", &file, "--input", &fails];
    if what == "run" {
        arguments.push("--no-input");
    }
    desk.command(&arguments)
}

fn mode_of(desk: &Sandbox, name: &str) -> u32 {
    fs::metadata(desk.path(name)).unwrap().mode() & 0o777
}

/// Calls the program without more.
fn directly(desk: &Sandbox, what: &str, fails: bool) -> Finished {
    Finished::of(&mut command(desk, what, ".env", fails))
}

/// Calls the program forward and back with each change of a file that was prepared, and looks at the other name.
fn each_comes_through<P>(
    why: &str,
    prepare: impl Fn(&Sandbox) -> P,
    call: impl Fn(&Sandbox, &str, bool) -> Finished,
    other: impl Fn(&Sandbox, &P) -> String,
) {
    for (change, undo, new) in CHANGES {
        let desk = desk(change, undo);
        let prepared = prepare(&desk);
        let planned = call(&desk, "plan", false).exits(0);
        assert!(
            planned.stdout.contains("written in place, since it ") && planned.stdout.contains(why),
            "{planned:?}"
        );
        call(&desk, "run", true).exits(5);
        assert_eq!(other(&desk, &prepared), OLD);
        assert_eq!(mode_of(&desk, ".env"), 0o644);
        call(&desk, "run", false).exits(0);
        assert_eq!(other(&desk, &prepared), *new);
        let left: Vec<_> = fs::read_dir(desk.path("")).unwrap().flatten().collect();
        let is_ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().contains("backstay-");
        assert!(!left.iter().any(is_ours), "{left:?}");
    }
}

#[test]
fn a_hard_link_has_the_new_text_too() {
    each_comes_through(
        "has 2 names (hard links)",
        |desk| fs::hard_link(desk.path(".env"), desk.path("other")).unwrap(),
        directly,
        |desk, ()| fs::read_to_string(desk.path("other")).unwrap(),
    );
}

/// A process with mounts of its own, as a container is one.
struct Apart(Child);

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn with_mounts(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).stdin(Stdio::null());
    command
}

fn can_mount(test: &str) -> bool {
    let can = with_mounts("mount --bind /etc /etc")
        .status()
        .is_ok_and(|status| status.success());
    if !can {
        leave_out(test, "this machine gives no such name spaces");
    }
    can
}

#[test]
fn who_has_it_mounted_by_itself_has_the_new_text_too() {
    if !can_mount("who_has_it_mounted_by_itself_has_the_new_text_too") {
        return;
    }
    let apart = |desk: &Sandbox| {
        desk.write("inside", "");
        let script = "mount --bind .env inside && touch ready && exec sleep 300";
        let container = with_mounts(script).current_dir(desk.path("")).spawn();
        wait_until("it is mounted", || desk.path("ready").exists());
        Apart(container.unwrap())
    };
    each_comes_through("is mounted by itself at ", apart, directly, |desk, apart| {
        let inside = format!("/proc/{}/root{}", apart.0.id(), desk.path("inside").display());
        fs::read_to_string(inside).unwrap()
    });
}

/// The program where the file is mounted by itself at another place, as from inside of a container.
fn inside(asked: &Command) -> Finished {
    Finished::of(&mut behind(&["--mount"], "mount --bind .env inside", asked))
}

#[test]
fn a_mount_point_is_written_in_place() {
    if !can_mount("a_mount_point_is_written_in_place") {
        return;
    }
    each_comes_through(
        "is a mount point",
        |desk| desk.write("inside", ""),
        |desk, what, fails| inside(&command(desk, what, "inside", fails)),
        |desk, ()| fs::read_to_string(desk.path(".env")).unwrap(),
    );
}

#[test]
fn what_would_take_its_place_is_refused_with_the_reason() {
    let test = "what_would_take_its_place_is_refused_with_the_reason";
    if !can_mount(test) {
        return;
    }
    for (change, says) in [
        (
            "fs.copy(file, to: \"inside\")",
            "cannot be replaced by a copy, since it is a mount point",
        ),
        (
            "fs.remove(\"inside\")",
            "will not be removed: it is a mount point; unmount it first",
        ),
        (
            "fs.move(\"inside\", to: \"elsewhere\")",
            "will not be moved: it is a mount point; unmount it first",
        ),
    ] {
        let desk = Sandbox::desk();
        desk.write(".env", OLD);
        desk.write("inside", "");
        desk.write("source", "A=2\n");
        let change = change.replace("\"inside\"", &format!("\"{}\"", desk.path("inside").display()));
        let change = change.replace("\"elsewhere\"", &format!("\"{}\"", desk.path("elsewhere").display()));
        let written = format!(
            "runbook names \"Names\"\ninputs {{ file : path  fails : bool = false }}\nstep set \"Set\" {{ do {change} no undo because \"a test\"  record fails  record file }}\n"
        );
        desk.write("names.runbook", written);
        let failed = inside(&command(&desk, "run", "source", false));
        assert!(failed.exit != 0 && format!("{failed:?}").contains(says), "{failed:?}");
        assert_eq!(fs::read_to_string(desk.path(".env")).unwrap(), OLD);
    }
}

/// That nobody can tell what is mounted for others is said once for a plan, whatever it gives new content to, and not
/// where nothing gets any.
#[test]
fn what_cannot_be_told_of_mounts_is_told_once() {
    let desk = Sandbox::desk();
    let plan = |changes: &[&str]| {
        for name in ["one", "two", "three"] {
            desk.write(name, format!("{name}\n"));
        }
        let changes: Vec<String> = changes
            .iter()
            .map(|change| format!("  do {change} no undo because \"a test\"\n"))
            .collect();
        desk.write(
            "once.runbook",
            format!("runbook once \"Once\"\nstep set \"Set\" {{\n{}}}\n", changes.concat()),
        );
        let mut asked = desk.as_nobody(&[], &["plan", "once.runbook"])?;
        let said = Finished::of(&mut asked).exits(0).in_one_line();
        Some(said.matches("cannot tell whether a file").count())
    };
    let copy = "fs.copy(\"one\", to: \"three\")";
    let Some(told) = plan(&[
        "fs.write(\"one\", content: \"x\")",
        "fs.write(\"two\", content: \"x\")",
        copy,
    ]) else {
        return leave_out(
            "what_cannot_be_told_of_mounts_is_told_once",
            "only root becomes another user",
        );
    };
    assert_eq!(told, 1);
    assert_eq!(plan(&[copy]), Some(1));
    assert_eq!(plan(&["fs.write(\"one\", content: \"one\\n\")"]), Some(0));
}
