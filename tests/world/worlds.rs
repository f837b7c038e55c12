//! The worlds that the contract is examined in.

use std::sync::Arc;

use async_trait::async_trait;
use backstay::action::{Context, GroundCall, Outcome, Registry, Settled, builtin};
use backstay::world::World;

use crate::bench::Bench;

/// The real actions, called directly.
struct Direct(Registry);

#[async_trait]
impl World for Direct {
    async fn perform(&self, context: &Context, call: &GroundCall) -> Outcome {
        let action = self.0.get(&call.action).unwrap();
        action.perform(context, &call.arguments).await
    }

    async fn settle(&self, context: &Context, call: &GroundCall) -> Settled {
        let action = self.0.get(&call.action).unwrap();
        action.settle(context, &call.arguments).await
    }

    async fn preview(&self, context: &Context, call: &GroundCall) -> Option<String> {
        let action = self.0.get(&call.action).unwrap();
        action.preview(context, &call.arguments).await
    }
}

/// The real world, in a folder of its own.
pub(crate) fn real() -> Bench {
    Bench::new(Arc::new(Direct(builtin())), true)
}
