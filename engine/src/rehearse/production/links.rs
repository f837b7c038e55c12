//! What is named through a link that the run has made is the thing that the link leads to. Of a link that was
//! there at the start nobody knows where it leads: what is named through it is a thing of its own.

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::term::ground;

use super::inside::beside;
use super::{Content, Production};
use crate::value::GroundResource;

/// As many links are followed for one name as Linux follows.
const LINKS_MAX: usize = 40;

impl Production {
    /// An effect on what its name leads to; `None` where that is what it names.
    pub(super) fn followed(&self, effect: &Effect<String>) -> Option<Effect<String>> {
        let named = effect.thing()?;
        let behind = self.behind(named, is_followed(named))?;
        let resource = &mut |resource: &GroundResource| {
            if resource == named {
                behind.clone()
            } else {
                resource.clone()
            }
        };
        Some(effect.map_resources(resource, &mut String::clone))
    }

    /// What a name leads to; `None` where there is no link on the way. The last link on it is followed only
    /// where that is said: who removes or moves a link means the link.
    pub(super) fn behind(&self, named: &GroundResource, also_last: bool) -> Option<GroundResource> {
        if !self.has_links {
            return None;
        }
        let mut behind = self.behind_one(named, also_last)?;
        for _ in 1..LINKS_MAX {
            match self.behind_one(&behind, also_last) {
                Some(next) => behind = next,
                None => break,
            }
        }
        Some(behind)
    }

    fn behind_one(&self, named: &GroundResource, also_last: bool) -> Option<GroundResource> {
        let known = self.slots.get(named).copied();
        let term = known.is_none().then(|| ground(named));
        let last = known.or_else(|| self.universe.find(term.as_ref()?));
        let outside = match (last, &term) {
            (None, Some(term)) => self.universe.holders(term),
            (last, _) => last.map_or_else(Vec::new, |slot| self.universe.around(slot).to_vec()),
        };
        let mut way = outside.into_iter().chain(last.filter(|_| also_last));
        let (link, to) = way.find_map(|slot| match self.contents.of(slot) {
            Content::Link(to) => Some((self.name(slot)?, to)),
            _ => None,
        })?;
        beside(named, link, &Resource::new(ResourceKind::Tree, to.clone()))
    }
}

/// Whether whoever names a thing of this kind means what a link of that name leads to.
pub(super) fn is_followed(named: &GroundResource) -> bool {
    matches!(named.kind, ResourceKind::File | ResourceKind::Key)
}
