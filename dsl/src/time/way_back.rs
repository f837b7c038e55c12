//! The longest way back over all points before `commits`.
//!
//! A point is a statement of a step that may be running when the run turns back. Steps that may run at
//! once are taken at their worst: all they have started is taken back, and the longest of what they run
//! is waited for. So the sum is never too short; for steps in a row it is exact.

use std::collections::BTreeMap;

use crate::model::{Block, Disposition, Hold, Park, Rollback, Runbook, Statement, StatementKind};
use crate::order::StepOrder;
use crate::time::cost::{UndoSum, action_cancel_ms, acts, changes, checks_well, takes, undos_ms};
use crate::time::{has_commits, has_ended};

/// The anchors that are asked at the end of every way back.
pub const CLOSING_ANCHORS_MS: u64 = 30_000;

/// One way back from one point, with what it is made of.
#[derive(Debug, Clone, Default)]
struct Way<'a> {
    total_ms: u64,
    step: usize,
    at: usize,
    cancel_ms: u64,
    branch: Option<&'a Rollback>,
    park: Option<&'a Park>,
    undos_ms: u64,
}

/// The longest way back in milliseconds, and its parts in words.
pub(crate) fn longest(runbook: &Runbook, order: &StepOrder) -> (u64, Vec<(String, u64)>) {
    let ledger = Ledger::new(runbook, order);
    let mut longest: Option<Way<'_>> = None;
    for step in 0..runbook.steps.len() {
        for way in ledger.ways_from(step) {
            if longest.as_ref().is_none_or(|known| way.total_ms > known.total_ms) {
                longest = Some(way);
            }
        }
    }
    match longest {
        Some(way) => (way.total_ms, ledger.parts(&way)),
        None => (0, Vec::new()),
    }
}

/// What the steps cost to take back, added up once.
struct Ledger<'a> {
    runbook: &'a Runbook,
    order: &'a StepOrder,
    /// For each step: the undos of what it starts.
    undos_ms: Vec<u64>,
    /// For each step: the undos of all steps that may have started anything when it runs, without its own.
    started_ms: Vec<u64>,
    /// For each step: the longest cancel bound of steps that may run at the same time.
    beside_ms: Vec<u64>,
    /// For each step: whether it changes anything.
    is_changing: Vec<bool>,
    /// For each step: whether anything may have changed before its first statement.
    changed_before: Vec<bool>,
    /// For each step: whether it comes after a point of no return.
    is_past: Vec<bool>,
    holds: Vec<HoldSpans>,
    /// For each step: the rows of the tables that are for it.
    rows: Vec<Vec<(usize, usize)>>,
}

/// Where a hold may be taken: from one point to another, both as (position, statement), inclusive.
struct HoldSpans(Vec<((usize, usize), (usize, usize))>);

/// What it may take to end what runs in the steps of a region.
struct Cancels<'a> {
    order: &'a StepOrder,
    /// The steps of which it takes as long, in order of their places; the longest last.
    steps: BTreeMap<u64, Vec<usize>>,
}

impl<'a> Cancels<'a> {
    fn new(order: &'a StepOrder, region: &[usize], cancel_ms: impl Fn(usize) -> u64) -> Self {
        let mut steps: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for step in region {
            steps.entry(cancel_ms(*step)).or_default().push(*step);
        }
        Self { order, steps }
    }

    /// The longest of steps that may run at once with this one. Steps near to it in the sequence mostly may, so they
    /// are looked at first.
    fn beside_ms(&self, step: usize) -> u64 {
        let here = self.order.position(step);
        let has_beside = |steps: &[usize]| {
            let (before, after) = steps.split_at(steps.partition_point(|other| self.order.position(*other) < here));
            let pairs = (0..before.len().max(after.len())).map(|far| (before.iter().rev().nth(far), after.get(far)));
            let mut nearest = pairs.flat_map(|(before, after)| before.into_iter().chain(after));
            nearest.any(|other| self.order.may_run_at_once(step, *other))
        };
        let mut longest_first = self.steps.iter().rev().filter(|(cancel_ms, _)| **cancel_ms > 0);
        longest_first
            .find(|(_, steps)| has_beside(steps))
            .map_or(0, |(cancel_ms, _)| *cancel_ms)
    }
}

