//! Questions: to a person, about anchors, and about attempts whose outcome nobody knows.

use backstay_dsl::model::{Do, Settle, StatementKind};

use crate::action::{Evidence, GroundCall, Settled};
use crate::event::{AnchorTime, Event, SettledBy, Verdict};
use crate::value::{RecordedValue, Unanswered, Value};
use crate::world::{PersonQuestion, PersonWants};

use super::perform::title;
use super::shared::{Job, Stopped};

/// What became of an unknown attempt, who says so, what was seen, and the value.
struct Decided {
    verdict: Verdict,
    by: SettledBy,
    evidence: String,
    value: Option<RecordedValue>,
}

impl Decided {
    fn undecidable(by: SettledBy, evidence: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Undecidable,
            by,
            evidence: evidence.into(),
            value: None,
        }
    }
}

impl Job {
    /// Asks a person the question of this statement.
    pub(super) async fn ask(&self) -> Result<(), Stopped> {
        let StatementKind::Ask(ask) = &self.statement()?.kind else {
            return Err(Stopped);
        };
        let question = PersonQuestion {
            key: self.key.clone(),
            step: self.step_title(),
            prompt: ask.prompt.clone(),
            wants: if ask.confirm {
                PersonWants::Confirm
            } else {
                PersonWants::Text
            },
        };
        let answer = self.shared.ports.person.ask(&question).await;
        let (value, who, via) = match answer {
            Some(answer) => match self.recorded(&answer.value) {
                Ok(value) => (Some(value), answer.who, answer.via),
                Err(reason) => (None, answer.who, reason),
            },
            None => (None, String::new(), "nobody could be asked".to_owned()),
        };
        let event = Event::Answer {
            key: self.key.clone(),
            prompt: ask.prompt.clone(),
            value,
            who: self.evidence(&who),
            via,
            late: false,
        };
        self.record(event, true).await
    }

    fn step_title(&self) -> String {
        let name = self.key.split('/').next().unwrap_or("");
        let program = &self.shared.plan.program;
        let step = program.step_named(name).map(|step| &program.step(step).title);
        step.map_or(name, String::as_str).to_owned()
    }

    /// Asks every anchor and records each answer.
    pub(super) async fn anchors(&self, when: AnchorTime) -> Result<(), Stopped> {
        let anchors = &self.shared.plan.runbook.anchors;
        for (place, anchor) in anchors.iter().enumerate() {
            let answer = self.evaluator().value(&anchor.value).await;
            let answer = answer.and_then(|value| self.recorded(&value).map_err(Unanswered::new));
            let (value, reason) = match answer {
                Ok(value) => (Some(value), None),
                Err(unanswered) => (None, Some(self.evidence(&unanswered.reason))),
            };
            let event = Event::Anchor {
                name: anchor.name.clone(),
                when,
                value,
                reason,
            };
            self.record(event, place + 1 == anchors.len()).await?;
        }
        Ok(())
    }

    /// Finds out whether the last attempt happened: by the world, by a question of the text, by a person.
    pub(super) async fn settle(&self) -> Result<(), Stopped> {
        let action = self.action()?;
        let mut decided = self.by_world(action).await;
        if decided.verdict == Verdict::Undecidable && !action.call.effects.repeat.is_safe() {
            decided = self.by_person(action, decided).await;
        }
        let event = Event::Settled {
            key: self.key.clone(),
            n: self.attempt,
            verdict: decided.verdict,
            by: decided.by,
            value: decided.value,
            evidence: self.evidence(&decided.evidence),
        };
        self.record(event, true).await
    }

    async fn by_world(&self, action: &Do) -> Decided {
        match &action.call.effects.settle {
            Settle::NotNeeded => Decided {
                verdict: Verdict::NotDone,
                by: SettledBy::Action,
                evidence: "it only looks".to_owned(),
                value: None,
            },
            Settle::Person => Decided::undecidable(SettledBy::Action, "only a person can tell"),
            Settle::Question(question) => {
                let evaluation = self.evaluator().evaluate(question).await;
                let verdict = match evaluation.answer {
                    Ok(Value::Bool(true)) => Verdict::Done,
                    Ok(Value::Bool(false)) => Verdict::NotDone,
                    _ => Verdict::Undecidable,
                };
                Decided {
                    verdict,
                    by: SettledBy::Question,
                    evidence: evaluation.evidence,
                    value: None,
                }
            }
            Settle::Action => match self.same_call(action).await {
                Ok(call) => self.by_action(action, &call).await,
                Err(reason) => Decided::undecidable(SettledBy::Action, reason),
            },
        }
    }

    /// The call of the intent, worked out again; refused where it is not the same.
    async fn same_call(&self, action: &Do) -> Result<GroundCall, String> {
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
            Err("its arguments are not those of the attempt any more".to_owned())
        }
    }

    async fn by_action(&self, action: &Do, call: &GroundCall) -> Decided {
        let limit_ms = action.within_ms;
        let context = self.context(limit_ms, &call.touches);
        let settling = self.shared.ports.world.settle(&context, call);
        match self.within(limit_ms, settling).await {
            Some(Settled::Done(evidence)) => self.found_done(action, evidence),
            Some(Settled::NotDone(evidence)) => Decided {
                verdict: Verdict::NotDone,
                by: SettledBy::Action,
                evidence,
                value: None,
            },
            Some(Settled::Undecidable(reason)) => Decided::undecidable(SettledBy::Action, reason),
            None => Decided::undecidable(SettledBy::Action, "the world gave no answer"),
        }
    }

    fn found_done(&self, action: &Do, evidence: Evidence) -> Decided {
        let value = match (action.binding, &evidence.value) {
            (None, _) => None,
            (Some(_), Some(value)) => match self.recorded(value) {
                Ok(recorded) => Some(recorded),
                Err(reason) => return Decided::undecidable(SettledBy::Action, reason),
            },
            (Some(_), None) => {
                let reason = format!("it was done, but its value is lost: {}", evidence.summary);
                return Decided::undecidable(SettledBy::Action, reason);
            }
        };
        Decided {
            verdict: Verdict::Done,
            by: SettledBy::Action,
            evidence: evidence.summary,
            value,
        }
    }

    async fn by_person(&self, action: &Do, undecided: Decided) -> Decided {
        let question = PersonQuestion {
            key: self.key.clone(),
            step: self.step_title(),
            prompt: format!(
                "Nobody knows whether this was done: {}. {}. Was it done?",
                title(action),
                self.evidence(&undecided.evidence)
            ),
            wants: PersonWants::Verdict,
        };
        let asking = self.shared.ports.person.ask(&question);
        let answer = tokio::select! {
            answer = asking => answer,
            () = self.cancelled.cancelled() => None,
        };
        match answer {
            Some(answer) => match answer.value {
                Value::Bool(was_done) => Decided {
                    verdict: if was_done { Verdict::Done } else { Verdict::NotDone },
                    by: SettledBy::Person(self.evidence(&answer.who)),
                    evidence: undecided.evidence,
                    value: None,
                },
                _ => undecided,
            },
            None => undecided,
        }
    }
}
