//! Every statement of a runbook by its key: steps, undos, ways back, parks, rows, holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_dsl::model::{Block, Runbook, Statement, StatementKind, Undo};

/// All statements by key, those inside undos too.
pub(super) fn index(runbook: &Runbook) -> BTreeMap<String, Arc<Statement>> {
    let mut statements = BTreeMap::new();
    for block in blocks(runbook) {
        add(block, &mut statements);
    }
    statements
}

/// The outermost blocks of a runbook, in order of the text.
pub(super) fn blocks(runbook: &Runbook) -> impl Iterator<Item = &Block> {
    let holds = runbook.holds.iter().flat_map(|hold| [&hold.take, &hold.release]);
    let steps = runbook.steps.iter().map(|step| &step.body);
    let rollbacks = runbook.rollbacks.iter().map(|rollback| &rollback.body);
    let parks = runbook.parks.iter().map(|park| &park.body);
    let rows = runbook
        .tables
        .iter()
        .flat_map(|table| table.rows.iter().filter_map(|row| row.first.as_ref()));
    holds.chain(steps).chain(rollbacks).chain(parks).chain(rows)
}

fn add(block: &Block, statements: &mut BTreeMap<String, Arc<Statement>>) {
    for statement in &block.statements {
        if let StatementKind::Do(action) = &statement.kind
            && let Some(Undo::Body(undo)) = &action.undo
        {
            add(&undo.body, statements);
        }
        statements.insert(statement.key.clone(), Arc::new(statement.clone()));
    }
    for group in &block.groups {
        add(&group.body, statements);
    }
}
