//! What is under way and waited for, told from what is desired, to whoever watches.

use backstay_dsl::model::StatementKind;

use crate::event::{Awaited, Pending, TimerId, WorkKey};
use crate::run::machine::{Desired, Work, WorkKind};

use super::Driver;

/// Something pending, and the moment of the boot clock at which it is over by itself.
type Until = (Pending, Option<u64>);

impl Driver {
    /// Shows what is pending, where that is something else than before.
    pub(super) fn show_pending(&mut self, desired: &Desired) {
        let Some(show) = self.shared.settings.pending.clone() else {
            return;
        };
        let works = desired.work.iter();
        let mut pending: Vec<Until> = works
            .filter_map(|(key, work)| self.of_work(key, work, desired))
            .collect();
        pending.extend(desired.timers.iter().filter_map(|timer| self.of_timer(timer)));
        if pending == self.pending {
            return;
        }
        self.pending.clone_from(&pending);
        let clock = self.shared.ports.clock.as_ref();
        let (wall_ms, boot_ns) = (clock.wall_ms(), clock.boot_ns());
        let in_wall_time = |(one, until): Until| Pending {
            until_ms: until.map(|until| wall_ms.saturating_add_unsigned(until.saturating_sub(boot_ns) / 1_000_000)),
            ..one
        };
        show(pending.into_iter().map(in_wall_time).collect());
    }

    fn of_work(&self, key: &WorkKey, work: &Work, desired: &Desired) -> Option<Until> {
        let program = &self.shared.plan.program;
        let what = match &work.kind {
            WorkKind::Perform { .. } => Awaited::Action,
            WorkKind::Evaluate => match &program.statement(work.statement?).kind {
                StatementKind::Check(check) => Awaited::Check(check.label.clone()),
                _ => return None,
            },
            WorkKind::Well { service } => Awaited::Well(service.clone()),
            WorkKind::Presence { service, .. } => Awaited::Presence(service.clone()),
            WorkKind::Watch { watch, is_missed } => Awaited::Watch {
                title: self.shared.plan.runbook.watch(watch)?.title.clone(),
                is_missed: *is_missed,
            },
            WorkKind::Ask { .. } | WorkKind::MayBegin { .. } => Awaited::Person,
            WorkKind::Settle { .. } => Awaited::Settling,
            WorkKind::Row | WorkKind::Obligations | WorkKind::Anchors { .. } | WorkKind::Signal(_) => return None,
        };
        let key = key.to_string();
        let mut timers = desired.timers.iter();
        let silence = timers.find(|(id, _)| matches!(id, TimerId::Silence(of) if **of == *key));
        Some((pending(key.clone(), what), silence.map(|(_, moment)| *moment)))
    }

    fn of_timer(&self, (id, moment): &(TimerId, u64)) -> Option<Until> {
        let program = &self.shared.plan.program;
        let (key, what) = match id {
            TimerId::Window => ("run", Awaited::Window),
            TimerId::Wait(key) => match &program.statement(program.find(key)?).kind {
                StatementKind::Wait { because, .. } => (&**key, Awaited::Wait(because.clone())),
                _ => return None,
            },
            TimerId::Retry(key) => {
                let statement = program.find(key)?;
                let times = program.statement(statement).action()?.retry?.times;
                let number = self.shared.state().retries_of(&self.shared.plan, statement);
                (&**key, Awaited::Retry { number, times })
            }
            _ => return None,
        };
        Some((pending(key.to_owned(), what), Some(*moment)))
    }
}

fn pending(key: String, what: Awaited) -> Pending {
    Pending {
        key,
        what,
        until_ms: None,
    }
}
