//! Which ways a run may take from where: what each step's failure, silence, symptom or interruption leads to.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::Disposition;
use crate::program::{BlockId, Program, RollbackId, RowId, StepId};

/// A way that a run takes when it leaves the way forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    Unwind,
    Rollback(RollbackId, BlockId),
    Park(BlockId),
    /// Past the point of no return, where the text names no place to stop: holds are released.
    Stay,
}

/// The words of the text that lead somewhere, each once, and which of them each step may follow.
pub(super) struct Ways<'a> {
    words: Vec<&'a Disposition>,
    /// For each word the branch that it names, by its place in the text.
    branches: Vec<Option<usize>>,
    /// The steps in the order of the plan.
    order: Vec<StepId>,
    /// For each step its words.
    of_step: Vec<usize>,
    /// Sets of words, each once.
    sets: Vec<Vec<usize>>,
    /// For each set the steps that have it, by rank.
    steps: Vec<Vec<StepId>>,
    /// For each step its words but those of its symptoms.
    unhealed: Vec<Vec<usize>>,
    /// For each step and row the words that a failure of what the row does may follow.
    of_row: BTreeMap<(usize, RowId), Vec<usize>>,
    /// Those of the end of the way forward.
    closing: Vec<usize>,
}

impl<'a> Ways<'a> {
    pub(super) fn new(program: &'a Program) -> Self {
        let mut ways = Self {
            words: Vec::new(),
            branches: Vec::new(),
            order: program.order().collect(),
            of_step: vec![0; program.runbook().steps.len()],
            sets: Vec::new(),
            steps: Vec::new(),
            unhealed: vec![Vec::new(); program.runbook().steps.len()],
            of_row: BTreeMap::new(),
            closing: Vec::new(),
        };
        let runbook = program.runbook();
        let of_run = [&runbook.on_failure, &runbook.on_interrupt];
        // At the end only the question of a service can fail.
        let can_fail = runbook.services.iter().any(|service| service.well.is_some());
        ways.closing = ways.set(of_run.into_iter().skip(usize::from(!can_fail)));
        let mut known: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        for step in program.order() {
            let own = program.step(step);
            let silences = own
                .body
                .statements
                .iter()
                .filter_map(|statement| statement.on_silence());
            let rows = program.rows_of(step).map(|row| &program.row(row).otherwise);
            let unhealed = of_run.into_iter().skip(1).chain([&own.on_failure]).chain(silences);
            let set = ways.set(unhealed.clone().chain(rows));
            ways.unhealed[step.place()] = ways.set(unhealed);
            // The end of the time leads where the step's failure does.
            let by_time = runbook.window.map(|_| &own.on_failure);
            for row in program.rows_of(step) {
                let words = of_run
                    .into_iter()
                    .skip(1)
                    .chain([&program.row(row).otherwise])
                    .chain(by_time);
                let words = ways.set(words);
                ways.of_row.insert((step.place(), row), words);
            }
            let next = ways.sets.len();
            let at = *known.entry(set.clone()).or_insert(next);
            if at == next {
                ways.sets.push(set);
                ways.steps.push(Vec::new());
            }
            ways.of_step[step.place()] = at;
            ways.steps[at].push(step);
        }
        let places = runbook.rollbacks.iter().enumerate();
        let places: BTreeMap<&str, usize> = places.map(|(place, branch)| (branch.name.as_str(), place)).collect();
        let branch = |word: &&Disposition| match word {
            Disposition::Rollback(name) => places.get(name.as_str()).copied(),
            _ => None,
        };
        ways.branches = ways.words.iter().map(branch).collect();
        ways
    }

    fn set(&mut self, words: impl Iterator<Item = &'a Disposition>) -> Vec<usize> {
        let mut set: Vec<usize> = words.map(|word| self.word(word)).collect();
        set.sort_unstable();
        set.dedup();
        set
    }

    fn word(&mut self, word: &'a Disposition) -> usize {
        let known = self.words.iter().position(|known| *known == word);
        known.unwrap_or_else(|| {
            self.words.push(word);
            self.words.len() - 1
        })
    }

    /// What a run may follow that leaves the way forward in a step.
    pub(super) fn of_step(&self, step: StepId) -> &[usize] {
        &self.sets[self.of_step[step.place()]]
    }

    /// As [`Self::of_step`], where nothing has failed that a row might heal.
    pub(super) fn unhealed(&self, step: StepId) -> &[usize] {
        &self.unhealed[step.place()]
    }

    /// What it may follow where what a row does for a step fails.
    pub(super) fn of_row(&self, step: StepId, row: RowId) -> &[usize] {
        self.of_row.get(&(step.place(), row)).map_or(&[], Vec::as_slice)
    }

    /// What it may follow at its end.
    pub(super) fn closing(&self) -> &[usize] {
        &self.closing
    }

    pub(super) fn disposition(&self, word: usize) -> &'a Disposition {
        self.words[word]
    }

    /// The branch that a word leads to, by its place in the text.
    pub(super) fn branch(&self, word: usize) -> Option<usize> {
        self.branches[word]
    }

    /// Whether all steps lead to the same.
    pub(super) fn are_one(&self) -> bool {
        self.sets.len() < 2
    }

    /// The sets of words that steps at these places of the order may have, each with all steps that have it, in that
    /// order.
    pub(super) fn sets_at(&self, ranks: Range<usize>) -> impl Iterator<Item = (&[usize], &[StepId])> {
        let mut sets: Vec<usize> = if ranks.len() < self.sets.len() {
            self.order[ranks]
                .iter()
                .map(|step| self.of_step[step.place()])
                .collect()
        } else {
            (0..self.sets.len()).collect()
        };
        sets.sort_unstable();
        sets.dedup();
        let sets = sets.into_iter();
        sets.map(|set| (self.sets[set].as_slice(), self.steps[set].as_slice()))
    }
}
