//! What lies in a thing that is copied or moved comes along as it is then, also where it is not as at the start.

use std::collections::BTreeSet;
use std::path::Path;

use backstay_dsl::effect::Effect;
use backstay_dsl::state::slot::SlotId;
use backstay_dsl::state::{Extent, Given};
use backstay_dsl::term::ground;

use super::{Content, Production};
use crate::value::GroundResource;

impl Production {
    /// Gives what lies in `to` what lies in `from`. `is_back`: `to` itself is as at the start again, so that
    /// what in it is not is a difference of its own.
    pub(super) fn copy_inside(&mut self, from: &GroundResource, to: &GroundResource, is_back: bool) {
        let [from_slot, to_slot] = [from, to].map(|resource| self.slot(resource));
        let mut named: BTreeSet<GroundResource> = self.inside(from_slot).collect();
        named.extend(self.inside(to_slot).filter_map(|inner| beside(&inner, to, from)));
        for source in named {
            let Some(target) = beside(&source, from, to) else {
                continue;
            };
            let source = self.slot(&source);
            let slot = self.slot(&target);
            let whole = self.contents.of(from_slot);
            // A whole text says all of what has not been changed in it since.
            if matches!(whole, Content::Text(_)) && self.contents.of(source) == whole {
                continue;
            }
            let content = self.contents.copied(source);
            if is_back {
                let given = Given {
                    is_before: self.contents.is_of_start(slot, &content),
                    existed: self.contents.was_there(slot),
                };
                let effect = match content {
                    Content::Gone => Effect::Removes(target),
                    _ => Effect::Sets {
                        resource: target,
                        to: None,
                    },
                };
                self.state.change(&self.universe, (slot, &effect), given, Extent::Whole);
            }
            self.contents.put(slot, content);
        }
    }

    /// What is first named now and lies in a copy holds what lay at that place of what was copied. What came out of
    /// a folder and took its place would be looked for deeper and deeper in itself: a copy that is come to again
    /// by a name that is no shorter ends the `way`, and what is there is then told as different.
    pub(super) fn come_along(&mut self, slot: SlotId, resource: &GroundResource, way: &mut Vec<(SlotId, usize)>) {
        let Content::Start(of) = *self.contents.of(slot) else {
            return;
        };
        let mut holders = self.universe.around(slot).iter().copied();
        let Some(holder) = holders.find(|holder| *self.contents.of(*holder) == Content::Start(of)) else {
            return;
        };
        let length = resource.key.first().map_or(0, String::len);
        if way
            .iter()
            .any(|(known, shorter)| *known == holder && *shorter <= length)
        {
            return;
        }
        way.push((holder, length));
        let name = |slot| self.name(slot);
        let source = name(holder).zip(name(of));
        if let Some(source) = source.and_then(|(holder, of)| beside(resource, holder, of)) {
            let source = self.slot_on_the_way(&source, way);
            self.contents.put(slot, Content::Start(source));
        }
    }

    /// Whether something in a thing is not what lay at the start in that one, or does not come from there.
    pub(super) fn is_other_inside(&self, slot: SlotId, start: SlotId) -> bool {
        let (Some(here), Some(from)) = (self.name(slot), self.name(start)) else {
            return false;
        };
        let mut inside = self.universe.inside(slot).iter();
        inside.any(|inner| {
            let named = self.name(*inner).and_then(|name| beside(name, here, from));
            let named = named.as_ref().map(ground);
            let source = named.as_ref().and_then(|name| self.universe.get(name));
            match self.contents.of(*inner) {
                Content::Was => slot != start,
                // What nobody has named was not there where what holds it was not.
                Content::Gone => source.map_or_else(
                    || {
                        let holders = named.as_ref().map(|name| self.universe.holders(name));
                        let mut holders = holders.into_iter().flatten();
                        holders.all(|holder| self.contents.was_there(holder))
                    },
                    |source| self.contents.was_there(source),
                ),
                content => !source.is_some_and(|source| self.contents.is_of_start(source, content)),
            }
        })
    }

    /// Whether nobody has seen it or anything in it, and nothing was done to it.
    pub(super) fn is_unseen(&self, slot: SlotId) -> bool {
        let mut all = self.universe.inside(slot).iter().chain([&slot]);
        all.all(|slot| self.contents.is_unseen(*slot))
    }

    fn inside(&self, slot: SlotId) -> impl Iterator<Item = GroundResource> {
        let inside = self.universe.inside(slot).iter();
        inside.filter_map(|inner| self.name(*inner).cloned())
    }
}

/// The same place in `to` that `inner` is in `from`.
pub(super) fn beside(inner: &GroundResource, from: &GroundResource, to: &GroundResource) -> Option<GroundResource> {
    let below = Path::new(inner.key.first()?).strip_prefix(from.key.first()?).ok()?;
    let mut beside = inner.clone();
    beside.host.clone_from(&to.host);
    let place = Path::new(to.key.first()?);
    let place = if below.as_os_str().is_empty() {
        place.to_owned()
    } else {
        place.join(below)
    };
    *beside.key.first_mut()? = place.to_string_lossy().into_owned();
    Some(beside)
}
