//! Where the engine is, one connection for each request, and the interface that both sides speak.
//!
//! A connection of its own costs a local socket some 50 µs and tells for certain whether a request was sent: until
//! the connection stands nothing was, after that it may have been. A pool cannot say that of a connection that
//! breaks as it is used again.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{BollardRequest, ClientVersion, Docker};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, ReadBuf, ReadHalf};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

use crate::containers::Problem;

use super::problem::{self, Unreached};

/// The oldest interface: that of engine 20.10.
const OLDEST_MINOR: u32 = 41;
/// The newest interface that the client library has types for.
const NEWEST_MINOR: u32 = 53;
/// Bollard's own limit, in seconds: never the one that ends a call.
const LIBRARY_LIMIT_SECONDS: u64 = 86_400;
/// At most so many bytes of an answer that is read as a whole.
const ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// At most so many bytes of a log that is passed through.
const LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket of this machine.
    Unix(PathBuf),
    /// `host:port`.
    Tcp(String),
    Unusable(String),
}

impl Address {
    pub(super) fn parse(docker_host: Option<&str>) -> Self {
        let Some(text) = docker_host.map(str::trim).filter(|text| !text.is_empty()) else {
            return Self::Unix("/var/run/docker.sock".into());
        };
        if let Some(path) = text.strip_prefix("unix://").filter(|path| !path.is_empty()) {
            return Self::Unix(path.into());
        }
        let host = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("http://"));
        match host.map(|host| host.trim_end_matches('/')) {
            Some(host) if !host.is_empty() && !host.contains('/') => {
                let has_port = host
                    .rsplit_once(':')
                    .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                Self::Tcp(if has_port {
                    host.to_owned()
                } else {
                    format!("{host}:2375")
                })
            }
            _ => Self::Unusable(text.to_owned()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
            Self::Unusable(text) => f.write_str(text),
        }
    }
}

/// Sends requests: opens a connection, puts the agreed version before the path, and bounds what comes back.
pub(super) struct Wire {
    address: Address,
    connect_limit: Duration,
    /// The minor number of the interface; 0 before one is agreed on.
    minor: AtomicU32,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Error>> + Send>>;

impl Wire {
    pub(super) fn new(address: Address, connect_limit: Duration) -> Self {
        Self {
            address,
            connect_limit,
            minor: AtomicU32::new(0),
        }
    }

    /// From now on requests name this interface.
    pub(super) fn speak(&self, minor: u32) {
        self.minor.store(minor, Ordering::Relaxed);
    }

    async fn connect(&self) -> Result<Connection, Unreached> {
        let unreached = |error: &io::Error| Unreached(problem::unreached(&self.address, error));
        let connecting = async {
            match &self.address {
                Address::Unix(path) => UnixStream::connect(path).await.map(Either::Left),
                Address::Tcp(host) => TcpStream::connect(host).await.map(Either::Right),
                Address::Unusable(_) => Err(io::ErrorKind::Unsupported.into()),
            }
        };
        match tokio::time::timeout(self.connect_limit, connecting).await {
            Ok(connected) => connected.map_err(|error| unreached(&error)),
            Err(_) => Err(unreached(&io::ErrorKind::TimedOut.into())),
        }
    }

    async fn send(&self, mut request: BollardRequest) -> Result<Response<Incoming>, Error> {
        let path = request.uri().path().to_owned();
        let (inner, writer) = tokio::io::split(self.connect().await.map_err(io::Error::other)?);
        let left = bytes_max(&path);
        let bounded = tokio::io::join(Bounded { inner, left }, writer);
        let minor = self.minor.load(Ordering::Relaxed);
        let version = if minor == 0 {
            String::new()
        } else {
            format!("/v1.{minor}")
        };
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        *request.uri_mut() = format!("{version}{path}{query}").parse().map_err(io::Error::other)?;
        request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(bounded)).await?;
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await?;
        if response.status().as_u16() == problem::NOT_MODIFIED {
            // Bollard takes it for a success, and then nobody can tell whether anything was done.
            return Err(Error::DockerResponseServerError {
                status_code: problem::NOT_MODIFIED,
                message: String::new(),
            });
        }
        Ok(response)
    }
}

/// How many bytes an answer may have, by the path of its request.
fn bytes_max(path: &str) -> u64 {
    if path.ends_with("/archive") || path.ends_with("/images/create") || path.starts_with("/exec/") {
        u64::MAX
    } else if path.ends_with("/logs") {
        LOG_BYTES_MAX
    } else {
        ANSWER_BYTES_MAX
    }
}

type Connection = Either<UnixStream, TcpStream>;

