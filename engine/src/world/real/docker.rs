//! The container engine of this machine, or of the one that `DOCKER_HOST` names.
//!
//! The only place that knows bollard. Invariants: every call has a limit of ours around it, and every stream a
//! limit on its silence (bollard has neither for bodies); what was never sent is `Unreachable`, what was sent and
//! not wholly answered is `Lost`; an environment read here goes back to the engine and nowhere else.
//!
//! Absent, on purpose: TLS and ssh (reach such an engine through a forwarded socket), contexts of the `docker`
//! program, credential helpers. Engines 23.0.0 to 23.0.6, and 24.0.0 to 24.0.2, end a container at once when a stop request
//! is dropped (moby 45731): here it is never dropped while the program lives, but a program that is killed drops it;
//! the version of such an engine says so.

mod connect;
mod create;
mod credentials;
mod ended;
mod given;
mod images;
mod like;
mod neighbours;
mod port;
mod printed;
mod problem;
mod trees;
mod view;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use tokio::sync::OnceCell;

use crate::containers::Problem;

use connect::{Address, Agreed, Wire};

/// How long an engine may take. The defaults are for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    pub connect: Duration,
    pub question: Duration,
    /// For a change, beside the grace of a stop.
    pub change: Duration,
    /// How long a stream may be silent.
    pub silence: Duration,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            question: Duration::from_secs(15),
            change: Duration::from_mins(1),
            silence: Duration::from_mins(1),
        }
    }
}

/// Docker, reached through its interface; connected to at the first question.
#[derive(Clone)]
pub struct DockerEngine {
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    wire: Arc<Wire>,
    docker: Result<Docker, Problem>,
    agreed: OnceCell<Agreed>,
    limits: EngineLimits,
}

impl fmt::Debug for DockerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerEngine")
            .field("address", &self.shared.address.to_string())
            .finish_non_exhaustive()
    }
}

impl DockerEngine {
    /// The engine at `docker_host` (`unix:///…` or `tcp://host:port`), else at `/var/run/docker.sock`. Nothing is
    /// connected to yet, so this never fails: what is wrong is said by the first question.
    pub fn new(docker_host: Option<&str>) -> Self {
        Self::with_limits(docker_host, EngineLimits::default())
    }

    /// Like [`Self::new`], with other limits.
    pub fn with_limits(docker_host: Option<&str>, limits: EngineLimits) -> Self {
        let address = Address::parse(docker_host);
        let wire = Arc::new(Wire::new(address.clone(), limits.connect));
        let docker = connect::client(&wire);
        Self {
            shared: Arc::new(Shared {
                address,
                wire,
                docker,
                agreed: OnceCell::new(),
                limits,
            }),
        }
    }

    fn limits(&self) -> &EngineLimits {
        &self.shared.limits
    }

    fn bare(&self) -> Result<&Docker, Problem> {
        self.shared.docker.as_ref().map_err(Clone::clone)
    }

    /// The client, once an interface has been agreed on. Whatever goes wrong before that is `Unreachable`: the
    /// request itself was not sent.
    async fn docker(&self) -> Result<&Docker, Problem> {
        let docker = self.bare()?;
        let agreeing = self.shared.agreed.get_or_try_init(|| async {
            let agreed = connect::agree(docker, &self.shared.address).await?;
            self.shared.wire.speak(agreed.minor);
            Ok::<_, Problem>(agreed)
        });
        let limit = self.limits().question;
        match tokio::time::timeout(limit, agreeing).await {
            Ok(Ok(_)) => Ok(docker),
            Ok(Err(Problem::Lost(text))) => Err(Problem::Unreachable(text)),
            Ok(Err(problem)) => Err(problem),
            Err(_) => Err(Problem::Unreachable(problem::silent(
                &self.shared.address,
                "its version",
                limit,
            ))),
        }
    }

    /// Whether a container can be put into several networks as it is made: from interface 1.44 on.
    fn has_networks_at_creation(&self) -> bool {
        self.shared.agreed.get().is_some_and(|agreed| agreed.minor >= 44)
    }

    /// Whether it is reached by a socket of this machine, which is where it then has its paths and ports.
    fn is_of_this_machine(&self) -> bool {
        matches!(self.shared.address, Address::Unix(_))
    }

    async fn within<T>(
        &self,
        what: &str,
        limit: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(problem::problem(&self.shared.address, what, error)),
            Err(_) => Err(Problem::Lost(problem::silent(&self.shared.address, what, limit))),
        }
    }

    /// A request that changes nothing.
    async fn ask<T>(&self, what: &str, call: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
        self.within(what, self.limits().question, call).await
    }

    /// A request that changes something.
    async fn change<T>(&self, what: &str, call: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
        self.within(what, self.limits().change, call).await
    }
}
