//! What a plan carries out: every block and statement of a runbook by dense ids, and one order of steps.
//!
//! Made once of a runbook, in linear time; nothing of the runbook is copied but keys. The ids are places in
//! lists of the program that gave them and mean nothing in another. Outermost blocks come first (holds, steps,
//! ways back, places to stop, rows), undos after them, each after the block its owner stands in.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{
    Block, Do, Hold, Park, Rollback, Runbook, Statement, StatementKind, Step, SymptomRow, Undo, UndoBody,
};
use crate::order::StepOrder;

macro_rules! ids {
    ($($(#[$meaning:meta])+ $name:ident,)+) => { $(
        $(#[$meaning])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(usize);

        impl $name {
            /// The place in its list.
            pub fn place(self) -> usize {
                self.0
            }
        }
    )+ };
}

ids! {
    /// A step; the place in [`Runbook::steps`].
    StepId,
    /// A hold; the place in [`Runbook::holds`].
    HoldId,
    /// A way back with a name; the place in [`Runbook::rollbacks`].
    RollbackId,
    /// A safe place to stop; the place in [`Runbook::parks`].
    ParkId,
    /// A row of a symptom table, counted over all tables.
    RowId,
    /// A block, undos included.
    BlockId,
    /// A statement, those of undos included.
    StatementId,
}

/// What a block belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The body of a step.
    Step(StepId),
    /// The `first` of a row.
    Row(RowId),
    Take(HoldId),
    Release(HoldId),
    /// A way back with a name.
    Rollback(RollbackId),
    /// A safe place to stop.
    Park(ParkId),
    /// The undo of this action.
    Undo(StatementId),
    /// The undo of a procedure: the block that its statements stand in, and its place in [`Block::groups`].
    GroupUndo(BlockId, usize),
}

/// A runbook as it is carried out.
#[derive(Debug, Clone)]
pub struct Program {
    runbook: Arc<Runbook>,
    blocks: Vec<BlockEntry>,
    statements: Vec<StatementEntry>,
    /// The key of each statement, and the name of each step: whoever keeps one shares it.
    keys: Vec<Arc<str>>,
    step_names: Vec<Arc<str>>,
    by_key: HashMap<Arc<str>, StatementId>,
    steps_by_name: HashMap<Arc<str>, StepId>,
    /// For each row: its table and its place there.
    rows: Vec<(usize, usize)>,
    row_blocks: Vec<Option<BlockId>>,
    /// For each step: the first row of each table that is for it.
    tables: Vec<Vec<RowId>>,
    order: StepOrder,
}

#[derive(Debug, Clone, Copy)]
struct BlockEntry {
    owner: Owner,
    first: StatementId,
}

#[derive(Debug, Clone, Copy)]
struct StatementEntry {
    block: BlockId,
    /// The undo that counts for it: that of its procedure where it has one, else its own.
    undo: Option<BlockId>,
}

impl Program {
    pub fn new(runbook: Arc<Runbook>) -> Self {
        let step_names: Vec<Arc<str>> = runbook.steps.iter().map(|step| step.name.as_str().into()).collect();
        let steps = step_names.iter().enumerate();
        let mut program = Self {
            blocks: Vec::new(),
            statements: Vec::new(),
            keys: Vec::new(),
            by_key: HashMap::new(),
            steps_by_name: steps.map(|(at, name)| (Arc::clone(name), StepId(at))).collect(),
            step_names,
            rows: Vec::new(),
            row_blocks: Vec::new(),
            tables: vec![Vec::new(); runbook.steps.len()],
            order: StepOrder::new(&runbook),
            runbook,
        };
        program.add_outermost();
        let mut at = 0;
        while at < program.blocks.len() {
            program.add_undos(BlockId(at));
            at += 1;
        }
        program
    }

    fn add_outermost(&mut self) {
        let runbook = Arc::clone(&self.runbook);
        for hold in self.holds() {
            self.add(Owner::Take(hold));
            self.add(Owner::Release(hold));
        }
        for step in (0..runbook.steps.len()).map(StepId) {
            self.add(Owner::Step(step));
        }
        for rollback in (0..runbook.rollbacks.len()).map(RollbackId) {
            self.add(Owner::Rollback(rollback));
        }
        for park in (0..runbook.parks.len()).map(ParkId) {
            self.add(Owner::Park(park));
        }
        for (table, definition) in runbook.tables.iter().enumerate() {
            let first = RowId(self.rows.len());
            for (place, row) in definition.rows.iter().enumerate() {
                let id = RowId(self.rows.len());
                self.rows.push((table, place));
                let block = row.first.is_some().then(|| self.add(Owner::Row(id)));
                self.row_blocks.push(block);
            }
            for step in definition.steps.iter().filter(|_| !definition.rows.is_empty()) {
                self.tables[*step].push(first);
            }
        }
    }

    fn add(&mut self, owner: Owner) -> BlockId {
        let id = BlockId(self.blocks.len());
        let first = StatementId(self.statements.len());
        self.blocks.push(BlockEntry { owner, first });
        let statements = self.block(id).statements.iter();
        let keys: Vec<Arc<str>> = statements.map(|statement| statement.key.as_str().into()).collect();
        for key in keys {
            self.keys.push(Arc::clone(&key));
            self.by_key.insert(key, StatementId(self.statements.len()));
            self.statements.push(StatementEntry { block: id, undo: None });
        }
        id
    }

    fn add_undos(&mut self, block: BlockId) {
        let groups: Vec<BlockId> = (0..self.block(block).groups.len())
            .map(|group| self.add(Owner::GroupUndo(block, group)))
            .collect();
        for id in self.statements_of(block) {
            let statement = self.statement(id);
            let group = statement.group.and_then(|group| groups.get(group)).copied();
            let has_own = own_undo(statement).is_some();
            let own = has_own.then(|| self.add(Owner::Undo(id)));
            self.statements[id.0].undo = group.or(own);
        }
    }

    /// The key of a statement, to be shared.
    pub fn key(&self, statement: StatementId) -> &Arc<str> {
        &self.keys[statement.0]
    }

    /// The name of a step, to be shared.
    pub fn step_name(&self, step: StepId) -> &Arc<str> {
        &self.step_names[step.0]
    }

    pub fn runbook(&self) -> &Arc<Runbook> {
        &self.runbook
    }

    /// Every block, undos included, outermost ones first.
    pub fn blocks(&self) -> impl Iterator<Item = (BlockId, Owner, &Block)> {
        let ids = (0..self.blocks.len()).map(BlockId);
        ids.map(|id| (id, self.owner(id), self.block(id)))
    }

    /// What a block belongs to.
    pub fn owner(&self, block: BlockId) -> Owner {
        self.blocks[block.0].owner
    }

    /// The statements and groups of a block.
    pub fn block(&self, block: BlockId) -> &Block {
        static EMPTY: Block = Block {
            statements: Vec::new(),
            groups: Vec::new(),
        };
        let block = match self.blocks[block.0].owner {
            Owner::Step(step) => Some(&self.step(step).body),
            Owner::Row(row) => self.row(row).first.as_ref(),
            Owner::Take(hold) => Some(&self.hold(hold).take),
            Owner::Release(hold) => Some(&self.hold(hold).release),
            Owner::Rollback(rollback) => Some(&self.rollback(rollback).body),
            Owner::Park(park) => Some(&self.park(park).body),
            Owner::Undo(_) | Owner::GroupUndo(..) => self.undo(block).map(|undo| &undo.body),
        };
        block.unwrap_or(&EMPTY)
    }

    /// The undo that a block is the body of; `None` for blocks that are no undos.
    pub fn undo(&self, block: BlockId) -> Option<&UndoBody> {
        match self.blocks[block.0].owner {
            Owner::Undo(statement) => own_undo(self.statement(statement)),
            Owner::GroupUndo(block, group) => self.block(block).groups.get(group),
            _ => None,
        }
    }

    /// The longest that a block may take where it is an undo or belongs to a hold, milliseconds.
    pub fn within_ms(&self, block: BlockId) -> Option<u64> {
        match self.blocks[block.0].owner {
            Owner::Take(hold) => Some(self.hold(hold).take_within_ms),
            Owner::Release(hold) => Some(self.hold(hold).release_within_ms),
            _ => self.undo(block).map(|undo| undo.within_ms),
        }
    }

    /// What a statement carries out that takes or releases a hold; `None` for any other.
    fn of_hold(&self, kind: &StatementKind) -> Option<BlockId> {
        match kind {
            StatementKind::Take(name) => Some(self.take(self.hold_named(name)?)),
            StatementKind::Release(name) => Some(self.release(self.hold_named(name)?)),
            _ => None,
        }
    }

    /// The statements that a block comes to, in order, each behind the one of the block that it is carried out for: of a
    /// hold those that take or release it.
    pub fn carried_out(&self, block: BlockId) -> impl Iterator<Item = (&Statement, &Statement)> {
        self.block(block).statements.iter().flat_map(|at| {
            let own = match self.of_hold(&at.kind) {
                Some(block) => &self.block(block).statements,
                None => std::slice::from_ref(at),
            };
            own.iter().map(move |statement| (at, statement))
        })
    }

    /// Whether any action of a block changes production, in the holds that it takes too.
    pub fn changes(&self, block: BlockId) -> bool {
        self.block(block)
            .statements
            .iter()
            .any(|statement| match &statement.kind {
                StatementKind::Do(action) => action.call.effects.is_changing(),
                StatementKind::Take(name) => self.hold_named(name).is_some_and(|hold| self.changes(self.take(hold))),
                _ => false,
            })
    }

    /// The statements of a block, in order.
    pub fn statements_of(&self, block: BlockId) -> impl Iterator<Item = StatementId> + use<> {
        let first = self.blocks[block.0].first.0;
        (first..first + self.block(block).statements.len()).map(StatementId)
    }

    /// The statement at a place of a block; `None` past its end.
    pub fn statement_at(&self, block: BlockId, place: usize) -> Option<StatementId> {
        let is_there = place < self.block(block).statements.len();
        is_there.then(|| StatementId(self.blocks[block.0].first.0 + place))
    }

    /// Every statement, undos included.
    pub fn statements(&self) -> impl Iterator<Item = (StatementId, &Statement)> {
        let ids = (0..self.statements.len()).map(StatementId);
        ids.map(|id| (id, self.statement(id)))
    }

    /// Every action, those of undos included.
    pub fn actions(&self) -> impl Iterator<Item = &Do> {
        self.statements().filter_map(|(_, statement)| statement.action())
    }

    pub fn statement(&self, id: StatementId) -> &Statement {
        let block = self.statements[id.0].block;
        &self.block(block).statements[id.0 - self.blocks[block.0].first.0]
    }

    pub fn find(&self, key: &str) -> Option<StatementId> {
        self.by_key.get(key).copied()
    }

    /// The block that a statement stands in.
    pub fn block_of(&self, id: StatementId) -> BlockId {
        self.statements[id.0].block
    }

    /// The undo that counts for a statement: that of its procedure where it has one, else its own.
    pub fn undo_of(&self, id: StatementId) -> Option<BlockId> {
        self.statements[id.0].undo
    }

    /// The step at this place of the text.
    pub fn step_at(&self, place: usize) -> Option<StepId> {
        (place < self.runbook.steps.len()).then_some(StepId(place))
    }

    /// The steps in one fixed order in which each stands after those it waits for; of several that could come
    /// next, the first in the text.
    pub fn order(&self) -> impl Iterator<Item = StepId> {
        self.order.sequence().iter().copied().map(StepId)
    }

    /// What may run before, after and beside what.
    pub fn step_order(&self) -> &StepOrder {
        &self.order
    }

    /// The place of a step in [`Program::order`].
    pub fn rank(&self, step: StepId) -> usize {
        self.order.position(step.0)
    }

    /// The steps that wait for a step directly.
    pub fn dependents(&self, step: StepId) -> impl Iterator<Item = StepId> {
        self.order.next(step.0).iter().copied().map(StepId)
    }

    /// Whether no step waits for a step.
    pub fn is_last(&self, step: StepId) -> bool {
        self.order.next(step.0).is_empty()
    }

    pub fn step(&self, step: StepId) -> &Step {
        &self.runbook.steps[step.0]
    }

    pub fn step_named(&self, name: &str) -> Option<StepId> {
        self.steps_by_name.get(name).copied()
    }

    /// The body of a step.
    pub fn step_block(&self, step: StepId) -> BlockId {
        BlockId(2 * self.runbook.holds.len() + step.0)
    }

    /// Every hold, in the order of the text.
    pub fn holds(&self) -> impl DoubleEndedIterator<Item = HoldId> + use<> {
        (0..self.runbook.holds.len()).map(HoldId)
    }

    pub fn hold(&self, hold: HoldId) -> &Hold {
        &self.runbook.holds[hold.0]
    }

    pub fn hold_named(&self, name: &str) -> Option<HoldId> {
        self.runbook.holds.iter().position(|hold| hold.name == name).map(HoldId)
    }

    /// What takes a hold.
    pub fn take(&self, hold: HoldId) -> BlockId {
        BlockId(2 * hold.0)
    }

    /// What releases a hold.
    pub fn release(&self, hold: HoldId) -> BlockId {
        BlockId(2 * hold.0 + 1)
    }

    /// A way back with a name.
    pub fn rollback(&self, rollback: RollbackId) -> &Rollback {
        &self.runbook.rollbacks[rollback.0]
    }

    /// The ways back with a name, and the statements of each.
    pub fn rollbacks(&self) -> impl Iterator<Item = (&Rollback, BlockId)> {
        let first = 2 * self.runbook.holds.len() + self.runbook.steps.len();
        let blocks = (first..).map(BlockId);
        self.runbook.rollbacks.iter().zip(blocks)
    }

    /// The way back of a name, and its statements.
    pub fn rollback_named(&self, name: &str) -> Option<(&Rollback, BlockId)> {
        self.rollbacks().find(|(rollback, _)| rollback.name == name)
    }

    /// A safe place to stop.
    pub fn park(&self, park: ParkId) -> &Park {
        &self.runbook.parks[park.0]
    }

    /// The safe place to stop of a name, and its statements.
    pub fn park_named(&self, name: &str) -> Option<(&Park, BlockId)> {
        let runbook = &self.runbook;
        let at = runbook.parks.iter().position(|known| known.name == name)?;
        let block = 2 * runbook.holds.len() + runbook.steps.len() + runbook.rollbacks.len() + at;
        Some((self.park(ParkId(at)), BlockId(block)))
    }

    /// A row of a symptom table.
    pub fn row(&self, row: RowId) -> &SymptomRow {
        let (table, place) = self.rows[row.0];
        &self.runbook.tables[table].rows[place]
    }

    /// The name of a row's table.
    pub fn table_of(&self, row: RowId) -> &str {
        &self.runbook.tables[self.rows[row.0].0].name
    }

    /// The row below, in the same table.
    pub fn row_below(&self, row: RowId) -> Option<RowId> {
        let below = RowId(row.0 + 1);
        let table = |row: RowId| self.rows.get(row.0).map(|(table, _)| *table);
        (table(below) == table(row)).then_some(below)
    }

    /// What a row does first.
    pub fn row_block(&self, row: RowId) -> Option<BlockId> {
        self.row_blocks[row.0]
    }

    /// The rows of all symptom tables that are for a step, from the top.
    pub fn rows_of(&self, step: StepId) -> impl Iterator<Item = RowId> {
        let tables = self.tables_of(step).iter();
        tables.flat_map(|first| std::iter::successors(Some(*first), |row| self.row_below(*row)))
    }

    /// The first row of each symptom table that is for a step.
    pub fn tables_of(&self, step: StepId) -> &[RowId] {
        &self.tables[step.0]
    }
}

fn own_undo(statement: &Statement) -> Option<&UndoBody> {
    match &statement.action()?.undo {
        Some(Undo::Body(undo)) => Some(undo),
        _ => None,
    }
}
