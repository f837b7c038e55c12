//! Steps: when they begin, what they are at, how they end. Table: `docs/machine.md`.

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::model::{Disposition, Rollback};
use backstay_dsl::program::{RowId, StatementId, StepId};
use backstay_dsl::units;

use super::budget::Budget;
use super::cursor::Cursor;
use super::desired::{Mode, Work};
use super::failure::{Cause, Failure, FailureKind, Next};
use super::healing::{Examined, Healing, Outcome};
use super::places::{Places, word};
use super::progress::View;
use super::time::{Moment, Timeline, milliseconds};
use crate::event::{Event, Exception, StepState, TimerId, WorkKey};
use crate::plan::Plan;

/// Steps that may be active at once.
const WIDTH_MAX: usize = 64;

/// All steps of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// For each step: how many of those it waits for are not done.
    waits_for: Vec<usize>,
    /// For each step: how it ended.
    over: Vec<Option<StepState>>,
    /// Those that may begin before the window.
    ready_before_window: BTreeSet<StepId>,
    /// Those that may begin inside the window.
    ready: BTreeSet<StepId>,
    active: BTreeMap<StepId, ActiveStep>,
    rows: BTreeMap<RowId, Sighting>,
    /// Those in which an intent was recorded.
    begun: BTreeSet<StepId>,
    /// Those whose `commits` was passed.
    committed: BTreeSet<StepId>,
}

/// How a row of a symptom table was seen last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sighting {
    evidence: String,
    /// Whether it was taken on this evidence.
    is_taken: bool,
    /// How often it was taken in this run.
    times: u64,
}

/// A step that is being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ActiveStep {
    cursor: Cursor,
    budget: Budget,
    /// The symptom table that is consulted for it.
    healing: Option<Healing>,
    failing: Option<Failing>,
}

/// Why a step fails.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failing {
    reason: String,
    /// The reason of `on failure continue`.
    continues: Option<String>,
}

impl ActiveStep {
    /// Whether no attempt runs or is to be settled, in the step or in the row that heals it.
    fn is_quiet(&self, settling_counts: bool) -> bool {
        let healing = self.healing.as_ref().and_then(Healing::cursor);
        self.cursor.is_quiet(settling_counts) && healing.is_none_or(|cursor| cursor.is_quiet(settling_counts))
    }

    fn cursors(&self) -> impl Iterator<Item = &Cursor> {
        let row = self.healing.as_ref().and_then(Healing::cursor);
        [Some(&self.cursor), row].into_iter().flatten()
    }

    /// Whether it is the one that heals.
    fn heals(&self) -> bool {
        self.failing.is_none() && self.healing.as_ref().is_some_and(Healing::is_begun)
    }

    /// The table that is consulted, unless the step fails already.
    fn healing_mut(&mut self) -> Option<&mut Healing> {
        self.healing.as_mut().filter(|_| self.failing.is_none())
    }

    fn due(&self, plan: &Plan, step: StepId) -> Option<Event> {
        if let Some(failing) = &self.failing {
            let is_due = self.is_quiet(true) && failing.continues.is_some();
            return is_due.then(|| event(plan, step, StepState::Excepted, Some(failing.reason.clone())));
        }
        if let Some(healing) = &self.healing {
            return healing.due(plan, step, &self.cursor);
        }
        match self.cursor.ended() {
            Some((state, because)) => Some(event(plan, step, state, because)),
            None => self.cursor.due(plan),
        }
    }
}

impl Steps {
    /// All of them waiting or ready.
    pub(super) fn new(plan: &Plan) -> Self {
        let steps = &plan.runbook.steps;
        let mut all = Self {
            waits_for: steps.iter().map(|step| step.after.len()).collect(),
            over: vec![None; steps.len()],
            ..Self::default()
        };
        let order = plan.program.order();
        for step in order.filter(|step| plan.program.step(*step).after.is_empty()) {
            all.make_ready(plan, step);
        }
        all
    }

    fn make_ready(&mut self, plan: &Plan, step: StepId) {
        if plan.program.step(step).before_window {
            self.ready_before_window.insert(step);
        } else {
            self.ready.insert(step);
        }
    }

