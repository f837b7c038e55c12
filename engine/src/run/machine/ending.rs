//! The ending of a run, forward or by a way back: its statements, the holds, the last questions. Table:
//! `docs/machine.md`.
//!
//! What follows the holds: nothing after a refusal; anchors after a park; wells, whether services are there, then
//! anchors, after any other way. `rolled_back` needs services and anchors as at the start; and after unwinding, that everything
//! that was started had an undo, or a reason to have none.

use backstay_dsl::program::HoldId;

use super::anchors::Anchors;
use super::cursor::Cursor;
use super::describe::without_way_back;
use super::desired::{Mode, Work};
use super::failure::Cause;
use super::frame;
use super::holds;
use super::opening::{Wells, ask_anchors};
use super::places::{Places, word};
use super::presence::{Otherwise, Presences};
use super::progress::View;
use super::remains::Remains;
use super::time::Moment;
use crate::event::{
    AnchorTime, CommandLeft, End, Event, Exception, FailedAt, HoldState, RunEnd, Task, TimerId, Way, WellTime, WorkKey,
};
use crate::plan::Plan;

/// How far the ending is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    /// The way that is taken; `None` at the end of the way forward.
    way: Option<Way>,
    stage: Stage,
    /// What of a way back did not come to its end.
    remains: Remains,
    /// Services that are not as they should be.
    otherwise: Vec<Otherwise>,
    /// When its budget is used up, where it has one; it goes on then.
    overrun: Option<Moment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// The statements of the way.
    Body(Cursor),
    Release {
        hold: HoldId,
        cursor: Cursor,
    },
    /// A hold stays taken: its release touches what was not put back.
    Kept(HoldId),
    /// Services are asked whether they are well.
    Wells(Wells),
    /// All services are asked whether they are as they should be.
    Presence(Presences),
    Anchors,
    /// Nothing is left but `run.end`.
    Over(Conclusion),
}

/// How the run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Conclusion {
    end: End,
    reason: String,
    /// What a person has to do.
    commands_left: Vec<CommandLeft>,
}

impl Conclusion {
    fn stuck(reason: String, commands_left: Vec<CommandLeft>) -> Self {
        Self {
            end: End::Stuck,
            reason,
            commands_left,
        }
    }
}

/// What an ending has to know of the run.
#[derive(Clone, Copy)]
pub(super) struct Known<'run> {
    pub(super) view: View<'run>,
    pub(super) cause: Option<&'run Cause>,
    pub(super) anchors: &'run Anchors,
    /// Whether the anchors were asked at the start, so that they are asked at the end.
    pub(super) asks_anchors: bool,
}

impl Known<'_> {
    /// An end for the reason for which the run turned.
    fn conclude(&self, end: End) -> Conclusion {
        Conclusion {
            end,
            reason: self.reason().to_owned(),
            commands_left: Vec::new(),
        }
    }

    fn reason(&self) -> &str {
        self.cause.map_or("every step is done", |cause| &cause.reason)
    }
}

impl Ending {
    /// The end of the way forward.
    pub(super) fn forward() -> Self {
        Self {
            way: None,
            stage: Stage::Body(Cursor::nothing()),
            remains: Remains::default(),
            otherwise: Vec::new(),
            overrun: None,
        }
    }

    /// A way back begins.
    pub(super) fn back(view: View<'_>, way: Way) -> Self {
        let program = &view.plan.program;
        let block = match &way {
            Way::Rollback(name) => program
                .rollback_named(name)
                .map(|(branch, block)| (block, branch.budget_ms)),
            Way::Park(name) => program.park_named(name).map(|(park, block)| (block, park.budget_ms)),
            Way::Unwind | Way::Stand | Way::Refuse | Way::Pause => None,
        };
        let (cursor, budget_ms) = match block {
            Some((block, budget_ms)) => (Cursor::back(view, block), budget_ms),
            None if way == Way::Unwind => (Cursor::unwinding(view), None),
            None => (Cursor::nothing(), None),
        };
        Self {
            way: Some(way),
            stage: Stage::Body(cursor),
            remains: Remains::default(),
            otherwise: Vec::new(),
            overrun: budget_ms.map(|ms| view.progress.time.after_ms(ms)),
        }
    }

    pub(super) fn is_back(&self) -> bool {
        self.way.is_some()
    }

    /// Whether nothing is left but `run.end`.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }

    /// Whether the run may still turn: at the end of the way forward.
    pub(super) fn may_turn(&self) -> bool {
        !self.is_back()
            && matches!(
                self.stage,
                Stage::Wells(_) | Stage::Presence(_) | Stage::Anchors | Stage::Release { .. }
            )
    }

    pub(super) fn places(&self, plan: &Plan, places: &mut Places) {
        places.insert(("ending", String::new()), word(&self.stage));
        if let Some(cursor) = self.cursor() {
            cursor.places(plan, places);
        }
    }

