//! `fold`: what each record does to the state. Derived records that are folded twice change nothing.

use backstay_dsl::model::StatementKind;
use backstay_dsl::program::{HoldId, Owner, StatementId, StepId};

use super::cursor::Cursor;
use super::ending::{Ending, Stage};
use super::progress::View;
use super::state::{Phase, State};
use crate::event::{
    AnchorTime, EvaluationKind, EvaluationResult, Event, Intent, OutcomeRecord, OutcomeResult, RunResumed, RunStart,
    Stamped, StepState, TimerId, WellTime, WorkKey,
};
use crate::plan::Plan;
use crate::value::RecordedValue;

/// Folds one record into the state.
pub(super) fn fold(plan: &Plan, state: &mut State, stamped: &Stamped) {
    if let Event::RunResumed(resumed) = &stamped.event {
        state.progress.time.resume(stamped, &resumed.boot_id);
    }
    state.progress.time.stamp(stamped);
    state.apply(plan, &stamped.event);
    state.is_resumed = match stamped.event {
        Event::RunResumed(_) => true,
        Event::Decision { .. } => state.is_resumed,
        _ => false,
    };
    state.settle_phases(plan);
}

impl State {
    fn apply(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::RunStart(start) => self.on_start(start),
            Event::Anchor {
                name,
                when,
                value,
                reason,
            } => {
                let answer = value.clone().ok_or_else(|| reason.clone().unwrap_or_default());
                self.on_anchor(name, *when, answer);
            }
            Event::Step { id, state, .. } => self.on_step(plan, id, *state),
            Event::Intent(intent) => self.on_intent(plan, intent),
            Event::Outcome(outcome) => self.on_outcome(plan, outcome),
            Event::Settled {
                key,
                n,
                verdict,
                value,
                evidence,
                ..
            } => {
                self.bind(plan, key, value.as_ref());
                if let Some(id) = plan.program.find(key) {
                    self.progress.settle(id, *n, *verdict);
                }
                self.with_leaf(plan, key, |leaf, view| leaf.on_settled(view, *n, *verdict, evidence));
            }
            Event::Evaluated {
                key,
                what,
                result,
                evidence,
                values,
                ..
            } => {
                if let (WorkKey::Statement(key), EvaluationKind::Let) = (key, what) {
                    self.bind(plan, key, values.first().map(|(_, value)| value));
                }
                self.on_evaluated(plan, key, *what, *result, evidence);
            }
            Event::Answer { key, value, late, .. } => {
                if !late {
                    self.bind(plan, key, value.as_ref());
                    self.with_leaf(plan, key, |leaf, view| leaf.on_answer(view, value.as_ref()));
                }
            }
            Event::Symptom { row, step, chosen, .. } => {
                if let Some(step) = plan.program.step_named(step) {
                    self.on_symptom(plan, step, row, *chosen);
                }
            }
            Event::Hold { name, state } => self.on_hold(plan, name, *state),
            Event::Commit { key, .. } => self.on_commit(plan, key),
            Event::Turn { way, .. } => self.on_turn(plan, way),
            Event::Signal { name, asked: true, .. } => self.asked = Some(name.clone()),
            Event::Signal { name, choice, .. } => self.on_signal(plan, name, *choice),
            Event::ClockGap { wall_went_back, .. } => self.progress.time.is_lost |= wall_went_back,
            Event::Timer(timer) => self.on_timer(plan, timer),
            Event::Request { what, who } => self.on_request(plan, *what, who),
            Event::LockLost { name } => self.pause(&format!("the lock {name} was lost")),
            Event::Decision { extend_ms: 0, .. } => {}
            Event::Decision { extend_ms, .. } => self.progress.time.extend(*extend_ms),
            Event::RunInterrupted { .. } => self.on_interrupted(),
            Event::RunResumed(resumed) => self.on_resumed(plan, resumed),
            Event::RunEnd(end) => self.phase = Phase::Ended(end.end),
        }
    }

    /// Draws the consequences: phases that have nothing to do are passed.
    fn settle_phases(&mut self, plan: &Plan) {
        if self.phase == Phase::Forward {
            self.settle_steps(plan);
            self.settle_opening(plan);
        }
        if self.phase == Phase::Forward && self.steps.are_idle() {
            self.phase = Phase::Ending(Ending::forward());
        }
        self.settle_ending(plan);
    }

    fn on_start(&mut self, start: &RunStart) {
        if self.phase != Phase::Preparing {
            return;
        }
        self.progress.time.start(&start.boot_id);
        if let (Some(wall_ms), Some(window_ms)) = (start.window_start_ms, start.window_ms) {
            let until_turn_ms = window_ms.saturating_sub(start.keep_ms.unwrap_or(0));
            self.progress.time.open_window_at(wall_ms, until_turn_ms);
        }
        self.phase = Phase::Forward;
    }

    /// The first answer at each time stays: a run that was interrupted may ask again.
    fn on_anchor(&mut self, name: &str, when: AnchorTime, answer: Result<RecordedValue, String>) {
        let answers = match when {
            AnchorTime::Start => &mut self.anchors_start,
            AnchorTime::End => &mut self.anchors_end,
        };
        answers.entry(name.to_owned()).or_insert(answer);
    }

    fn on_step(&mut self, plan: &Plan, id: &str, state: StepState) {
        let Some(step) = plan.program.step_named(id) else {
            return;
        };
        match state {
            StepState::Running => self.on_step_running(plan, step),
            StepState::Healing => self.on_step_healing(plan, step),
            _ => self.on_step_over(plan, step, state),
        }
    }

    fn on_intent(&mut self, plan: &Plan, intent: &Intent) {
        let program = &plan.program;
        let Some(id) = program.find(&intent.key) else {
            return;
        };
        if !self.progress.intend(id, intent) {
            return;
        }
        let Some((step, _)) = self.cursor_at(plan, id) else {
            return;
        };
        match (program.owner(program.block_of(id)), step) {
            (Owner::Step(_), Some(step)) => {
                self.progress.start(id, step);
                self.steps.begun.insert(step);
            }
            (Owner::Row(_), Some(step)) => self.progress.start(id, step),
            (Owner::Take(hold), step) => {
                self.progress.holds.owe(hold);
                self.steps.begun.extend(step);
            }
            _ => {}
        }
        self.with_leaf(plan, &intent.key, |leaf, _| leaf.on_intent(intent.n));
    }

    /// The cursor at the top that is at this statement, and the step it belongs to.
    fn cursor_at(&self, plan: &Plan, id: StatementId) -> Option<(Option<StepId>, &Cursor)> {
        let mut cursors = self.cursors();
        cursors.find(|(_, cursor)| cursor.leaf().statement_id(plan) == Some(id))
    }

    /// An action that fails and does nothing by half has added nothing.
    fn note_failed_whole(&mut self, plan: &Plan, outcome: &OutcomeRecord) {
        let Some(id) = plan.program.find(&outcome.key) else {
            return;
        };
        let is_whole = match &plan.program.statement(id).kind {
            StatementKind::Do(action) => !action.call.effects.is_partial,
            _ => false,
        };
        if outcome.result == OutcomeResult::Failed && is_whole && self.cursor_at(plan, id).is_some() {
            self.progress.fail_whole(id, outcome.n);
        }
    }

    fn on_evaluated(
        &mut self,
        plan: &Plan,
        key: &WorkKey,
        what: EvaluationKind,
        result: EvaluationResult,
        evidence: &str,
    ) {
        let holds = result == EvaluationResult::Holds;
        match key {
            WorkKey::Obligations => self.on_obligation(plan, result, evidence),
            WorkKey::Well(name, when) => {
                let service = plan.runbook.services.iter().position(|service| service.name == *name);
                match (service, when) {
                    (Some(service), WellTime::Start) => self.on_well_at_start(plan, service, holds, key, evidence),
                    (Some(service), _) => self.on_well_at_end(plan, service, holds, key, evidence),
                    (None, _) => {}
                }
            }
            WorkKey::Statement(key) if what == EvaluationKind::Row => {
                self.on_row_evaluated(plan, key, holds);
            }
            WorkKey::Statement(key) => {
                self.with_leaf(plan, key, |leaf, view| leaf.on_evaluated(view, result, evidence));
            }
            WorkKey::Anchors(_) | WorkKey::Signal => {}
        }
    }

    fn on_hold(&mut self, plan: &Plan, name: &str, state: crate::event::HoldState) {
        let Some(hold) = plan.program.hold_named(name) else {
            return;
        };
        self.progress.holds.record(hold, state);
        self.with_cursors(plan, |cursor, view| cursor.on_hold(view, hold));
    }

    fn on_commit(&mut self, plan: &Plan, key: &str) {
        let committed = plan.program.find(key);
        for (step, active) in &self.steps.active {
            if active
                .cursor
                .leaf()
                .statement_id(plan)
                .is_some_and(|id| Some(id) == committed)
            {
                self.steps.committed.insert(*step);
            }
        }
        self.progress.is_committed = true;
        self.with_leaf(plan, key, Cursor::on_commit);
    }

    fn on_timer(&mut self, plan: &Plan, timer: &TimerId) {
        match timer {
            TimerId::TBack => self.on_t_back(plan),
            // The time itself opens the window.
            TimerId::Window => {}
            TimerId::WayBack => self.on_way_back_overrun(),
            TimerId::Step(name) => {
                if let Some(step) = plan.program.step_named(name) {
                    self.on_overrun(plan, step);
                }
            }
            TimerId::TooLate(name) => {
                if let Some(step) = plan.program.step_named(name) {
                    self.on_too_late(plan, step);
                }
            }
            TimerId::Wait(key) | TimerId::Retry(key) => self.with_leaf(plan, key, Cursor::on_time),
            TimerId::Silence(key) => {
                if self.is_silence(plan, key) {
                    self.with_leaf(plan, key, |leaf, view| leaf.on_answer(view, None));
                }
            }
            TimerId::Row(key) => self.on_row_overrun(plan, key),
        }
    }

    fn on_way_back_overrun(&mut self) {
        let now = &self.progress.time;
        if let Phase::Ending(ending) = &mut self.phase
            && ending.overrun.is_some_and(|moment| now.has_come(moment))
        {
            ending.overrun = None;
        }
    }

    fn on_outcome(&mut self, plan: &Plan, outcome: &OutcomeRecord) {
        self.note_failed_whole(plan, outcome);
        self.bind(plan, &outcome.key, outcome.value.as_ref());
        self.with_leaf(plan, &outcome.key, |leaf, view| leaf.on_outcome(view, outcome));
    }

    fn on_interrupted(&mut self) {
        self.asked = None;
        self.pausing = None;
        self.is_paused = self.ended().is_none();
    }

    fn on_resumed(&mut self, plan: &Plan, resumed: &RunResumed) {
        if self.ended().is_some() {
            return;
        }
        self.asked = None;
        self.pausing = None;
        self.is_paused = false;
        self.with_cursors(plan, |cursor, _| cursor.on_resumed());
        let steps: Vec<StepId> = self.steps.active.keys().copied().collect();
        for step in steps {
            let fresh = self.fresh_budget(plan, step);
            if let Some(active) = self.steps.active.get_mut(&step) {
                let is_stopped = matches!(active.budget, super::step::Budget::Stopped(_));
                active.budget = fresh;
                if is_stopped {
                    active.stop_budget(self.progress.time.now);
                }
                if let Some(healing) = &mut active.healing {
                    healing.refresh(plan, &self.progress.time);
                }
            }
        }
        if resumed.turn_back {
            self.on_request(plan, crate::event::RequestKind::TurnBack, &resumed.operator);
        }
    }

    fn bind(&mut self, plan: &Plan, key: &str, value: Option<&RecordedValue>) {
        if let (Some(value), Some(id)) = (value, plan.program.find(key)) {
            self.progress.add_value(id, value);
            self.progress.bind(plan.program.statement(id), value);
        }
    }

    /// Every cursor at the top, with the step it belongs to.
    fn cursors(&self) -> impl Iterator<Item = (Option<StepId>, &Cursor)> {
        let of_steps = self.steps.active.iter().flat_map(|(step, active)| {
            let row = active.healing.as_ref().and_then(|healing| healing.cursor());
            [Some(&active.cursor), row]
                .into_iter()
                .flatten()
                .map(|cursor| (Some(*step), cursor))
        });
        let of_ending = match &self.phase {
            Phase::Ending(ending) => ending.cursor(),
            _ => None,
        };
        of_steps.chain(of_ending.map(|cursor| (None, cursor)))
    }

    /// Calls `change` for every cursor at the top, and lets each go on after it.
    fn with_cursors(&mut self, plan: &Plan, change: impl Fn(&mut Cursor, View<'_>)) {
        let view = View {
            plan,
            progress: &self.progress,
        };
        let of_steps = self.steps.active.values_mut().flat_map(|active| {
            let row = active.healing.as_mut().and_then(|healing| healing.cursor_mut());
            [Some(&mut active.cursor), row].into_iter().flatten()
        });
        let of_ending = match &mut self.phase {
            Phase::Ending(ending) => ending.cursor_mut(),
            _ => None,
        };
        for cursor in of_steps.chain(of_ending) {
            change(cursor, view);
            cursor.settle(view);
        }
    }

    /// Calls `change` for the innermost cursor that is at the statement of this key, where there is one.
    fn with_leaf(&mut self, plan: &Plan, key: &str, change: impl Fn(&mut Cursor, View<'_>)) {
        let Some(id) = plan.program.find(key) else {
            return;
        };
        self.with_cursors(plan, |cursor, view| {
            let leaf = cursor.leaf_mut();
            if leaf.statement_id(plan) == Some(id) {
                change(leaf, view);
            }
        });
    }

    /// Whether the moment of a prompt has come.
    fn is_silence(&self, plan: &Plan, key: &str) -> bool {
        let id = plan.program.find(key);
        self.silences(plan)
            .any(|(known, until)| Some(known) == id && self.progress.time.has_come(until))
    }

    /// Whether the release of this hold is what the ending is at and it is over.
    pub(super) fn released(&self) -> Option<HoldId> {
        match &self.phase {
            Phase::Ending(Ending {
                stage: Stage::Release { hold, cursor },
                ..
            }) if cursor.is_over() => Some(*hold),
            _ => None,
        }
    }
}
