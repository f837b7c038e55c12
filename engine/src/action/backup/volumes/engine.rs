//! The engine, asked from the threads in which backups are made; each question has a limit.

use std::future::Future;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::runtime::Handle;

use super::super::problem::{Result, refused, trying};
use crate::action::Context;
use crate::action::common::blocking::{Stop, Stopped};
use crate::action::common::engine::{Request, RetryingEngine};
use crate::containers::{Container, Containers, CreateContainer, Image, LogEnd, Problem, Volume, labels};
use crate::digest::hex;

/// The longest that one question waits for its answer.
const QUESTION_MAX: Duration = Duration::from_secs(10);
/// The longest that one change waits until it is done.
const CHANGE_MAX: Duration = Duration::from_mins(1);
/// How often long work looks whether it should stop.
const STOP_ASKED_EVERY: Duration = Duration::from_millis(100);
/// The label that says what something was made for, and its value.
pub(super) const PURPOSE: (&str, &str) = ("backstay.purpose", "backup");

/// What an engine answers.
type Answer<T> = std::result::Result<T, Problem>;

/// An engine and the labels of what is made there.
#[derive(Clone)]
pub(in super::super) struct Engine {
    containers: RetryingEngine,
    runtime: Handle,
    limit: Duration,
    labels: Vec<(String, String)>,
}

impl Engine {
    /// For the attempt of this context. To be called inside of the runtime.
    pub(in super::super) fn new(containers: RetryingEngine, context: &Context) -> Self {
        let labels = [
            (labels::RUN, context.run.as_str()),
            (labels::STEP, labels::step_of(&context.key)),
            (labels::KEY, context.key.as_str()),
            PURPOSE,
        ];
        Self {
            containers,
            runtime: Handle::current(),
            limit: context.limit,
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        }
    }

