//! The way forward of one cell: every element in which it may stand at each point, and every point at which the
//! run may leave it.
//!
//! A point is how far each step is that the cell sees. Steps of a chain have one point after the other; those
//! that may run at once have one for each way in which they may have come along. *Joined* are elements of one
//! point; two that differ in what is owed or known stay two. *Lost* is which elements of different cells go
//! together.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use crate::check::pure::is_pure;
use crate::model::{Disposition, StatementKind};
use crate::program::{RowId, StatementId, StepId};
use crate::state::Violation;

use super::act::Act;
use super::back::{Back, Breach, Point};
use super::element::{Element, Fact};
use super::perform::Cell;
use super::track::{Places, Stop, Track, beside, region, tracks};
use super::ways::{Way, Ways};

/// So many elements of one point, and so many points of one cell, are told apart.
const ELEMENTS_MAX: usize = 1024;
const POINTS_MAX: usize = 4096;

/// A cell may stand in more ways than are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

/// Where steps may be under way at a point that a cell does not see.
struct Near {
    /// The first track that may run beside one of them.
    first: usize,
    /// Their places in the order of the plan.
    ranks: Range<usize>,
}

pub(super) struct Forward<'f, 'a> {
    cell: &'f mut Cell<'a>,
    ways: &'f Ways<'a>,
    back: &'f mut Back,
    tracks: Vec<Track>,
    open: BTreeMap<Places, BTreeSet<Element>>,
    left: HashSet<(usize, Element)>,
    breaches: Vec<Breach>,
    told: HashSet<(StatementId, &'static str)>,
    points: usize,
    too_many: bool,
    /// How the cell may stand when every step is done.
    pub(super) ends: BTreeSet<Element>,
}

impl<'f, 'a> Forward<'f, 'a> {
    pub(super) fn new(cell: &'f mut Cell<'a>, ways: &'f Ways<'a>, back: &'f mut Back) -> Self {
        let mut tracks = tracks(cell);
        for track in tracks.iter_mut().filter(|_| !ways.are_one()) {
            track.beside = beside(cell, ways, track.step);
        }
        Self {
            cell,
            ways,
            back,
            tracks,
            open: BTreeMap::new(),
            left: HashSet::new(),
            breaches: Vec::new(),
            told: HashSet::new(),
            points: 0,
            too_many: false,
            ends: BTreeSet::new(),
        }
    }

    /// Goes every way.
    pub(super) fn explore(&mut self) -> Result<Vec<Breach>, TooMany> {
        let start = self.cell.start();
        let places = Places {
            sum: 0,
            done: 0,
            next: Vec::new(),
        };
        let stops: usize = self.tracks.iter().map(|track| track.stops.len() + 1).sum();
        self.arrive(places.settled(&self.tracks), [start]);
        while let Some((places, elements)) = self.open.pop_first() {
            self.points += 1;
            let is_wide = self.open.len() > POINTS_MAX || self.points > stops + POINTS_MAX;
            if elements.len() > ELEMENTS_MAX || is_wide || self.too_many {
                return Err(TooMany);
            }
            self.at(&places, elements);
        }
        Ok(std::mem::take(&mut self.breaches))
    }

    fn arrive(&mut self, places: Places, elements: impl IntoIterator<Item = Element>) {
        self.open.entry(places).or_default().extend(elements);
    }

    fn at(&mut self, places: &Places, elements: BTreeSet<Element>) {
        let program = self.cell.acts.program;
        let active = self.active(places);
        let mut elements = elements;
        for track in &active {
            let at = places.of(*track, &self.tracks);
            if self.tracks[*track].unseen[at].may_be_healed {
                self.heal(*track, &mut elements);
            }
        }
        self.try_again(places, &active, &mut elements);
        self.interrupt(places, &active, &elements);
        if active.is_empty() {
            let rank = program.runbook().steps.len();
            let closing = Point { rank, statement: None };
            for element in &elements {
                self.leave(self.ways.closing(), *element, closing);
            }
            self.ends.extend(elements);
            return;
        }
        for track in active {
            self.advance(track, places, &elements);
        }
    }

