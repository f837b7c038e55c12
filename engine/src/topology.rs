//! The services and protected states of a runbook with their real values, worked out from the inputs.

use std::collections::BTreeMap;

use backstay_dsl::model::Begins;

use crate::value::GroundResource;

/// Everything that a runbook says about what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// Services by name.
    pub services: BTreeMap<String, ServiceView>,
    /// Protected states by name.
    pub states: BTreeMap<String, StateView>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceView {
    /// What it is.
    pub runs: RunsView,
    /// Where its release is pinned.
    pub pinned_by: Option<GroundResource>,
    /// The states it writes, and whether a new release may migrate each.
    pub writes: Vec<(String, bool)>,
    /// The ingress in front of it.
    pub behind: Option<GroundResource>,
    /// How it is at the start.
    pub begins: Begins,
    /// What is mounted into it and left unprotected on purpose.
    pub ignores: Vec<PartView>,
}

/// What a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunsView {
    /// A process with this mark.
    Process(String),
    /// A container of this name.
    Container(String),
    /// A service of a Compose project: folder and name.
    Compose(String, String),
    /// A unit of the service manager.
    Unit(String),
}

/// A protected state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateView {
    /// Its parts, in the order of the text.
    pub parts: Vec<PartView>,
}

/// A part of protected state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartView {
    /// A directory with all that is in it.
    Tree(String),
    /// A container volume.
    Volume(String),
    /// One file.
    File(String),
}