    pub(super) fn places(&self, plan: &Plan, places: &mut Places) {
        for step in plan.program.order() {
            let name = &plan.program.step(step).name;
            let is_ready = self.ready.contains(&step) || self.ready_before_window.contains(&step);
            let place = match self.active.get(&step) {
                Some(active) => {
                    active.cursor.places(plan, places);
                    if let Some(healing) = &active.healing {
                        healing.places(plan, name, places);
                    }
                    if active.failing.is_some() { "Failing" } else { "Active" }.to_owned()
                }
                None if is_ready => "Ready".to_owned(),
                None => match self.over.get(step.place()).copied().flatten() {
                    Some(state) => word(&state),
                    None => "Waiting".to_owned(),
                },
            };
            places.insert(("step", name.clone()), place);
        }
    }

    /// Whether nothing is active or may begin.
    pub(super) fn are_idle(&self) -> bool {
        self.active.is_empty() && self.ready.is_empty() && self.ready_before_window.is_empty()
    }

    /// Whether nothing is left to do before the first step inside the window.
    pub(super) fn are_at_window(&self) -> bool {
        self.active.is_empty() && self.ready_before_window.is_empty() && !self.ready.is_empty()
    }

    pub(super) fn are_quiet(&self, settling_counts: bool) -> bool {
        self.active.values().all(|active| active.is_quiet(settling_counts))
    }

    /// The step that begins next.
    pub(super) fn next_ready(&self, is_open: bool) -> Option<StepId> {
        let before = self.ready_before_window.first();
        let next = before.or(self.ready.first().filter(|_| is_open)).copied();
        next.filter(|_| self.active.len() < WIDTH_MAX)
    }

    pub(super) fn is_ready_before_window(&self, step: StepId) -> bool {
        self.ready_before_window.contains(&step)
    }

    /// The steps that are carried out.
    pub(super) fn active(&self) -> Vec<StepId> {
        self.active.keys().copied().collect()
    }

    /// The active step that has no time to be carried out anew before the run has to turn back.
    pub(super) fn too_late_again(&self, time: &Timeline) -> Option<StepId> {
        let mut active = self.active.iter();
        let late = active.find(|(_, active)| match active.budget {
            Budget::Until(until) => time.t_back().is_some_and(|t_back| until > t_back),
            Budget::Unbounded | Budget::Stopped(_) => time.is_past_t_back(),
        });
        late.map(|(step, _)| *step)
    }

    /// What turning back means where no statement says it: the running step's way, else the runbook's.
    pub(super) fn turn_back(&self, plan: &Plan) -> Disposition {
        let of_steps = self.active.keys().map(|step| &plan.program.step(*step).on_failure);
        let mut ways = of_steps.chain([&plan.runbook.on_failure]);
        ways.find(|way| way.leads_back())
            .cloned()
            .unwrap_or(Disposition::Unwind)
    }

    /// A disposition that surely leads back.
    pub(super) fn way_of(&self, plan: &Plan, to: &Disposition) -> Disposition {
        if to.leads_back() {
            to.clone()
        } else {
            self.turn_back(plan)
        }
    }

    /// Whether a step (a place in the runbook) is done, or need not be.
    pub(super) fn is_done(&self, plan: &Plan, place: usize) -> bool {
        let state = plan.program.step_at(place).and_then(|step| self.over.get(step.place()));
        state.copied().flatten().is_some_and(StepState::counts_as_done)
    }

    /// Whether an intent was recorded in a step, or it is done without one.
    pub(super) fn has_begun(&self, plan: &Plan, place: usize) -> bool {
        let has_begun = plan
            .program
            .step_at(place)
            .is_some_and(|step| self.begun.contains(&step));
        has_begun || self.is_done(plan, place)
    }

    /// Whether the run is in the stretch of a branch.
    pub(super) fn are_in_stretch(&self, plan: &Plan, branch: &Rollback) -> bool {
        let program = &plan.program;
        let (Some(from), Some(until)) = (program.step_at(branch.from), program.step_at(branch.until)) else {
            return false;
        };
        let is_past = if program.step(until).body.commits().is_some() {
            self.committed.contains(&until)
        } else {
            let state = self.over.get(until.place()).copied().flatten();
            !program.is_last(until) && state.is_some_and(StepState::counts_as_done)
        };
        self.begun.contains(&from) && !is_past
    }

    /// Every cursor at the top, with the step it belongs to.
    pub(super) fn cursors(&self) -> impl Iterator<Item = (StepId, &Cursor)> {
        let active = self.active.iter();
        active.flat_map(|(step, active)| active.cursors().map(|cursor| (*step, cursor)))
    }

