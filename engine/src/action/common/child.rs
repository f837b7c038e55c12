//! How a child is started: which program, which environment, which marks.
//!
//! A child gets nothing of our environment but a short list of names. Marks in its environment are how it
//! is found again: by number and parent it cannot be, since both change.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tokio::process::{Child, Command};

use super::core_dump::allow_as_before;
use crate::action::{Arguments, Context, NoProgram};
use crate::value::Value;

/// The variables of ours that a child gets, beside `LC_…`.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
    "TERM",
    "USER",
    "LOGNAME",
    "SHELL",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    // A program that speaks to a container engine reaches the one that the runbook's own actions reach, as they do.
    "DOCKER_HOST",
    "DOCKER_CONFIG",
];

/// Where programs are looked for where we have no `PATH` ourselves.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The mark that names the run of a child that must not outlive its attempt.
pub(crate) const RUN_MARK: &str = "BACKSTAY_RUN";
/// The mark that names the attempt: `run/statement#n`.
pub(crate) const KEY_MARK: &str = "BACKSTAY_KEY";
/// The mark that names the service.
pub(crate) const PROCESS_MARK: &str = "BACKSTAY_PROCESS";

/// What a child is started with.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// The program, found already.
    pub(crate) program: PathBuf,
    /// Its words; the first is its name as written.
    pub(crate) argv: Vec<String>,
    pub(crate) environment: BTreeMap<String, OsString>,
    pub(crate) folder: PathBuf,
}

impl Start {
    /// Works out `argv`, `env` and `cwd` of a call.
    pub(crate) fn new(context: &Context, arguments: &Arguments) -> Result<Self, String> {
        let argv = arguments.words("argv").unwrap_or_default();
        let name = first(&argv)?;
        if argv.iter().any(|word| word.contains('\0')) {
            return Err("a word of the command holds a zero byte, which no program can be given".to_owned());
        }
        let folder = folder(&context.working_directory, arguments)?;
        let mut environment = inherited();
        for (name, value) in given(arguments)? {
            environment.insert(name, value);
        }
        let path = environment.get("PATH").cloned().unwrap_or_default();
        Ok(Self {
            program: find(name, &folder, &path)?,
            argv,
            environment,
            folder,
        })
    }

    /// The same with a mark in the environment.
    pub(crate) fn mark(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// The command, with everything but its inputs and outputs. Its number is that of its group.
    pub(crate) fn command(&self, apart: Apart) -> Command {
        // Without a terminal there is nothing that only a session keeps a child from.
        let wants_session = apart == Apart::Session || has_terminal();
        let setsid = if wants_session { setsid() } else { None };
        let mut command = Command::new(setsid.unwrap_or(&self.program));
        if setsid.is_some() {
            // `setsid` becomes the program itself: no process is left between.
            command.arg(&self.program);
        } else {
            command.arg0(&self.argv[0]).process_group(0);
        }
        command
            .args(&self.argv[1..])
            .env_clear()
            .envs(&self.environment)
            .current_dir(&self.folder);
        command
    }

    /// The same behind a gate: nothing of the program begins before a line comes through standard input, and nothing
    /// at all where that closes without one. The shell that waits becomes the program itself.
    pub(crate) fn gated(&self) -> Result<Command, String> {
        let is_name = |name: &str| {
            name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
                && !name.starts_with(|one: char| one.is_ascii_digit())
        };
        if let Some(name) = self.environment.keys().find(|name| !is_name(name)) {
            return Err(format!(
                "`{name}` cannot be the name of a variable of a service; choose another"
            ));
        }
        let own = ["PWD", "OLDPWD", "SHLVL"]
            .into_iter()
            .filter(|name| !self.environment.contains_key(*name));
        let own: Vec<&str> = own.collect();
        let script = format!("read -r go && unset {} && exec \"$@\" < /dev/null", own.join(" "));
        let mut gate = self.clone();
        gate.program = PathBuf::from("/bin/sh");
        let program = self.program.to_string_lossy().into_owned();
        let words = ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned(), program];
        gate.argv = words.into_iter().chain(self.argv.iter().skip(1).cloned()).collect();
        Ok(gate.command(Apart::Session))
    }

    /// Starts a command of this, which dumps core as the operator allows. An error says what to check.
    pub(crate) fn spawn(&self, mut command: Command) -> Result<Child, String> {
        let spawned = command.spawn().inspect(|child| allow_as_before(child.id()));
        spawned.map_err(|error| {
            format!(
                "{} cannot be started: {}; check that it is a program for this machine and that its interpreter is \
                 installed",
                self.program.display(),
                plain(&error)
            )
        })
    }

    /// The program as it really is, and its words.
    pub(crate) fn words(&self) -> Vec<String> {
        let program = std::fs::canonicalize(&self.program).unwrap_or_else(|_| self.program.clone());
        let words = self.argv.iter().skip(1).cloned();
        std::iter::once(program.to_string_lossy().into_owned())
            .chain(words)
            .collect()
    }

