//! `decide`: what reality should be, from the state alone. Proportional to what is active.
//!
//! | mode | when | work |
//! | --- | --- | --- |
//! | go | forward, ending | what is to be done, and what runs |
//! | look | a person is asked what a signal means | what runs, and what changes and asks nothing |
//! | stop | quiescing, a failing step | only attempts that run, to be cancelled, and what is to be settled |
//! | hold | pausing, or a step is about to begin too late | only attempts that run |

use std::collections::BTreeMap;

use backstay_dsl::model::StatementKind;
use backstay_dsl::program::StatementId;

use super::cursor::{Cursor, Doing};
use super::ending::{Ending, Stage};
use super::opening::Opening;
use super::state::{Phase, State};
use super::step::Budget;
use super::symptoms::Stage as HealingStage;
use super::time::Moment;
use super::{Desired, Work, WorkKind};
use crate::event::{AnchorTime, TimerId, WellTime, WorkKey};
use crate::plan::Plan;

/// What may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Go,
    Look,
    Stop,
    Hold,
}

impl Mode {
    fn does_look(self) -> bool {
        matches!(self, Self::Go | Self::Look)
    }
}

/// What reality should be.
pub(super) fn decide(plan: &Plan, state: &State) -> Desired {
    let mut desired = Desired::default();
    if state.is_paused || state.ended().is_some() {
        desired.at_rest = true;
        return desired;
    }
    let overdue = if state.pausing.is_none() {
        state.overdue(plan)
    } else {
        None
    };
    let mode = match &state.phase {
        _ if state.pausing.is_some() || overdue.is_some() => Mode::Hold,
        Phase::Quiescing => Mode::Stop,
        _ if state.is_asked_to_stop() => Mode::Look,
        _ => Mode::Go,
    };
    if let Some(name) = state.asked.as_ref().filter(|_| state.pausing.is_none()) {
        let asking = once(WorkKind::Signal(name.clone()));
        desired.work.insert(WorkKey::Signal, asking);
    }
    state.work_of_steps(plan, mode, &mut desired.work);
    state.work_of_phase(plan, mode, &mut desired.work);
    if let Some(timer) = overdue {
        let now = state.progress.time.boot_ns(state.progress.time.now);
        desired.timers.insert(timer, now);
        return desired;
    }
    if mode.does_look() {
        for (timer, moment) in state.timers(plan) {
            desired.timers.insert(timer, state.progress.time.boot_ns(moment));
        }
    }
    desired.due = state.due(plan);
    desired
}

impl State {
    fn work_of_steps(&self, plan: &Plan, mode: Mode, work: &mut BTreeMap<WorkKey, Work>) {
        for active in self.steps.active.values() {
            let mode = if active.failing.is_some() && mode.does_look() {
                Mode::Stop
            } else {
                mode
            };
            self.work_of_cursor(plan, &active.cursor, mode, work);
            let Some(healing) = &active.healing else {
                continue;
            };
            match &healing.stage {
                HealingStage::First { cursor, .. } => self.work_of_cursor(plan, cursor, mode, work),
                HealingStage::Asking if mode.does_look() => {
                    let key = plan.program.row(healing.row).key.clone();
                    work.insert(WorkKey::Statement(key), once(WorkKind::Row));
                }
                _ => {}
            }
        }
    }

    fn work_of_phase(&self, plan: &Plan, mode: Mode, work: &mut BTreeMap<WorkKey, Work>) {
        match &self.phase {
            Phase::Forward if mode.does_look() => match &self.opening {
                Opening::Obligations => {
                    work.insert(WorkKey::Obligations, once(WorkKind::Obligations));
                }
                Opening::Wells(left) => well_work(plan, left.iter(), WellTime::Start, work),
                Opening::Anchors => anchor_work(AnchorTime::Start, work),
                Opening::NotYet | Opening::Open => {}
            },
            Phase::Ending(ending) => match &ending.stage {
                Stage::Body(cursor) | Stage::Release { cursor, .. } => self.work_of_cursor(plan, cursor, mode, work),
                Stage::Wells(left) if mode.does_look() => {
                    let when = match ending.way {
                        Some(_) => WellTime::Back,
                        None => WellTime::End,
                    };
                    well_work(plan, left.iter(), when, work);
                }
                Stage::Anchors if mode.does_look() => anchor_work(AnchorTime::End, work),
                _ => {}
            },
            _ => {}
        }
    }

