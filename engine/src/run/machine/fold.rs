//! `fold`: what each record does to the state. Derived records that are folded twice change nothing.

use backstay_dsl::model::StatementKind;

use super::block::{BlockAt, Home};
use super::course::Course;
use super::ending::{Ending, Stage};
use super::state::{Phase, State};
use super::statement::Ground;
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
    state.look(plan);
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
                self.progress.settle(key, *n, *verdict);
                self.with_leaf(plan, key, |leaf, ground| {
                    leaf.on_settled(ground, *n, *verdict, evidence);
                });
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
                    self.with_leaf(plan, key, |leaf, ground| leaf.on_answer(ground, value.as_ref()));
                }
            }
            Event::Symptom { row, step, chosen, .. } => {
                if let Some(step) = self.layout.step(step) {
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
    fn look(&mut self, plan: &Plan) {
        if self.phase == Phase::Forward {
            self.look_at_steps(plan);
            self.look_at_opening(plan);
        }
        if self.phase == Phase::Forward && self.steps.are_idle() {
            self.phase = Phase::Ending(Ending::forward());
        }
        self.look_at_ending(plan);
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
        let Some(step) = self.layout.step(id) else {
            return;
        };
        match state {
            StepState::Running => self.on_step_running(plan, step),
            StepState::Healing => self.on_step_healing(plan, step),
            _ => self.on_step_over(plan, step, state),
        }
    }

    fn on_intent(&mut self, plan: &Plan, intent: &Intent) {
        if !self.progress.intend(intent) {
            return;
        }
        let mut found = None;
        for (step, course) in self.courses() {
            let leaf = course.leaf();
            if leaf
                .statement(plan)
                .is_some_and(|statement| statement.key == intent.key)
            {
                found = Some((step, leaf.at, leaf.place));
            }
        }
        let Some((step, at, place)) = found else {
            return;
        };
        match (at, step) {
            (BlockAt::Home(home), Some(step)) => {
                self.progress.start(&intent.key, home, place, step);
                self.note_begun(step, home);
            }
            (BlockAt::Take(hold), step) => {
                self.progress.holds.owe(hold);
                self.steps.begun.extend(step);
            }
            _ => {}
        }
        self.with_leaf(plan, &intent.key, |leaf, _| leaf.on_intent(intent.n));
    }

    fn note_failed_whole(&mut self, plan: &Plan, outcome: &OutcomeRecord) {
        if outcome.result == OutcomeResult::Failed && self.is_whole(plan, &outcome.key) {
            self.progress.fail_whole(&outcome.key, outcome.n);
        }
    }

    /// Whether a statement under way is an action that does all or nothing.
    fn is_whole(&self, plan: &Plan, key: &str) -> bool {
        self.courses().any(|(_, course)| {
            let statement = course.leaf().statement(plan).filter(|statement| statement.key == key);
            statement.is_some_and(|statement| match &statement.kind {
                StatementKind::Do(action) => !action.call.effects.is_partial,
                _ => false,
            })
        })
    }

    fn note_begun(&mut self, step: usize, home: Home) {
        if matches!(home, Home::Step(_)) {
            self.steps.begun.insert(step);
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
                self.with_leaf(plan, key, |leaf, ground| leaf.on_evaluated(ground, result, evidence));
            }
            WorkKey::Anchors(_) | WorkKey::Signal => {}
        }
    }

    fn on_hold(&mut self, plan: &Plan, name: &str, state: crate::event::HoldState) {
        let Some(hold) = self.layout.hold(name) else {
            return;
        };
        self.progress.holds.record(hold, state);
        self.with_courses(plan, |course, ground| course.on_hold(ground, hold));
    }

    fn on_commit(&mut self, plan: &Plan, key: &str) {
        for (step, active) in &self.steps.active {
            let statement = active.course.leaf().statement(plan);
            if statement.is_some_and(|statement| statement.key == key) {
                self.steps.committed.insert(*step);
            }
        }
        self.progress.is_committed = true;
        self.with_leaf(plan, key, Course::on_commit);
    }

    fn on_timer(&mut self, plan: &Plan, timer: &TimerId) {
        match timer {
            TimerId::TBack => self.on_t_back(plan),
            // The time itself opens the window.
            TimerId::Window => {}
            TimerId::WayBack => self.on_way_back_overrun(),
            TimerId::Step(name) => {
                if let Some(step) = self.layout.step(name) {
                    self.on_overrun(plan, step);
                }
            }
            TimerId::TooLate(name) => {
                if let Some(step) = self.layout.step(name) {
                    self.on_too_late(plan, step);
                }
            }
            TimerId::Wait(key) | TimerId::Retry(key) => self.with_leaf(plan, key, Course::on_time),
            TimerId::Silence(key) => {
                if self.is_silence(plan, key) {
                    self.with_leaf(plan, key, |leaf, ground| leaf.on_answer(ground, None));
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
        self.with_leaf(plan, &outcome.key, |leaf, ground| leaf.on_outcome(ground, outcome));
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
        self.with_courses(plan, |course, _| course.on_resumed());
        let steps: Vec<usize> = self.steps.active.keys().copied().collect();
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
        if let (Some(value), Some(statement)) = (value, plan.program.find(key)) {
            self.progress.add_value(key, value);
            self.progress.bind(plan.program.statement(statement), value);
        }
    }

    /// Every course at the top, with the step it belongs to.
    fn courses(&self) -> impl Iterator<Item = (Option<usize>, &Course)> {
        let of_steps = self.steps.active.iter().flat_map(|(step, active)| {
            let row = active.healing.as_ref().and_then(|healing| healing.course());
            [Some(&active.course), row]
                .into_iter()
                .flatten()
                .map(|course| (Some(*step), course))
        });
        let of_ending = match &self.phase {
            Phase::Ending(ending) => ending.course(),
            _ => None,
        };
        of_steps.chain(of_ending.map(|course| (None, course)))
    }

    /// Calls `change` for every course at the top, and lets each go on after it.
    fn with_courses(&mut self, plan: &Plan, change: impl Fn(&mut Course, Ground<'_>)) {
        let ground = Ground {
            plan,
            layout: &self.layout,
            progress: &self.progress,
        };
        let of_steps = self.steps.active.values_mut().flat_map(|active| {
            let row = active.healing.as_mut().and_then(|healing| healing.course_mut());
            [Some(&mut active.course), row].into_iter().flatten()
        });
        let of_ending = match &mut self.phase {
            Phase::Ending(ending) => ending.course_mut(),
            _ => None,
        };
        for course in of_steps.chain(of_ending) {
            change(course, ground);
            course.settle(ground);
        }
    }

    /// Calls `change` for the innermost course that is at the statement of this key, where there is one.
    fn with_leaf(&mut self, plan: &Plan, key: &str, change: impl Fn(&mut Course, Ground<'_>)) {
        self.with_courses(plan, |course, ground| {
            let leaf = course.leaf_mut();
            if leaf.statement(plan).is_some_and(|statement| statement.key == key) {
                change(leaf, ground);
            }
        });
    }

    /// Whether the moment of a prompt has come.
    fn is_silence(&self, plan: &Plan, key: &str) -> bool {
        self.silences(plan)
            .any(|(known, until)| known == key && self.progress.time.has_come(until))
    }

    /// Whether the release of this hold is what the ending is at and it is over.
    pub(super) fn released(&self) -> Option<usize> {
        match &self.phase {
            Phase::Ending(Ending {
                stage: Stage::Release { hold, course },
                ..
            }) if course.is_over() => Some(*hold),
            _ => None,
        }
    }
}
