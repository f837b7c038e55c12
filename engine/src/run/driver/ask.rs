//! Questions: to a person, about anchors, and about attempts whose outcome nobody knows.

use std::sync::Arc;

use backstay_dsl::model::{Do, Settle};

use crate::action::GroundCall;
use crate::event::AnchorTime;
use crate::run::records::Decided;
use crate::world::PersonQuestion;

use super::shared::{Job, Stopped};

impl Job {
    /// Asks a person the question of this statement.
    pub(super) async fn ask(&self, besides: Option<String>) -> Result<(), Stopped> {
        let statement = self.statement()?;
        let words = self.evaluator().value(statement.prompt().ok_or(Stopped)?).await;
        let question = self.records().asked(statement, words).ok_or(Stopped)?;
        let question = PersonQuestion { besides, ..question };
        let answer = self.shared.ports.person.ask(&question).await;
        self.record(self.records().answered(question, answer), true).await
    }

    /// Asks a person whether a step may begin.
    pub(super) async fn ask_to_begin(&self, step: &str) -> Result<(), Stopped> {
        let coming = self.shared.state().statements_of(&self.shared.plan, step);
        let question = self.records().may_begin(&self.key, step, &coming);
        let answer = self.shared.ports.person.ask(&question).await;
        self.record(self.records().answered(question, answer), true).await
    }

    /// Asks every anchor and records each answer.
    pub(super) async fn anchors(&self, when: AnchorTime) -> Result<(), Stopped> {
        let anchors = &self.shared.plan.runbook.anchors;
        for (place, anchor) in anchors.iter().enumerate() {
            let answer = self.evaluator().value(&anchor.value).await;
            let event = self.records().anchor(&anchor.name, when, answer);
            self.record(event, place + 1 == anchors.len()).await?;
        }
        Ok(())
    }

    /// Finds out whether the last attempt happened: by the world, by a question of the text, by a person.
    pub(super) async fn settle(&self, may_wait: bool) -> Result<(), Stopped> {
        let action = self.action()?;
        let mut decided = self.by_world(action).await;
        if decided.is_for_person(action) {
            let question = self
                .records()
                .verdict_question((&self.key, self.attempt), action, &decided);
            let answer = self.shared.ports.person.ask(&question).await;
            if answer.is_none() && may_wait {
                return self.record(self.records().answered(question, None), true).await;
            }
            decided = self.records().found_by_person(decided, answer);
        }
        let event = self.records().settled(&self.key, self.attempt, decided);
        self.record(event, true).await
    }

    async fn by_world(&self, action: &Do) -> Decided {
        match &action.call.effects.settle {
            Settle::NotNeeded | Settle::Person => Decided::at_once(action),
            Settle::Question(question) => Decided::by_question(self.evaluator().evaluate(question).await),
            Settle::Action => match self.same_call(action).await {
                Ok(call) => self.by_action(action, &call).await,
                Err(reason) => Decided::undecidable(reason),
            },
        }
    }

    /// The call of the intent, worked out again; refused where it is not the same.
    async fn same_call(&self, action: &Do) -> Result<Arc<GroundCall>, String> {
        let call = self
            .evaluator()
            .ground(&action.call)
            .await
            .map_err(|unanswered| unanswered.reason)?;
        let mac = self.shared.settings.mac_key.of(&self.key, &call);
        let state = self.shared.state();
        let id = self.shared.plan.program.find(&self.key);
        let intended = id.and_then(|id| state.intents().get(&id));
        if intended.is_some_and(|(_, intended)| *intended == mac) {
            Ok(call)
        } else {
            Err(crate::run::records::OTHER_ARGUMENTS.to_owned())
        }
    }

    async fn by_action(&self, action: &Do, call: &GroundCall) -> Decided {
        let limit_ms = action.within_ms;
        let context = self.context(limit_ms);
        let settling = self.shared.ports.world.settle(&context, call);
        match self.within(limit_ms, settling).await {
            Some(settled) => self.records().found(action, settled),
            None => Decided::undecidable("the world gave no answer"),
        }
    }
}
