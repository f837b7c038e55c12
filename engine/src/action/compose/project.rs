//! A Compose project, and how `docker compose` is called for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::Topology;
use serde::Deserialize;

use super::Engine;
use super::others::arguments;
use crate::action::common::project::{OfProject, PROJECT};
use crate::action::common::supervised::{self, How, status_in_words};
use crate::action::common::typed::pasted;
use crate::action::{Arguments, Context, Outcome, Progress};
use crate::containers::{Container, Problem};
use crate::value::Value;

/// The files that a project was called with.
const FILES: &str = "com.docker.compose.project.config_files";
/// The environment files that it was called with.
const ENVIRONMENT_FILES: &str = "com.docker.compose.project.environment_file";
/// What the settings of a container come to, as Compose counts them.
const HASH: &str = "com.docker.compose.config-hash";

/// The engine that is called where nothing names one: never the client's own context, which may be another.
const USUAL_ENGINE: &str = "unix:///var/run/docker.sock";

/// Why a call did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Error {
    /// It did nothing, or a part.
    Failed(String),
    /// Nobody knows what it did.
    Unknown(String),
}

impl Error {
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Failed(reason) | Self::Unknown(reason) => reason,
        }
    }
}

impl From<String> for Error {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// A question to the engine.
impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem.to_string())
    }
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        match error {
            Error::Failed(reason) => Self::failed(reason),
            Error::Unknown(reason) => Self::unknown(reason),
        }
    }
}

/// What `docker compose` printed.
pub(super) struct Said {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// What a project says of itself, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) services: BTreeMap<String, ServiceConfig>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ServiceConfig {
    pub(super) image: Option<String>,
    network_mode: Option<String>,
    pid: Option<String>,
    ipc: Option<String>,
}

impl Config {
    /// The services that share the network, processes or memory of one, also over another.
    pub(super) fn sharing(&self, service: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut to_look_at = vec![service.to_owned()];
        while let Some(owner) = to_look_at.pop() {
            let wanted = Some(format!("service:{owner}"));
            for (name, config) in &self.services {
                let shares = [&config.network_mode, &config.pid, &config.ipc].contains(&&wanted);
                if shares && found.insert(name.clone()) {
                    to_look_at.push(name.clone());
                }
            }
        }
        found
    }
}

/// The project of a service, as it was called when its containers were made.
pub(super) struct Project<'a> {
    pub(super) context: &'a Context,
    pub(super) of: OfProject,
    options: Vec<String>,
}

impl<'a> Project<'a> {
    /// That of the service of a call.
    pub(super) async fn of(context: &'a Context, arguments: &Arguments, engine: &Engine) -> Result<Self, Error> {
        let of = OfProject::of(context, arguments).ok_or_else(|| {
            "the service is no service of a Compose project; the `compose` actions are for services that run \
             compose(FOLDER, name: \"NAME\")"
                .to_owned()
        })?;
        if !of.folder.is_dir() {
            return Err(format!("the folder {} of the project is not there", of.folder.display()).into());
        }
        let mut options = vec![
            "--project-directory".to_owned(),
            of.folder.to_string_lossy().into_owned(),
        ];
        if let Some(made) = of.any(engine).await? {
            options.extend(called_as(&made));
        }
        Ok(Self { context, of, options })
    }

    /// Calls `docker compose` for it; `variables` win over those of its files.
    pub(super) async fn call(&self, words: &[&str], variables: &[(&str, &str)], changes: bool) -> Result<Said, Error> {
        let mut all = plain_words(&[]);
        all.extend(self.options.iter().cloned());
        all.extend(words.iter().map(|word| (*word).to_owned()));
        called(self.context, &self.of.folder, &all, variables, changes).await
    }

    /// What it says of itself, all profiles included; as it is written where not `interpolated`.
    pub(super) async fn config(&self, variables: &[(&str, &str)], interpolated: bool) -> Result<Config, Error> {
        let words = ["--profile", "*", "config", "--format", "json", "--no-interpolate"];
        let words = if interpolated { &words[..5] } else { &words[..] };
        let said = self.call(words, variables, false).await?;
        serde_json::from_str(&said.stdout)
            .map_err(|error| Error::Failed(format!("`docker compose config` printed what cannot be read: {error}")))
    }

