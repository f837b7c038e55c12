//! The frame: what a runbook does not name as changing is the same at the end.
//!
//! An anchor that answers otherwise, though nothing that was done touches what it reads, is an exception that a run
//! carries which completed. What cannot be told is none.

use backstay_dsl::model::Anchor;
use futures_util::FutureExt as _;

use super::anchors::Anchors;
use super::progress::View;
use super::touched::Touched;
use crate::event::Exception;
use crate::plan::overlay::{answers, is_of_service};

/// What answers otherwise at the end of a way forward, and nobody has said so.
pub(super) fn exceptions(view: View<'_>, anchors: &Anchors) -> Vec<Exception> {
    let changed = anchors.changed(view.plan);
    if changed.is_empty() {
        return Vec::new();
    }
    let done = Touched::of(view, view.progress.attempts().keys().copied());
    let all = view.plan.runbook.anchors.iter();
    let all = all.filter(|anchor| changed.contains(&anchor.name.as_str()) && is_apart(view, anchor, &done));
    all.map(|anchor| Exception {
        step: String::new(),
        title: anchor.name.clone(),
        reason: anchors.told(&anchor.name),
        because: "nothing that was done touches what it reads".to_owned(),
    })
    .collect()
}

fn is_apart(view: View<'_>, anchor: &Anchor, done: &Touched) -> bool {
    let read = view.recorded(|recorded| recorded.evaluator().reads_if_known(&anchor.value).now_or_never());
    let Some(read) = read.flatten().filter(|read| !read.is_empty()) else {
        return false;
    };
    let program = &view.plan.program;
    let begun = view.progress.attempts().keys();
    let mut actions = begun.filter_map(|id| program.statement(*id).action());
    let is_answer = read.iter().any(|resource| answers(resource.kind));
    let moves = actions.any(|action| action.call.effects.list.iter().any(is_of_service));
    let is_explained = is_answer && moves;
    !is_explained && !done.shares(view, &Touched::looked_at(view, &read))
}
