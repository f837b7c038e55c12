//! The ending of a run, forward or by a way back: its statements, the holds, the last questions.
//!
//! | stage | event | next |
//! | --- | --- | --- |
//! | body | its last statement is done | release, or what follows it |
//! | body | a statement failed, its second try too | over: stuck |
//! | release | the hold's cursor is over, `hold free` | the next hold, or what follows |
//! | release | a statement failed, its second try too | over: stuck (`hold stuck`); forward: the run turns |
//! | wells | `evaluated` of the last service holds | anchors |
//! | wells | … does not hold | over: stuck; forward: the run turns |
//! | anchors | the last `anchor` at the end | over |
//!
//! What follows the holds: nothing after a refusal; anchors after a park; wells, then anchors, after any
//! other way. `rolled_back` needs every anchor to answer as at the start; and after unwinding, that everything
//! that was started had an undo, or a reason to have none.

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::model::Disposition;
use backstay_dsl::program::HoldId;

use super::cursor::Cursor;
use super::failure::Cause;
use super::opening::{Opening, wells};
use super::progress::View;
use super::state::{Phase, State};
use super::time::Moment;
use crate::event::{CommandLeft, End, Task, Way, WorkKey};
use crate::plan::Plan;
use crate::value::RecordedValue;

/// How far the ending is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    /// The way that is taken; `None` at the end of the way forward.
    pub(super) way: Option<Way>,
    pub(super) stage: Stage,
    /// When its budget is used up, where it has one; it goes on then.
    pub(super) overrun: Option<Moment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// The statements of the way.
    Body(Cursor),
    Release {
        hold: HoldId,
        cursor: Cursor,
    },
    /// Services that are still to be asked whether they are well.
    Wells(BTreeSet<usize>),
    Anchors,
    /// Nothing is left but `run.end`.
    Over(Verdict),
}

/// How the run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) end: End,
    pub(super) reason: String,
    /// What a person has to do.
    pub(super) commands_left: Vec<CommandLeft>,
    /// The hold that could not be released.
    pub(super) stuck_hold: Option<HoldId>,
}

impl Ending {
    /// The end of the way forward.
    pub(super) fn forward() -> Self {
        Self {
            way: None,
            stage: Stage::Body(Cursor::nothing()),
            overrun: None,
        }
    }

