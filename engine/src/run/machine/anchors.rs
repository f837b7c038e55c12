//! What the anchors answered before the first change, and at the end.

use std::collections::BTreeMap;

use crate::event::{AnchorTime, CommandLeft, Task};
use crate::plan::Plan;
use crate::value::RecordedValue;

/// Answers by name, or why there is none. The first at each time stays: a run that was interrupted may ask again.
type Answers = BTreeMap<String, Result<RecordedValue, String>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Anchors {
    start: Answers,
    end: Answers,
}

impl Anchors {
    pub(super) fn record(&mut self, name: &str, when: AnchorTime, answer: Result<RecordedValue, String>) {
        let answers = match when {
            AnchorTime::Start => &mut self.start,
            AnchorTime::End => &mut self.end,
        };
        answers.entry(name.to_owned()).or_insert(answer);
    }

    /// Those of the end are to be asked again.
    pub(super) fn forget_end(&mut self) {
        self.end.clear();
    }

    pub(super) fn at_start(&self, name: &str) -> Option<&Result<RecordedValue, String>> {
        self.start.get(name)
    }

    /// Whether all have answered.
    pub(super) fn are_all(&self, plan: &Plan, when: AnchorTime) -> bool {
        let answers = match when {
            AnchorTime::Start => &self.start,
            AnchorTime::End => &self.end,
        };
        answers.len() >= plan.runbook.anchors.len()
    }

    /// Those that do not answer at the end as at the start.
    pub(super) fn changed<'plan>(&self, plan: &'plan Plan) -> Vec<&'plan str> {
        let names = plan.runbook.anchors.iter().map(|anchor| anchor.name.as_str());
        names
            .filter(|name| known(&self.start, name) != known(&self.end, name))
            .collect()
    }

    /// What a person has to do about one of those.
    pub(super) fn left(&self, name: &str) -> CommandLeft {
        let (start, end) = self.texts(name);
        CommandLeft {
            task: Task::BringBack(name.to_owned()),
            text: format!("bring {name} back to {start} (it is {end})"),
        }
    }

    /// What one of those answers.
    pub(super) fn told(&self, name: &str) -> String {
        let (start, end) = self.texts(name);
        format!("it answers {end}, and at the start {start}")
    }

    fn texts(&self, name: &str) -> (String, String) {
        let text = |answers| known(answers, name).map_or("nothing".to_owned(), |value| value.to_value().canonical());
        (text(&self.start), text(&self.end))
    }
}

fn known<'a>(answers: &'a Answers, name: &str) -> Option<&'a RecordedValue> {
    answers.get(name)?.as_ref().ok()
}
