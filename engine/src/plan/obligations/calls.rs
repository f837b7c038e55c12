//! Every call that a text makes, wherever it stands.

use backstay_dsl::model::{ActionCall, Settle};
use backstay_dsl::program::Owner;
use backstay_dsl::walk;

use crate::plan::Plan;

/// Every call that a text makes, with its place: the ways back first.
pub(super) fn calls(plan: &Plan) -> Vec<(String, &ActionCall)> {
    let program = &plan.program;
    let (mut back, mut forward) = (Vec::new(), Vec::new());
    for (id, statement) in program.statements() {
        let calls = if is_way_back(program.owner(program.block_of(id))) {
            &mut back
        } else {
            &mut forward
        };
        let action = statement.action().map(|action| &action.call);
        let settles = action.and_then(|call| match &call.effects.settle {
            Settle::Question(question) => Some(&**question),
            Settle::NotNeeded | Settle::Action | Settle::Person => None,
        });
        let asked = walk::expressions(statement)
            .into_iter()
            .chain(settles)
            .flat_map(walk::reads);
        calls.extend(
            action
                .into_iter()
                .chain(asked)
                .map(|call| (statement.key.clone(), call)),
        );
    }
    back.append(&mut forward);
    let runbook = &plan.runbook;
    let wells = runbook
        .services
        .iter()
        .filter_map(|service| Some((&service.name, &service.well.as_ref()?.condition)));
    let anchors = runbook.anchors.iter().map(|anchor| (&anchor.name, &anchor.value));
    let questions = runbook.questions.iter().flat_map(|question| {
        let locals = question.lets.iter().map(|(_, value)| value);
        locals.chain([&question.give]).map(|value| (&question.name, value))
    });
    let rows = runbook.rows().filter_map(|row| Some((&row.key, row.seen.as_ref()?)));
    let header = &runbook.name;
    let required = runbook.requires.iter().map(|required| (header, &required.condition));
    let watches = runbook.watches.iter().map(|watch| (&watch.name, &watch.condition));
    let asked = wells
        .chain(required)
        .chain(anchors)
        .chain(questions)
        .chain(rows)
        .chain(watches);
    for (name, expr) in asked {
        back.extend(walk::reads(expr).map(|call| (name.clone(), call)));
    }
    back
}

fn is_way_back(owner: Owner) -> bool {
    !matches!(owner, Owner::Step(_) | Owner::Row(_) | Owner::Take(_))
}
