//! `fold`: what each record does to the state. Derived records that are folded twice change nothing.

use std::mem;

use backstay_dsl::program::{Owner, StatementId, StepId};

use super::{Phase, State, Stops};
use crate::event::{
    End, EvaluationKind, EvaluationResult, Event, HoldState, Intent, OutcomeRecord, OutcomeResult, RequestKind,
    RunResumed, RunStart, Stamped, StepState, TimerId, Verdict, WellTime, WorkKey,
};
use crate::plan::Plan;
use crate::run::machine::cursor::Cursor;
use crate::run::machine::ending::{Ending, Known};
use crate::run::machine::failure::Next;
use crate::run::machine::progress::View;
use crate::run::machine::step::Steps;
use crate::value::RecordedValue;

impl State {
    /// Folds one record into the state.
    pub(in crate::run::machine) fn fold(&mut self, plan: &Plan, stamped: &Stamped) {
        if let Event::RunResumed(resumed) = &stamped.event {
            self.progress.time.resume(stamped, &resumed.boot_id);
        }
        self.progress.time.stamp(stamped);
        self.apply(plan, &stamped.event);
        self.is_resumed = match stamped.event {
            Event::RunResumed(_) => true,
            Event::Decision { .. } | Event::Stops { .. } => self.is_resumed,
            _ => false,
        };
        self.settle_phases(plan);
    }

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
                self.anchors.record(name, *when, answer);
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
                if let Some(id) = plan.program.find(key) {
                    self.bind(plan, id, value.as_ref());
                    self.progress.settle(id, *n, *verdict);
                    if *verdict != Verdict::NotDone {
                        self.progress.note_done(plan.program.statement(id));
                    }
                    self.with_leaf(plan, id, |leaf, view| leaf.on_settled(view, *n, *verdict, evidence));
                }
            }
            Event::Evaluated {
                key,
                what,
                result,
                evidence,
                values,
                ..
            } => {
                let value = values.first().map(|(_, value)| value);
                self.on_evaluated(plan, key, (*what, value), *result, evidence);
            }
            Event::Answer { late: true, .. } | Event::Decision { extend_ms: 0, .. } => {}
            Event::Answer {
                key,
                value,
                prompt,
                who,
                ..
            } => {
                self.on_answer(plan, (key, prompt), who, value.as_ref());
            }
            Event::Symptom { row, step, chosen, .. } => self.on_symptom(plan, step, (row, *chosen)),
            Event::Hold { name, state } => self.on_hold(plan, name, *state),
            Event::Commit { key, .. } => self.on_commit(plan, key),
            Event::Turn { way, .. } => self.on_turn(plan, way),
            Event::Signal { name, asked: true, .. } => self.asked = Some(name.clone()),
            Event::Signal { name, choice, .. } => self.on_signal(plan, name, *choice),
            gap @ Event::ClockGap { .. } => self.progress.time.doubt(gap),
            Event::Timer(timer) => self.on_timer(plan, timer),
            Event::Request { what, who } => self.on_request(plan, *what, who),
            Event::LockLost { name } => self.pause(&format!("the lock {name} was lost")),
            Event::Decision { extend_ms, .. } => self.progress.time.extend(*extend_ms),
            Event::Stops { until, each_step, .. } => self.on_stops(plan, until.as_deref(), *each_step),
            Event::RunInterrupted { .. } => self.on_interrupted(),
            Event::RunResumed(resumed) => self.on_resumed(plan, resumed),
            Event::RunEnd(end) => self.on_end(end.end),
        }
    }

    fn on_answer(&mut self, plan: &Plan, (key, prompt): (&str, &str), who: &str, value: Option<&RecordedValue>) {
        if self.on_may_begin(plan, key, value) {
            return;
        }
        let Some(id) = plan.program.find(key) else { return };
        self.bind(plan, id, value);
        self.with_leaf(plan, id, |leaf, view| leaf.on_answer(view, who, value));
        if value.is_none() && plan.program.statement(id).action().is_some() {
            self.pause(&format!(
                "a person has to say this, and nobody could be asked: {prompt}"
            ));
        }
    }

    fn on_symptom(&mut self, plan: &Plan, step: &str, row: (&str, bool)) {
        self.with_steps(plan, step, |steps, view, step| steps.on_symptom(view, step, row));
    }

    /// Draws the consequences: phases that have nothing to do are passed.
    fn settle_phases(&mut self, plan: &Plan) {
        if self.phase == Phase::Forward {
            let progress = &self.progress;
            let next = self.steps.settle(View { plan, progress });
            self.follow(next);
            self.watches.settle(plan, &self.steps);
            if self.waits_for_window() && self.progress.time.is_open() {
                self.opening.begin();
            }
            self.opening.settle(plan, &self.anchors);
        }
        if self.phase == Phase::Forward && self.steps.are_idle() {
            self.phase = Phase::Ending(Box::new(Ending::forward()));
        }
        let known = Known {
            view: View {
                plan,
                progress: &self.progress,
            },
            cause: self.cause.as_ref(),
            anchors: &self.anchors,
            asks_anchors: self.opening.is_open(),
        };
        if let Phase::Ending(ending) = &mut self.phase {
            let cause = ending.settle(known);
            self.follow(cause.map(Next::Turn));
        }
    }

    /// Whether only the window is missing for the first step inside it.
    pub(super) fn waits_for_window(&self) -> bool {
        self.steps.are_at_window() && self.opening.is_not_yet() && self.phase == Phase::Forward
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

    fn on_step(&mut self, plan: &Plan, id: &str, state: StepState) {
        let Some(step) = plan.program.step_named(id) else {
            return;
        };
        let progress = &self.progress;
        let view = View { plan, progress };
        match state {
            StepState::Running => {
                let begins = self.steps.on_running(view, step);
                if let Some(window) = plan.runbook.window.filter(|_| begins)
                    && !plan.program.step(step).before_window
                {
                    let until_turn_ms = window.window_ms.saturating_sub(window.keep_ms);
                    self.progress.time.open_window(until_turn_ms);
                }
            }
            StepState::Healing => self.steps.on_healing(view, step),
            _ => {
                self.exceptions.extend(self.steps.on_over(plan, step, state));
                self.stop_after(plan, step, state);
            }
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
                self.steps.note_begun(step);
            }
            (Owner::Row(_), Some(step)) => self.progress.start(id, step),
            (Owner::Take(hold), step) => {
                self.progress.holds.owe(hold);
                if let Some(step) = step {
                    self.steps.note_begun(step);
                }
            }
            _ => {}
        }
        self.with_leaf(plan, id, |leaf, _| leaf.on_intent(intent.n));
    }

    /// The cursor at the top that is at this statement, and the step it belongs to.
    fn cursor_at(&self, plan: &Plan, id: StatementId) -> Option<(Option<StepId>, &Cursor)> {
        let mut cursors = self.cursors();
        cursors.find(|(_, cursor)| cursor.current(plan) == Some(id))
    }

    /// An action that fails and does nothing by half has added nothing; nor has one that found what it wanted.
    fn note_nothing_added(&mut self, plan: &Plan, id: StatementId, outcome: &OutcomeRecord) {
        let action = plan.program.statement(id).action();
        let is_whole = action.is_some_and(|action| !action.call.effects.is_partial);
        let has_failed = outcome.result == OutcomeResult::Failed && is_whole;
        if (has_failed || outcome.was_there) && self.cursor_at(plan, id).is_some() {
            self.progress.add_nothing(id, outcome.n);
        }
    }

    fn on_evaluated(
        &mut self,
        plan: &Plan,
        key: &WorkKey,
        (what, value): (EvaluationKind, Option<&RecordedValue>),
        result: EvaluationResult,
        evidence: &str,
    ) {
        let holds = result == EvaluationResult::Holds;
        let cause = match key {
            WorkKey::Obligations if self.phase == Phase::Forward => self.opening.on_obligation(plan, holds, evidence),
            WorkKey::Well(name, when) => {
                let said = (key, evidence);
                let mut services = plan.runbook.services.iter();
                let service = services.position(|service| service.name == *name);
                match (&mut self.phase, service) {
                    (Phase::Forward, Some(service)) if *when == WellTime::Start => {
                        self.opening.on_well(plan, service, holds, said)
                    }
                    (Phase::Ending(ending), Some(service)) if *when != WellTime::Start => {
                        ending.on_well(plan, service, holds, said)
                    }
                    _ => None,
                }
            }
            WorkKey::Presence(name, _) => {
                let progress = &self.progress;
                if let Phase::Ending(ending) = &mut self.phase {
                    ending.on_presence(View { plan, progress }, name, holds, evidence);
                }
                None
            }
            WorkKey::Watch(name) => {
                self.on_watched(plan, (name, evidence), holds);
                None
            }
            WorkKey::Statement(key) if what == EvaluationKind::Row => {
                self.steps.on_row_evaluated(plan, key, holds, evidence);
                None
            }
            WorkKey::Statement(key) => {
                if let Some(id) = plan.program.find(key) {
                    self.bind(plan, id, value.filter(|_| what == EvaluationKind::Let));
                    self.with_leaf(plan, id, |leaf, view| leaf.on_evaluated(view, result, evidence));
                }
                None
            }
            WorkKey::Obligations | WorkKey::Anchors(_) | WorkKey::Signal => None,
        };
        self.follow(cause.map(Next::Turn));
    }

    fn on_hold(&mut self, plan: &Plan, name: &str, state: HoldState) {
        let Some(hold) = plan.program.hold_named(name) else {
            return;
        };
        self.progress.holds.record(hold, state);
        self.with_cursors(plan, |cursor, view| cursor.on_hold(view, hold));
    }

    fn on_commit(&mut self, plan: &Plan, key: &str) {
        let id = plan.program.find(key);
        if let Some(id) = id {
            self.steps.commit(plan, id);
        }
        self.progress.commit();
        if let Some(id) = id {
            self.with_leaf(plan, id, Cursor::on_commit);
        }
    }

    fn on_timer(&mut self, plan: &Plan, timer: &TimerId) {
        match timer {
            TimerId::TBack => self.on_t_back(plan),
            // The time itself opens the window.
            TimerId::Window => {}
            TimerId::WayBack => {
                if let Phase::Ending(ending) = &mut self.phase {
                    let progress = &self.progress;
                    ending.on_overrun(View { plan, progress });
                }
            }
            TimerId::Step(name) => self.with_steps(plan, name, Steps::on_overrun),
            TimerId::TooLate(name) => {
                if let Some(step) = plan.program.step_named(name) {
                    self.on_too_late(plan, step);
                }
            }
            TimerId::Wait(key) | TimerId::Retry(key) => {
                if let Some(id) = plan.program.find(key) {
                    self.with_leaf(plan, id, Cursor::on_time);
                }
            }
            TimerId::Silence(key) => {
                if let Some(id) = plan.program.find(key).filter(|id| self.is_silence(plan, *id)) {
                    self.with_leaf(plan, id, |leaf, view| leaf.on_answer(view, "", None));
                }
            }
            TimerId::Row(key) => {
                let progress = &self.progress;
                let next = self.steps.on_row_overrun(View { plan, progress }, key);
                self.follow(next);
            }
        }
    }

    fn on_outcome(&mut self, plan: &Plan, outcome: &OutcomeRecord) {
        if let Some(id) = plan.program.find(&outcome.key) {
            self.note_nothing_added(plan, id, outcome);
            if outcome.result == OutcomeResult::Ok && !outcome.was_there {
                self.progress.note_done(plan.program.statement(id));
            }
            self.bind(plan, id, outcome.value.as_ref());
            self.with_leaf(plan, id, |leaf, view| leaf.on_outcome(view, outcome));
        }
    }

    fn on_interrupted(&mut self) {
        self.asked = None;
        self.pausing = None;
        self.is_paused = self.ended().is_none();
    }

    fn on_end(&mut self, end: End) {
        let ending = match mem::replace(&mut self.phase, Phase::Preparing) {
            Phase::Ending(ending) => Some(ending),
            Phase::Ended(_, ending) => ending,
            _ => None,
        };
        self.phase = Phase::Ended(end, ending.filter(|_| end == End::Stuck));
    }

    fn on_resumed(&mut self, plan: &Plan, resumed: &RunResumed) {
        if let Phase::Ended(_, ending) = &mut self.phase {
            let Some(ending) = ending.take() else {
                return;
            };
            self.progress.holds.take_up();
            self.anchors.forget_end();
            let progress = &self.progress;
            self.phase = Phase::Ending(Box::new(ending.taken_up(View { plan, progress })));
        }
        self.asked = None;
        self.pausing = None;
        self.is_paused = false;
        self.stops = Stops::default();
        self.with_cursors(plan, |cursor, _| cursor.on_resumed());
        let progress = &self.progress;
        self.steps.on_resumed(View { plan, progress });
        if resumed.turn_back {
            self.on_request(plan, RequestKind::TurnBack, &resumed.operator);
        }
    }

    fn bind(&mut self, plan: &Plan, id: StatementId, value: Option<&RecordedValue>) {
        if let Some(value) = value {
            self.progress.add_value(id, value);
            self.progress.bind(plan.program.statement(id), value);
        }
    }

    /// Every cursor at the top, with the step it belongs to.
    fn cursors(&self) -> impl Iterator<Item = (Option<StepId>, &Cursor)> {
        let of_steps = self.steps.cursors().map(|(step, cursor)| (Some(step), cursor));
        let of_ending = self.ending().and_then(Ending::cursor);
        of_steps.chain(of_ending.map(|cursor| (None, cursor)))
    }

    /// Calls `change` for every cursor at the top, and lets each go on after it.
    fn with_cursors(&mut self, plan: &Plan, change: impl Fn(&mut Cursor, View<'_>)) {
        let progress = &self.progress;
        let view = View { plan, progress };
        let of_ending = match &mut self.phase {
            Phase::Ending(ending) | Phase::Quiescing(Some(ending)) => ending.cursor_mut(),
            _ => None,
        };
        for cursor in self.steps.cursors_mut().chain(of_ending) {
            change(cursor, view);
            cursor.settle(view);
        }
    }

    /// Calls `change` for the steps, about the step of this name, and does what comes of it.
    fn with_steps(
        &mut self,
        plan: &Plan,
        name: &str,
        change: impl FnOnce(&mut Steps, View<'_>, StepId) -> Option<Next>,
    ) {
        let progress = &self.progress;
        let step = plan.program.step_named(name);
        let next = step.and_then(|step| change(&mut self.steps, View { plan, progress }, step));
        self.follow(next);
    }

    /// Calls `change` for the innermost cursor that is at this statement, where there is one.
    fn with_leaf(&mut self, plan: &Plan, id: StatementId, change: impl Fn(&mut Cursor, View<'_>)) {
        self.with_cursors(plan, |cursor, view| {
            cursor.at(view, id, &change);
        });
    }

    /// Whether the moment of a prompt has come.
    fn is_silence(&self, plan: &Plan, id: StatementId) -> bool {
        self.steps
            .silences(plan)
            .any(|(known, until)| known == id && self.progress.time.has_come(until))
    }
}
