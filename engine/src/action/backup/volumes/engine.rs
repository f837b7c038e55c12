//! The engine, asked from the threads in which backups are made; each question has a limit.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::super::problem::{Problem, Result, refused};
use crate::action::Context;
use crate::containers::{self, Container, Containers, Volume, labels};

/// The longest that one question waits for its answer.
const QUESTION_MAX: Duration = Duration::from_secs(10);
/// How often containers are listed anew because one vanished between being listed and being looked at.
const LISTINGS: u32 = 5;
/// The label that says what something was made for, and its value.
pub(super) const PURPOSE: (&str, &str) = ("backstay.purpose", "backup");

/// An engine and the labels of what is made there.
#[derive(Clone)]
pub(in super::super) struct Engine {
    containers: Arc<dyn Containers>,
    runtime: Handle,
    question_max: Duration,
    labels: Vec<(String, String)>,
}

impl Engine {
    /// For the attempt of this context. To be called inside of the runtime.
    pub(in super::super) fn new(containers: Arc<dyn Containers>, context: &Context) -> Self {
        let statement = context.key.split_once('/').map_or("", |(_, statement)| statement);
        let step = statement.split('.').next().unwrap_or_default();
        let labels = [
            (labels::RUN, context.run.as_str()),
            (labels::STEP, step),
            (labels::KEY, context.key.as_str()),
            PURPOSE,
        ];
        Self {
            containers,
            runtime: Handle::current(),
            question_max: QUESTION_MAX.min(context.limit),
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        }
    }

    /// Asks, from a thread that may wait.
    pub(super) fn ask<T>(
        &self,
        what: impl FnOnce() -> String,
        question: impl Future<Output = std::result::Result<T, containers::Problem>>,
    ) -> Result<T> {
        let limit = self.question_max;
        let answer = self
            .runtime
            .block_on(async move { tokio::time::timeout(limit, question).await });
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(problem)) => refused(format!("{}: {problem}", what())),
            Err(_) => Err(Problem::Refused(format!(
                "{}: the container engine gave no answer within {} s; look at it, then try again",
                what(),
                limit.as_secs()
            ))),
        }
    }

    /// A volume; `None` where there is none.
    pub(super) fn volume(&self, name: &str) -> Result<Option<Volume>> {
        self.ask(
            || format!("the volume {name} cannot be looked at"),
            self.containers.volume(name),
        )
    }

    /// Makes a plain volume with these labels.
    pub(super) fn create_volume(&self, name: &str, labels: &[(String, String)]) -> Result<()> {
        self.ask(
            || format!("the volume {name} cannot be made"),
            self.containers.create_volume(name, labels),
        )
    }

    /// Removes a volume; nothing there is fine.
    pub(super) fn remove_volume(&self, name: &str) -> Result<()> {
        self.ask(
            || format!("the volume {name} cannot be removed"),
            self.containers.remove_volume(name),
        )
        .map(|_| ())
    }

    /// Removes the volumes that an attempt of this key made under such a name and left because it was killed.
    pub(super) fn remove_left_volumes(&self, start: &str) -> Result<()> {
        let labels = self.own_labels();
        let question = self.containers.labelled_volumes(&labels);
        let left = self.ask(|| "left volumes cannot be looked for".to_owned(), question)?;
        left.iter()
            .filter(|name| name.starts_with(start))
            .try_for_each(|name| self.remove_volume(name))
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
        let what = || "which containers use the volume cannot be asked".to_owned();
        'listing: for _ in 0..LISTINGS {
            let mut all = Vec::new();
            for name in self.ask(what, self.containers.labelled(&[]))? {
                match self.ask(what, self.containers.container(&name))? {
                    Some(container) => all.push(container),
                    // Removed, or renamed: only a new list tells.
                    None => continue 'listing,
                }
            }
            return Ok(all);
        }
        refused(
            "which containers use the volume cannot be told: they come and go; stop what makes them, then try again",
        )
    }
}