    fn work_of_cursor(&self, plan: &Plan, cursor: &Cursor, mode: Mode, work: &mut BTreeMap<WorkKey, Work>) {
        let leaf = cursor.leaf();
        let Some(id) = leaf.statement_id(plan) else {
            return;
        };
        let statement = plan.program.statement(id);
        let (attempt, kind) = match (&leaf.doing, &statement.kind) {
            (Doing::Performing { n }, StatementKind::Do(action)) => (*n, perform(plan, leaf, action)),
            (Doing::Settling { n, .. }, _) if mode != Mode::Hold => (*n, WorkKind::Settle),
            (Doing::Fresh, StatementKind::Do(action)) if mode == Mode::Go => {
                (self.progress.next_attempt(id), perform(plan, leaf, action))
            }
            (Doing::Fresh, StatementKind::Ask(_)) if mode == Mode::Go => (1, WorkKind::Ask),
            (
                Doing::Fresh,
                StatementKind::Require { .. }
                | StatementKind::SkipWhen { .. }
                | StatementKind::OnlyWhen { .. }
                | StatementKind::Let { .. }
                | StatementKind::Check(_)
                | StatementKind::Record(_),
            ) if mode.does_look() => (1, WorkKind::Evaluate),
            _ => return,
        };
        let cancel = mode == Mode::Stop && matches!(kind, WorkKind::Perform { .. });
        let one = Work { kind, attempt, cancel };
        work.insert(WorkKey::Statement(statement.key.clone()), one);
    }

    fn timers(&self, plan: &Plan) -> Vec<(TimerId, Moment)> {
        let mut timers = Vec::new();
        if let Some(t_back) = self.progress.time.t_back.filter(|_| self.is_t_back_armed()) {
            timers.push((TimerId::TBack, t_back));
        }
        if let Some(opens) = self.progress.time.opens.filter(|_| self.waits_for_window()) {
            timers.push((TimerId::Window, opens));
        }
        for (step, active) in &self.steps.active {
            if active.failing.is_some() {
                continue;
            }
            cursor_timers(plan, &active.cursor, &mut timers);
            if let Some(healing) = &active.healing
                && let HealingStage::First { cursor, until } = &healing.stage
            {
                cursor_timers(plan, cursor, &mut timers);
                if let Some(until) = until.filter(|_| !is_asking(plan, cursor)) {
                    timers.push((TimerId::Row(plan.program.row(healing.row).key.clone()), until));
                }
            }
            if let Budget::Until(until) = active.budget
                && !is_asking(plan, &active.cursor)
            {
                timers.push((TimerId::Step(plan.program.step(*step).name.clone()), until));
            }
        }
        timers.extend(
            self.silences(plan)
                .map(|(id, until)| (TimerId::Silence(plan.program.statement(id).key.clone()), until)),
        );
        if let Phase::Ending(Ending {
            overrun: Some(moment), ..
        }) = &self.phase
        {
            timers.push((TimerId::WayBack, *moment));
        }
        if let Phase::Ending(ending) = &self.phase
            && let Some(cursor) = ending.cursor()
        {
            cursor_timers(plan, cursor, &mut timers);
        }
        timers
    }

    /// The prompts that wait for a person, each with the moment until which it may.
    pub(super) fn silences(&self, plan: &Plan) -> impl Iterator<Item = (StatementId, Moment)> {
        self.steps.active.values().filter_map(move |active| {
            let row = active.healing.as_ref().map(|healing| &healing.stage);
            let (cursor, until) = match (row, active.budget) {
                (Some(HealingStage::First { cursor, until }), _) => (cursor, (*until)?),
                (_, Budget::Until(until)) => (&active.cursor, until),
                _ => return None,
            };
            let statement = cursor.leaf().statement_id(plan)?;
            is_asking(plan, cursor).then_some((statement, until))
        })
    }
}

fn is_asking(plan: &Plan, cursor: &Cursor) -> bool {
    let leaf = cursor.leaf();
    let statement = leaf.statement(plan);
    leaf.doing == Doing::Fresh && statement.is_some_and(|statement| matches!(statement.kind, StatementKind::Ask(_)))
}

fn cursor_timers(plan: &Plan, cursor: &Cursor, timers: &mut Vec<(TimerId, Moment)>) {
    let leaf = cursor.leaf();
    let Some(statement) = leaf.statement(plan) else {
        return;
    };
    match leaf.doing {
        Doing::Waiting { until } => timers.push((TimerId::Wait(statement.key.clone()), until)),
        Doing::Retrying { until } => timers.push((TimerId::Retry(statement.key.clone()), until)),
        _ => {}
    }
}

fn perform(plan: &Plan, leaf: &Cursor, action: &backstay_dsl::model::Do) -> WorkKind {
    WorkKind::Perform {
        limit_ms: leaf.limit_ms(plan, action),
        way: leaf.way(plan),
    }
}

fn once(kind: WorkKind) -> Work {
    Work {
        kind,
        attempt: 1,
        cancel: false,
    }
}

fn well_work<'left>(
    plan: &Plan,
    left: impl Iterator<Item = &'left usize>,
    when: WellTime,
    work: &mut BTreeMap<WorkKey, Work>,
) {
    for service in left.filter_map(|place| plan.runbook.services.get(*place)) {
        let kind = WorkKind::Well {
            service: service.name.clone(),
        };
        work.insert(WorkKey::Well(service.name.clone(), when), once(kind));
    }
}

fn anchor_work(when: AnchorTime, work: &mut BTreeMap<WorkKey, Work>) {
    work.insert(WorkKey::Anchors(when), once(WorkKind::Anchors { when }));
}
