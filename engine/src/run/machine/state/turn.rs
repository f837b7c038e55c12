//! Turning: why the run leaves the way forward, and which way it takes then.
//!
//! | way | when |
//! | --- | --- |
//! | refuse | nothing was changed or made, and no undo is owed |
//! | park P | past `commits`, where the step, else the runbook, names one; or the text says so |
//! | stand | past `commits`, otherwise |
//! | rollback R | from the first intent of its first step until the `commits`, else the end, of its last |
//! | unwind | otherwise; before `commits` always where things were only made |

use std::mem;

use backstay_dsl::model::Disposition;

use super::{Phase, State};
use crate::event::{RequestKind, SignalChoice, Way};
use crate::plan::Plan;
use crate::run::machine::cursor::owed;
use crate::run::machine::ending::Ending;
use crate::run::machine::failure::{Cause, Next};

impl State {
    /// Whether the run may still turn.
    pub fn may_turn(&self) -> bool {
        match &self.phase {
            Phase::Forward => true,
            Phase::Ending(ending) => ending.may_turn(),
            _ => false,
        }
    }

    /// Leaves the way forward. The first cause stays.
    pub(super) fn turn(&mut self, cause: Cause) {
        if self.may_turn() {
            self.anchors.forget_end();
            self.cause = Some(cause);
            let releases = match mem::replace(&mut self.phase, Phase::Preparing) {
                Phase::Ending(ending) if ending.cursor().is_some_and(|cursor| cursor.failure().is_none()) => {
                    Some(ending)
                }
                _ => None,
            };
            self.phase = Phase::Quiescing(releases);
        }
    }

    /// The run is to stop and be resumable as soon as no attempt runs.
    pub(super) fn pause(&mut self, reason: &str) {
        let has_ended = matches!(self.phase, Phase::Ended(..) | Phase::Preparing);
        if self.pausing.is_none() && !self.is_paused && !has_ended {
            self.pausing = Some(reason.to_owned());
        }
    }

    /// Does what a part of the machine asks for.
    pub(super) fn follow(&mut self, next: impl IntoIterator<Item = Next>) {
        for next in next {
            match next {
                Next::Turn(cause) => self.turn(cause),
                Next::Pause(reason) => self.pause(&reason),
            }
        }
    }

    /// Whether a person is being asked whether the way forward ends here.
    pub(super) fn is_asked_to_stop(&self) -> bool {
        self.asked.is_some() && self.may_turn()
    }

    /// A signal, as far as it is known what it means.
    pub(super) fn on_signal(&mut self, plan: &Plan, name: &str, choice: Option<SignalChoice>) {
        self.asked = None;
        if !self.may_turn() || choice == Some(SignalChoice::GoOn) {
            return;
        }
        let on_interrupt = &plan.runbook.on_interrupt;
        let does_pause = match choice {
            Some(choice) => choice == SignalChoice::Pause,
            None => *on_interrupt == Disposition::Pause,
        };
        let reason = format!("interrupted by {name}");
        if does_pause || self.progress.is_committed() {
            self.pause(&reason);
        } else {
            self.turn_on_wish(plan, reason);
        }
    }

    /// Somebody asked from elsewhere.
    pub(super) fn on_request(&mut self, plan: &Plan, what: RequestKind, who: &str) {
        match what {
            RequestKind::Pause => self.pause(&format!("{who} asked to pause")),
            RequestKind::TurnBack if !self.may_turn() => {}
            RequestKind::TurnBack if self.progress.is_committed() => {
                self.pause(&format!("{who} asked to turn back, past the point of no return"));
            }
            RequestKind::TurnBack => self.turn_on_wish(plan, format!("{who} asked to turn back")),
        }
    }

    fn turn_on_wish(&mut self, plan: &Plan, reason: String) {
        let disposition = self.steps.way_of(plan, &plan.runbook.on_interrupt);
        self.turn(Cause {
            step: None,
            statement: String::new(),
            reason,
            disposition,
            is_failure: false,
        });
    }

    /// `T_back` came.
    pub(super) fn on_t_back(&mut self, plan: &Plan) {
        if self.is_t_back_armed() && self.progress.time.is_past_t_back() {
            let disposition = self.steps.turn_back(plan);
            self.turn(Cause {
                step: self.steps.active().first().copied(),
                statement: String::new(),
                reason: "the time to turn back has come: what is left of the window is for the way back".to_owned(),
                disposition,
                is_failure: true,
            });
        }
    }

    /// Whether the alarm of `T_back` is set: from the first changing intent until `commits`.
    pub(super) fn is_t_back_armed(&self) -> bool {
        self.may_turn()
            && self.progress.is_changed()
            && !self.progress.is_committed()
            && self.progress.time.t_back().is_some()
    }

    /// The way that the run takes, now that it is quiet.
    pub(super) fn choose_way(&self, plan: &Plan) -> Way {
        let is_changed = self.progress.is_changed();
        if !is_changed && !self.progress.is_made() && owed(self.view(plan), None).is_empty() {
            return Way::Refuse;
        }
        let disposition = self
            .cause
            .as_ref()
            .map_or(&Disposition::Unwind, |cause| &cause.disposition);
        match disposition {
            Disposition::Park(name) if is_changed => Way::Park(name.clone()),
            _ if self.progress.is_committed() => match &plan.runbook.on_failure {
                Disposition::Park(name) => Way::Park(name.clone()),
                _ => Way::Stand,
            },
            Disposition::Rollback(name) if is_changed => {
                let branch = plan.program.rollback_named(name);
                if branch.is_some_and(|(branch, _)| self.steps.are_in_stretch(plan, branch)) {
                    Way::Rollback(name.clone())
                } else {
                    Way::Unwind
                }
            }
            _ => Way::Unwind,
        }
    }

    /// `turn`: the run takes its way. A step that is still active by then is over.
    pub(super) fn on_turn(&mut self, plan: &Plan, way: &Way) {
        if matches!(self.phase, Phase::Quiescing(_)) {
            self.steps.drop_active();
            let ending = Ending::back(self.view(plan), way.clone());
            self.phase = Phase::Ending(Box::new(ending));
        }
    }
}
