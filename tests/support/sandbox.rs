//! A sandbox for one test: its own home, state directory and site; every process in it is found by its path.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::left_out::write_down_failures;
use super::texts::Beside;
use super::unsafe_texts::as_it_is;

pub(crate) use crate::support::texts::root as repository;

pub(crate) struct Sandbox {
    directory: tempfile::TempDir,
    /// The working directory of the program.
    calls_from: PathBuf,
}

/// What a call of the program gave.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Standard output as one JSON object.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON on stdout ({error}): {self:?}"))
    }

    /// Standard output without its line ends and indentations.
    pub(crate) fn in_one_line(&self) -> String {
        self.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Calls a program and waits for it.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Fails loudly where the exit code is another.
    pub(crate) fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A call of the program with so much address space and processor time, and no more.
pub(crate) fn behind_limits(memory_bytes: u64, cpu_s: u64, asked: &Command) -> Command {
    let mut command = Command::new("prlimit");
    command.args([format!("--as={memory_bytes}"), format!("--cpu={cpu_s}")]);
    command.arg(asked.get_program()).args(asked.get_args());
    command
}

/// A call of the program in name spaces of its own, behind a preparation by a shell.
pub(crate) fn behind(spaces: &[&str], preparation: &str, asked: &Command) -> Command {
    let mut command = Command::new("unshare");
    command.args(spaces);
    command.args(["sh", "-c", &format!("{preparation} && exec \"$@\""), "sh"]);
    command.arg(asked.get_program()).args(asked.get_args()).env_clear();
    command.envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(asked.get_current_dir().unwrap());
    command
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let exit = output
            .status
            .code()
            .unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        let finished = Self {
            exit,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!finished.stderr.contains("panicked"), "{finished:?}");
        finished
    }
}

impl Sandbox {
    /// A sandbox from which the program is called at the root of the repository.
    pub(crate) fn new() -> Self {
        write_down_failures();
        let directory = tempfile::Builder::new().prefix("backstay-case-").tempdir().unwrap();
        let sandbox = Self {
            directory,
            calls_from: repository(),
        };
        fs::create_dir(sandbox.path("home")).unwrap();
        fs::create_dir(sandbox.path("locks")).unwrap();
        sandbox
    }

    /// A sandbox in which the program is called.
    pub(crate) fn desk() -> Self {
        let mut sandbox = Self::new();
        sandbox.calls_from = sandbox.directory.path().to_owned();
        sandbox
    }