impl<'a> Ledger<'a> {
    fn new(runbook: &'a Runbook, order: &'a StepOrder) -> Self {
        let count = runbook.steps.len();
        let mut rows = vec![Vec::new(); count];
        for (table_at, table) in runbook.tables.iter().enumerate() {
            for step in table.steps.iter().filter(|step| **step < count) {
                rows[*step].extend((0..table.rows.len()).map(|row| (table_at, row)));
            }
        }
        let mut ledger = Self {
            runbook,
            order,
            undos_ms: vec![0; count],
            started_ms: vec![0; count],
            beside_ms: vec![0; count],
            is_changing: vec![false; count],
            changed_before: vec![false; count],
            is_past: vec![false; count],
            holds: Vec::new(),
            rows,
        };
        ledger.undos_ms = (0..count).map(|step| ledger.step_undos_ms(step)).collect();
        ledger.is_changing = (0..count).map(|step| ledger.step_changes(step)).collect();
        ledger.sum_regions();
        ledger.holds = runbook.holds.iter().map(|hold| ledger.hold_spans(hold)).collect();
        ledger
    }

    fn step_undos_ms(&self, step: usize) -> u64 {
        let body = &self.runbook.steps[step].body;
        let own = undos_ms(body, body.statements.len());
        self.row_blocks(step)
            .map(|row| undos_ms(row, row.statements.len()))
            .fold(own, u64::saturating_add)
    }