    /// The steps that run or may begin: all before them are done.
    fn active(&self, places: &Places) -> Vec<usize> {
        let order = self.cell.acts.program.step_order();
        let mut open: Vec<usize> = Vec::new();
        let mut running = Vec::new();
        for track in places.done..self.tracks.len() {
            let known = &self.tracks[track];
            // Regions come one after the other, so nothing behind the next one may run yet.
            let first = open.first().map(|first| self.tracks[*first].step.place());
            if first.is_some_and(|first| region(order, first) != region(order, known.step.place())) {
                break;
            }
            if places.of(track, &self.tracks) == known.stops.len() {
                continue;
            }
            let is_after = |other: &usize| order.is_before(self.tracks[*other].step.place(), known.step.place());
            if !open.iter().any(is_after) {
                running.push(track);
            }
            open.push(track);
        }
        running
    }

    /// Takes the next stop of a step.
    fn advance(&mut self, track: usize, places: &Places, elements: &BTreeSet<Element>) {
        let (step, rank) = (self.tracks[track].step, self.tracks[track].rank);
        let at = places.of(track, &self.tracks);
        let next_stop = self.tracks[track].stops[at];
        let next = places.with(track, at + 1, &self.tracks);
        let id = match next_stop {
            Stop::Statement(id) => id,
            Stop::Rest => {
                self.arrive(next, elements.iter().copied());
                return;
            }
            Stop::Begun | Stop::Over => {
                let (facts, track) = (&mut self.cell.facts, &self.tracks[track]);
                let told = elements.iter().map(|element| {
                    let facts = if next_stop == Stop::Over {
                        facts.filtered(
                            element.facts,
                            |fact| !matches!(fact, Fact::Within(branch) if track.ends.contains(branch)),
                        )
                    } else {
                        let begun = track.begins.iter();
                        begun.fold(element.facts, |known, branch| facts.with(known, Fact::Within(*branch)))
                    };
                    Element { facts, ..*element }
                });
                let told: Vec<Element> = told.collect();
                self.arrive(next, told);
                return;
            }
        };
        let (mut done, mut failed, mut left) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<Element> = elements.iter().copied().collect();
        let mut seen: BTreeSet<Element> = elements.clone();
        while let Some(element) = open.pop() {
            let outcome = self.cell.perform(id, element, Some(step));
            done.extend(&outcome.done);
            left.extend(&outcome.left);
            self.breach(&outcome.violations);
            for failure in &outcome.failed {
                failed.insert(*failure);
                let again = self.again((track, id), *failure);
                open.extend(again.into_iter().filter(|element| seen.insert(*element)));
            }
            if seen.len() > ELEMENTS_MAX {
                self.too_many = true;
                return;
            }
        }
        let point = Point {
            rank,
            statement: Some(id),
        };
        let words = self.ways.of_step(step);
        for element in &failed {
            self.fail((track, words), *element, point);
        }
        let program = self.cell.acts.program;
        if let Disposition::Continue(_) = program.step(step).on_failure {
            left.extend(&failed);
            // What is worked out before an action, and what is asked of it, may fail too.
            if self.tracks[track].unseen[at].may_fail || self.asks(id) {
                left.extend(elements);
            }
        }
        let end = places.with(track, self.last(track).max(at), &self.tracks);
        if !left.is_empty() {
            self.arrive(end, left);
        }
        self.arrive(next, done);
    }

    /// What is tried once more is tried while the steps beside it go on: they find what the attempt before has left.
    fn try_again(&mut self, places: &Places, active: &[usize], elements: &mut BTreeSet<Element>) {
        let mut open: Vec<Element> = elements.iter().copied().filter(|_| active.len() > 1).collect();
        while let Some(element) = open.pop() {
            for track in active {
                let at = places.of(*track, &self.tracks);
                let Stop::Statement(id) = self.tracks[*track].stops[at] else {
                    continue;
                };
                let outcome = self.cell.perform(id, element, Some(self.tracks[*track].step));
                for failure in &outcome.failed {
                    let again = self.again((*track, id), *failure);
                    open.extend(again.into_iter().filter(|element| elements.insert(*element)));
                }
                if elements.len() > ELEMENTS_MAX {
                    self.too_many = true;
                    return;
                }
            }
        }
    }

