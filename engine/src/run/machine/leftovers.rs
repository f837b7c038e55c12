//! What a run made and left behind, for whoever cleans up.
//!
//! Listed is what effects say was added (files of backups among it) and was not removed again, with two
//! differences: an image that a service was last started with is in use, so it is nothing to clean up; and
//! the container of a service that was not there at the start is left behind where the run did not end with
//! the service as its result. The container that replaced another of its service is that service.

use std::collections::BTreeMap;

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::topology::Begins;

use crate::event::{EffectKey, End, Intent, known};
use crate::plan::Plan;
use crate::value::GroundResource;

/// What the run did last to the services it acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServiceHistory(BTreeMap<String, LastDone>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum LastDone {
    /// Started, with this release where it was said.
    Started(Option<String>),
    Removed,
}

impl ServiceHistory {
    /// Takes in what an action is about to do.
    pub(super) fn intend(&mut self, intent: &Intent) {
        for effect in &intent.effects {
            match effect {
                Effect::Starts { member, with } => {
                    let Some(service) = service_of(member) else { continue };
                    let known = match self.0.get(&service) {
                        Some(LastDone::Started(known)) => known.clone(),
                        _ => None,
                    };
                    let with = with.as_ref().map(ToString::to_string);
                    self.0.insert(service, LastDone::Started(with.or(known)));
                }
                Effect::Removes(member) => {
                    self.0
                        .extend(service_of(member).map(|service| (service, LastDone::Removed)));
                }
                _ => {}
            }
        }
    }

    /// Whether this resource is the image that a service was last started with.
    pub(super) fn uses(&self, resource: &GroundResource) -> bool {
        let mut history = self.0.values();
        resource.kind == ResourceKind::Image
            && history.any(|last| matches!(last, LastDone::Started(Some(with)) if resource.key == [with.as_str()]))
    }

    /// Containers that the run made for services that were not there, where they are not its result.
    pub(super) fn containers(&self, plan: &Plan, end: End) -> Vec<GroundResource> {
        let is_result = matches!(end, End::Completed | End::Parked);
        let members = plan.topology.members().filter(|_| !is_result);
        members
            .filter(|(_, member, _)| member.begins == Begins::Absent)
            .filter(|(id, _, _)| matches!(self.0.get(id.as_str()), Some(LastDone::Started(_))))
            .filter_map(|(_, member, _)| member.resource())
            .collect()
    }
}

fn service_of(member: &Resource<EffectKey>) -> Option<String> {
    let service = known(member).filter(|member| member.kind == ResourceKind::Service)?;
    service.key.into_iter().next()
}

#[cfg(test)]
mod tests {
    use backstay_dsl::service_kind::ServiceKind;
    use backstay_dsl::topology::{Member, Runs, Service, Topology};

    use super::*;
    use crate::event::IntentWay;
    use backstay_dsl::effect::Repeat;

    fn service() -> Resource<EffectKey> {
        Resource::new(ResourceKind::Service, EffectKey::Known("app".to_owned()))
    }

    fn starts(image: Option<&str>) -> Effect<EffectKey> {
        Effect::Starts {
            member: service(),
            with: image.map(|image| EffectKey::Known(image.to_owned())),
        }
    }

    fn history(effects: &[&Effect<EffectKey>]) -> ServiceHistory {
        let mut history = ServiceHistory::default();
        for effect in effects {
            history.intend(&Intent {
                key: "a/1".to_owned(),
                n: 1,
                action: "any".to_owned(),
                title: String::new(),
                effects: vec![(*effect).clone()],
                argv: Vec::new(),
                changing: true,
                repeat: Repeat::Convergent,
                mac: String::new(),
                limit_ms: 1000,
                way: IntentWay::Forward,
            });
        }
        history
    }

    #[test]
    fn an_image_is_in_use_where_a_service_was_last_started_with_it() {
        let image = |name: &str| Resource::new(ResourceKind::Image, name.to_owned());
        let (new, old) = (starts(Some("h/app@sha256:2")), starts(Some("h/app@sha256:1")));
        let upgraded = history(&[&new, &Effect::Stops(service()), &starts(None)]);
        assert!(upgraded.uses(&image("h/app@sha256:2")));
        let back = history(&[&new, &old]);
        assert!(!back.uses(&image("h/app@sha256:2")) && back.uses(&image("h/app@sha256:1")));
    }

    #[test]
    fn the_container_of_a_new_service_is_left_where_it_is_not_the_result() {
        let mut plan = crate::plan::fixture::plan(backstay_dsl::model::Runbook::empty("r"));
        let member = Member::new(Runs::new(ServiceKind::Container, "the-app".to_owned()), Begins::Absent);
        let services = BTreeMap::from([("app".to_owned(), Service::plain("app", member))]);
        plan.topology = std::sync::Arc::new(Topology {
            services,
            states: BTreeMap::new(),
            ..Topology::default()
        });
        let start = &starts(Some("h/app@sha256:1"));
        let (stop, remove) = (&Effect::Stops(service()), &Effect::Removes(service()));
        let left = |effects: &[&Effect<EffectKey>], end| history(effects).containers(&plan, end);
        let container = Resource::new(ResourceKind::Container, "the-app".to_owned());
        assert_eq!(left(&[start], End::Completed), []);
        assert_eq!(left(&[start, stop], End::RolledBack), [container]);
        assert_eq!(left(&[start, remove], End::RolledBack), []);
        assert_eq!(left(&[], End::RolledBack), []);
    }
}
