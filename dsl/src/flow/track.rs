//! Steps as a cell sees them, and how far each is.

use std::collections::BTreeMap;

use crate::model::StatementKind;
use crate::order::StepOrder;
use crate::program::{Owner, RollbackId, RowId, StatementId, StepId};

use super::act::Act;
use super::perform::Cell;
use super::ways::Ways;

/// A step as a cell sees it.
pub(super) struct Track {
    pub(super) step: StepId,
    pub(super) rank: usize,
    pub(super) stops: Vec<Stop>,
    /// For each stop what may fail before it that the cell does not see.
    pub(super) unseen: Vec<Unseen>,
    /// Rows of its tables that do anything to the cell.
    pub(super) rows: Vec<RowId>,
    /// The branches of the cell whose stretches begin with the step.
    pub(super) begins: Vec<RollbackId>,
    /// Those whose stretches end with it.
    pub(super) ends: Vec<RollbackId>,
    /// Steps that may run at the same time and lead elsewhere, one for each set of words.
    pub(super) beside: Vec<StepId>,
}

/// What a cell does not see between two stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unseen {
    /// Something may fail.
    pub(super) may_fail: bool,
    /// An action or a check may fail, which a row may heal.
    pub(super) may_be_healed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Statement(StatementId),
    /// The first intent of the step: stretches begin.
    Begun,
    /// The end of the step: stretches end.
    Over,
    /// All that the cell does not see, and that a row may heal.
    Rest,
}

/// How far each track is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Places {
    /// All stops that are behind it: points that come later have more.
    pub(super) sum: usize,
    /// So many tracks are done.
    pub(super) done: usize,
    /// Of those that come next, in their order; the others have not begun.
    pub(super) next: Vec<usize>,
}

impl Places {
    pub(super) fn of(&self, track: usize, tracks: &[Track]) -> usize {
        match track.checked_sub(self.done) {
            None => tracks[track].stops.len(),
            Some(at) => self.next.get(at).copied().unwrap_or(0),
        }
    }

    /// The same with one track at another stop.
    pub(super) fn with(&self, track: usize, stop: usize, tracks: &[Track]) -> Self {
        let mut places = self.clone();
        let at = track - places.done;
        places.next.resize(places.next.len().max(at + 1), 0);
        places.sum += stop - places.next[at];
        places.next[at] = stop;
        places.settled(tracks)
    }

    /// Tracks that are done are counted only.
    pub(super) fn settled(mut self, tracks: &[Track]) -> Self {
        let is_done = |(at, track): (usize, &Track)| self.next.get(at).copied().unwrap_or(0) == track.stops.len();
        let rest = tracks[self.done..].iter().enumerate();
        let count = rest.take_while(|(at, track)| is_done((*at, track))).count();
        self.done += count;
        self.next.drain(..count.min(self.next.len()));
        while self.next.last() == Some(&0) {
            self.next.pop();
        }
        self
    }
}

/// Where the region of a step begins in the order.
pub(super) fn region(order: &StepOrder, step: usize) -> usize {
    order.region_of(step).first().map_or(0, |first| order.position(*first))
}

/// Steps that may run at the same time as one and may lead elsewhere, one for each set of words.
pub(super) fn beside(cell: &Cell<'_>, ways: &Ways<'_>, step: StepId) -> Vec<StepId> {
    let program = cell.acts.program;
    let order = program.step_order();
    let mut found: Vec<StepId> = Vec::new();
    for other in order
        .region_of(step.place())
        .iter()
        .filter_map(|place| program.step_at(*place))
    {
        let (one, two) = (step.place(), other.place());
        let is_new = |known: &StepId| ways.of_step(*known) != ways.of_step(other);
        if !order.is_before(one, two) && !order.is_before(two, one) && is_new(&step) && found.iter().all(is_new) {
            found.push(other);
        }
    }
    found
}