    /// How the cell may stand when a statement that has failed is tried once more: as a retry, or when a row has
    /// healed it.
    fn again(&mut self, (track, id): (usize, StatementId), failure: Element) -> Vec<Element> {
        let is_retried = matches!(self.cell.acts.act(id), Act::Action(action) if action.is_retried);
        let mut again = self.healed(track, failure);
        again.extend(is_retried.then_some(failure));
        again
    }

    /// Whether something is asked before a statement begins to change anything.
    fn asks(&self, id: StatementId) -> bool {
        match &self.cell.acts.program.statement(id).kind {
            StatementKind::Do(action) => {
                self.cell.acts.asks_first(id) || action.call.arguments.iter().any(|(_, value)| !is_pure(value))
            }
            _ => true,
        }
    }

    /// Where a step that is left stands: before its end.
    fn last(&self, track: usize) -> usize {
        let stops = &self.tracks[track].stops;
        stops.len() - usize::from(stops.last() == Some(&Stop::Over))
    }

    /// How the cell may stand when any row has healed a failure of a step.
    fn healed(&mut self, track: usize, failure: Element) -> Vec<Element> {
        let step = self.tracks[track].step;
        let program = self.cell.acts.program;
        let mut found = Vec::new();
        if program.rows_of(step).any(|row| program.row_block(row).is_some()) {
            found.push(failure);
        }
        for row in self.tracks[track].rows.clone() {
            if self.cell.facts.has(failure.facts, &Fact::Row(row)) {
                continue;
            }
            let facts = self.cell.facts.with(failure.facts, Fact::Row(row));
            let healing = self.row(track, row, Element { facts, ..failure });
            found.extend(healing);
        }
        found
    }

    /// What a row does first, as a part of the step.
    fn row(&mut self, track: usize, row: RowId, element: Element) -> Vec<Element> {
        let program = self.cell.acts.program;
        let (step, rank) = (self.tracks[track].step, self.tracks[track].rank);
        let Some(block) = program.row_block(row) else {
            return Vec::new();
        };
        let mut elements = BTreeSet::from([element]);
        for id in self.cell.acts.seen_of(self.cell.index, block) {
            let mut after = BTreeSet::new();
            for element in elements {
                let outcome = self.cell.perform(id, element, Some(step));
                self.breach(&outcome.violations);
                let point = Point {
                    rank,
                    statement: Some(id),
                };
                let words = self.ways.of_row(step, row);
                for failure in &outcome.failed {
                    self.fail((track, words), *failure, point);
                }
                after.extend(&outcome.done);
            }
            elements = after;
        }
        elements.into_iter().collect()
    }

    /// A statement that the cell does not see may fail, and be healed by a row that it does see.
    fn heal(&mut self, track: usize, elements: &mut BTreeSet<Element>) {
        if self.tracks[track].rows.is_empty() {
            return;
        }
        let mut open: Vec<Element> = elements.iter().copied().collect();
        while let Some(element) = open.pop() {
            let healed = self.healed(track, element);
            open.extend(healed.into_iter().filter(|healed| elements.insert(*healed)));
            if elements.len() > ELEMENTS_MAX {
                self.too_many = true;
                return;
            }
        }
    }

    /// The run may leave the way forward here, in any step that may be under way.
    fn interrupt(&mut self, places: &Places, active: &[usize], elements: &BTreeSet<Element>) {
        let ways = self.ways;
        let mut points: Vec<(&[usize], Point)> = Vec::new();
        for track in active {
            let at = places.of(*track, &self.tracks);
            let track = &self.tracks[*track];
            let point = Point {
                rank: track.rank,
                statement: None,
            };
            let words = if track.unseen[at].may_be_healed {
                ways.of_step(track.step)
            } else {
                ways.unhealed(track.step)
            };
            points.push((words, point));
        }
        let near = self.near(places);
        for (words, steps) in ways.sets_at(near.ranks.clone()) {
            if let Some(step) = self.beside(places, &near, steps) {
                let rank = self.cell.acts.program.rank(step);
                points.push((words, Point { rank, statement: None }));
            }
        }
        points.sort_by_key(|(_, point)| *point);
        for (words, point) in points {
            for element in elements {
                self.leave(words, *element, point);
            }
        }
    }

