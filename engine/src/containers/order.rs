//! What an engine is asked to make.

use std::collections::BTreeMap;

use super::RestartPolicy;
use crate::value::Value;

/// Labels on everything that a run makes, so that "did I make it?" is a question and not a memory.
pub mod labels {
    pub const RUN: &str = "backstay.run";
    pub const STEP: &str = "backstay.step";
    /// The statement's stable key: `run/statement`.
    pub const KEY: &str = "backstay.key";
    /// The names of the settings that were given and did not come from the image.
    pub const GIVEN: &str = "backstay.given";

    /// The step of a statement's stable key, as the transcript names it: `switch` of `RUN/switch/1`.
    pub fn step_of(key: &str) -> &str {
        let statement = key.split_once('/').map_or("", |(_, statement)| statement);
        statement.split('/').next().unwrap_or_default()
    }
}

/// A container to be made. What is `None` or empty is taken from [`Like`], else from the image.
///
/// Has no `Debug`: its environment may hold secrets.
#[derive(Clone, Default)]
pub struct CreateContainer {
    pub name: String,
    pub image: String,
    /// Its labels, beside those of the container that it is like.
    pub labels: BTreeMap<String, String>,
    /// The container whose settings are taken over.
    pub like: Option<Like>,
    /// What stands before the words of its program, instead of what the image has there.
    pub entry: Option<Vec<String>>,
    /// The words of its program.
    pub command: Option<Vec<String>>,
    /// Environment variables: texts or secrets.
    pub environment: BTreeMap<String, Value>,
    pub mounts: Vec<MountOrder>,
    /// Ports of the engine's machine that lead into it.
    pub ports: Vec<PublishedPort>,
    /// The network: `bridge`, `host`, `none` or the name of one.
    pub network: Option<String>,
    /// Who it runs as: `user[:group]`.
    pub user: Option<String>,
    /// The folder that its program starts in.
    pub working_directory: Option<String>,
    /// What the engine does when it ends.
    pub restart_policy: Option<RestartPolicy>,
}

impl CreateContainer {
    /// Whether it says nothing about the container but its image.
    pub fn says_only_its_image(&self) -> bool {
        self.entry.is_none()
            && self.command.is_none()
            && self.environment.is_empty()
            && self.mounts.is_empty()
            && self.ports.is_empty()
            && self.network.is_none()
            && self.user.is_none()
            && self.working_directory.is_none()
            && self.restart_policy.is_none()
    }
}

/// A container whose settings are taken over: everything that was given to it and did not come from its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Like {
    pub container: String,
}

/// A mount to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOrder {
    /// A volume's name, or an absolute path of the engine's machine.
    pub source: String,
    /// Where it is inside the container.
    pub target: String,
    /// Whether the container may write to it.
    pub is_writable: bool,
}

/// A port that leads into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPort {
    /// The address of the engine's machine; every address where it is empty.
    pub address: String,
    /// The port of the engine's machine.
    pub host_port: u16,
    pub container_port: u16,
}

/// A program to be run inside a container. Has no `Debug`: its environment and input may hold secrets.
#[derive(Clone, Default)]
pub struct ProgramOrder {
    /// The program and its words.
    pub argv: Vec<String>,
    /// Environment variables: texts or secrets.
    pub environment: BTreeMap<String, Value>,
    /// Who it runs as; the container's user where `None`.
    pub user: Option<String>,
    /// The folder that it starts in; the container's where `None`.
    pub working_directory: Option<String>,
    /// At most so many bytes of each output are kept: the last ones.
    pub bytes_max: usize,
}