    /// The same, to be changed.
    pub(super) fn cursors_mut(&mut self) -> impl Iterator<Item = &mut Cursor> {
        self.active.values_mut().flat_map(|active| {
            let row = active.healing.as_mut().and_then(Healing::cursor_mut);
            [Some(&mut active.cursor), row].into_iter().flatten()
        })
    }

    /// `step running`: a ready step begins, or a healed one goes on. Gives whether one begins.
    pub(super) fn on_running(&mut self, view: View<'_>, step: StepId) -> bool {
        if let Some(active) = self.active.get_mut(&step) {
            if active.healing_mut().is_some_and(Healing::on_row_done) {
                active.cursor.again();
            }
            return false;
        }
        if !self.ready_before_window.remove(&step) && !self.ready.remove(&step) {
            return false;
        }
        let active = ActiveStep {
            cursor: Cursor::forward(view, view.plan.program.step_block(step)),
            budget: Budget::whole(view, step),
            healing: None,
            failing: None,
        };
        self.active.insert(step, active);
        true
    }

    /// `step healing`.
    pub(super) fn on_healing(&mut self, view: View<'_>, step: StepId) {
        if let Some(healing) = self.healing_of(step)
            && healing.on_healing(view)
        {
            let row = healing.row();
            let sighting = self.rows.entry(row).or_default();
            sighting.is_taken = true;
            sighting.times += 1;
        }
    }