/// The steps that a cell sees, those with which a stretch begins or ends, and those that commit.
pub(super) fn tracks(cell: &Cell<'_>) -> Vec<Track> {
    let (acts, index) = (cell.acts, cell.index);
    let program = acts.program;
    let mut steps: BTreeMap<usize, StepId> = BTreeMap::new();
    let mut rows: BTreeMap<usize, Vec<RowId>> = BTreeMap::new();
    for id in acts.seen(index) {
        match program.owner(program.block_of(*id)) {
            Owner::Step(step) => drop(steps.insert(program.rank(step), step)),
            Owner::Row(row) => {
                for step in program
                    .order()
                    .filter(|step| program.rows_of(*step).any(|known| known == row))
                {
                    steps.insert(program.rank(step), step);
                    let known = rows.entry(program.rank(step)).or_default();
                    if !known.contains(&row) {
                        known.push(row);
                    }
                }
            }
            _ => {}
        }
    }
    let (mut begins, mut ends): (Bounds, Bounds) = Default::default();
    for branch in acts.branches_for(index, &steps) {
        let (from, until) = branch.stretch;
        begins.entry(from).or_default().push(branch.id);
        ends.entry(until).or_default().push(branch.id);
    }
    let commits = program
        .order()
        .filter(|step| program.step(*step).body.commits().is_some());
    let marked = commits.chain(begins.keys().copied()).chain(ends.keys().copied());
    steps.extend(marked.map(|step| (program.rank(step), step)));
    let tracks = steps.into_iter().map(|(rank, step)| {
        let mut track = Track {
            step,
            rank,
            stops: Vec::new(),
            unseen: Vec::new(),
            rows: rows.remove(&rank).unwrap_or_default(),
            begins: begins.remove(&step).unwrap_or_default(),
            ends: ends.remove(&step).unwrap_or_default(),
            beside: Vec::new(),
        };
        track.find_stops(cell);
        track
    });
    tracks.collect()
}

/// Branches by the step with which their stretches begin or end.
type Bounds = BTreeMap<StepId, Vec<RollbackId>>;

impl Track {
    /// Finds the stops, and for each what the cell does not see before it.
    fn find_stops(&mut self, cell: &Cell<'_>) {
        let program = cell.acts.program;
        let seen = cell.acts.seen(cell.index);
        let own: Vec<StatementId> = program.statements_of(program.step_block(self.step)).collect();
        let is_seen = own.iter().any(|id| seen.contains(id));
        let does_commit = program.step(self.step).body.commits().is_some();
        let ends = !self.ends.is_empty() && !does_commit && !program.is_last(self.step);
        let is_bound = !self.begins.is_empty() || ends || does_commit;
        let mut has_begun = self.begins.is_empty();
        let mut before = Unseen::default();
        for id in own {
            let kind = &program.statement(id).kind;
            if !has_begun && matches!(kind, StatementKind::Do(_) | StatementKind::Take(_)) {
                self.add(Stop::Begun, before);
                has_begun = true;
            }
            let is_guard = match cell.acts.act(id) {
                Act::Guard(_) => is_seen || is_bound,
                Act::Requires { condition, .. } => condition.is_some() && (is_seen || is_bound),
                _ => false,
            };
            if seen.contains(&id) || is_guard || matches!(kind, StatementKind::Commits { .. }) {
                self.add(Stop::Statement(id), before);
                before = Unseen::default();
            } else {
                before.may_fail |= !matches!(kind, StatementKind::Record(_) | StatementKind::Wait { .. });
                before.may_be_healed |= kind.has_symptoms();
            }
        }
        if !self.rows.is_empty() && before.may_be_healed {
            self.add(Stop::Rest, before);
        }
        if ends {
            self.add(Stop::Over, Unseen::default());
        }
    }

    fn add(&mut self, stop: Stop, before: Unseen) {
        self.stops.push(stop);
        self.unseen.push(before);
    }
}
