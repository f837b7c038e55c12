//! What a run made and left behind, for whoever cleans up.
//!
//! Listed is what effects say was added (files of backups among it) and was not removed again, with two
//! differences: an image that a service was last started with is in use, so it is nothing to clean up; and
//! the container of a service that was not there at the start is left behind where the run did not end with
//! the service as its result. The container that replaced another of its service is that service.

use std::collections::BTreeMap;

use backstay_dsl::model::Begins;

use super::progress::resources;
use crate::event::{End, Intent};
use crate::plan::Plan;
use crate::topology::RunsView;

/// What the run did last to the services it acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lives(BTreeMap<String, Life>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Life {
    /// Started, with this release where it was said.
    Started(Option<String>),
    /// Its container was removed.
    Removed,
}

impl Lives {
    /// Takes in what an action is about to do.
    pub(super) fn intend(&mut self, intent: &Intent) {
        for started in resources(&intent.terms, "starts ") {
            let (target, with) = match started.split_once(" with ") {
                Some((target, with)) => (target, Some(with.to_owned())),
                None => (started.as_str(), None),
            };
            if let Some(service) = service_of(target) {
                let known = match self.0.get(service) {
                    Some(Life::Started(known)) => known.clone(),
                    _ => None,
                };
                self.0.insert(service.to_owned(), Life::Started(with.or(known)));
            }
        }
        if intent.action == "docker.remove" {
            let stopped = resources(&intent.terms, "stops ");
            for service in stopped.iter().filter_map(|target| service_of(target)) {
                self.0.insert(service.to_owned(), Life::Removed);
            }
        }
    }

    /// Whether this resource is the image that a service was last started with.
    pub(super) fn uses(&self, resource: &str) -> bool {
        let image = resource.strip_prefix("image(").and_then(|rest| rest.strip_suffix(')'));
        image.is_some_and(|image| {
            let mut lives = self.0.values();
            lives.any(|life| matches!(life, Life::Started(Some(with)) if with == image))
        })
    }

    /// Containers that the run made for services that were not there, where they are not its result.
    pub(super) fn containers(&self, plan: &Plan, end: End) -> Vec<String> {
        let is_result = matches!(end, End::Completed | End::Parked);
        let services = plan.topology.services.iter().filter(|_| !is_result);
        services
            .filter_map(|(name, view)| match (&view.runs, self.0.get(name)) {
                (RunsView::Container(container), Some(Life::Started(_))) if view.begins == Begins::Absent => {
                    Some(format!("container({container})"))
                }
                _ => None,
            })
            .collect()
    }
}

fn service_of(target: &str) -> Option<&str> {
    target.strip_prefix("service(")?.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::ServiceView;

    fn intent(action: &str, term: &str) -> Intent {
        Intent {
            key: "a/1".to_owned(),
            n: 1,
            action: action.to_owned(),
            title: action.to_owned(),
            terms: vec![term.to_owned()],
            changing: true,
            repeat: "convergent".to_owned(),
            mac: String::new(),
            limit_ms: 1000,
            way: "forward".to_owned(),
        }
    }

    fn lives(intents: &[(&str, &str)]) -> Lives {
        let mut lives = Lives::default();
        for (action, term) in intents {
            lives.intend(&intent(action, term));
        }
        lives
    }

    #[test]
    fn an_image_is_in_use_where_a_service_was_last_started_with_it() {
        let run = |image: &str| format!("starts service(app) with {image}");
        let (new, old) = (run("h/app@sha256:2"), run("h/app@sha256:1"));
        let upgraded = lives(&[
            ("docker.run", &new),
            ("docker.stop", "stops service(app)"),
            ("docker.start", "starts service(app)"),
        ]);
        assert!(upgraded.uses("image(h/app@sha256:2)"));
        let back = lives(&[("docker.run", &new), ("docker.run", &old)]);
        assert!(!back.uses("image(h/app@sha256:2)") && back.uses("image(h/app@sha256:1)"));
    }

    #[test]
    fn the_container_of_a_new_service_is_left_where_it_is_not_the_result() {
        let mut plan = crate::plan::fixture::plan(backstay_dsl::model::Runbook::empty("r"));
        let view = ServiceView {
            runs: RunsView::Container("the-app".to_owned()),
            pinned_by: None,
            writes: Vec::new(),
            behind: None,
            begins: Begins::Absent,
            ignores: Vec::new(),
        };
        let services = BTreeMap::from([("app".to_owned(), view)]);
        plan.topology = std::sync::Arc::new(crate::topology::Topology {
            services,
            states: BTreeMap::new(),
        });
        let start = ("docker.run", "starts service(app) with h/app@sha256:1");
        let (stop, remove) = (
            ("docker.stop", "stops service(app)"),
            ("docker.remove", "stops service(app)"),
        );
        let left = |intents: &[(&str, &str)], end| lives(intents).containers(&plan, end);
        assert_eq!(left(&[start], End::Completed), Vec::<String>::new());
        assert_eq!(left(&[start, stop], End::RolledBack), ["container(the-app)"]);
        assert_eq!(left(&[start, remove], End::RolledBack), Vec::<String>::new());
        assert_eq!(left(&[], End::RolledBack), Vec::<String>::new());
    }
}
