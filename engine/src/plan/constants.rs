//! Calls of a plan that are the same whatever happens, because they speak of literals and inputs only: worked out
//! once for all runs of a rehearsal.

use std::collections::HashMap;
use std::sync::Arc;

use backstay_dsl::effect::Effect;
use backstay_dsl::model::{ActionCall, ExprKind};
use backstay_dsl::program::Program;
use backstay_dsl::walk;
use futures_util::FutureExt as _;

use crate::action::GroundCall;
use crate::eval::Evaluator;

/// Constant calls, by where they lie in the model, which does not move while its plan is there.
pub(crate) struct Constants(HashMap<usize, Arc<GroundCall>>);

impl Constants {
    /// `evaluator` knows inputs and nothing else.
    pub(super) fn new(program: &Program, evaluator: &Evaluator<'_>) -> Self {
        let statements = program.statements().map(|(_, statement)| statement);
        let (actions, written): (Vec<_>, Vec<_>) = statements
            .map(|statement| (statement.action(), walk::expressions(statement)))
            .unzip();
        let actions = actions.into_iter().flatten().map(|action| &action.call);
        let asked = written.into_iter().flatten().chain(walk::asked(program.runbook()));
        let calls = actions.chain(asked.flat_map(walk::reads));
        let ground = calls.filter(|call| is_constant(call)).filter_map(|call| {
            let ground = evaluator.ground(call).now_or_never()?.ok()?;
            Some((place(call), ground))
        });
        Self(ground.collect())
    }

    pub(crate) fn get(&self, call: &ActionCall) -> Option<Arc<GroundCall>> {
        self.0.get(&place(call)).cloned()
    }
}

fn place(call: &ActionCall) -> usize {
    std::ptr::from_ref(call).addr()
}

/// Whether nothing that a call says depends on what is asked, bound, or the call's own result.
fn is_constant(call: &ActionCall) -> bool {
    let arguments = call.arguments.iter().map(|(_, value)| value);
    let effects = call.effects.list.iter().flat_map(Effect::parts);
    let healthy = call.effects.healthy.as_deref();
    let mut parts = arguments.chain(effects).chain(healthy).flat_map(walk::deep);
    parts.all(|part| {
        use ExprKind::{Input, List, Literal, Map, Service, State};
        matches!(
            part.kind,
            Literal(_) | Input(_) | Service(_) | State(_) | List(_) | Map(_)
        )
    })
}