    /// A statement fails: its step ends so, or one beside it, which stops it meanwhile.
    fn fail(&mut self, (track, words): (usize, &[usize]), element: Element, point: Point) {
        let ways = self.ways;
        self.leave(words, element, point);
        for step in self.tracks[track].beside.clone() {
            self.leave(ways.of_step(step), element, point);
        }
    }

    /// Where steps that the cell does not see may be under way.
    fn near(&self, places: &Places) -> Near {
        let order = self.cell.acts.program.step_order();
        let begun = (0..places.done + places.next.len())
            .rev()
            .find(|at| places.of(*at, &self.tracks) > 0 || self.is_done(*at, places));
        // All of the region of the last that has begun may run beside it.
        let from = begun.map_or(0, |at| region(order, self.tracks[at].step.place()));
        // Those of earlier regions are before it, those of later ones behind it.
        let is_near = |at: &usize| order.position(self.tracks[*at].step.place()) >= from;
        let first = (0..places.done).rev().take_while(is_near).last();
        // Nothing of a later region runs while a step of this one is not done.
        let open = self.tracks.get(places.done);
        let until = open.map(|track| region(order, track.step.place()) + order.region_of(track.step.place()).len());
        Near {
            first: first.unwrap_or(places.done),
            ranks: from..until.unwrap_or_else(|| order.sequence().len()),
        }
    }

    fn is_done(&self, track: usize, places: &Places) -> bool {
        places.of(track, &self.tracks) == self.tracks[track].stops.len()
    }

    /// The first of these steps that may be under way, and that the cell does not see.
    fn beside(&self, places: &Places, near: &Near, steps: &[StepId]) -> Option<StepId> {
        let program = self.cell.acts.program;
        let order = program.step_order();
        let at = steps.partition_point(|step| program.rank(*step) < near.ranks.start);
        let steps = steps[at..]
            .iter()
            .take_while(|step| program.rank(**step) < near.ranks.end);
        steps.copied().find(|step| {
            let place = step.place();
            let is_behind = |at: &usize| {
                let own = self.tracks[*at].step.place();
                region(order, own) != region(order, place) && order.is_before(place, own)
            };
            let mut tracks =
                (near.first..self.tracks.len()).take_while(|at| !is_behind(at) || places.of(*at, &self.tracks) > 0);
            tracks.all(|at| {
                let own = self.tracks[at].step.place();
                let has_begun = places.of(at, &self.tracks) > 0 || self.is_done(at, places);
                own != place
                    && (!has_begun || !order.is_before(place, own))
                    && (self.is_done(at, places) || !order.is_before(own, place))
            })
        })
    }

    /// Leaves the way forward, by each of these words.
    fn leave(&mut self, words: &[usize], element: Element, point: Point) {
        for word in words {
            if self.left.insert((*word, element))
                && let Some(way) = self.way(*word, element)
            {
                self.back.take(self.cell, way, element, point);
            }
        }
    }

    /// The way that a word leads to; `None` where nothing is owed.
    fn way(&self, word: usize, element: Element) -> Option<Way> {
        let program = self.cell.acts.program;
        let park = |name: &str| program.park_named(name).map(|(_, block)| Way::Park(block));
        match self.ways.disposition(word) {
            Disposition::Pause | Disposition::Continue(_) => None,
            Disposition::Park(name) => park(name),
            _ if element.is_committed => match &program.runbook().on_failure {
                Disposition::Park(name) => park(name),
                _ => Some(Way::Stay),
            },
            Disposition::Rollback(_) => {
                let branch = self.ways.branch(word).and_then(|place| self.cell.acts.branch(place));
                let within = branch.filter(|branch| self.cell.facts.has(element.facts, &Fact::Within(branch.id)));
                Some(within.map_or(Way::Unwind, |branch| Way::Rollback(branch.id, branch.block)))
            }
            Disposition::Unwind => Some(Way::Unwind),
        }
    }

    fn breach(&mut self, violations: &[(StatementId, Violation)]) {
        for (statement, violation) in violations {
            if self.told.insert((*statement, violation.slug)) {
                self.breaches.push(Breach {
                    cell: self.cell.index,
                    violation: violation.clone(),
                    statement: *statement,
                    back: None,
                    change: None,
                });
            }
        }
    }
}
