//! What an engine tells of containers, images and volumes.

use std::collections::BTreeMap;
use std::fmt;

/// A container, without its environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// Its name, without the slash in front.
    pub name: String,
    /// The id of the image it was made from: `sha256:…`.
    pub image_id: String,
    /// The image as it was named when the container was made.
    pub image: String,
    pub state: ContainerState,
    /// How often the engine has started it again by itself.
    pub restart_count: u64,
    /// What the engine does when it ends.
    pub restart_policy: RestartPolicy,
    pub labels: BTreeMap<String, String>,
    /// What is mounted into it.
    pub mounts: Vec<Mount>,
    /// How long it may take to end when it is stopped, in milliseconds; `None` where it does not say.
    pub stop_grace_ms: Option<u64>,
    /// Whether the engine removes it when it ends.
    pub is_removed_at_end: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerState {
    /// The engine's word: `created`, `running`, `restarting`, `paused`, `exited`, `dead`, `removing`.
    pub status: String,
    /// Whether its first process lives, as the engine says.
    pub is_running: bool,
    /// Whether the engine is about to start it again.
    pub is_restarting: bool,
    /// Its first process on the engine's machine; `None` where it has none.
    pub pid: Option<i32>,
    /// The exit status of its last process.
    pub exit_code: i64,
    /// Why it could not be started, in the engine's words.
    pub error: String,
    /// When it was last started (RFC 3339); empty where never.
    pub started_at: String,
    /// When it last ended (RFC 3339); empty where never.
    pub finished_at: String,
    /// What its health check says; `None` where it has none.
    pub health: Option<Health>,
}

/// What a container's own health check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub status: HealthStatus,
    /// The first line that the last check printed.
    pub last_output: String,
}

/// The verdict of a health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    Starting,
    /// The last check passed.
    Healthy,
    /// As many checks failed as the container allows.
    Unhealthy,
}

/// What the engine does when a container ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct RestartPolicy {
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub name: String,
    /// How often, for `on-failure`; 0 is without end.
    pub maximum_retries: u32,
}

impl RestartPolicy {
    /// The engine leaves it ended.
    pub fn never() -> Self {
        Self {
            name: "no".to_owned(),
            maximum_retries: 0,
        }
    }

    /// Whether the engine leaves it ended.
    pub fn is_never(&self) -> bool {
        self.name.is_empty() || self.name == "no"
    }
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub kind: MountKind,
    /// Where it is inside the container.
    pub target: String,
    /// Whether the container may write to it.
    pub is_writable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountKind {
    /// A volume by its name, and where the engine keeps it.
    Volume {
        /// Its name; of an anonymous one 64 hexadecimal digits.
        name: String,
        /// Where the engine keeps it.
        source: String,
    },
    /// A path of the engine's machine.
    Bind { source: String },
    /// Memory, gone with the container.
    Memory,
    /// Something else, by the engine's word.
    Other {
        /// The engine's word for it.
        word: String,
    },
}

/// An image that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its local id: `sha256:…`.
    pub id: String,
    /// `repository@sha256:…`, one for each registry it came from.
    pub repository_digests: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    /// The driver that keeps it.
    pub driver: String,
    /// Where it lies on the engine's machine; empty where the driver does not say.
    pub mountpoint: String,
    /// Options of the driver: with any of them a `local` volume is mounted only while it is used.
    pub options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
}

/// Which end of a container's output is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// Only what was printed since then, in seconds since 1970; everything where it is `None`.
    pub since_seconds: Option<i64>,
    /// At most so many lines.
    pub lines_max: u64,
    /// At most so many bytes; the oldest are left out.
    pub bytes_max: usize,
}

/// What a program printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Printed {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Whether some of it was left out.
    pub is_cut: bool,
}

/// A container that hangs on another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sharer {
    pub name: String,
    pub what: Shared,
    pub is_running: bool,
}

/// What a container has from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// Its network (`--network container:NAME`).
    Network,
    /// Its processes (`--pid container:NAME`).
    Processes,
    /// Its shared memory (`--ipc container:NAME`).
    Memory,
    /// Its address (`--link NAME`), which the engine keeps up over a stop and a start.
    Link,
}

impl Shared {
    /// Whether it is lost when the other one stops.
    pub fn ends_with_a_stop(self) -> bool {
        self != Self::Link
    }

    /// The word that scripts have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Processes => "processes",
            Self::Memory => "memory",
            Self::Link => "link",
        }
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "is in the network of",
            Self::Processes => "is among the processes of",
            Self::Memory => "has the shared memory of",
            Self::Link => "is linked to",
        })
    }
}