    /// The cursor that runs.
    pub(super) fn cursor(&self) -> Option<&Cursor> {
        match &self.stage {
            Stage::Body(cursor) | Stage::Release { cursor, .. } => Some(cursor),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn cursor_mut(&mut self) -> Option<&mut Cursor> {
        match &mut self.stage {
            Stage::Body(cursor) | Stage::Release { cursor, .. } => Some(cursor),
            _ => None,
        }
    }

    /// The record that a hold is free, where its release has come to its end.
    pub(super) fn released(&self, view: View<'_>) -> Option<Event> {
        match &self.stage {
            Stage::Release { hold, cursor } if cursor.is_over() && !view.progress.holds.is_free(*hold) => {
                Some(holds::event(view.plan, *hold, HoldState::Free))
            }
            _ => None,
        }
    }

    /// The way goes on that ended stuck: with what failed, then the holds, then the last questions.
    pub(super) fn taken_up(self, view: View<'_>) -> Self {
        Self {
            stage: Stage::Body(self.remains.taken_up(view)),
            remains: Remains::default(),
            otherwise: Vec::new(),
            overrun: None,
            ..self
        }
    }

    /// Passes the stages that are done. Gives why the run turns.
    pub(super) fn settle(&mut self, known: Known<'_>) -> Option<Cause> {
        let holds = &known.view.progress.holds;
        loop {
            self.stage = match &self.stage {
                Stage::Body(cursor) if cursor.failure().is_some() => {
                    self.remains.add_body(cursor);
                    self.next_release(known)
                }
                Stage::Body(cursor) if cursor.is_over() => self.next_release(known),
                Stage::Release { hold, cursor } => match cursor.failure() {
                    Some(_) if holds.is_stuck(*hold) => {
                        self.remains.add_hold(*hold, Some(cursor));
                        self.next_release(known)
                    }
                    Some(failure) if !self.is_back() => {
                        return Some(Cause::outside_steps(
                            known.view.plan,
                            failure.key.clone(),
                            failure.reason.clone(),
                        ));
                    }
                    None if holds.is_free(*hold) => self.next_release(known),
                    _ => return None,
                },
                Stage::Kept(hold) if holds.is_stuck(*hold) => {
                    self.remains.add_hold(*hold, None);
                    self.next_release(known)
                }
                Stage::Wells(wells) if wells.are_asked() => Stage::Presence(Presences::all(known.view.plan)),
                Stage::Presence(services) if services.are_asked() => Stage::Anchors,
                Stage::Anchors if !known.asks_anchors || known.anchors.are_all(known.view.plan, AnchorTime::End) => {
                    Stage::Over(self.conclusion(known))
                }
                _ => return None,
            };
        }
    }

    fn next_release(&self, known: Known<'_>) -> Stage {
        let view = known.view;
        if let Some(hold) = view.progress.holds.last() {
            if self.remains.holds_back(view, hold) {
                return Stage::Kept(hold);
            }
            let cursor = Cursor::release(view, hold, self.is_back());
            return Stage::Release { hold, cursor };
        }
        if let Some(failure) = self.remains.failure() {
            let reason = format!("the way back failed: {}", failure.reason);
            return Stage::Over(Conclusion::stuck(reason, self.remains.commands_left(view)));
        }
        match &self.way {
            Some(Way::Refuse) if !view.progress.is_changed() => Stage::Over(known.conclude(End::Refused)),
            Some(Way::Park(_) | Way::Stand) => Stage::Anchors,
            // Nothing was changed: the run has not come to its opening.
            _ if !known.asks_anchors => Stage::Anchors,
            Some(_) => Stage::Wells(Wells::as_at_the_start(view.plan)),
            None => Stage::Wells(Wells::after_the_way_forward(view)),
        }
    }

    /// A service was asked whether it is well. Gives why the run turns.
    pub(super) fn on_well(
        &mut self,
        plan: &Plan,
        service: usize,
        holds: bool,
        (key, evidence): (&WorkKey, &str),
    ) -> Option<Cause> {
        let Stage::Wells(wells) = &mut self.stage else {
            return None;
        };
        let service = wells.not_well(plan, service, holds)?;
        let reason = format!("{} is not well: {evidence}", service.title);
        if !self.is_back() {
            return Some(Cause::outside_steps(plan, key.to_string(), reason));
        }
        let find_out = CommandLeft {
            task: Task::MakeWell(service.name.clone()),
            text: format!(
                "find out why {} is not well: the way back itself was carried out",
                service.title
            ),
        };
        let reason = format!("after the way back, {reason}");
        self.stage = Stage::Over(Conclusion::stuck(reason, vec![find_out]));
        None
    }

    /// A member of a service was asked whether it is as it should be.
    pub(super) fn on_presence(&mut self, view: View<'_>, member: &str, holds: bool, evidence: &str) {
        let is_back = self.is_back();
        let Stage::Presence(members) = &mut self.stage else {
            return;
        };
        if members.take(member) && !holds {
            self.otherwise.push(Otherwise::new(view, member, is_back, evidence));
        }
    }

    /// The budget of the way back may have run out: it goes on, and is told once.
    pub(super) fn on_overrun(&mut self, view: View<'_>) {
        self.overrun = self.overrun.filter(|moment| !view.progress.time.has_come(*moment));
    }

    fn conclusion(&self, known: Known<'_>) -> Conclusion {
        match self.way {
            None => return known.conclude(End::Completed),
            Some(Way::Park(_) | Way::Stand) => return known.conclude(End::Parked),
            _ => {}
        }
        if self.way == Some(Way::Unwind) {
            let left = without_way_back(known.view);
            if !left.is_empty() {
                let reason = format!("what was done has no way back in the runbook ({})", known.reason());
                return Conclusion::stuck(reason, left);
            }
        }
        if !self.otherwise.is_empty() {
            let reasons: Vec<String> = self.otherwise.iter().map(Otherwise::reason).collect();
            let reason = format!("after the way back, not all is as at the start: {}", reasons.join("; "));
            return Conclusion::stuck(reason, self.otherwise.iter().map(Otherwise::left).collect());
        }
        let changed = known.anchors.changed(known.view.plan);
        if changed.is_empty() {
            return known.conclude(End::RolledBack);
        }
        let reason = format!(
            "after the way back, these do not answer as at the start: {}",
            changed.join(", ")
        );
        Conclusion::stuck(reason, changed.iter().map(|name| known.anchors.left(name)).collect())
    }

    pub(super) fn due(&self, known: Known<'_>, exceptions: &[Exception]) -> Option<Event> {
        let plan = known.view.plan;
        match &self.stage {
            Stage::Release { hold, cursor } if cursor.is_over() => Some(holds::event(plan, *hold, HoldState::Free)),
            Stage::Release { hold, cursor } if cursor.failure().is_some() => {
                Some(holds::event(plan, *hold, HoldState::Stuck))
            }
            Stage::Kept(hold) => Some(holds::event(plan, *hold, HoldState::Stuck)),
            Stage::Body(cursor) | Stage::Release { cursor, .. } => cursor.due(plan),
            Stage::Over(conclusion) => Some(self.run_end(known, conclusion, exceptions)),
            Stage::Wells(_) | Stage::Presence(_) | Stage::Anchors => None,
        }
    }

    fn run_end(&self, known: Known<'_>, conclusion: &Conclusion, exceptions: &[Exception]) -> Event {
        let View { plan, progress } = known.view;
        let failed_at = known.cause.filter(|cause| cause.is_failure).map(|cause| {
            let step = cause.step.map(|step| plan.program.step(step).name.clone());
            FailedAt {
                step: step.unwrap_or_default(),
                statement: cause.statement.clone(),
                reason: cause.reason.clone(),
            }
        });
        let held = progress.holds.held().map(|hold| plan.program.hold(hold));
        let otherwise = self.otherwise.iter().filter(|_| !self.is_back());
        let otherwise = otherwise.map(Otherwise::exception);
        let unnamed = match conclusion.end {
            End::Completed => frame::exceptions(known.view, known.anchors),
            _ => Vec::new(),
        };
        let (put_back, not_put_back) = self.remains.account(known.view);
        Event::RunEnd(Box::new(RunEnd {
            end: conclusion.end,
            reason: conclusion.reason.clone(),
            failed_at,
            way_back: match &self.way {
                Some(Way::Rollback(name) | Way::Park(name)) => Some(name.clone()),
                Some(Way::Unwind) => Some("unwind".to_owned()),
                _ => None,
            },
            leftovers: progress.leftovers(plan, conclusion.end),
            exceptions: exceptions.iter().cloned().chain(otherwise).chain(unnamed).collect(),
            commands_left: conclusion.commands_left.clone(),
            held: held.map(|hold| hold.name.clone()).collect(),
            put_back,
            not_put_back,
        }))
    }

    pub(super) fn work(&self, view: View<'_>, mode: Mode, work: &mut Vec<(WorkKey, Work)>) {
        match &self.stage {
            Stage::Body(cursor) | Stage::Release { cursor, .. } => cursor.work(view, mode, work),
            Stage::Wells(wells) if mode.does_look() => {
                wells.work(view.plan, self.when(), work);
            }
            Stage::Presence(services) if mode.does_look() => services.work(view, self.when(), work),
            Stage::Anchors if mode.does_look() => ask_anchors(AnchorTime::End, work),
            _ => {}
        }
    }

    fn when(&self) -> WellTime {
        if self.is_back() { WellTime::Back } else { WellTime::End }
    }

    pub(super) fn timers(&self, plan: &Plan, timers: &mut Vec<(TimerId, Moment)>) {
        timers.extend(self.overrun.map(|moment| (TimerId::WayBack, moment)));
        timers.extend(self.cursor().and_then(|cursor| cursor.timer(plan)));
    }
}
