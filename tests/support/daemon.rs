//! Docker engines for tests: one that all share, private ones that may be hurt, and a registry on loopback.
//!
//! An engine is started and ended by `tests/support/engine`; a keeper process ends it also where the test dies.
//! Where Docker cannot be had, the test is left out by name.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::left_out::{leave_out, write_down_failures};

/// A Docker engine and the registry that its images go to.
pub(crate) struct Daemon {
    socket: PathBuf,
    registry: String,
    /// Where the settings of the client are: none of the user's.
    client: tempfile::TempDir,
    /// `None` where somebody else ends it.
    place: Option<Place>,
}

/// A folder with an engine or a registry in it, which is ended and removed with this value.
struct Place {
    directory: PathBuf,
    keeper: Child,
}

impl Daemon {
    /// The engine that all tests share: that of `tests/run`, else one for this test process.
    ///
    /// Names of containers and volumes are the test's own, and nothing is left in it. `None` where Docker cannot
    /// be had here: the test is left out, and that is said.
    pub(crate) fn shared(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Daemon> = OnceLock::new();
        is_possible(test).then(|| SHARED.get_or_init(|| Self::named_by("BACKSTAY_TEST_DOCKER")))
    }

    /// The engine that all tests of Compose share, with the plugin at hand; `None` where that cannot be had here.
    pub(crate) fn with_compose(test: &str) -> Option<&'static Self> {
        static SHARED: OnceLock<Daemon> = OnceLock::new();
        let plugin = compose_plugin();
        if !plugin.exists() {
            leave_out(
                test,
                "Docker Compose 2 is not here: tests/support/compose target/tools/docker-compose",
            );
            return None;
        }
        is_possible(test).then(|| {
            SHARED.get_or_init(|| {
                let daemon = Self::named_by("BACKSTAY_TEST_COMPOSE_DOCKER");
                let plugins = daemon.client.path().join("cli-plugins");
                fs::create_dir_all(&plugins).unwrap();
                std::os::unix::fs::symlink(&plugin, plugins.join("docker-compose")).unwrap();
                daemon
            })
        })
    }

    /// The engine whose socket a variable names (`tests/run` does), else one for this test process.
    fn named_by(variable: &str) -> Self {
        match std::env::var_os(variable) {
            Some(socket) => Self {
                socket: PathBuf::from(socket),
                registry: registry().to_owned(),
                client: tempfile::tempdir().unwrap(),
                place: None,
            },
            None => Self::start_private(),
        }
    }

    /// An engine of the test's own, which may be killed, frozen and restarted; ended when it is dropped.
    pub(crate) fn private(test: &str) -> Option<Self> {
        is_possible(test).then(Self::start_private)
    }

    fn start_private() -> Self {
        let place = Place::new("up");
        Self {
            socket: place.directory.join("docker.sock"),
            registry: registry().to_owned(),
            client: tempfile::tempdir().unwrap(),
            place: Some(place),
        }
    }

    /// What `DOCKER_HOST` is for this engine.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The registry, as `HOST:PORT`.
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    /// Calls the `docker` program; what it printed, without the space around it. A refusal fails the test.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments)
            .unwrap_or_else(|error| panic!("docker {arguments:?}: {error}"))
    }

    /// Starts a container of this name, with these options.
    pub(crate) fn serve(&self, name: &str, image: &str, options: &[&str]) {
        let call = ["run", "--detach", "--name", name];
        self.docker(&[&call[..], options, &[image]].concat());
    }

    /// Calls the `docker` program: what it printed, or what it complained of.
    pub(crate) fn try_docker(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("timeout");
        command.args(["120", "docker"]).args(arguments);
        let output = self.environment(&mut command).output().unwrap();
        if output.status.code() == Some(124) {
            return Err("the engine did not answer within two minutes".to_owned());
        }
        text(&output)
    }

    /// A call of the `docker` program for this engine.
    pub(crate) fn client_command(&self) -> Command {
        let mut command = Command::new("docker");
        self.environment(&mut command);
        command
    }

    /// Makes a command find this engine, and none of the user's settings.
    pub(crate) fn environment<'command>(&self, command: &'command mut Command) -> &'command mut Command {
        command
            .env("DOCKER_HOST", self.host())
            .env("DOCKER_CONFIG", self.client.path())
            .stdin(Stdio::null())
    }

    /// Makes an image of busybox whose entry is this script (`#!/bin/sh` is put in front), pushes it, and gives
    /// its name by digest: `HOST:PORT/name@sha256:…`.
    pub(crate) fn image(&self, name: &str, script: &str) -> String {
        self.image_with(name, script, &[])
    }

    /// As [`Self::image`], with instructions like `ENV A=1`, `HEALTHCHECK …` or `VOLUME /data`.
    pub(crate) fn image_with(&self, name: &str, script: &str, changes: &[&str]) -> String {
        let reference = format!("{}/{name}:latest", self.registry);
        // Two of one name at once would push each other's image.
        let one_at_a_time = fs::File::create(self.socket.with_extension("images")).unwrap();
        one_at_a_time.lock().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("image.tar");
        busybox_tree(&archive, script);
        let mut call = vec!["import", "--change", "ENTRYPOINT [\"/entry\"]"];
        for change in changes {
            call.extend(["--change", change]);
        }
        let archive = archive.display().to_string();
        call.extend([archive.as_str(), reference.as_str()]);
        let id = self.docker(&call);
        self.docker(&["push", "--quiet", &reference]);
        let digests = self.docker(&["inspect", "--format", "{{join .RepoDigests \"\\n\"}}", &id]);
        let repository = format!("{}/{name}@", self.registry);
        digests
            .lines()
            .find(|digest| digest.starts_with(&repository))
            .unwrap_or_else(|| panic!("no digest of {name} after its push: {digests}"))
            .to_owned()
    }

    /// Where the engine keeps a volume.
    pub(crate) fn mountpoint(&self, volume: &str) -> PathBuf {
        PathBuf::from(self.docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", volume]))
    }

    /// Stops the engine's process where it stands (SIGSTOP). Only for a private engine, as all that follows.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen engine go on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Kills the engine (SIGKILL); its containers run on until it is started again.
    pub(crate) fn kill(&self) {
        let pid = self.pid();
        self.signal("KILL");
        wait_for_the_end_of(pid);
    }

    /// Ends the engine in order; its containers end with it.
    pub(crate) fn stop(&self) {
        let pid = self.pid();
        self.signal("TERM");
        wait_for_the_end_of(pid);
    }

    /// Starts the engine again after [`Self::kill`] or [`Self::stop`].
    pub(crate) fn start(&self) {
        engine("up", &self.place().directory);
    }

    /// Ends the engine in order and starts it again.
    pub(crate) fn restart(&self) {
        self.stop();
        self.start();
    }

    fn place(&self) -> &Place {
        self.place.as_ref().expect("a shared engine is not to be hurt")
    }

    fn pid(&self) -> u32 {
        let file = self.place().directory.join("pid");
        fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success(), "the engine could not be sent {name}");
    }
}

