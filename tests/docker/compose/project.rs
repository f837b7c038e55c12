//! A project of two services, of which the second is in the network of the first, and the runbook that upgrades it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::daemon::Daemon;
use crate::support::sandbox::{Finished, Sandbox};

const RUNBOOK: &str = r#"runbook shop "A new image for the shop" {
  on failure rollback before
}

inputs {
  new_image : pinned image
  project   : path
  backups   : path
  data      : text
  /// What the release says of itself.
  says      : text
}

service app "The shop" {
  runs   compose(project, name: "app")
  PINNED
  writes records
  well   "it has started": docker.read(app, ["cat", "/tmp/ready"], effects: { reads app }) is ok within 20s every 100ms
}

protect records "Records" { volume data }

anchor running_image = compose.running_image(app)

step save "Fetch the new image, stop the shop, back up its records" {
  let old_image = running_image
  do compose.pull(app, image: new_image)
  do compose.stop(app, grace: 5s) undo compose.start(app) within 1m
  do backup.create(records, to: backups) as snapshot
  check "the backup can be restored": backup.verify(snapshot) is ok within 1m
}

step change "Run the new image" {
  do compose.up(app, image: new_image)
  check app is well
}

step look "It is what it should be" {
  check "it says so": docker.read(app, ["cat", "/tmp/ready"], effects: { reads app }).stdout == says within 5s every 100ms
  check "it stays up": docker.restarts(app) == 0
}

rollback before "The old image and the records that belong to it" {
  applies from change until look
  do compose.stop(app, grace: 5s)
  do backup.restore(snapshot)
  do compose.up(app, image: old_image)
  check app is well
}
"#;

/// How the project was started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Started {
    /// Its image is a tag, and not a digest.
    pub(super) is_by_tag: bool,
    /// Under a name of its own, from two files in another folder, with a profile and settings in another file.
    pub(super) is_elsewhere: bool,
    /// With a variable of whoever started it.
    pub(super) has_a_variable: bool,
}

pub(super) struct Project {
    pub(super) daemon: &'static Daemon,
    pub(super) sandbox: Sandbox,
    pub(super) name: String,
    started: Started,
}

