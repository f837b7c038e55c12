//! What of a way back did not come to its end: its statements, undos, releases of holds. The rest goes on without
//! it, the run ends stuck, and whoever resumes it begins here.

use backstay_dsl::program::{HoldId, StatementId};

use super::cursor::{Cursor, taken_back};
use super::describe;
use super::failure::Failure;
use super::progress::View;
use super::touched::Touched;
use crate::event::{CommandLeft, NotPutBack};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Remains {
    /// The statements of the way, as far as they came.
    body: Option<Cursor>,
    /// Holds that are still taken, each with how far its release came, where it was begun.
    holds: Vec<(HoldId, Option<Cursor>)>,
}

impl Remains {
    /// The statements of the way have failed.
    pub(super) fn add_body(&mut self, stopped: &Cursor) {
        self.body = Some(stopped.clone());
    }

    /// A hold was not released.
    pub(super) fn add_hold(&mut self, hold: HoldId, stopped: Option<&Cursor>) {
        self.holds.push((hold, stopped.cloned()));
    }

    /// Where the way goes on; nothing where all its statements were carried out.
    pub(super) fn taken_up(self, view: View<'_>) -> Cursor {
        let mut body = self.body.unwrap_or_else(Cursor::nothing);
        body.take_up(view);
        body
    }

    /// What failed first.
    pub(super) fn failure(&self) -> Option<&Failure> {
        let releases = self.holds.iter().filter_map(|(_, stopped)| stopped.as_ref());
        let mut failed = self.body.iter().chain(releases).filter_map(Cursor::failure);
        failed.next()
    }

    /// Whether a hold must not be released, because that touches what was not put back.
    pub(super) fn holds_back(&self, view: View<'_>, hold: HoldId) -> bool {
        let Some(body) = &self.body else {
            return false;
        };
        let program = &view.plan.program;
        let own = [program.take(hold), program.release(hold)];
        let own = own.into_iter().flat_map(|block| program.statements_of(block));
        let left: Vec<StatementId> = match body.undos() {
            Some(undos) if body.is_nothing_else() => {
                undos.open().iter().flat_map(|owed| owed.statements(view)).collect()
            }
            _ => {
                let rest = body.rest().into_iter();
                let rest = rest.flat_map(|(block, from)| program.statements_of(block).skip(from));
                rest.chain(view.progress.owed().map(|(statement, _)| statement))
                    .collect()
            }
        };
        Touched::of(view, own).shares(view, &Touched::of(view, left))
    }

    /// What a person has to do, in order.
    pub(super) fn commands_left(&self, view: View<'_>) -> Vec<CommandLeft> {
        let mut left = Vec::new();
        for (block, from) in self.body.iter().flat_map(Cursor::rest) {
            describe::all(view, block, from, &mut left);
        }
        for (hold, stopped) in &self.holds {
            let release = (view.plan.program.release(*hold), 0);
            let rest = stopped.as_ref().map_or_else(|| vec![release], Cursor::rest);
            for (block, from) in rest {
                describe::all(view, block, from, &mut left);
            }
        }
        left
    }

    /// The actions that were put back, and those that were not, each with why.
    pub(super) fn account(&self, view: View<'_>) -> (Vec<String>, Vec<NotPutBack>) {
        let Some(undos) = self.body.as_ref().and_then(Cursor::undos) else {
            return (Vec::new(), Vec::new());
        };
        let actions = |undo| {
            let actions = taken_back(view, undo);
            actions.map(|statement| describe::describe(view, view.plan.program.statement(statement)))
        };
        let put_back = undos.done().iter().flat_map(|undo| actions(*undo)).collect();
        let mut not = Vec::new();
        for owed in undos.open() {
            let failure = owed.stopped.as_ref().and_then(|stopped| stopped.failure());
            let because = failure.map_or("it waits for what failed before it", |failure| &failure.reason);
            not.extend(actions(owed.undo).map(|what| NotPutBack {
                what,
                because: because.to_owned(),
            }));
        }
        (put_back, not)
    }
}
