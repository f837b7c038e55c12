//! The guest book of examples 02 and 03 on a test's own site, and what has to be true of it afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::daemon::Daemon;
use crate::support::sandbox::{Finished, Sandbox, repository};

/// Which of the two runbooks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Example {
    /// 02: the new image works.
    Upgrade,
    /// 03: it fails its validation.
    TurnBack,
}

impl Example {
    /// The file of the runbook, from the root of the repository.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Upgrade => "examples/02-docker-upgrade/upgrade.runbook",
            Self::TurnBack => "examples/03-docker-turn-back/turn-back.runbook",
        }
    }

    /// The exit code of a run that nobody disturbs.
    pub(crate) fn exit(self) -> i32 {
        match self {
            Self::Upgrade => 0,
            Self::TurnBack => 5,
        }
    }
}

/// The three releases in the registry, by digest: made once, for many sites.
pub(crate) struct Images {
    references: BTreeMap<&'static str, String>,
}

impl Images {
    /// Those of the registry of all tests, made once: two who push at once would take each other's tags away.
    pub(crate) fn pushed(daemon: &Daemon) -> &'static Self {
        static PUSHED: OnceLock<Images> = OnceLock::new();
        PUSHED.get_or_init(|| Self::push(daemon))
    }

    /// Makes and pushes them with the example's own tool.
    fn push(daemon: &Daemon) -> Self {
        let references = ["1.0.0", "2.0.0", "2.0.0-broken"].map(|release| {
            let output = daemon
                .environment(&mut Command::new(repository().join("examples/local-registry")))
                .arg("push")
                .arg(format!(
                    "{}/guest-book-{}:{release}",
                    daemon.registry(),
                    std::process::id()
                ))
                .arg(repository().join(format!("examples/02-docker-upgrade/releases/{release}/entry")))
                .arg(repository().join("examples/02-docker-upgrade/releases/serve"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            (release, String::from_utf8(output.stdout).unwrap())
        });
        Self {
            references: BTreeMap::from(references),
        }
    }

    /// The name of a release's image by digest.
    pub(crate) fn of(&self, release: &str) -> &str {
        &self.references[release]
    }
}

/// A site of its own on an engine.
pub(crate) struct GuestBook<'daemon> {
    pub(crate) daemon: &'daemon Daemon,
    pub(crate) sandbox: Sandbox,
    pub(crate) name: String,
    example: Example,
    /// The host by which the program reaches the engine.
    pub(crate) host: String,
    images: Option<&'daemon Images>,
}

impl<'daemon> GuestBook<'daemon> {
    /// One that the example's own tool puts up, with images of its own.
    pub(crate) fn as_printed(daemon: &'daemon Daemon, example: Example) -> Self {
        Self::new(daemon, example, None)
    }

    /// One with images that are there already, and a tool that only has to start the old one.
    pub(crate) fn with_images(daemon: &'daemon Daemon, example: Example, images: &'daemon Images) -> Self {
        Self::new(daemon, example, Some(images))
    }

    fn new(daemon: &'daemon Daemon, example: Example, images: Option<&'daemon Images>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let book = Self {
            daemon,
            sandbox: Sandbox::new(),
            name: format!("backstay-test-{}-{count}", std::process::id()),
            example,
            host: daemon.host(),
            images,
        };
        if let Some(images) = images {
            book.write_quick_tool(images);
        }
        book
    }

    /// A tool in place of the example's, for images that are there already.
    fn write_quick_tool(&self, images: &Images) {
        let names: Vec<String> = images
            .references
            .iter()
            .map(|(release, reference)| format!("printf %s '{reference}' > \"$site/images/{release}\""))
            .collect();
        let script = format!(
            r#"#!/bin/sh
set -eu
[ "$1" != needs ] || exit 0
site=$2
name=$3
docker rm -f "$name" > /dev/null 2>&1 || :
docker volume rm "$name-records" > /dev/null 2>&1 || :
[ "$1" = up ] || exit 0
mkdir -p "$site/images" "$site/backups"
{}
docker volume create "$name-records" > /dev/null
data=$(docker volume inspect --format '{{{{.Mountpoint}}}}' "$name-records")
printf '{}' > "$data/records.txt"
echo 1 > "$data/schema"
docker run -d --name "$name" --restart always -v "$name-records:/data" '{}' > /dev/null
"#,
            names.join("\n"),
            RECORDS.replace('\n', "\\n"),
            images.of("1.0.0")
        );
        let tool = self.sandbox.path("tools/demo");
        fs::create_dir(self.sandbox.path("tools")).unwrap();
        fs::write(&tool, script).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A call of the program for this engine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        command.env("DOCKER_HOST", &self.host);
        command
    }

    /// The call that runs the example; the inputs stand in for those of the test.
    pub(crate) fn run_command(&self, inputs: &[&str]) -> Command {
        let mut all = BTreeMap::from([
            ("name", self.name.clone()),
            ("site", self.sandbox.path("site").display().to_string()),
            ("registry", self.daemon.registry().to_owned()),
        ]);
        if self.images.is_some() {
            all.insert("tools", self.sandbox.path("tools").display().to_string());
        }
        all.extend(
            inputs
                .iter()
                .filter_map(|input| input.split_once('='))
                .map(|(name, value)| (name, value.to_owned())),
        );
        let mut command = self.command(&["run", self.example.file(), "--format", "json", "--no-input"]);
        for (name, value) in all {
            command.arg("--input").arg(format!("{name}={value}"));
        }
        command
    }

