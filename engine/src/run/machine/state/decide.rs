//! `decide`: what reality should be, from the state alone. Proportional to what is active.

use super::{Phase, State};
use crate::event::{TimerId, WorkKey};
use crate::plan::Plan;
use crate::run::machine::desired::{Desired, Mode, Work, WorkKind};
use crate::run::machine::time::Moment;

impl State {
    /// What reality should be.
    pub(in crate::run::machine) fn decide(&self, plan: &Plan) -> Desired {
        let mut desired = Desired::default();
        if self.is_paused || self.ended().is_some() {
            desired.at_rest = true;
            return desired;
        }
        let overdue = self.overdue(plan).filter(|_| self.pausing.is_none());
        desired.due = self.due(plan).filter(|_| overdue.is_none());
        if desired.due.is_some() {
            return desired;
        }
        let mode = match &self.phase {
            _ if self.pausing.is_some() || overdue.is_some() => Mode::Hold,
            Phase::Quiescing(_) => Mode::Stop,
            _ if self.is_asked_to_stop() => Mode::Look,
            _ => Mode::Go,
        };
        if let Some(name) = self.asked.as_ref().filter(|_| self.pausing.is_none()) {
            let asking = Work::once(WorkKind::Signal(name.clone()));
            desired.work.push((WorkKey::Signal, asking));
        }
        let view = self.view(plan);
        self.steps.work(view, mode, &mut desired.work);
        match &self.phase {
            Phase::Forward if mode.does_look() => {
                self.opening.work(plan, &mut desired.work);
                if mode == Mode::Go {
                    self.work_of_stops(plan, &mut desired.work);
                }
            }
            _ => {
                if let Some(ending) = self.ending() {
                    ending.work(view, mode, &mut desired.work);
                }
            }
        }
        self.watch_work(plan, &mut desired.work);
        desired.work.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let time = &self.progress.time;
        if let Some(timer) = overdue {
            desired.timers.push((timer, time.boot_ns(time.now())));
        } else if mode.does_look() {
            let timers = self.timers(plan).into_iter();
            desired.timers = timers.map(|(id, moment)| (id, time.boot_ns(moment))).collect();
            desired.timers.sort_unstable();
        }
        desired
    }

    fn timers(&self, plan: &Plan) -> Vec<(TimerId, Moment)> {
        let time = &self.progress.time;
        let t_back = time.t_back().filter(|_| self.is_t_back_armed());
        let opens = time.opens().filter(|_| self.waits_for_window());
        let mut timers = Vec::new();
        timers.extend(t_back.map(|moment| (TimerId::TBack, moment)));
        timers.extend(opens.map(|moment| (TimerId::Window, moment)));
        self.steps.timers(plan, &mut timers);
        if let Phase::Ending(ending) = &self.phase {
            ending.timers(plan, &mut timers);
        }
        timers
    }
}