impl Project {
    /// A project that runs the first release.
    pub(super) fn started(daemon: &'static Daemon, started: Started) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let project = Self {
            daemon,
            sandbox: Sandbox::desk(),
            name: format!("backstay-shop-{}-{count}", std::process::id()),
            started,
        };
        for folder in ["project", "backups", "files"] {
            fs::create_dir(project.sandbox.path(folder)).unwrap();
        }
        let pinned = if started.is_elsewhere {
            "pinned by key(project / \"shop.env\", \"APP_IMAGE\")"
        } else {
            ""
        };
        project
            .sandbox
            .write("shop.runbook", RUNBOOK.replace("  PINNED\n", &format!("  {pinned}\n")));
        project.write_files();
        project.compose(&["up", "--detach", "app", "side"]);
        crate::support::sandbox::wait_until("the first release has written", || project.book() == ["one"]);
        project
    }

    fn write_files(&self) {
        let Self { name, started, .. } = self;
        let side = image(self.daemon, "one");
        let first = format!(
            "name: {name}\nservices:\n  app:\n    image: ${{APP_IMAGE}}\n    restart: always\n    network_mode: none\n    \
             volumes: [\"data:/data\"]\n    environment: {{ GIVEN: \"${{GIVEN-}}${{MISSING}}\" }}\n    profiles: [shop]\n  \
             side:\n    image: {side}\n    network_mode: service:app\n    profiles: [shop]\n    environment: {{ SIDE: \"yes\" }}\n\
             volumes:\n  data: {{}}\n"
        );
        let first = if started.has_a_variable {
            first
        } else {
            first.replace("${MISSING}", "")
        };
        let first = if started.is_elsewhere {
            first
        } else {
            first.replace("    profiles: [shop]\n", "")
        };
        let folder = if started.is_elsewhere { "files" } else { "project" };
        self.sandbox.write(&format!("{folder}/compose.yaml"), first);
        let second = "services: { app: { labels: { of.the.second.file: \"yes\" } } }\n";
        self.sandbox.write("files/second.yaml", second);
        let pinned = if started.is_by_tag {
            tag(self.daemon, "one")
        } else {
            image(self.daemon, "one")
        };
        let settings = format!("# settings of the shop\nAPP_IMAGE='{pinned}'\nOTHER=1\n");
        fs::write(self.settings_file(), settings).unwrap();
    }

    fn settings_file(&self) -> PathBuf {
        let name = if self.started.is_elsewhere { "shop.env" } else { ".env" };
        self.sandbox.path("project").join(name)
    }

    /// The file in which the image is pinned.
    pub(super) fn settings(&self) -> String {
        fs::read_to_string(self.settings_file()).unwrap()
    }

    /// Calls `docker compose` as whoever started the project.
    pub(super) fn compose(&self, words: &[&str]) -> Finished {
        let mut command = self.daemon.client_command();
        command
            .args(["compose", "--project-directory"])
            .arg(self.sandbox.path("project"));
        if self.started.is_elsewhere {
            let files = ["compose.yaml", "second.yaml"].map(|name| self.sandbox.path("files").join(name));
            command.arg("--env-file").arg(self.settings_file());
            command
                .arg("--project-name")
                .arg(&self.name)
                .args(["--profile", "shop"]);
            command.arg("--file").arg(&files[0]).arg("--file").arg(&files[1]);
        }
        if self.started.has_a_variable {
            command.env("MISSING", "set by hand");
        }
        Finished::of(command.args(words)).exits(0)
    }

    /// A call of the program for a release.
    pub(super) fn command(&self, verb: &str, release: &str) -> Command {
        let mut command = self.sandbox.command(&[verb, "shop.runbook"]);
        if verb == "run" {
            command.args(["--no-input", "--format", "json"]);
        }
        let says = if release == "broken" { "two" } else { release };
        for (name, value) in [
            ("new_image", image(self.daemon, release)),
            ("project", self.sandbox.path("project").display().to_string()),
            ("backups", self.sandbox.path("backups").display().to_string()),
            ("data", format!("{}_data", self.name)),
            ("says", says.to_owned()),
        ] {
            command.arg("--input").arg(format!("{name}={value}"));
        }
        self.daemon.environment(&mut command);
        command
    }

    pub(super) fn call(&self, verb: &str, release: &str) -> Finished {
        Finished::of(&mut self.command(verb, release))
    }

    /// Goes on with the only run; `None` where nothing was recorded.
    pub(super) fn resume(&self) -> Option<Finished> {
        let transcripts = crate::support::sandbox::find(&self.sandbox.state_directory(), "transcript.jsonl");
        let transcript = transcripts.first()?;
        if fs::metadata(transcript).unwrap().len() == 0 {
            return None;
        }
        let run = self.sandbox.run_name();
        let mut command = self
            .sandbox
            .command(&["resume", &run, "--format", "json", "--no-input"]);
        Some(Finished::of(self.daemon.environment(&mut command)))
    }

    /// Something that the engine says of the container of a service.
    pub(super) fn inspect(&self, service: &str, format: &str) -> String {
        let container = format!("{}-{service}-1", self.name);
        self.daemon
            .try_docker(&["inspect", "--format", format, &container])
            .unwrap_or_default()
    }

    /// Whether the service runs this release.
    pub(super) fn runs(&self, release: &str) -> Result<(), String> {
        let wanted = self
            .daemon
            .docker(&["inspect", "--format", "{{.Id}}", &image(self.daemon, release)]);
        let runs = self.inspect("app", "{{.Image}} {{.State.Status}}");
        if runs == format!("{wanted} running") {
            return Ok(());
        }
        let all = self
            .daemon
            .docker(&["ps", "--all", "--format", "{{.Names}} {{.Image}} {{.Status}}"]);
        Err(format!("it runs {runs}, not {release} ({wanted}):\n{all}"))
    }

    pub(super) fn is_pinned_to(&self, release: &str) -> Result<(), String> {
        let line = format!("APP_IMAGE='{}'", image(self.daemon, release));
        let settings = self.settings();
        let is_so = settings.lines().any(|known| known == line)
            && settings.starts_with("# settings")
            && settings.ends_with("OTHER=1\n");
        is_so.then_some(()).ok_or(settings)
    }

    /// Whether the second service is in the network of the first as that is now.
    pub(super) fn shares_its_network(&self) -> Result<(), String> {
        let network = |service: &str| {
            let pid = self.inspect(service, "{{.State.Pid}}");
            fs::read_link(format!("/proc/{pid}/ns/net")).map_err(|error| format!("{service}: {error}"))
        };
        let (app, side) = (network("app")?, network("side")?);
        (app == side)
            .then_some(())
            .ok_or_else(|| format!("app is in {} and side in {}", app.display(), side.display()))
    }

    /// Whether nothing is left of containers that were replaced, or were to replace one.
    pub(super) fn has_only_its_two(&self) -> Result<(), String> {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let mut names: Vec<String> = self
            .daemon
            .docker(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"])
            .lines()
            .map(str::to_owned)
            .collect();
        names.sort();
        let wanted = ["app", "side"].map(|service| format!("{}-{service}-1", self.name));
        (names == wanted).then_some(()).ok_or_else(|| names.join(", "))
    }

    /// Who has started with these records, in order.
    pub(super) fn book(&self) -> Vec<String> {
        let volume = self.daemon.try_docker(&[
            "volume",
            "inspect",
            "--format",
            "{{.Mountpoint}}",
            &format!("{}_data", self.name),
        ]);
        let Ok(volume) = volume else { return Vec::new() };
        let book = fs::read_to_string(PathBuf::from(volume).join("book")).unwrap_or_default();
        book.lines().map(str::to_owned).collect()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let all = self
            .daemon
            .try_docker(&["ps", "--all", "--quiet", "--filter", &label])
            .unwrap_or_default();
        for container in all.lines() {
            let _ = self.daemon.try_docker(&["rm", "--force", container]);
        }
        let _ = self
            .daemon
            .try_docker(&["volume", "rm", "--force", &format!("{}_data", self.name)]);
    }
}

fn tag(daemon: &Daemon, release: &str) -> String {
    image(daemon, release);
    format!("{}/{}:latest", daemon.registry(), repository(release))
}

fn repository(release: &str) -> String {
    format!("shop-{release}-{}", std::process::id())
}

/// The image of a release by digest, made once.
pub(super) fn image(daemon: &Daemon, release: &str) -> String {
    static MADE: std::sync::Mutex<std::collections::BTreeMap<String, String>> =
        std::sync::Mutex::new(std::collections::BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    let known = made.entry(release.to_owned()).or_insert_with(|| {
        let script = format!(
            "trap 'exit 0' TERM; [ -n \"$SIDE\" ] || {{ echo {release} >> /data/book; echo {release} > /tmp/ready; }}; \
             while :; do sleep 1 & wait; done"
        );
        daemon.image(&repository(release), &script)
    });
    known.clone()
}