    /// A way back begins.
    pub(super) fn back(view: View<'_>, way: Way) -> Self {
        let program = &view.plan.program;
        let (cursor, budget_ms) = match &way {
            Way::Rollback(name) => match program.rollback_named(name) {
                Some((branch, block)) => (Cursor::back(view, block), branch.budget_ms),
                None => (Cursor::nothing(), None),
            },
            Way::Park(name) => match program.park_named(name) {
                Some((park, block)) => (Cursor::back(view, block), park.budget_ms),
                None => (Cursor::nothing(), None),
            },
            Way::Unwind => (Cursor::unwinding(view), None),
            Way::Stand | Way::Refuse | Way::Pause => (Cursor::nothing(), None),
        };
        Self {
            way: Some(way),
            stage: Stage::Body(cursor),
            overrun: budget_ms.map(|ms| view.progress.time.after_ms(ms)),
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
}

/// What the ending does next.
enum Next {
    Stay,
    Releases,
    Stage(Stage),
    Turn(Cause),
}

impl State {
    /// Passes the stages of the ending that are done.
    pub(super) fn settle_ending(&mut self, plan: &Plan) {
        loop {
            let next = match &self.phase {
                Phase::Ending(ending) => self.next_of_ending(plan, ending),
                _ => return,
            };
            let next = match next {
                Next::Stay => return,
                Next::Turn(cause) => {
                    self.turn(cause);
                    return;
                }
                Next::Releases => self.next_release(plan),
                Next::Stage(stage) => stage,
            };
            if let Phase::Ending(ending) = &mut self.phase {
                ending.stage = next;
            }
        }
    }

    fn next_of_ending(&self, plan: &Plan, ending: &Ending) -> Next {
        match &ending.stage {
            Stage::Body(cursor) => match cursor.failure() {
                Some(failure) => Next::Stage(Stage::Over(self.stuck(plan, ending, &failure.reason, None))),
                None if cursor.is_over() => Next::Releases,
                None => Next::Stay,
            },
            Stage::Release { hold, cursor } => match cursor.failure() {
                Some(failure) if ending.way.is_some() => {
                    Next::Stage(Stage::Over(self.stuck(plan, ending, &failure.reason, Some(*hold))))
                }
                Some(failure) => Next::Turn(closing_failure(plan, &failure.key, failure.reason.clone())),
                None if self.progress.holds.is_free(*hold) => Next::Releases,
                None => Next::Stay,
            },
            Stage::Wells(left) if left.is_empty() => Next::Stage(Stage::Anchors),
            Stage::Anchors if !self.asks_anchors() || self.anchors_end.len() >= plan.runbook.anchors.len() => {
                Next::Stage(Stage::Over(self.last_verdict(plan, ending)))
            }
            Stage::Wells(_) | Stage::Anchors | Stage::Over(_) => Next::Stay,
        }
    }

    /// Whether the anchors were asked at the start, so that they are asked at the end.
    pub(super) fn asks_anchors(&self) -> bool {
        self.opening == Opening::Open
    }

    fn next_release(&self, plan: &Plan) -> Stage {
        let Phase::Ending(ending) = &self.phase else {
            return Stage::Anchors;
        };
        if let Some(hold) = self.progress.holds.last() {
            let cursor = Cursor::release(self.view(plan), hold, ending.way.is_some());
            return Stage::Release { hold, cursor };
        }
        match &ending.way {
            Some(Way::Refuse) if !self.progress.is_changed => Stage::Over(self.verdict(End::Refused)),
            Some(Way::Park(_) | Way::Stand) => Stage::Anchors,
            None if !self.asks_anchors() => Stage::Anchors,
            way => Stage::Wells(wells(plan, way.is_some())),
        }
    }

    /// A service was asked whether it is well at the end.
    pub(super) fn on_well_at_end(&mut self, plan: &Plan, service: usize, holds: bool, key: &WorkKey, evidence: &str) {
        let Phase::Ending(ending) = &mut self.phase else {
            return;
        };
        let Stage::Wells(left) = &mut ending.stage else {
            return;
        };
        if !left.remove(&service) || holds {
            return;
        }
        let service = plan.runbook.services.get(service);
        let (name, title) = service.map_or_else(Default::default, |service| {
            (service.name.clone(), service.title.as_str())
        });
        let reason = format!("{title} is not well: {evidence}");
        if ending.way.is_none() {
            self.turn(closing_failure(plan, &key.to_string(), reason));
            return;
        }
        let verdict = Verdict {
            end: End::Stuck,
            reason: format!("after the way back, {reason}"),
            commands_left: vec![CommandLeft {
                task: Task::MakeWell(name),
                text: format!("find out why {title} is not well: the way back itself was carried out"),
            }],
            stuck_hold: None,
        };
        ending.stage = Stage::Over(verdict);
    }

    fn last_verdict(&self, plan: &Plan, ending: &Ending) -> Verdict {
        match ending.way {
            None => self.verdict(End::Completed),
            Some(Way::Park(_) | Way::Stand) => self.verdict(End::Parked),
            Some(Way::Unwind) if !self.without_way_back(plan).is_empty() => Verdict {
                end: End::Stuck,
                reason: format!(
                    "what was done has no way back in the runbook ({})",
                    self.verdict(End::Stuck).reason
                ),
                commands_left: self
                    .without_way_back(plan)
                    .iter()
                    .map(|(key, done)| CommandLeft {
                        task: Task::TakeBack(key.clone()),
                        text: format!("take back, as far as it was done: {done}"),
                    })
                    .collect(),
                stuck_hold: None,
            },
            Some(_) => {
                let anchors = plan.runbook.anchors.iter();
                let changed: Vec<&str> = anchors
                    .map(|anchor| anchor.name.as_str())
                    .filter(|name| known(&self.anchors_start, name) != known(&self.anchors_end, name))
                    .collect();
                if changed.is_empty() {
                    return self.verdict(End::RolledBack);
                }
                let names = changed.join(", ");
                Verdict {
                    end: End::Stuck,
                    reason: format!("after the way back, these do not answer as at the start: {names}"),
                    commands_left: changed.iter().map(|name| self.anchor_left(name)).collect(),
                    stuck_hold: None,
                }
            }
        }
    }

    fn anchor_left(&self, name: &str) -> CommandLeft {
        let text = |answers| known(answers, name).map_or("nothing".to_owned(), |value| value.to_value().canonical());
        CommandLeft {
            task: Task::BringBack(name.to_owned()),
            text: format!(
                "bring {name} back to {} (it is {})",
                text(&self.anchors_start),
                text(&self.anchors_end)
            ),
        }
    }

    fn verdict(&self, end: End) -> Verdict {
        let reason = self.cause.as_ref().map(|cause| cause.reason.clone());
        Verdict {
            end,
            reason: reason.unwrap_or_else(|| "every step is done".to_owned()),
            commands_left: Vec::new(),
            stuck_hold: None,
        }
    }

    fn stuck(&self, plan: &Plan, ending: &Ending, reason: &str, stuck_hold: Option<HoldId>) -> Verdict {
        Verdict {
            end: End::Stuck,
            reason: format!("the way back failed: {reason}"),
            commands_left: self.commands_left(plan, ending),
            stuck_hold,
        }
    }
}

fn known<'a>(answers: &'a BTreeMap<String, Result<RecordedValue, String>>, name: &str) -> Option<&'a RecordedValue> {
    answers.get(name)?.as_ref().ok()
}

fn closing_failure(plan: &Plan, key: &str, reason: String) -> Cause {
    Cause {
        step: None,
        statement: key.to_owned(),
        reason,
        disposition: match &plan.runbook.on_failure {
            Disposition::Continue(_) | Disposition::Pause => Disposition::Unwind,
            way => way.clone(),
        },
        is_failure: true,
    }
}
