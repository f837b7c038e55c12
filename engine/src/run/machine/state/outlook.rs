//! What a run that stands still has changed, and what can be done with it: for the person who decides.

use backstay_dsl::program::StatementId;

use super::State;
use crate::event::{Outlook, RequestKind, Way};
use crate::plan::Plan;
use crate::run::machine::describe::describe;
use crate::run::machine::ending::Ending;
use crate::run::machine::time::milliseconds;

impl State {
    /// How the run stands.
    pub fn outlook(&self, plan: &Plan) -> Outlook {
        let view = self.view(plan);
        let mut owed: Vec<_> = view.progress.owed().filter(|_| self.may_turn()).collect();
        owed.sort_by_key(|(_, started)| started.order);
        let changed = owed.into_iter().filter_map(|(id, _)| {
            let statement = plan.program.statement(id);
            let action = statement.action()?;
            (!action.call.effects.is_message()).then(|| describe(view, statement))
        });
        let held = view.progress.holds.held();
        let active = self.steps.active();
        let steps: Vec<_> = match (active.is_empty(), self.next_ready()) {
            (true, next) => next.into_iter().collect(),
            (false, _) => active,
        };
        Outlook {
            changed: changed.collect(),
            held: held.map(|hold| plan.program.hold(hold).title.clone()).collect(),
            steps: steps.iter().map(|step| plan.program.step(*step).name.clone()).collect(),
            forward_until_ms: self.forward_until_ms(plan),
            way_back: self.way_on_wish(plan),
            is_committed: self.is_committed(),
        }
    }

    /// How many of the further tries of a statement are used that is being carried out.
    pub fn retries_of(&self, plan: &Plan, statement: StatementId) -> u64 {
        let of_steps = self.steps.cursors().map(|(_, cursor)| cursor);
        let mut cursors = of_steps.chain(self.ending().and_then(Ending::cursor));
        cursors
            .find_map(|cursor| cursor.retries_of(plan, statement))
            .unwrap_or(0)
    }

    /// The way that is taken where somebody asks for it now.
    fn way_on_wish(&self, plan: &Plan) -> Option<Way> {
        let mut turned = self.clone();
        turned.on_request(plan, RequestKind::TurnBack, "");
        self.may_turn().then(|| turned.choose_way(plan))
    }

    /// The latest moment at which what goes on has the time that it needs, wall milliseconds.
    fn forward_until_ms(&self, plan: &Plan) -> Option<i64> {
        let time = &self.progress.time;
        let t_back = time.t_back().filter(|_| self.may_turn() && !self.is_committed())?;
        let budget_ms = |step| plan.program.step(step).budget_ms.unwrap_or(0);
        let again_ms = self.steps.active().into_iter().map(budget_ms).max();
        let next_ms = self.next_ready().map(|step| self.needed_ms(plan, step));
        let needed_ms = again_ms.or(next_ms).unwrap_or(0);
        let left_ms = milliseconds(t_back.saturating_sub(time.now())).saturating_sub(needed_ms);
        Some(time.wall_ms().saturating_add_unsigned(left_ms))
    }
}
