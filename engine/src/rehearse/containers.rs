//! Containers of the simulated world: which are there, what runs in each, and the questions of the family
//! `docker` whose answers do not follow from effects.
//!
//! Mounted into a service is exactly what it says it writes, so that nothing is forgotten here.

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::model::Begins;
use backstay_dsl::state::shape::Shape;
use backstay_dsl::term::ground;

use super::contents::Content;
use crate::action::GroundCall;
use crate::topology::{PartView, RunsView, Topology};
use crate::value::{GroundResource, Value};

/// The questions that are answered here or in [`super::production`].
const QUESTIONS: &[&str] = &[
    "docker.version",
    "docker.running_image",
    "docker.state",
    "docker.restarts",
    "docker.health",
    "docker.logs",
    "docker.mounts",
    "docker.restart_policy",
];

/// Whether this is a question, whatever the catalogue has.
pub(super) fn is_question(action: &str) -> bool {
    QUESTIONS.contains(&action)
}

/// The image that a service runs at the start.
pub(super) fn image_of(service: &str) -> String {
    format!("simulated/{service}@sha256:{}", "0".repeat(64))
}

/// The containers of a production.
#[derive(Debug, Clone)]
pub(super) struct Containers {
    /// Services that are containers, and what is mounted into each.
    mounts: BTreeMap<String, Vec<Value>>,
    /// Services whose container is not there.
    absent: BTreeSet<String>,
    /// What was last started in each service.
    started: BTreeMap<String, Content>,
}

impl Containers {
    /// As they are at the start.
    pub(super) fn new(topology: &Topology) -> Self {
        let containers = topology.services.iter();
        let containers = containers.filter(|(_, view)| matches!(view.runs, RunsView::Container(_)));
        let mounts = containers.map(|(name, view)| {
            let states = view.writes.iter().filter_map(|(state, _)| topology.states.get(state));
            let parts = states.flat_map(|state| &state.parts);
            (name.clone(), parts.map(mount).collect())
        });
        let absent = topology.services.iter();
        let absent = absent.filter(|(_, view)| view.begins == Begins::Absent);
        Self {
            mounts: mounts.collect(),
            absent: absent.map(|(name, _)| name.clone()).collect(),
            started: BTreeMap::new(),
        }
    }

    /// What runs in a service.
    pub(super) fn runs(&self, service: &str) -> &Content {
        self.started.get(service).unwrap_or(&Content::Was)
    }

    /// A service was started with this.
    pub(super) fn started(&mut self, shape: &Shape, member: &GroundResource, with: &Content) {
        for name in shape.members_of(&ground(member)) {
            self.absent.remove(name);
            self.started.insert(name.to_owned(), with.clone());
        }
    }

    /// An action was carried out.
    pub(super) fn changed(&mut self, call: &GroundCall) {
        if let ("docker.remove", Some(name)) = (call.action.as_str(), call.arguments.text("service")) {
            self.absent.insert(name.to_owned());
        }
    }

    /// Why an action cannot be carried out here at all.
    pub(super) fn refusal(&self, call: &GroundCall) -> Option<String> {
        let name = call.arguments.text("service")?;
        let needs_it = matches!(call.action.as_str(), "docker.start" | "docker.exec");
        (needs_it && self.absent.contains(name)).then(|| format!("the service `{name}` has no container"))
    }

    /// Answers a question about the service of this name; `None` where it is none of these.
    pub(super) fn answer(&self, action: &str, name: &str, runs: bool) -> Option<Result<Value, String>> {
        if action == "docker.version" {
            return Some(Ok(record([
                ("ok", Value::Bool(true)),
                ("engine", text("simulated")),
                ("interface", text("simulated")),
                ("reason", text("")),
            ])));
        }
        let is_there = !self.absent.contains(name);
        if !is_there && action != "docker.state" && is_question(action) {
            return Some(Err(format!("the service `{name}` has no container")));
        }
        let status = match (is_there, runs) {
            (false, _) => "absent",
            (true, false) => "exited",
            (true, true) => "running",
        };
        let answer = match action {
            "docker.state" => record([
                ("ok", Value::Bool(runs)),
                ("status", text(status)),
                ("exit", Value::Int(0)),
            ]),
            "docker.restarts" => Value::Int(0),
            "docker.health" => record([
                ("ok", Value::Bool(runs)),
                ("status", text(if runs { "healthy" } else { "none" })),
                ("output", text("")),
            ]),
            "docker.logs" => text(""),
            "docker.mounts" => Value::List(self.mounts.get(name).cloned().unwrap_or_default()),
            "docker.restart_policy" => text(if runs { "unless-stopped" } else { "no" }),
            _ => return None,
        };
        Some(Ok(answer))
    }
}

fn mount(part: &PartView) -> Value {
    let (kind, source, path) = match part {
        PartView::Volume(name) => ("volume", name.clone(), format!("/simulated/volumes/{name}")),
        PartView::Tree(path) | PartView::File(path) => ("bind", path.clone(), path.clone()),
    };
    record([
        ("kind", text(kind)),
        ("source", text(&source)),
        ("path", text(&path)),
        ("target", text("/simulated")),
        ("writable", Value::Bool(true)),
    ])
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}
