//! The real world: actions of the registry, the clocks of this machine, the disk.

#![expect(clippy::disallowed_methods, reason = "the real world is the edge")]

mod access;
mod answers;
mod clock;
mod docker;
mod identity;
mod secrets;
mod survivors;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::effect::ResourceKind;
use backstay_dsl::topology::Topology;

use crate::action::common::child::plain;
use crate::action::common::files;
use crate::action::fs::has_setting;
use crate::action::{Context, GroundCall, Leftover, NoProgram, Outcome, Registry, Settled};
use crate::event::End;
use crate::service_kind;
use crate::value::GroundResource;
use crate::world::{Ending, Left, Need, PathIdentity, World};

pub use answers::{AnswersPerson, GivenAnswer, WrittenAnswer, WrittenAnswers};
pub use clock::RealClock;
pub use docker::{DockerEngine, EngineLimits};
pub(crate) use identity::real_path;
pub use secrets::{PromptForSecret, RealSecrets};

/// Performs the actions of a registry.
pub struct RealWorld {
    registry: Registry,
}

impl RealWorld {
    /// A world that knows these actions.
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

#[async_trait]
impl World for RealWorld {
    async fn perform(&self, context: &Context, call: &GroundCall) -> Outcome {
        match self.registry.get(&call.action) {
            Some(action) => action.perform(context, &call.arguments).await,
            None => Outcome::failed(format!("there is no action {}", call.action)),
        }
    }

    async fn settle(&self, context: &Context, call: &GroundCall) -> Settled {
        match self.registry.get(&call.action) {
            Some(action) => action.settle(context, &call.arguments).await,
            None => Settled::Undecidable(format!("there is no action {}", call.action)),
        }
    }

    fn has(&self, need: Need<'_>) -> bool {
        match need {
            Need::Machine(_) => false,
            Need::Service(kind) => service_kind::is_known(kind),
            Need::Action(name) => self.registry.get(name).is_some(),
        }
    }

    async fn identify(&self, path: &str, is_link: bool) -> Option<PathIdentity> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || identity::identify(&path, is_link))
            .await
            .ok()
    }

    async fn is_there(&self, thing: &GroundResource) -> Result<bool, String> {
        let path = thing.first();
        if !thing.kind.is_of_files() || !path.starts_with('/') {
            return Ok(false);
        }
        let path = PathBuf::from(path);
        if let (ResourceKind::Key, Some(key)) = (thing.kind, thing.key.get(1).cloned()) {
            let looking = tokio::task::spawn_blocking(move || has_setting(&path, &key));
            return looking.await.unwrap_or_else(|error| Err(error.to_string()));
        }
        let looking = tokio::task::spawn_blocking(move || files::is_there(&path));
        let looked = looking.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        looked.map_err(|error| format!("{} cannot be looked at: {}", thing.first(), plain(&error)))
    }

    async fn program(&self, folder: &Path, call: &GroundCall) -> Result<(), NoProgram> {
        self.registry
            .get(&call.action)
            .map_or(Ok(()), |action| action.program(folder, &call.arguments))
    }

    fn by_hand(&self, folder: &Path, topology: &Topology<String>, call: &GroundCall) -> Option<String> {
        let action = self.registry.get(&call.action)?;
        action.by_hand(folder, topology, &call.arguments)
    }

    async fn preview(&self, context: &Context, call: &GroundCall) -> Option<String> {
        self.registry.get(&call.action)?.preview(context, &call.arguments).await
    }

    async fn refuses(&self, call: &GroundCall) -> Option<String> {
        let known = self.registry.catalogue().get(&call.action);
        // A program that says its effects itself may be another user's.
        known.filter(|signature| !signature.declares_effects)?;
        let call = call.clone();
        let looking = tokio::task::spawn_blocking(move || access::refused(&call));
        looking.await.unwrap_or_default()
    }

    async fn end_survivors(&self, left: Left<'_>, how: Ending) -> Result<BTreeSet<i32>, String> {
        survivors::end(left, how)
    }

    async fn conclude(&self, run_directory: &Path, end: End) -> Vec<Leftover> {
        let mut left = Vec::new();
        for (_, action) in self.registry.actions() {
            left.extend(action.conclude(run_directory, end).await);
        }
        left
    }
}