    /// What the rows for a step do first.
    fn row_blocks(&self, step: usize) -> impl Iterator<Item = &'a Block> {
        let rows = self.rows[step].iter();
        rows.filter_map(|(table, row)| self.runbook.tables[*table].rows[*row].first.as_ref())
    }

    fn step_cancel_ms(&self, step: usize) -> u64 {
        let statements = self.runbook.steps[step].body.statements.iter();
        statements.map(|statement| self.cancel_ms(statement)).max().unwrap_or(0)
    }

    fn row_cancel_ms(&self, step: usize) -> u64 {
        let statements = self.row_blocks(step).flat_map(|row| &row.statements);
        statements.map(|statement| self.cancel_ms(statement)).max().unwrap_or(0)
    }

    /// Goes through the regions in order and adds up what earlier ones and neighbours may have started.
    fn sum_regions(&mut self) {
        let mut earlier_ms = 0_u64;
        let mut is_changed = false;
        let mut is_past = false;
        let order = self.order;
        for region in order.regions() {
            let all_ms = region
                .iter()
                .map(|step| self.undos_ms[*step])
                .fold(0, u64::saturating_add);
            let changing: Vec<usize> = region.iter().copied().filter(|step| self.is_changing[*step]).collect();
            let cancels = Cancels::new(order, region, |step| {
                self.step_cancel_ms(step).max(self.row_cancel_ms(step))
            });
            let mut has_committed = false;
            for step in region.iter().copied() {
                let mut later_ms = 0_u64;
                let commits = has_commits(self.runbook, step);
                has_committed |= commits;
                // Every pair of steps: only where that tells anything.
                if all_ms > 0 || commits {
                    for later in order.after_in_region(step) {
                        later_ms = later_ms.saturating_add(self.undos_ms[later]);
                        self.is_past[later] |= commits;
                    }
                }
                let mut others = changing.iter().filter(|other| **other != step);
                let not_started_ms = later_ms.saturating_add(self.undos_ms[step]);
                self.started_ms[step] = earlier_ms.saturating_add(all_ms.saturating_sub(not_started_ms));
                self.changed_before[step] = is_changed || others.any(|other| !order.is_before(step, *other));
                self.is_past[step] |= is_past;
                self.beside_ms[step] = cancels.beside_ms(step);
            }
            earlier_ms = earlier_ms.saturating_add(all_ms);
            is_changed |= !changing.is_empty();
            is_past |= has_committed;
        }
    }

    fn step_changes(&self, step: usize) -> bool {
        let statements = self.runbook.steps[step].body.statements.iter();
        let mut rows = self.row_blocks(step).flat_map(|row| &row.statements);
        statements.into_iter().any(changes) || rows.any(changes)
    }

    /// The ways back from every statement of a step that lies before `commits`.
    fn ways_from(&self, step: usize) -> Vec<Way<'a>> {
        let mut found = Vec::new();
        let body = &self.runbook.steps[step].body;
        if self.is_past[step] || self.runbook.steps[step].before_window {
            return found;
        }
        let dispositions = self.dispositions(step);
        let row_cancel_ms = self.row_cancel_ms(step);
        let row_undos_ms = self.undos_ms[step] - undos_ms(body, body.statements.len());
        let mut is_changed = self.changed_before[step];
        let mut has_begun = false;
        let mut own_undos = UndoSum::default();
        for (at, statement) in body.statements.iter().enumerate() {
            if matches!(statement.kind, StatementKind::Commits { .. }) {
                break;
            }
            is_changed |= changes(statement);
            has_begun |= acts(statement);
            own_undos.add(body, statement);
            if !is_changed {
                continue;
            }
            let can_heal = matches!(statement.kind, StatementKind::Do(_) | StatementKind::Check(_));
            let healing_ms = if can_heal { row_cancel_ms } else { 0 };
            let way = Way {
                total_ms: 0,
                step,
                at,
                cancel_ms: self.cancel_ms(statement).max(self.beside_ms[step]).max(healing_ms),
                branch: None,
                park: None,
                undos_ms: self.started_ms[step]
                    .saturating_add(own_undos.total_ms)
                    .saturating_add(row_undos_ms),
            };
            for disposition in &dispositions {
                found.extend(self.ways_of(&way, disposition, has_begun));
            }
        }
        found
    }

    /// Where a failure, an interrupt or silence of this step may lead.
    fn dispositions(&self, step: usize) -> Vec<&'a Disposition> {
        let runbook = self.runbook;
        let body = &runbook.steps[step];
        let mut found = vec![&body.on_failure, &runbook.on_failure, &runbook.on_interrupt];
        let rows = self.rows[step].iter();
        found.extend(rows.map(|(table, row)| &runbook.tables[*table].rows[*row].otherwise));
        found.extend(body.body.statements.iter().filter_map(Statement::on_silence));
        found.dedup();
        found
    }

    /// The ways that a disposition stands for at a point: a branch where it applies, else the undos.
    fn ways_of(&self, from: &Way<'a>, disposition: &Disposition, has_begun: bool) -> Vec<Way<'a>> {
        let named = match disposition {
            Disposition::Rollback(name) => self.runbook.rollbacks.iter().find(|branch| branch.name == *name),
            Disposition::Park(name) => {
                let park = self.runbook.parks.iter().find(|park| park.name == *name);
                return vec![self.added_up(Way {
                    park,
                    undos_ms: 0,
                    ..from.clone()
                })];
            }
            Disposition::Pause | Disposition::Continue(_) => return Vec::new(),
            Disposition::Unwind => None,
        };
        let mut ways = Vec::new();
        let (mut may_apply, mut must_apply) = (false, false);
        if let Some(branch) = named {
            let (first, until) = (branch.from, branch.until);
            let count = self.runbook.steps.len();
            if first < count && until < count {
                let has_ended = has_ended(self.order, branch, from.step);
                let has_started = (from.step == first && has_begun) || self.order.is_before(first, from.step);
                let is_beside = self.order.may_run_at_once(from.step, first);
                must_apply = has_started && !has_ended && !self.order.may_run_at_once(from.step, until);
                may_apply = (has_started || is_beside) && !has_ended;
            }
            if may_apply {
                ways.push(self.added_up(Way {
                    branch: Some(branch),
                    undos_ms: 0,
                    ..from.clone()
                }));
            }
        }
        if !must_apply {
            ways.push(self.added_up(from.clone()));
        }
        ways
    }

    fn added_up(&self, mut way: Way<'a>) -> Way<'a> {
        if let Some(branch) = way.branch {
            let mut statements = branch.body.statements.iter();
            if statements.any(|statement| matches!(statement.kind, StatementKind::Unwind)) {
                way.undos_ms = self.started_ms[branch.from];
            }
        }
        way.total_ms = self.parts_ms(&way).fold(0, u64::saturating_add);
        way
    }

    fn parts_ms(&self, way: &Way<'a>) -> impl Iterator<Item = u64> {
        let fixed = [way.cancel_ms, self.body_ms(way), way.undos_ms, CLOSING_ANCHORS_MS];
        fixed
            .into_iter()
            .chain(self.taken(way).map(|hold| hold.release_within_ms))
            .chain(self.wells(way).map(|(_, within_ms)| within_ms))
    }

    /// The same sum in words.
    fn parts(&self, way: &Way<'a>) -> Vec<(String, u64)> {
        let step = &self.runbook.steps[way.step];
        let mut parts = Vec::new();
        if way.cancel_ms > 0 {
            parts.push((format!("ending what runs in step {}", step.name), way.cancel_ms));
        }
        if let Some(branch) = way.branch {
            parts.push((format!("way back {}", branch.name), self.body_ms(way)));
        }
        if let Some(park) = way.park {
            parts.push((format!("park {}", park.name), self.body_ms(way)));
        }
        if way.undos_ms > 0 {
            parts.push(("undos of what was started".to_owned(), way.undos_ms));
        }
        parts.extend(
            self.taken(way)
                .map(|hold| (format!("release of {}", hold.name), hold.release_within_ms)),
        );
        parts.extend(
            self.wells(way)
                .map(|(service, within_ms)| (format!("{service} is well"), within_ms)),
        );
        parts.push(("closing anchors".to_owned(), CLOSING_ANCHORS_MS));
        parts
    }

    fn body_ms(&self, way: &Way<'a>) -> u64 {
        let (budget_ms, body) = match (way.branch, way.park) {
            (Some(branch), _) => (branch.budget_ms, &branch.body),
            (None, Some(park)) => (park.budget_ms, &park.body),
            (None, None) => return 0,
        };
        budget_ms.unwrap_or_else(|| {
            let limits = body.statements.iter().map(|statement| self.limit_ms(statement));
            limits.fold(0, u64::saturating_add)
        })
    }

    /// The holds that are released at the end of a way back: those that may be taken where it begins,
    /// and those that it takes itself.
    fn taken(&self, way: &Way<'a>) -> impl Iterator<Item = &'a Hold> {
        let point = (self.order.position(way.step), way.at);
        let body = way.branch.map(|branch| &branch.body);
        let holds = self.runbook.holds.iter().zip(&self.holds);
        holds.filter_map(move |(hold, spans)| {
            let is_taken = spans.0.iter().any(|(from, to)| *from <= point && point <= *to);
            (is_taken || body.is_some_and(|body| takes(body, &hold.name))).then_some(hold)
        })
    }

    /// The services that have to be well after a way back; one that the branch checks itself counts there.
    fn wells(&self, way: &Way<'a>) -> impl Iterator<Item = (&'a str, u64)> {
        let body = way.branch.map(|branch| &branch.body);
        self.runbook.services.iter().filter_map(move |service| {
            let known = self.runbook.topology.services.get(&service.name)?;
            let well = service.well.as_ref().filter(|_| known.begins_running())?;
            let is_checked = body.is_some_and(|body| checks_well(body, &service.name));
            (!is_checked).then_some((service.name.as_str(), well.within_ms))
        })
    }

    /// From the first `take` to the last `release`; over whole regions where steps may run at once.
    fn hold_spans(&self, hold: &Hold) -> HoldSpans {
        let mut starts = Vec::new();
        let mut freed_at = Vec::new();
        for (step, body) in self.runbook.steps.iter().enumerate() {
            for (at, statement) in body.body.statements.iter().enumerate() {
                match &statement.kind {
                    StatementKind::Take(name) if *name == hold.name => starts.push((step, at)),
                    StatementKind::Release(name) if *name == hold.name => freed_at.push((step, at)),
                    _ => {}
                }
            }
            if self.row_blocks(step).any(|row| takes(row, &hold.name)) {
                starts.push((step, 0));
            }
        }
        let end = (usize::MAX, usize::MAX);
        let spans = starts.into_iter().map(|(step, at)| {
            let start = self.edge(step, at, false);
            let ends = freed_at.iter().filter(|(release, statement)| {
                *release == step && *statement > at || self.order.is_before(step, *release)
            });
            let released = ends.map(|(release, statement)| {
                if *release == step {
                    (self.order.position(step), *statement)
                } else {
                    self.edge(*release, *statement, true)
                }
            });
            (start, released.min().unwrap_or(end))
        });
        HoldSpans(spans.collect())
    }

    fn edge(&self, step: usize, at: usize, is_end: bool) -> (usize, usize) {
        let region = self.order.region_of(step);
        match (region.len(), is_end) {
            (1, _) => (self.order.position(step), at),
            (_, false) => (region.first().map_or(0, |first| self.order.position(*first)), 0),
            (_, true) => (
                region.last().map_or(usize::MAX, |last| self.order.position(*last)),
                usize::MAX,
            ),
        }
    }

    /// How long turning back may have to wait for this statement.
    fn cancel_ms(&self, statement: &Statement) -> u64 {
        match &statement.kind {
            StatementKind::Do(action) => action_cancel_ms(action),
            StatementKind::Take(name) => self.hold_cancel_ms(name, |hold| (&hold.take, hold.take_within_ms)),
            StatementKind::Release(name) => self.hold_cancel_ms(name, |hold| (&hold.release, hold.release_within_ms)),
            _ => 0,
        }
    }

    fn hold_cancel_ms(&self, name: &str, side: impl Fn(&Hold) -> (&Block, u64)) -> u64 {
        let Some((block, within_ms)) = self.runbook.holds.iter().find(|hold| hold.name == name).map(side) else {
            return 0;
        };
        let actions = block.statements.iter().filter_map(|statement| match &statement.kind {
            StatementKind::Do(action) => Some(action_cancel_ms(action).min(within_ms)),
            _ => None,
        });
        actions.max().unwrap_or(0)
    }

    /// The longest that a statement of a way back may take where the way has no budget.
    fn limit_ms(&self, statement: &Statement) -> u64 {
        let hold = |name: &str| self.runbook.holds.iter().find(|hold| hold.name == *name);
        match &statement.kind {
            StatementKind::Do(action) => action.within_ms,
            StatementKind::Check(check) => check.within_ms,
            StatementKind::Wait { duration_ms, .. } => *duration_ms,
            StatementKind::Take(name) => hold(name).map_or(0, |hold| hold.take_within_ms),
            StatementKind::Release(name) => hold(name).map_or(0, |hold| hold.release_within_ms),
            _ => 0,
        }
    }
}