/// The reading half of a connection, which fails when more is read than was allowed.
struct Bounded {
    inner: ReadHalf<Connection>,
    left: u64,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let read = (buffer.filled().len() - before) as u64;
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                polled
            }
            None => Poll::Ready(Err(io::Error::other("the answer is larger than it may be"))),
        }
    }
}

/// A client that sends its requests over this wire.
pub(super) fn client(wire: &Arc<Wire>) -> Result<Docker, Problem> {
    let wire = Arc::clone(wire);
    let transport = move |request: BollardRequest| -> Answer {
        let wire = Arc::clone(&wire);
        Box::pin(async move { wire.send(request).await })
    };
    let newest = ClientVersion {
        major_version: 1,
        minor_version: NEWEST_MINOR as usize,
    };
    Docker::connect_with_custom_transport(transport, Some("http://docker"), LIBRARY_LIMIT_SECONDS, &newest)
        .map_err(|error| Problem::Unreachable(format!("no client can be made for the container engine: {error}")))
}

/// Said of an engine with moby 45731.
const DROPS_ITS_GRACE: &str =
    " (ends a container at once where the program that stops it is killed: update it, moby 45731)";

/// Whether an engine of this version takes a dropped stop request for an order to kill: 23.0.0 to 23.0.6 and 24.0.0
/// to 24.0.2.
fn drops_its_grace(version: &str) -> bool {
    let mut numbers = version
        .split(|other: char| !other.is_ascii_digit())
        .map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok);
    match (next(), next(), next()) {
        (Some(23), Some(0), Some(patch)) => patch <= 6,
        (Some(24), Some(0), Some(patch)) => patch <= 2,
        _ => false,
    }
}

/// What both sides speak.
#[derive(Debug, Clone)]
pub(super) struct Agreed {
    /// The engine's version in its own words, and what is known against it.
    pub(super) engine: String,
    /// The minor number of the interface.
    pub(super) minor: u32,
}

/// Asks the engine what it speaks; one that is too old or too new is refused by name.
pub(super) async fn agree(docker: &Docker, address: &Address) -> Result<Agreed, Problem> {
    let said = docker
        .version()
        .await
        .map_err(|error| problem::problem(address, "its version", error))?;
    let engine = said.version.unwrap_or_default();
    let minor = |text: Option<String>| -> Option<u32> { text?.strip_prefix("1.")?.parse().ok() };
    let newest = minor(said.api_version).ok_or_else(|| {
        Problem::Unreachable(format!(
            "what answers at {address} is no Docker engine that is known: it names no interface version 1.x"
        ))
    })?;
    if newest < OLDEST_MINOR {
        return Err(Problem::Unreachable(format!(
            "the container engine at {address} is {engine} with interface 1.{newest}: too old; needed is 20.10 \
             (interface 1.{OLDEST_MINOR}) or newer"
        )));
    }
    let oldest = minor(said.min_api_version).unwrap_or(0);
    if oldest > NEWEST_MINOR {
        return Err(Problem::Unreachable(format!(
            "the container engine at {address} is {engine} and speaks interface 1.{oldest} and newer: too new; this \
             program speaks up to 1.{NEWEST_MINOR}"
        )));
    }
    let trouble = if drops_its_grace(&engine) { DROPS_ITS_GRACE } else { "" };
    Ok(Agreed {
        engine: format!("{engine}{trouble}"),
        minor: newest.min(NEWEST_MINOR),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_where_docker_host_says() {
        let at = |text: &str| Address::parse(Some(text)).to_string();
        assert_eq!(Address::parse(None).to_string(), "/var/run/docker.sock");
        assert_eq!(at(" "), "/var/run/docker.sock");
        assert_eq!(at("unix:///run/d.sock"), "/run/d.sock");
        assert_eq!(at("tcp://boat:1234/"), "tcp://boat:1234");
        assert_eq!(at("tcp://boat"), "tcp://boat:2375");
        for other in ["ssh://boat", "boat", "unix://", "tcp://", "npipe:////./pipe/d"] {
            assert_eq!(Address::parse(Some(other)), Address::Unusable(other.to_owned()));
        }
    }

    #[test]
    fn engines_that_drop_their_grace_are_known() {
        let told = ["23.0.0", "23.0.6", "24.0.2-rc.1", "24.0.0+dfsg1"];
        assert!(told.iter().all(|version| drops_its_grace(version)));
        let sound = ["20.10.24+dfsg1", "23.0.7", "24.0.3", "25.0.1", "", "dev"];
        assert!(!sound.iter().any(|version| drops_its_grace(version)));
    }
}
