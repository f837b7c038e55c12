//! A sandbox with one service, and what this machine says of it beside the program.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

pub(crate) use crate::support::sandbox::free_port;
use crate::support::sandbox::{Finished, Sandbox, wait_until};

/// A user who is not root and owns nothing.
pub(crate) const NOBODY: &str = "65534";

pub(crate) struct Desk {
    pub(crate) sandbox: Sandbox,
}

/// A runbook about a service `r`; steps as they are written.
pub(crate) fn runbook(runs: &str, clauses: &str, steps: &str) -> String {
    format!(
        "runbook about \"About a service\"\n\nservice r \"The service\" {{\n  runs {runs}\n  {clauses}\n}}\n\n{steps}\n"
    )
}

/// A step that stops the service.
pub(crate) const STOP: &str = "step down \"Stop\" { do process.stop(r) no undo because \"a test\" }";

/// A step that starts the service, and one that fails behind these statements.
pub(crate) fn starts_and_fails(argv: &str, first: &str) -> String {
    format!(
        "step up \"Start\" {{ do process.start(r, {argv}) undo process.stop(r, grace: 5s) within 20s }}\n\
         step bad \"Fail\" {{ {first} check \"it is there\": fs.exists(\"/none/of/it\") within 500ms }}"
    )
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            sandbox: Sandbox::desk(),
        }
    }

    /// The path of the sandbox, which no other test has.
    pub(crate) fn name(&self) -> String {
        self.sandbox
            .path("")
            .display()
            .to_string()
            .trim_end_matches('/')
            .to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.sandbox.path(name).display().to_string()
    }

    /// `process("…")` of this sandbox, with more behind the name.
    pub(crate) fn process(&self, more: &str) -> String {
        format!("process(\"{}\"{more})", self.name())
    }

    /// A runbook about it.
    pub(crate) fn about(&self, clauses: &str, steps: &str) -> String {
        runbook(&self.process(""), clauses, steps)
    }

    /// Calls the program with a runbook.
    pub(crate) fn call(&self, command: &str, text: &str) -> Finished {
        Finished::of(&mut self.command(command, text))
    }

    pub(crate) fn command(&self, command: &str, text: &str) -> Command {
        self.sandbox.write("about.runbook", text);
        let mut arguments = vec![command, "about.runbook"];
        arguments.extend(["--format", "json"]);
        self.sandbox.command(&arguments)
    }

    /// The same as another user, who keeps runs elsewhere.
    pub(crate) fn call_as(&self, user: &str, command: &str, text: &str) -> Finished {
        let asked = self.command(command, text);
        let program = self.path("backstay");
        // Not copied by ourselves: a child that another test starts meanwhile would hold it open for writing.
        let copied = Command::new("cp")
            .arg(asked.get_program())
            .arg(&program)
            .status()
            .unwrap();
        assert!(copied.success());
        let state = self.path("others");
        fs::create_dir_all(&state).unwrap();
        let open = |mode: &str, path: &str| {
            let done = Command::new("chmod").args([mode, path]).status().unwrap();
            assert!(done.success());
        };
        open("755", &self.name());
        open("777", &state);
        open("1777", &self.path("locks"));
        let mut as_other = Command::new("setpriv");
        as_other
            .args(["--reuid", user, "--regid", user, "--clear-groups", &program])
            .args(asked.get_args())
            .current_dir(self.name())
            .env_clear()
            .envs([
                ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
                ("HOME", &state),
                ("BACKSTAY_STATE_DIR", &state),
                ("BACKSTAY_LOCK_DIR", &self.path("locks")),
            ])
            .stdin(Stdio::null());
        Finished::of(&mut as_other)
    }

    /// A file with a program.
    pub(crate) fn script(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        self.sandbox.write(name, text);
        let path = self.sandbox.path(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }
}

/// A process that lives by itself and is ended with this value.
pub(crate) struct Stranger(pub(crate) Child);

impl Stranger {
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    pub(crate) fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits until nobody answers there; a service that lives on would answer again at once.
pub(crate) fn is_silent(port: u16) -> bool {
    sleep(Duration::from_millis(200));
    !answers(port)
}

pub(crate) fn wait_for_answer(port: u16) {
    wait_until("it answers", || answers(port));
}

/// The numbers of the processes with this among their words, whatever they did to their environment.
pub(crate) fn with_words(words: &str) -> Vec<i32> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if name != own && line.contains(words) {
            found.extend(name.parse::<i32>().ok());
        }
    }
    found
}