    /// The service in it.
    pub(super) fn service<'c>(&self, config: &'c Config) -> Result<&'c ServiceConfig, Error> {
        config.services.get(&self.of.service).ok_or_else(|| {
            let known: Vec<&str> = config.services.keys().map(String::as_str).collect();
            Error::Failed(format!(
                "the project in {} has no service `{}`; it has {}",
                self.of.folder.display(),
                self.of.service,
                known.join(", ")
            ))
        })
    }

    /// Whether a container was made as the project says now, and the variables that it asks for and nothing sets.
    pub(super) async fn is_as_made(
        &self,
        container: &Container,
        variables: &[(&str, &str)],
    ) -> Result<(bool, BTreeSet<String>), Error> {
        let service = self.of.service.as_str();
        let said = self
            .call(&["--profile", "*", "config", "--hash", service], variables, false)
            .await?;
        let hash = said.stdout.split_whitespace().nth(1);
        let is_same = hash.is_some() && hash == container.labels.get(HASH).map(String::as_str);
        Ok((is_same, unset(&said.stderr)))
    }

    /// The container of the service; `None` where it has none.
    pub(super) async fn container(&self, engine: &Engine) -> Result<Option<Container>, Error> {
        Ok(self.of.container(engine).await??)
    }
}

/// How the project of a container was called.
fn called_as(container: &Container) -> Vec<String> {
    let label = |name: &str| container.labels.get(name).map_or("", String::as_str);
    let listed = |option: &str, names: &str| {
        let names: Vec<String> = names
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        names
            .into_iter()
            .flat_map(|name| [option.to_owned(), name])
            .collect::<Vec<_>>()
    };
    [
        listed("--project-name", label(PROJECT)),
        listed("--file", label(FILES)),
        listed("--env-file", label(ENVIRONMENT_FILES)),
    ]
    .concat()
}

/// The variables that nothing sets, as Compose warns of them: `The \"NAME\" variable is not set`.
fn unset(stderr: &str) -> BTreeSet<String> {
    let before = stderr
        .lines()
        .filter_map(|line| line.split_once(" variable is not set"));
    let quotes = ['"', '\\'];
    let names = before.filter_map(|(before, _)| before.trim_end_matches(quotes).rsplit(quotes).next());
    names.map(str::to_owned).collect()
}

/// `docker compose` with these words.
pub(super) fn plain_words(words: &[&str]) -> Vec<String> {
    ["docker", "compose"]
        .iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .collect()
}

/// Calls it in a folder. What it prints is not shown: it may be what a project keeps to itself.
pub(super) async fn called(
    context: &Context,
    folder: &Path,
    words: &[String],
    variables: &[(&str, &str)],
    changes: bool,
) -> Result<Said, Error> {
    let engine = std::env::var("DOCKER_HOST").unwrap_or_else(|_| USUAL_ENGINE.to_owned());
    let mut environment = BTreeMap::from([("DOCKER_HOST".to_owned(), Value::Text(engine))]);
    environment.extend(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::text(*value))),
    );
    let given = arguments([
        ("argv", Value::List(words.iter().map(Value::text).collect())),
        ("cwd", Value::Path(folder.to_string_lossy().into_owned())),
        ("env", Value::Map(environment)),
    ]);
    let quiet = Context {
        progress: Progress::default(),
        ..context.clone()
    };
    let ended = supervised::run(&quiet, &given, changes).await?;
    let text = |bytes: Option<Vec<u8>>| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    match &ended.how {
        How::Exited(status) if status.success() => Ok(Said {
            stdout: text(ended.stdout.evidence()),
            stderr: text(ended.stderr.evidence()),
        }),
        How::Exited(status) => {
            let line = format!("docker compose {}", status_in_words(*status));
            Err(Error::Failed(ended.with_last_line(line)))
        }
        How::Ended(reason) | How::Lost(reason) => Err(Error::Unknown(format!("docker compose: {reason}"))),
    }
}

/// What a person types to do the same to the service of a call.
pub(super) fn by_hand(
    folder: &Path,
    topology: &Topology<String>,
    arguments: &Arguments,
    words: &[&str],
) -> Option<String> {
    let runs = &topology.member(arguments.text("service")?)?.runs;
    let service = runs.named(ServiceKind::Compose)?;
    let folder = folder.join(runs.within().first()?);
    let begin = ["docker", "compose", "--project-directory", folder.to_str()?];
    pasted(begin.into_iter().chain(words.iter().copied()).chain([service.as_str()]))
}

#[cfg(test)]
mod tests {
    use super::unset;

    #[test]
    fn what_nothing_sets_is_read_from_the_warnings() {
        let said = "time=\"2026-11-28T21:14:46Z\" level=warning msg=\"The \\\"TOKEN\\\" variable is not set. Defaulting to a \
                    blank string.\"\ntime=\"2026-11-28T21:14:46Z\" level=warning msg=\"the attribute `version` is \
                    obsolete\"\nWARN[0000] The \"PORT\" variable is not set. Defaulting to a blank string.\n";
        assert_eq!(unset(said).into_iter().collect::<Vec<_>>(), ["PORT", "TOKEN"]);
        assert!(unset("").is_empty());
    }
}