    /// Asks, or has something done that may be done twice, from a thread that may wait.
    fn ask<'a, T>(
        &'a self,
        what: &str,
        question: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
    ) -> Result<T> {
        self.within(QUESTION_MAX, what, self.containers.insist(question))
    }

    /// Has something changed, from a thread that may wait.
    fn change<'a, T>(
        &'a self,
        what: &str,
        change: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
    ) -> Result<T> {
        self.within(CHANGE_MAX, what, self.containers.change(change))
    }

    fn within<T>(&self, limit: Duration, what: &str, question: impl Future<Output = Answer<T>>) -> Result<T> {
        let limit = limit.min(self.limit);
        let answer = async { tokio::time::timeout(limit, question).await };
        match self.runtime.block_on(answer) {
            Ok(answer) => answer.or_else(|problem| refused(format!("{what}: {problem}"))),
            Err(_) => refused(format!(
                "{what}: the container engine gave no answer within {} s; look at it, then try again",
                limit.as_secs()
            )),
        }
    }

    /// A volume; `None` where there is none.
    pub(super) fn volume(&self, name: &str) -> Result<Option<Volume>> {
        self.ask(&format!("the volume {name} cannot be looked at"), |it| it.volume(name))
    }

    /// Makes a plain volume with these labels.
    pub(super) fn create_volume(&self, name: &str, labels: &[(String, String)]) -> Result<()> {
        let what = format!("the volume {name} cannot be made");
        self.change(&what, |it| it.create_volume(name, labels))
    }

    /// Removes a volume; nothing there is fine.
    pub(super) fn remove_volume(&self, name: &str) -> Result<()> {
        let what = format!("the volume {name} cannot be removed");
        self.within(CHANGE_MAX, &what, self.containers.insist(|it| it.remove_volume(name)))
            .map(drop)
    }

    /// Removes what an attempt of this key made and left because it was killed.
    pub(super) fn remove_left(&self) -> Result<()> {
        let labels = self.own_labels();
        let what = "what an earlier attempt left cannot be looked for";
        for container in self.ask(what, |it| it.labelled(&labels))? {
            self.remove_container(&container)?;
        }
        for volume in self.ask(what, |it| it.labelled_volumes(&labels))? {
            self.remove_volume(&volume)?;
        }
        Ok(())
    }

    /// The runtime in which the engine's streams move.
    pub(super) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Makes a container of ours, which does not run, and gives its id.
    pub(super) fn create(&self, order: &CreateContainer) -> Result<String> {
        let order = CreateContainer {
            labels: self.labels.iter().cloned().collect(),
            ..order.clone()
        };
        let what = format!("a helper container of the image {} cannot be made", order.image);
        self.change(&what, |it| it.create(&order))
    }

    /// Starts a container of ours.
    pub(super) fn start(&self, container: &str) -> Result<()> {
        self.change("the helper container cannot be started", |it| it.start(container))
            .map(drop)
    }

    /// Removes a container of ours, ended first where it runs.
    pub(super) fn remove_container(&self, container: &str) -> Result<()> {
        let what = format!("the helper container {container} cannot be removed");
        let Some(found) = self.ask(&what, |it| it.container(container))? else {
            return Ok(());
        };
        if found.state.is_running || found.state.is_restarting {
            let stopped = self.containers.insist(|it| it.stop(container, Duration::ZERO));
            self.within(CHANGE_MAX, &what, stopped)?;
        }
        self.within(
            CHANGE_MAX,
            &what,
            self.containers.insist(|it| it.remove(container, true)),
        )
        .map(drop)
    }

    /// Waits for the end of a container, and gives its status.
    pub(super) fn ended(&self, container: &str, stop: &Stop) -> Result<i64> {
        let what = "the helper container cannot be waited for";
        self.wait(what, self.containers.ended(container), stop)
    }

    /// The last line that a container printed.
    pub(super) fn last_line(&self, container: &str) -> String {
        let end = LogEnd {
            since_seconds: None,
            lines_max: 1,
            bytes_max: 1000,
        };
        let printed = self.ask("", |it| it.logs(container, &end));
        let text = printed.map(|printed| [printed.stdout, printed.stderr].concat());
        String::from_utf8_lossy(&text.unwrap_or_default()).trim().to_owned()
    }

    /// What lies at `path` of a container, as a tar stream.
    pub(super) fn read_tree(&self, container: &str, path: &str) -> Result<Box<dyn AsyncRead + Send + Unpin>> {
        let stream = self.containers.read_tree(container, path);
        self.within(QUESTION_MAX, "the volume cannot be read", stream)
    }

    /// Unpacks a tar stream below `path` of a container.
    pub(super) fn write_tree(
        &self,
        container: &str,
        path: &str,
        tar: Box<dyn AsyncRead + Send + Unpin>,
        stop: &Stop,
    ) -> Result<()> {
        let written = self.containers.write_tree(container, path, tar);
        self.wait("the volume cannot be written", written, stop)
    }

    /// An image by name or id; `None` where it is not here.
    pub(super) fn image(&self, reference: &str) -> Result<Option<Image>> {
        let what = format!("the image {reference} cannot be looked at");
        self.ask(&what, |it| it.image(reference))
    }

    /// A container; `None` where there is none.
    pub(super) fn container(&self, name: &str) -> Result<Option<Container>> {
        let what = format!("the container {name} cannot be looked at");
        self.ask(&what, |it| it.container(name))
    }

    /// Waits for something long, as long as the attempt may.
    fn wait<T>(&self, what: &str, work: impl Future<Output = Answer<T>>, stop: &Stop) -> Result<T> {
        let done = self.runtime.block_on(async {
            tokio::pin!(work);
            loop {
                match tokio::time::timeout(STOP_ASKED_EVERY, &mut work).await {
                    Ok(done) => return Ok::<_, Stopped>(done),
                    Err(_) => stop.check()?,
                }
            }
        });
        done?.or_else(|problem| refused(format!("{what}: {problem}")))
    }

    /// The labels by which what this key made is found.
    fn own_labels(&self) -> Vec<(&str, &str)> {
        self.labels
            .iter()
            .filter(|(name, _)| name == labels::KEY || name == PURPOSE.0)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// The labels of what is made for this attempt.
    pub(super) fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// Every container, running or not.
    pub(super) fn all_containers(&self) -> Result<Vec<Container>> {
        self.ask("which containers use the volume cannot be asked", |it| it.all())
    }
}

/// A name that nobody can have guessed.
pub(super) fn new_name(start: &str) -> Result<String> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(trying(|| "no random name can be made".to_owned()))?;
    Ok(format!("{start}{}", hex(&bytes)))
}
