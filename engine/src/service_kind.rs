//! The kinds of services in the real world: how each is asked, one file a kind.
//!
//! Asked is by the questions of the catalogue, so that every world answers. What the language knows of a kind is
//! in [`backstay_dsl::service_kind`]; a kind that has no file here is refused where services are real.

mod compose;
mod container;
mod mounted;
mod process;

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::effect::ResourceKind;
use backstay_dsl::service_kind::ServiceKind;

use crate::action::{Arguments, GroundCall};
use crate::value::{Answer, GroundResource, Unanswered, Value};

pub(crate) use mounted::{Mounted, MountedWhat};

/// Answers questions of the catalogue, each within the limit of a question.
#[async_trait]
pub(crate) trait Asked: Send + Sync {
    async fn answer_to(&self, call: &GroundCall) -> Answer;
}

/// How a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberState {
    pub(crate) runs: bool,
    /// `None` for what is there only while it runs.
    pub(crate) is_there: Option<bool>,
    /// The word of whatever manages it; empty where nothing does.
    pub(crate) status: String,
}

/// Something that hangs on a member and is of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HangsOn {
    pub(crate) name: String,
    /// What it has from the member.
    pub(crate) shares: String,
    /// Whether it is cut off when the member stops, and not only when another comes in its place.
    pub(crate) ends_with_a_stop: bool,
}

/// One kind of service. `member` is always the name of a member of this kind.
#[async_trait]
pub(crate) trait Kind: Sync {
    fn kind(&self) -> ServiceKind;

    /// Whether a part of protected state of this kind of resource is in the hands of what [`reach`](Self::reach)
    /// asks.
    fn keeps(&self, _part: ResourceKind) -> bool {
        false
    }

    /// Asks whatever all services of this kind hang on whether it answers: what was seen, or what to do.
    async fn reach(&self, _asked: &dyn Asked) -> Result<Option<String>, String> {
        Ok(None)
    }

    async fn state(&self, asked: &dyn Asked, member: &str) -> Result<MemberState, Unanswered>;

    /// Why one could not be started again as it should be, or another release of it where it `changes`; what to do.
    async fn obstacle(&self, _asked: &dyn Asked, _member: &str, _changes: bool) -> Result<Option<String>, Unanswered> {
        Ok(None)
    }

    /// What is mounted into one that is there.
    async fn mounts(&self, _asked: &dyn Asked, _member: &str) -> Result<Vec<Mounted>, Unanswered> {
        Ok(Vec::new())
    }

    /// The others that hang on one that is there.
    async fn sharers(&self, _asked: &dyn Asked, _member: &str) -> Result<Vec<HangsOn>, Unanswered> {
        Ok(Vec::new())
    }

    /// The release that one runs.
    async fn release(&self, _asked: &dyn Asked, _member: &str) -> Option<String> {
        None
    }
}

/// The kinds that this program can act on.
pub(crate) const KINDS: &[&dyn Kind] = &[&process::Process, &container::Container, &compose::Compose];

/// Whether this program can act on services of a kind.
pub(crate) fn is_known(kind: ServiceKind) -> bool {
    KINDS.iter().any(|known| known.kind() == kind)
}

/// A question of the catalogue about a service.
fn about(action: &str, service: &str) -> GroundCall {
    question(action, [("service", Value::Service(service.to_owned()))])
}

/// A question of the catalogue.
fn question<const N: usize>(action: &str, arguments: [(&str, Value); N]) -> GroundCall {
    let arguments = arguments.map(|(name, value)| (name.to_owned(), value));
    GroundCall {
        action: action.to_owned(),
        arguments: Arguments(BTreeMap::from(arguments)),
        effects: Vec::new(),
        of_result: Vec::new(),
        healthy: None,
    }
}

/// The question that reads a pin; `None` where the kind of pin has none.
pub(crate) fn reading_of(pin: &GroundResource) -> Option<GroundCall> {
    let path = Value::Path(pin.key.first()?.clone());
    match pin.kind {
        ResourceKind::Key => {
            let key = Value::Text(pin.key.get(1)?.clone());
            Some(question("fs.key", [("file", path), ("key", key)]))
        }
        ResourceKind::File => Some(question("fs.read", [("path", path)])),
        _ => None,
    }
}
