//! The port to a container engine: what actions ask of it, in words of our own.
//!
//! The real body is `world/real/docker.rs`, the only place that knows the client library. Invariants: every
//! call ends within its limit, every stream within its idle limit; a request that may have been carried out
//! without our knowing it is [`Problem::Lost`] and nothing else; an environment variable of a container is
//! never part of an answer, so it cannot get into a record. Deliberately absent: building images, networks,
//! clusters.

mod order;
mod timeouts;
mod view;

use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncRead;

pub use order::{CreateContainer, Like, MountOrder, ProgramOrder, PublishedPort, labels};
pub use timeouts::Timeouts;
pub use view::{
    Container, ContainerState, Health, HealthStatus, Image, LogEnd, Mount, MountKind, Printed, RestartPolicy, Shared,
    Sharer, Volume,
};

/// A container engine. Whatever an engine does not say itself is what no engine says.
#[async_trait]
#[expect(unused_variables, reason = "what is asked where there is no engine does not matter")]
pub trait Containers: Send + Sync {
    /// The engine's version and the version of the interface that was agreed on.
    async fn version(&self) -> Result<EngineVersion, Problem> {
        Err(nobody())
    }

    /// A container by name or id; `None` where there is none.
    async fn container(&self, name: &str) -> Result<Option<Container>, Problem> {
        Err(nobody())
    }

    /// Every container, running or not; one that is gone before it was looked at is left out.
    async fn all(&self) -> Result<Vec<Container>, Problem> {
        Err(nobody())
    }

    /// The names of all containers, running or not, that carry every one of these labels.
    async fn labelled(&self, labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        Err(nobody())
    }

    /// The containers that hang on this one, running or not.
    async fn sharers(&self, container: &str) -> Result<Vec<Sharer>, Problem> {
        Err(nobody())
    }

    /// Why the engine would refuse to start a container that it made, one sentence each, as far as that can be told
    /// before; `other` is a container that is stopped before.
    async fn obstacles(&self, container: &str, other: Option<&str>) -> Result<Vec<String>, Problem> {
        Err(nobody())
    }

    /// Makes a container, which does not run yet, and gives its id.
    ///
    /// Engines before 25.0 take all networks but the first afterwards: a program that is killed meanwhile leaves a
    /// container that is not in all of them, so one that was found half-way is better made anew.
    async fn create(&self, order: &CreateContainer) -> Result<String, Problem> {
        Err(nobody())
    }

    /// Starts a container; `false` where it ran already.
    async fn start(&self, container: &str) -> Result<bool, Problem> {
        Err(nobody())
    }

    /// Asks a container to stop, and ends it after `grace`; `false` where it did not run.
    ///
    /// Once sent the request is never dropped, even where nobody waits for this future any more: some
    /// engines then end the container at once (moby 45731).
    async fn stop(&self, container: &str, grace: Duration) -> Result<bool, Problem> {
        Err(nobody())
    }

    /// Sets what the engine does when the container ends.
    async fn set_restart_policy(&self, container: &str, policy: &RestartPolicy) -> Result<(), Problem> {
        Err(nobody())
    }

    /// Gives a container another name.
    async fn rename(&self, container: &str, name: &str) -> Result<(), Problem> {
        Err(nobody())
    }

    /// Removes a container that does not run, with the anonymous volumes that were made for it where
    /// `with_volumes`; `false` where there was none.
    async fn remove(&self, container: &str, with_volumes: bool) -> Result<bool, Problem> {
        Err(nobody())
    }

    /// Waits until a container has ended and gives its exit status. Also where the engine is restarted on
    /// the way: asked again every second. Not bounded: the caller is.
    async fn ended(&self, container: &str) -> Result<i64, Problem> {
        Err(nobody())
    }

    /// The last of what a container printed.
    async fn logs(&self, container: &str, end: &LogEnd) -> Result<Printed, Problem> {
        Err(nobody())
    }

    /// Runs a program inside a running container and gives what it printed and its exit status.
    ///
    /// Bounded by `limit`: then the outcome is [`Problem::Lost`], because ending our connection does not
    /// end the program.
    async fn run_in(
        &self,
        container: &str,
        program: &ProgramOrder,
        limit: Duration,
    ) -> Result<(i64, Printed), Problem> {
        Err(nobody())
    }

    /// An image by reference or id; `None` where it is not here.
    async fn image(&self, reference: &str) -> Result<Option<Image>, Problem> {
        Err(nobody())
    }

    /// Fetches an image from its registry; `progress` hears one line now and then.
    async fn pull(&self, reference: &str, progress: &mut (dyn FnMut(String) + Send)) -> Result<(), Problem> {
        Err(nobody())
    }

    /// A volume; `None` where there is none.
    async fn volume(&self, name: &str) -> Result<Option<Volume>, Problem> {
        Err(nobody())
    }

    /// Makes a volume of the default driver with these labels.
    async fn create_volume(&self, name: &str, labels: &[(String, String)]) -> Result<(), Problem> {
        Err(nobody())
    }

    /// Removes a volume that no container has; `false` where there was none.
    async fn remove_volume(&self, name: &str) -> Result<bool, Problem> {
        Err(nobody())
    }

    /// The names of all volumes that carry every one of these labels.
    async fn labelled_volumes(&self, labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        Err(nobody())
    }

    /// What lies at `path` of a container (it need not run), as a tar stream.
    async fn read_tree(&self, container: &str, path: &str) -> Result<Box<dyn AsyncRead + Send + Unpin>, Problem> {
        Err(nobody())
    }

    /// Unpacks a tar stream below the folder `path` of a container (it need not run).
    async fn write_tree(
        &self,
        container: &str,
        path: &str,
        tar: Box<dyn AsyncRead + Send + Unpin>,
    ) -> Result<(), Problem> {
        Err(nobody())
    }
}

/// Which engine answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// As it calls itself: `20.10.24`.
    pub engine: String,
    /// The interface that was agreed on: `1.41`.
    pub interface: String,
}

/// Why an engine did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nobody was reached, so nothing was done. Says what to do.
    #[error("{0}")]
    Unreachable(String),
    #[error("the container engine says: {message}")]
    Refused {
        /// Its status: 404 not there, 409 in conflict, 5xx its own trouble.
        status: u16,
        message: String,
    },
    /// The request went out and no whole answer came back: it may have been carried out.
    #[error("{0}")]
    Lost(String),
}

impl Problem {
    /// Whether the engine says that the thing is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// No engine at all: for the catalogue, which asks nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEngine;

fn nobody() -> Problem {
    Problem::Unreachable("there is no container engine in this world".to_owned())
}

impl Containers for NoEngine {}
