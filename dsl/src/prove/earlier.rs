//! What was found wrong before the proofs. A text with mistakes is proved as far as it was understood,
//! so that all its mistakes are told in one run; a rule asks here before it would tell the
//! consequence of a mistake as a second one.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Subject};
use crate::source::Span;

/// Mistakes after which a whole step, row, clause or arrow may be missing from the model.
const STRUCTURE: &[&str] = &[
    "clause-order",
    "cycle",
    "duplicate-name",
    "import-cycle",
    "no-steps",
    "recursion",
    "reserved-name",
    "syntax",
    "too-deep",
    "too-large",
    "too-many-statements",
    "unknown-module",
    "unknown-statement",
    "unknown-step",
];

#[derive(Debug, Default)]
pub(super) struct EarlierErrors<'a>(Vec<&'a Diagnostic>);

impl<'a> EarlierErrors<'a> {
    pub(super) fn of(found: &'a Diagnostics) -> Self {
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
        Self(errors.collect())
    }

    /// Whether there are none: everything can be proved.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every step, statement of form and arrow that was written is in the model.
    pub(super) fn keep_structure(&self) -> bool {
        self.0.iter().all(|error| !STRUCTURE.contains(&error.slug))
    }

    /// Whether every hold, way back and service that is named is known; names of values do not matter.
    pub(super) fn keep_names(&self) -> bool {
        let mut unknown = self.0.iter().filter(|error| error.slug == "unknown-name");
        self.keep_structure() && unknown.all(|error| error.subject == Subject::Value)
    }

    /// Whether one lies behind the start of one place and before the start of another (or the end of the
    /// text, where there is none).
    pub(super) fn lie_between(&self, from: Span, to: Option<Span>) -> bool {
        self.0.iter().any(|error| {
            let is_behind = error.span.source == from.source && error.span.start >= from.start;
            is_behind && to.is_none_or(|to| to.source == from.source && error.span.start < to.start)
        })
    }

    /// Whether one lies within a place.
    pub(super) fn lie_in(&self, place: Span) -> bool {
        let mut errors = self.0.iter().map(|error| error.span);
        errors.any(|error| error.source == place.source && error.start < place.end && place.start < error.end)
    }
}
