//! The actions of other families that this one is made of.

use crate::action::{Action, Arguments, Context, Outcome, Registry, Settled};
use crate::value::{Answer, Value};

/// Actions by name.
#[derive(Clone)]
pub(super) struct Others(Registry);

impl Others {
    pub(super) fn new(registry: Registry) -> Self {
        Self(registry)
    }

    pub(super) fn get(&self, name: &str) -> Option<&dyn Action> {
        self.0.get(name).map(AsRef::as_ref)
    }

    pub(super) async fn perform(&self, name: &str, context: &Context, arguments: &Arguments) -> Outcome {
        match self.get(name) {
            Some(action) => action.perform(context, arguments).await,
            None => Outcome::failed(format!("there is no action {name}")),
        }
    }

    pub(super) async fn settle(&self, name: &str, context: &Context, arguments: &Arguments) -> Settled {
        match self.get(name) {
            Some(action) => action.settle(context, arguments).await,
            None => Settled::Undecidable(format!("there is no action {name}")),
        }
    }

    pub(super) async fn preview(&self, name: &str, context: &Context, arguments: &Arguments) -> Option<String> {
        self.get(name)?.preview(context, arguments).await
    }

    pub(super) async fn ask(&self, name: &str, context: &Context, arguments: &Arguments) -> Answer {
        self.perform(name, context, arguments).await.into_answer()
    }
}

/// Arguments of another action.
pub(super) fn arguments<const N: usize>(given: [(&str, Value); N]) -> Arguments {
    Arguments(given.map(|(name, value)| (name.to_owned(), value)).into())
}