impl Place {
    fn new(task: &str) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("backstay-engine-")
            .tempdir()
            .unwrap()
            .keep();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711)).unwrap();
        let keeper = Command::new(script())
            .arg("keep")
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let place = Self { directory, keeper };
        engine(task, &place.directory);
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let status = self.keeper.wait();
        let is_clean = status.is_ok_and(|status| status.success());
        let is_said_already = std::thread::panicking();
        assert!(
            is_clean || is_said_already,
            "{} was not cleared away",
            self.directory.display()
        );
    }
}

/// The registry of this test process, as `HOST:PORT`.
fn registry() -> &'static str {
    static ADDRESS: OnceLock<(String, Option<Place>)> = OnceLock::new();
    let (address, _) = ADDRESS.get_or_init(|| {
        if let Ok(address) = std::env::var("BACKSTAY_TEST_REGISTRY") {
            return (address, None);
        }
        let place = Place::new("registry");
        let address = fs::read_to_string(place.directory.join("address")).unwrap();
        (address.trim().to_owned(), Some(place))
    });
    address
}

/// Where `tests/run` puts it.
fn compose_plugin() -> PathBuf {
    let said = std::env::var_os("BACKSTAY_TEST_COMPOSE").map(PathBuf::from);
    said.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/docker-compose"))
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/support/engine")
}

fn engine(task: &str, directory: &Path) {
    let output = Command::new(script())
        .arg(task)
        .arg(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if let Err(error) = text(&output) {
        panic!("{error}");
    }
}

fn text(output: &Output) -> Result<String, String> {
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// Whether an engine can be had here; else the test is left out.
fn is_possible(test: &str) -> bool {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let missing = MISSING.get_or_init(|| {
        write_down_failures();
        let needed = ["docker", "dockerd", "docker-registry", "busybox", "ip"];
        let has = |name: &&str| {
            [
                "/usr/local/sbin",
                "/usr/local/bin",
                "/usr/sbin",
                "/usr/bin",
                "/sbin",
                "/bin",
            ]
            .iter()
            .any(|folder| Path::new(folder).join(name).exists())
        };
        match needed.iter().find(|name| !has(name)) {
            Some(name) => Some(format!("`{name}` is not installed")),
            None if !rustix::process::geteuid().is_root() => Some("an engine can only be started as root".to_owned()),
            None => None,
        }
    });
    if let Some(reason) = missing {
        leave_out(test, reason);
    }
    missing.is_none()
}

fn wait_for_the_end_of(pid: u32) {
    let start = Instant::now();
    let has_ended = || {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    };
    while !has_ended() {
        assert!(start.elapsed() < Duration::from_secs(30), "process {pid} did not end");
        sleep(Duration::from_millis(20));
    }
}

/// A tree with busybox under all its names, and an entry.
fn busybox_tree(archive: &Path, script: &str) {
    let busybox = fs::read("/usr/bin/busybox")
        .or_else(|_| fs::read("/bin/busybox"))
        .unwrap();
    let mut tree = tar::Builder::new(fs::File::create(archive).unwrap());
    add(&mut tree, "bin/busybox", 0o755, &busybox);
    let names = Command::new("busybox").arg("--list").output().unwrap().stdout;
    for name in String::from_utf8_lossy(&names)
        .lines()
        .filter(|name| *name != "busybox")
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        tree.append_link(&mut header, format!("bin/{name}"), "busybox").unwrap();
    }
    let mut temporary = tar::Header::new_gnu();
    temporary.set_entry_type(tar::EntryType::Directory);
    temporary.set_size(0);
    temporary.set_mode(0o1777);
    tree.append_data(&mut temporary, "tmp/", std::io::empty()).unwrap();
    add(
        &mut tree,
        "etc/passwd",
        0o644,
        b"root:x:0:0:root:/:/bin/sh\napp:x:1000:1000:app:/:/bin/sh\n",
    );
    add(&mut tree, "etc/group", 0o644, b"root:x:0:\napp:x:1000:\n");
    add(&mut tree, "entry", 0o755, format!("#!/bin/sh\n{script}\n").as_bytes());
    tree.finish().unwrap();
}

fn add(tree: &mut tar::Builder<fs::File>, path: &str, mode: u32, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    tree.append_data(&mut header, path, content).unwrap();
}
