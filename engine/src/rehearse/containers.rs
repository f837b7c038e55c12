//! Containers of the simulated world: which are there, and what runs in each.

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::topology::{Begins, MemberId, Topology};

use super::contents::Content;

/// The image that a service runs at the start.
pub(super) fn image_of(service: &str) -> String {
    format!("simulated/{service}@sha256:{}", "0".repeat(64))
}

/// The containers of a production.
#[derive(Debug, Clone)]
pub(super) struct Containers {
    /// Services whose container is not there.
    absent: BTreeSet<String>,
    /// What was last started in each service.
    started: BTreeMap<String, Content>,
}

impl Containers {
    /// As they are at the start.
    pub(super) fn new(topology: &Topology<String>) -> Self {
        let members = topology.members();
        let absent = members.filter(|(_, member, _)| member.begins == Begins::Absent);
        Self {
            absent: absent.map(|(id, _, _)| id.to_string()).collect(),
            started: BTreeMap::new(),
        }
    }

    pub(super) fn runs(&self, service: &str) -> &Content {
        self.started.get(service).unwrap_or(&Content::Was)
    }

    /// A member was started with this.
    pub(super) fn started(&mut self, id: &MemberId, with: &Content) {
        self.absent.remove(id.as_str());
        self.started.insert(id.to_string(), with.clone());
    }

    /// A member was removed.
    pub(super) fn removed(&mut self, id: &MemberId) {
        self.absent.insert(id.to_string());
    }

    /// Whether a service has a container.
    pub(super) fn is_there(&self, service: &str) -> bool {
        !self.absent.contains(service)
    }
}