    /// Runs the example to its end.
    pub(crate) fn run(&self, inputs: &[&str]) -> Finished {
        self.run_command(inputs).output().unwrap().into()
    }

    /// Goes on with the only run.
    pub(crate) fn resume(&self) -> Finished {
        let run = self.sandbox.run_name();
        self.command(&["resume", &run, "--format", "json", "--no-input"])
            .output()
            .unwrap()
            .into()
    }

    /// The name of a release's image by digest.
    pub(crate) fn image_of(&self, release: &str) -> String {
        fs::read_to_string(self.sandbox.path("site/images").join(release)).unwrap()
    }

    /// What is wrong with a guest book that should be as it was before the run.
    pub(crate) fn is_as_before(&self) -> Result<(), String> {
        self.is_served_by("1.0.0", &records_of_schema_1())
    }

    /// What is wrong with a guest book that should be upgraded.
    pub(crate) fn is_upgraded(&self) -> Result<(), String> {
        let migrated = RECORDS.replace(": ", "\t");
        let files = BTreeMap::from([
            ("records.tsv".to_owned(), (0o100_644, migrated.into_bytes())),
            ("schema".to_owned(), (0o100_644, b"2\n".to_vec())),
        ]);
        self.is_served_by("2.0.0", &files)
    }

    fn is_served_by(&self, release: &str, files: &BTreeMap<String, (u32, Vec<u8>)>) -> Result<(), String> {
        let format = "{{.State.Running}} {{.HostConfig.RestartPolicy.Name}} {{.Image}}";
        let found = self
            .daemon
            .try_docker(&["inspect", "--type=container", "--format", format, &self.name])?;
        let words: Vec<&str> = found.split(' ').collect();
        if words[..2] != ["true", "always"] {
            return Err(format!("the container is {found}"));
        }
        let digests = self
            .daemon
            .try_docker(&["inspect", "--format", "{{join .RepoDigests \" \"}}", words[2]])?;
        let wanted = self.image_of(release);
        if !digests.split(' ').any(|digest| digest == wanted) {
            return Err(format!("{digests} runs, not {wanted}"));
        }
        let found = contents(&self.daemon.mountpoint(&format!("{}-records", self.name)));
        if found != *files {
            return Err(format!("the volume holds {found:?}"));
        }
        crate::support::sandbox::wait_until("the guest book answers", || self.ask("release").is_ok());
        if (self.ask("release")?.as_str(), self.ask("records")?.as_str()) != (release, "3") {
            return Err(format!(
                "{:?} answers with {:?}",
                self.ask("release"),
                self.ask("records")
            ));
        }
        Ok(())
    }

    /// What the running release answers.
    pub(crate) fn ask(&self, question: &str) -> Result<String, String> {
        let address = format!("http://127.0.0.1:8080/{question}");
        self.daemon
            .try_docker(&["exec", &self.name, "wget", "-q", "-O", "-", &address])
    }

    /// What is wrong where a container is left that was made beside the service's own, or taken out of its place.
    pub(crate) fn has_only_the_service(&self) -> Result<(), String> {
        let name = format!("name=^{}\\.backstay-", self.name);
        let left = self
            .daemon
            .docker(&["ps", "--all", "--filter", &name, "--format", "{{.Names}}"]);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left} is left"))
        }
    }

    /// What is wrong where the run left more containers and volumes than the service's own and what it lists.
    pub(crate) fn has_left_no_more_than(&self, leftovers: &Value) -> Result<(), String> {
        let label = format!("label=backstay.run={}", self.sandbox.run_name());
        let containers = self
            .daemon
            .docker(&["ps", "--all", "--filter", &label, "--format", "container({{.Names}})"]);
        let volumes = self
            .daemon
            .docker(&["volume", "ls", "--filter", &label, "--format", "volume({{.Name}})"]);
        let listed: Vec<&str> = leftovers.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let own = format!("container({})", self.name);
        let left: Vec<&str> = containers
            .lines()
            .chain(volumes.lines())
            .filter(|thing| *thing != own && !listed.contains(thing))
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?} is left, and the end lists {listed:?}"))
        }
    }
}

impl Drop for GuestBook<'_> {
    fn drop(&mut self) {
        let tool = if self.images.is_some() {
            self.sandbox.path("tools/demo")
        } else {
            repository().join("examples/02-docker-upgrade/demo")
        };
        let mut command = Command::new(tool);
        drop(
            self.daemon
                .environment(&mut command)
                .arg("down")
                .arg(self.sandbox.path("site"))
                .arg(&self.name)
                .status(),
        );
    }
}

const RECORDS: &str = "ada: a fine place\ngrace: back next year\nlinus: the door was open\n";

fn records_of_schema_1() -> BTreeMap<String, (u32, Vec<u8>)> {
    BTreeMap::from([
        ("records.txt".to_owned(), (0o100_644, RECORDS.as_bytes().to_vec())),
        ("schema".to_owned(), (0o100_644, b"1\n".to_vec())),
    ])
}

/// What a folder holds: the mode and the bytes of each path.
fn contents(folder: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).unwrap().flatten() {
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let bytes = if metadata.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap_or_default()
            };
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            found.insert(name, (metadata.mode(), bytes));
        }
    }
    found
}