    /// The name of the program without its folders, for messages.
    pub(crate) fn name(&self) -> String {
        self.program
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

/// Whether the program of a call is there and may be run, as far as its arguments are known.
pub(crate) fn program(working_directory: &Path, arguments: &Arguments) -> Result<(), NoProgram> {
    let argv = arguments.words("argv").unwrap_or_default();
    let path = inherited().remove("PATH").unwrap_or_default();
    let name = first(&argv)?;
    let folder = folder(working_directory, arguments)?;
    find(name, &folder, &path).map(drop).map_err(|reason| NoProgram {
        reason,
        looked_at: candidates(name, &folder, &path),
    })
}

/// Where a program is looked for, in this order.
fn candidates(name: &str, folder: &Path, path: &OsString) -> Vec<PathBuf> {
    if name.contains('/') {
        return vec![folder.join(name)];
    }
    let places = std::env::split_paths(path);
    places.map(|place| folder.join(place).join(name)).collect()
}

/// The name of the program.
fn first(argv: &[String]) -> Result<&str, String> {
    let name = argv.first().filter(|name| !name.is_empty());
    name.map(String::as_str)
        .ok_or_else(|| "there is no program to run; write it as the first word of the list".to_owned())
}

/// The folder that it starts in.
fn folder(working_directory: &Path, arguments: &Arguments) -> Result<PathBuf, String> {
    let folder = working_directory.join(arguments.path("cwd").unwrap_or_default());
    if folder.is_dir() {
        return Ok(folder);
    }
    Err(format!(
        "the folder {} to start in does not exist; make it first, or say another `cwd`",
        folder.display()
    ))
}

/// How far a child is from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apart {
    /// A process group of its own, and no terminal: a program that asks for a password there fails instead
    /// of waiting for ever beside the live view.
    Group,
    /// A session of its own: it lives on when the terminal is lost.
    Session,
}

/// The tool that gives a program a session of its own; the standard library cannot without unsafe code.
/// Where it is missing the child gets a group of its own only.
fn setsid() -> Option<&'static Path> {
    ["/usr/bin/setsid", "/bin/setsid"]
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists())
}

/// Whether our session has a terminal.
fn has_terminal() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| std::fs::File::open("/dev/tty").is_ok())
}

/// The value of the mark of an attempt.
pub(crate) fn attempt_mark(context: &Context) -> String {
    format!("{}#{}", context.key, context.attempt)
}

fn inherited() -> BTreeMap<String, OsString> {
    let mut environment: BTreeMap<String, OsString> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| INHERITED.contains(&name.as_str()) || name.starts_with("LC_"))
        .collect();
    environment
        .entry("PATH".to_owned())
        .or_insert_with(|| PATH_DEFAULT.into());
    environment
}

/// The variables that the call gives.
fn given(arguments: &Arguments) -> Result<Vec<(String, OsString)>, String> {
    let Some(Value::Map(map)) = arguments.get("env") else {
        return Ok(Vec::new());
    };
    map.iter()
        .map(|(name, value)| {
            let is_name = !name.is_empty() && !name.contains(['=', '\0']);
            if !is_name || name.starts_with("BACKSTAY_") {
                return Err(format!(
                    "`{name}` cannot be the name of a variable here; choose another"
                ));
            }
            let text = value.exposed();
            if text.contains('\0') {
                return Err(format!(
                    "the value of `{name}` holds a zero byte, which no variable can"
                ));
            }
            Ok((name.clone(), text.into()))
        })
        .collect()
}

/// Finds the program as a shell would, and says what to check where there is none.
fn find(name: &str, folder: &Path, path: &OsString) -> Result<PathBuf, String> {
    if name.contains('/') {
        let program = folder.join(name);
        return match std::fs::metadata(&program) {
            Ok(data) if data.is_dir() => Err(format!("{} is a folder, not a program", program.display())),
            Ok(data) if data.permissions().mode() & 0o111 == 0 => Err(format!(
                "{} may not be run; check its mode (chmod +x)",
                program.display()
            )),
            Ok(_) => Ok(program),
            Err(error) => Err(format!(
                "the program {} cannot be run: {}; check the path",
                program.display(),
                plain(&error)
            )),
        };
    }
    for candidate in candidates(name, folder, path) {
        let is_program =
            std::fs::metadata(&candidate).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0);
        if is_program {
            return Ok(candidate);
        }
    }
    Err(format!(
        "the program `{name}` was not found; check that it is installed and that PATH ({}) names its folder",
        path.to_string_lossy()
    ))
}

/// An error of the system without its number: `no such file or directory`.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().collect::<String>() + chars.as_str()
    })
}