    /// Writes a file; of a runbook, what is unsafe about it is set aside where it stands.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        match std::str::from_utf8(content.as_ref()) {
            Ok(text) if name.ends_with(".runbook") => {
                let beside = Beside {
                    folder: Some(self.path("")),
                    ..Beside::default()
                };
                fs::write(path, as_it_is(text, &beside)).unwrap();
            }
            _ => fs::write(path, content).unwrap(),
        }
    }

    /// Writes a runbook in which `ROOT` stands for this folder.
    pub(crate) fn write_runbook(&self, name: &str, text: &str) {
        let folder = self.path("").display().to_string();
        self.write(name, text.replace("ROOT", folder.trim_end_matches('/')));
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where runs are kept.
    pub(crate) fn state_directory(&self) -> PathBuf {
        self.path("state")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstay"));
        command
            .args(arguments)
            .current_dir(&self.calls_from)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path("home"))
            .env("USER", "ada")
            .env("BACKSTAY_STATE_DIR", self.state_directory())
            .env("BACKSTAY_LOCK_DIR", self.path("locks"))
            .stdin(Stdio::null());
        command
    }

    /// Calls the program and waits for it.
    pub(crate) fn call(&self, arguments: &[&str]) -> Finished {
        Finished::of(&mut self.command(arguments))
    }

    /// Lets a user who owns nothing (65534) call the program here, through `setpriv`, with runs kept in `theirs`; `None`
    /// where this user cannot become another. What stands before `setpriv` is `wrapper`.
    pub(crate) fn as_nobody(&self, wrapper: &[&str], words: &[&str]) -> Option<Command> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let program = self.path("backstay");
        if !program.exists() {
            // Not copied by ourselves: a child that another test starts meanwhile would hold it open for writing.
            let copied = Command::new("cp")
                .arg(env!("CARGO_BIN_EXE_backstay"))
                .arg(&program)
                .status();
            assert!(copied.unwrap().success());
            fs::create_dir_all(self.path("theirs")).unwrap();
            for (name, mode) in [("", 0o777), ("locks", 0o1777), ("theirs", 0o777)] {
                fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        let setpriv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
        let all = [wrapper, &setpriv[..]].concat();
        let mut command = Command::new(all[0]);
        command
            .args(&all[1..])
            .arg(&program)
            .args(words)
            .current_dir(self.path(""))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("BACKSTAY_STATE_DIR", self.path("theirs"))
            .env("BACKSTAY_LOCK_DIR", self.path("locks"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Some(command)
    }

    /// Starts the program with its output caught.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The directory of the only run.
    pub(crate) fn run_directory(&self) -> PathBuf {
        let found = find(&self.state_directory(), "transcript.jsonl");
        assert_eq!(found.len(), 1, "expected one run: {found:?}");
        found[0].parent().unwrap().to_owned()
    }

    /// The name of the only run.
    pub(crate) fn run_name(&self) -> String {
        self.run_directory().file_name().unwrap().to_string_lossy().into_owned()
    }

    /// The records of the only run.
    pub(crate) fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.run_directory().join("transcript.jsonl")).unwrap();
        // A line without its end is being written.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The records of one kind.
    pub(crate) fn records_of(&self, kind: &str) -> Vec<Value> {
        self.records()
            .into_iter()
            .filter(|record| record["kind"] == kind)
            .collect()
    }

    /// Processes whose command line or environment names this sandbox.
    pub(crate) fn processes(&self) -> Vec<String> {
        processes_of(&self.directory.path().to_string_lossy())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let name = self.directory.path().to_string_lossy().into_owned();
        drop(Command::new("pkill").args(["-KILL", "-f", &name]).status());
    }
}

/// Processes whose command line or environment has these words.
pub(crate) fn processes_of(words: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        if entry.file_name().to_string_lossy().parse::<u32>().is_err() {
            continue;
        }
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        if command.contains(words) || environment.contains(words) {
            found.push(command);
        }
    }
    found
}

/// Starts a call's end: waits for a child with a limit, then gives what it printed.
pub(crate) fn finish(child: Child) -> Finished {
    let pid = child.id();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    if let Ok(output) = receiver.recv_timeout(Duration::from_mins(2)) {
        output.unwrap().into()
    } else {
        signal(pid, "KILL");
        panic!("the program did not end within two minutes")
    }
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success(), "the signal {name} could not be sent");
}

/// Waits until a file is there.
pub(crate) fn wait_for(path: &Path) {
    wait_until(&format!("{} appears", path.display()), || path.exists());
}

/// Waits until something holds, at most half a minute.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        sleep(Duration::from_millis(20));
    }
}

/// All files of this name below a folder.
pub(crate) fn find(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(find(&path, name));
        } else if path.file_name().is_some_and(|known| known == name) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Everything that a folder holds: for each path its type, mode, owner, time and content.
pub(crate) fn fingerprint(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).unwrap().flatten() {
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_symlink() {
                fs::read_link(&path).unwrap().display().to_string()
            } else if metadata.is_dir() {
                folders.push(path.clone());
                String::new()
            } else {
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
            };
            let line = format!(
                "{:o} {}:{} {} {content}",
                metadata.mode(),
                metadata.uid(),
                metadata.gid(),
                metadata.mtime_nsec()
            );
            found.insert(path.strip_prefix(folder).unwrap().display().to_string(), line);
        }
    }
    found
}

/// Every file below a folder that holds these bytes.
pub(crate) fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if let Ok(bytes) = fs::read(&path)
            && String::from_utf8_lossy(&bytes).contains(needle)
        {
            found.push(path);
        }
    }
    found
}

/// A port that nobody has.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
