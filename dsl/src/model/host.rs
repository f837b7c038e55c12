//! On which machine a thing stands.

use std::borrow::Cow;

use crate::effect::{Resource, ResourceKind};
use crate::model::{Expr, ExprKind, Literal};
use crate::types::Type;

impl Resource<Expr> {
    /// The same on a host, where it is something that stands on one and is on none yet. A service says itself where
    /// its members are, a backup that was made knows it, and an address names its host unless it is the own one.
    pub fn placed(&self, host: Option<&Expr>) -> Cow<'_, Self> {
        match host {
            Some(host) if self.host.is_none() && self.stands_on_a_host() => Cow::Owned(Self {
                host: Some(host.clone()),
                ..self.clone()
            }),
            _ => Cow::Borrowed(self),
        }
    }

    fn stands_on_a_host(&self) -> bool {
        use ResourceKind::{
            Backup, Container, Endpoint, External, File, Image, Ingress, Key, Link, Member, Package, Port, Service,
            State, Tree, Unit, Volume,
        };
        let first = self.key.first();
        match self.kind {
            File | Tree | Link | Key | Image | Package | Volume | Container | Unit | Port => true,
            Backup => first.is_none_or(|key| key.ty != Type::Backup),
            Endpoint => match first.map(|key| &key.kind) {
                Some(ExprKind::Literal(Literal::Url(url))) => is_of_its_host(url),
                _ => true,
            },
            Member | Service | Ingress | State | External => false,
        }
    }
}

/// Whether an address is another one on each host: that of the host itself.
fn is_of_its_host(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    ["localhost", "127.", "[::1]", "0.0.0.0"]
        .iter()
        .any(|own| authority.to_ascii_lowercase().starts_with(own))
}
