//! What stood out in the course of a run, told from its records: what was healed, passed over and tried again, and
//! whether anything was changed.

use std::collections::BTreeMap;

use backstay_dsl::effect::Effect;

use serde::Serialize;

use super::{Event, Intent, IntentWay, OutcomeResult, Stamped, StepState, Verdict};

/// What stood out in the course of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// Steps that a row of a symptom table healed, in the order in which that began.
    pub healed: Vec<Healed>,
    /// Steps that were not carried out, each with the reason: done already, or not wanted here.
    pub skipped: Vec<(String, String)>,
    /// Actions that needed more than one try: by key, the title and the number of the last try.
    pub retried: BTreeMap<String, (String, u32)>,
    /// Whether an action was begun that changes production, or one has made what was not there.
    pub is_changed: bool,
    /// The last lines that an action said that did not come out well, by its key: those of its last try.
    pub said: BTreeMap<String, Vec<(String, Vec<String>)>>,
    /// The row that was seen last.
    seen: Option<Healed>,
    /// What a person has to say before the run goes on, since nobody else can tell what became of an action: its key and
    /// the question.
    pub unanswered: Vec<(String, String)>,
    /// Actions under way by key, and whether they make something.
    under_way: BTreeMap<String, bool>,
}

/// A step that was healed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Healed {
    pub step: String,
    pub table: String,
    /// The title of the row.
    pub row: String,
}

impl Course {
    /// What stood out so far.
    pub(crate) fn of(history: &[Stamped]) -> Self {
        let mut course = Self::default();
        for stamped in history {
            course.note(&stamped.event);
        }
        course
    }

    /// Takes in what happened next.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Symptom {
                table,
                row,
                step,
                chosen: true,
                ..
            } => {
                self.seen = Some(Healed {
                    step: step.clone(),
                    table: table.clone(),
                    row: row.clone(),
                });
            }
            Event::Step { id, state, reason } => self.note_step(id, *state, reason.as_deref()),
            Event::Intent(intent) => self.note_intent(intent),
            Event::Outcome(outcome) if outcome.result == OutcomeResult::Unknown => {}
            Event::Outcome(outcome) => {
                if outcome.said.is_empty() {
                    self.said.remove(&outcome.key);
                } else {
                    self.said.insert(outcome.key.clone(), outcome.said.clone());
                }
                let makes = self.under_way.remove(&outcome.key) == Some(true) && !outcome.was_there;
                self.is_changed |= makes && outcome.result == OutcomeResult::Ok;
            }
            Event::Settled { key, verdict, .. } => {
                let makes = self.under_way.remove(key) == Some(true);
                self.is_changed |= makes && *verdict != Verdict::NotDone;
            }
            Event::Answer {
                key,
                prompt,
                value: None,
                ..
            } if self.under_way.contains_key(key) => self.unanswered.push((key.clone(), prompt.clone())),
            Event::RunResumed(_) => self.unanswered.clear(),
            _ => {}
        }
    }

    fn note_step(&mut self, id: &str, state: StepState, reason: Option<&str>) {
        match state {
            StepState::Healing => self.healed.extend(self.seen.take().filter(|seen| seen.step == id)),
            StepState::Skipped | StepState::NotTaken => {
                self.skipped
                    .push((id.to_owned(), reason.unwrap_or_default().to_owned()));
            }
            _ => {}
        }
    }

    fn note_intent(&mut self, intent: &Intent) {
        self.is_changed |= intent.changing;
        let makes = intent.effects.iter().any(|effect| matches!(effect, Effect::Adds(_)));
        self.under_way.insert(intent.key.clone(), makes);
        if intent.n > 1 && matches!(intent.way, IntentWay::Forward | IntentWay::Row | IntentWay::Hold(_)) {
            self.retried
                .insert(intent.key.clone(), (intent.title.clone(), intent.n));
        }
    }
}
