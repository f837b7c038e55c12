//! The report as JSON: the shape that scripts rely on.

use serde_json::{Value as Json, json};

use super::{
    Asked, BranchReport, Change, Entry, PlanReport, Reading, ReadingResult, RowReport, StepReport, TableReport, Would,
    WrittenBlock,
};

impl PlanReport {
    /// The shape that scripts rely on.
    pub fn to_json(&self) -> Json {
        let (head, times) = (&self.head, &self.times);
        let inputs = self.inputs.iter().map(
            |input| json!({ "name": input.name, "value": input.value, "secret": input.is_secret, "doc": input.doc }),
        );
        json!({
            "digest": head.digest,
            "runbook": head.runbook,
            "title": head.title,
            "doc": head.doc,
            "version": head.version,
            "owner": head.owner,
            "affects": head.affects,
            "inputs": inputs.collect::<Vec<_>>(),
            "services_and_state": all(&self.things, |thing| json!({
                "kind": thing.word,
                "id": thing.id,
                "title": thing.title,
                "doc": thing.doc,
                "is": thing.is,
            })),
            "window_ms": times.window_ms,
            "keep_ms": times.keep_ms,
            "forward_ms": times.forward_ms,
            "forward_to_commit_ms": times.forward_to_commit_ms,
            "longest_way_back_ms": times.longest_way_back_ms,
            "slack_ms": times.slack_ms,
            "readings": all(&self.readings, reading),
            "steps": all(&self.steps, step),
            "on_failure": self.way_back.on_failure,
            "on_interrupt": self.way_back.on_interrupt,
            "rollbacks": all(&self.way_back.rollbacks, branch),
            "parks": all(&self.way_back.parks, branch),
            "holds": all(&self.way_back.holds, |hold| json!({
                "id": hold.id,
                "title": hold.title,
                "doc": hold.doc,
                "release": written(&hold.release),
            })),
            "symptoms": all(&self.way_back.tables, table),
            "obstacles": self.obstacles,
        })
    }
}

fn all<T>(items: &[T], one: impl Fn(&T) -> Json) -> Vec<Json> {
    items.iter().map(one).collect()
}

fn reading(reading: &Reading) -> Json {
    let result = match reading.result {
        ReadingResult::Holds => "holds",
        ReadingResult::DoesNotHold => "does_not_hold",
        ReadingResult::Unanswered => "unanswered",
        ReadingResult::Unknown => "unknown",
    };
    let asked = match reading.asked {
        Asked::Now => "now",
        Asked::BeforeChange => "before_change",
        Asked::OnPaper => "on_paper",
    };
    json!({
        "label": reading.label,
        "doc": reading.doc,
        "question": reading.question,
        "result": result,
        "asked": asked,
        "evidence": reading.evidence,
    })
}

fn step(step: &StepReport) -> Json {
    json!({
        "id": step.id,
        "title": step.title,
        "doc": step.doc,
        "after": step.after,
        "before_window": step.before_window,
        "budget_ms": step.budget_ms,
        "on_failure": step.on_failure,
        "would": match step.would {
            Would::Run => "run",
            Would::Skip => "skip",
            Would::Unknown => "unknown",
        },
        "reason": step.reason,
        "notes": step.notes().collect::<Vec<_>>(),
        "changes": step.changes().map(change).collect::<Vec<_>>(),
        "readings": step.readings().map(reading).collect::<Vec<_>>(),
        "statements": all(&step.entries, |entry| match entry {
            Entry::Reading(asked) | Entry::Decision(asked) => json!({ "reading": reading(asked) }),
            Entry::Change(made) => json!({ "change": change(made) }),
            Entry::Note(note) => json!({ "note": note }),
            Entry::Undo(undo) => json!({ "undo": written(undo) }),
        }),
    })
}

fn change(change: &Change) -> Json {
    json!({
        "key": change.key,
        "title": change.title,
        "action": change.action,
        "call": change.call,
        "effects": change.effects,
        "preview": change.preview,
        "retries": change.retry.map(|retry| json!({ "times": retry.times, "every_ms": retry.every_ms })),
        "undo": change.undo.as_ref().map(written),
        "no_undo": change.no_undo,
    })
}

fn written(block: &WrittenBlock) -> Json {
    json!({
        "within_ms": block.within_ms,
        "statements": all(&block.statements, |statement| json!({
            "key": statement.key,
            "text": statement.text,
            "undo": statement.undo.as_ref().map(written),
            "no_undo": statement.no_undo,
        })),
    })
}

fn branch(branch: &BranchReport) -> Json {
    let (from, until) = branch.stretch.as_ref().map(|(from, until)| (from, until)).unzip();
    json!({
        "id": branch.id,
        "title": branch.title,
        "doc": branch.doc,
        "from": from,
        "until": until,
        "budget_ms": branch.budget_ms,
        "body": written(&branch.body),
    })
}

fn table(table: &TableReport) -> Json {
    json!({ "id": table.id, "title": table.title, "steps": table.steps, "rows": all(&table.rows, row) })
}

fn row(row: &RowReport) -> Json {
    json!({
        "title": row.title,
        "seen_when": row.seen,
        "suspect": row.suspect,
        "budget_ms": row.budget_ms,
        "first": row.first.as_ref().map(written),
        "otherwise": row.otherwise,
    })
}