    /// A record says how a step ended; what waits for it may become ready. Gives what was passed over.
    pub(super) fn on_over(&mut self, plan: &Plan, step: StepId, state: StepState) -> Option<Exception> {
        let active = self.active.remove(&step)?;
        if let Some(over) = self.over.get_mut(step.place()) {
            *over = Some(state);
        }
        for next in plan.program.dependents(step).filter(|_| state.counts_as_done()) {
            if let Some(count) = self.waits_for.get_mut(next.place()) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.make_ready(plan, next);
                }
            }
        }
        let failing = active.failing.filter(|_| state == StepState::Excepted)?;
        let definition = plan.program.step(step);
        Some(Exception {
            step: definition.name.clone(),
            title: definition.title.clone(),
            reason: failing.reason,
            because: failing.continues.unwrap_or_default(),
        })
    }

    /// An intent was recorded in this step.
    pub(super) fn note_begun(&mut self, step: StepId) {
        self.begun.insert(step);
    }

    /// The point of no return that is this statement was passed.
    pub(super) fn commit(&mut self, plan: &Plan, statement: StatementId) {
        let active = self.active.iter();
        let at = active.filter(|(_, active)| active.cursor.current(plan) == Some(statement));
        self.committed.extend(at.map(|(step, _)| *step));
    }

    /// The run takes its way back: a step that is still active by then is over.
    pub(super) fn drop_active(&mut self) {
        self.active.clear();
    }

    /// Another runner goes on: budgets begin anew.
    pub(super) fn on_resumed(&mut self, view: View<'_>) {
        for (step, active) in &mut self.active {
            let is_stopped = matches!(active.budget, Budget::Stopped(_));
            active.budget = Budget::whole(view, *step);
            if is_stopped {
                active.budget.stop(view.progress.time.now());
            }
            if let Some(healing) = &mut active.healing {
                healing.refresh(view);
            }
        }
    }

    /// Looks at every active step for what failed or went on, and draws the consequences.
    pub(super) fn settle(&mut self, view: View<'_>) -> Vec<Next> {
        let met = |active: &ActiveStep| active.healing.is_some() || active.cursor.failure().is_some();
        let active = self.active.iter().filter(|(_, active)| met(active));
        let steps: Vec<StepId> = active.map(|(step, _)| *step).collect();
        let next = steps
            .into_iter()
            .filter_map(|step| self.settle_step(view, step))
            .collect();
        self.heal_next(view.plan);
        next
    }

    fn settle_step(&mut self, view: View<'_>, step: StepId) -> Option<Next> {
        let active = self.active.get_mut(&step).filter(|active| active.failing.is_none())?;
        let Some(healing) = &active.healing else {
            let failure = active.cursor.failure()?.clone();
            return self.on_failure(view, step, failure);
        };
        match healing.settle(view.plan, &active.cursor) {
            Outcome::GoesOn => None,
            Outcome::Healed => {
                active.healing = None;
                active.budget.go_on(view.progress.time.now());
                None
            }
            Outcome::Fails(to) => {
                let failure = active.cursor.failure().unwrap_or(healing.failure()).clone();
                self.fail(view.plan, step, (&failure.key, &failure.reason), &to)
            }
        }
    }

    fn on_failure(&mut self, view: View<'_>, step: StepId, failure: Failure) -> Option<Next> {
        let plan = view.plan;
        let active = self.active.get_mut(&step)?;
        if failure.has_symptoms()
            && let Some(healing) = Healing::queue(plan, step, active.cursor.place(), failure.clone())
        {
            active.budget.stop(view.progress.time.now());
            active.healing = Some(healing);
            return None;
        }
        let on_failure = plan.program.step(step).on_failure.clone();
        let to = match failure.kind {
            FailureKind::Silence(Some(on_silence)) => on_silence,
            FailureKind::Silence(None) => self.way_of(plan, &on_failure),
            _ => on_failure,
        };
        self.fail(plan, step, (&failure.key, &failure.reason), &to)
    }

    /// Lets the first step that waits for it heal, where none does.
    fn heal_next(&mut self, plan: &Plan) {
        if self.active.values().any(ActiveStep::heals) {
            return;
        }
        let mut tables = self.active.values_mut().filter_map(ActiveStep::healing_mut);
        if let Some(queued) = tables.find(|healing| healing.is_queued()) {
            queued.begin(plan);
        }
    }

    /// The step that heals.
    fn heals(&self) -> Option<StepId> {
        let mut active = self.active.iter();
        active.find_map(|(step, active)| active.heals().then_some(*step))
    }

    fn healing_of(&mut self, step: StepId) -> Option<&mut Healing> {
        self.active.get_mut(&step)?.healing_mut()
    }

    /// `evaluated` of a row.
    pub(super) fn on_row_evaluated(&mut self, plan: &Plan, key: &str, holds: bool, evidence: &str) {
        let Some(row) = self
            .heals()
            .and_then(|step| self.healing_of(step))
            .map(|healing| healing.row())
        else {
            return;
        };
        let sighting = self.rows.entry(row).or_default();
        let examined = if !holds {
            Examined::HoldsNot
        } else if sighting.is_taken && sighting.evidence == evidence {
            Examined::IsOld
        } else {
            evidence.clone_into(&mut sighting.evidence);
            sighting.is_taken = false;
            Examined::Holds
        };
        if let Some(healing) = self.heals().and_then(|step| self.healing_of(step)) {
            healing.on_evaluated(plan, key, examined);
        }
    }

    /// `symptom`: a row was chosen, or passed over.
    pub(super) fn on_symptom(&mut self, view: View<'_>, step: StepId, row: (&str, bool)) -> Option<Next> {
        let active = self.active.get_mut(&step)?;
        let left_ms = match active.budget {
            Budget::Stopped(left) => milliseconds(left),
            _ => 0,
        };
        let rest_ms = left_ms + active.cursor.limit_again_ms(view.plan);
        let healing = active.healing_mut()?;
        let times = self.rows.get(&healing.row()).map_or(0, |sighting| sighting.times);
        let outcome = healing.on_symptom(view, step, row, (rest_ms, times));
        self.on_healing_failed(view.plan, step, outcome)
    }

    /// The budget of a row ran out.
    pub(super) fn on_row_overrun(&mut self, view: View<'_>, key: &str) -> Option<Next> {
        let step = self.heals()?;
        let healing = self.healing_of(step).filter(|healing| healing.is_row_over(view, key))?;
        let outcome = Outcome::Fails(healing.otherwise(view.plan));
        self.on_healing_failed(view.plan, step, outcome)
    }

    fn on_healing_failed(&mut self, plan: &Plan, step: StepId, outcome: Outcome) -> Option<Next> {
        let Outcome::Fails(to) = outcome else { return None };
        let failure = self.healing_of(step)?.failure().clone();
        self.fail(plan, step, (&failure.key, &failure.reason), &to)
    }

    /// The budget of a step ran out.
    pub(super) fn on_overrun(&mut self, view: View<'_>, step: StepId) -> Option<Next> {
        let (plan, active) = (view.plan, self.active.get(&step)?);
        let is_over = matches!(active.budget, Budget::Until(until) if view.progress.time.has_come(until));
        if !is_over {
            return None;
        }
        let statement = active
            .cursor
            .current(plan)
            .map(|id| plan.program.statement(id).key.as_str());
        let definition = plan.program.step(step);
        let budget = units::duration(definition.budget_ms.unwrap_or(0));
        let reason = format!("the step took longer than its budget of {budget}");
        self.fail(
            plan,
            step,
            (statement.unwrap_or_default(), &reason),
            &definition.on_failure,
        )
    }

    /// The first of the steps that run, but for those that fail already.
    pub(super) fn first_that_runs(&self) -> Option<StepId> {
        let mut active = self.active.iter();
        active.find_map(|(step, active)| active.failing.is_none().then_some(*step))
    }

    /// A watch does not hold: this step fails by it, and no symptom table is tried.
    pub(super) fn on_watch_missed(&mut self, plan: &Plan, step: StepId, missed: (&str, &str)) -> Option<Next> {
        self.fail(plan, step, missed, &plan.program.step(step).on_failure)
    }

    /// A step fails: it is passed over, the run pauses, or the run turns.
    fn fail(&mut self, plan: &Plan, step: StepId, (statement, reason): (&str, &str), to: &Disposition) -> Option<Next> {
        let active = self.active.get_mut(&step).filter(|active| active.failing.is_none())?;
        let may_repeat = active.cursor.failure().is_none_or(Failure::may_repeat);
        if *to == Disposition::Pause && may_repeat && active.is_quiet(true) {
            active.healing = None;
            active.cursor.again();
            return Some(Next::Pause(reason.to_owned()));
        }
        let continues = match to {
            Disposition::Continue(because) => Some(because.clone()),
            _ => None,
        };
        let does_continue = continues.is_some();
        active.failing = Some(Failing {
            reason: reason.to_owned(),
            continues,
        });
        let cause = || Cause {
            step: Some(step),
            statement: statement.to_owned(),
            reason: reason.to_owned(),
            disposition: self.way_of(plan, to),
            is_failure: true,
        };
        (!does_continue).then(|| Next::Turn(cause()))
    }

    /// The record that is due while the run goes forward; but for a step that begins.
    pub(super) fn due(&self, plan: &Plan) -> Option<Event> {
        self.active.iter().find_map(|(step, active)| active.due(plan, *step))
    }

    /// How the first active step ends, now that the run turns and all is quiet.
    pub(super) fn due_when_turning(&self, plan: &Plan) -> Option<Event> {
        let (step, active) = self.active.first_key_value()?;
        let (state, reason) = match &active.failing {
            Some(failing) => (StepState::Failed, failing.reason.clone()),
            None if active.cursor.is_over() => (StepState::Done, String::new()),
            None => (StepState::Cancelled, "the run turned".to_owned()),
        };
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        Some(event(plan, *step, state, reason))
    }

    pub(super) fn work(&self, view: View<'_>, mode: Mode, work: &mut Vec<(WorkKey, Work)>) {
        for active in self.active.values() {
            let is_stopped = active.failing.is_some() && mode.does_look();
            let mode = if is_stopped { Mode::Stop } else { mode };
            active.cursor.work(view, mode, work);
            if let Some(healing) = &active.healing {
                healing.work(view, mode, work);
            }
        }
    }

    pub(super) fn timers(&self, plan: &Plan, timers: &mut Vec<(TimerId, Moment)>) {
        for (step, active) in self.active.iter().filter(|(_, active)| active.failing.is_none()) {
            timers.extend(active.cursor.timer(plan));
            if let Some(healing) = &active.healing {
                healing.timers(plan, timers);
            }
            if let Budget::Until(until) = active.budget
                && active.cursor.asks(plan).is_none()
            {
                timers.push((TimerId::Step(plan.program.step_name(*step).into()), until));
            }
        }
        let silences = self.silences(plan);
        timers.extend(silences.map(|(id, until)| (TimerId::Silence(plan.program.key(id).into()), until)));
    }

    /// The prompts that wait for a person, each with the moment until which it may.
    pub(super) fn silences(&self, plan: &Plan) -> impl Iterator<Item = (StatementId, Moment)> {
        self.active.values().filter_map(move |active| {
            let of_row = active.healing.as_ref().and_then(Healing::silence);
            let (cursor, until) = match (of_row, active.budget) {
                (Some((cursor, until)), _) => (cursor, until?),
                (None, Budget::Until(until)) => (&active.cursor, until),
                (None, _) => return None,
            };
            Some((cursor.asks(plan)?, until))
        })
    }
}

/// The record of what a step is at.
pub(super) fn event(plan: &Plan, step: StepId, state: StepState, reason: Option<String>) -> Event {
    let id = plan.program.step(step).name.clone();
    Event::Step { id, state, reason }
}
