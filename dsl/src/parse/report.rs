//! Where syntax errors are collected: at most [`ERRORS_MAX`] of them, and none that only follows
//! from another.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{SourceId, Span};

/// So many errors of form are told in one text; more would only bury the first.
pub(super) const ERRORS_MAX: usize = 20;

/// So many warnings of form are told in one text.
const WARNINGS_MAX: usize = 20;

/// Collects the errors of one text.
pub(super) struct Report<'a> {
    /// The text they are about.
    pub(super) source: SourceId,
    length: usize,
    diagnostics: &'a mut Diagnostics,
    told: usize,
    warned: usize,
    broken: Vec<(u32, u32)>,
}

impl<'a> Report<'a> {
    /// Begins a report on a text.
    pub(super) fn new(source: SourceId, text: &str, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            source,
            length: text.len(),
            diagnostics,
            told: 0,
            warned: 0,
            broken: Vec::new(),
        }
    }

    /// A place in the text; brackets that were added at its end have none.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let offset = |value: usize| u32::try_from(value.min(self.length)).unwrap_or(u32::MAX);
        Span::new(self.source, offset(start), offset(end.max(start)))
    }

    /// Adds an error; the last that fits says that there may be more.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_full() {
            return;
        }
        self.told += 1;
        self.diagnostics.push(if self.is_full() {
            diagnostic.help("there may be more errors below; mend these first")
        } else {
            diagnostic
        });
    }

    /// Adds a warning; a few are enough.
    pub(super) fn warn(&mut self, diagnostic: Diagnostic) {
        self.warned += 1;
        if self.warned <= WARNINGS_MAX {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Whether no more errors are told.
    pub(super) fn is_full(&self) -> bool {
        self.told >= ERRORS_MAX
    }

    /// Remembers that these bytes are known to be broken: errors there follow from that.
    pub(super) fn mark_broken(&mut self, start: u32, end: u32) {
        self.broken.push((start, end));
    }

    /// Whether something in these bytes is known to be broken.
    pub(super) fn is_broken(&self, start: u32, end: u32) -> bool {
        self.broken.iter().any(|(from, to)| *from <= end && *to >= start)
    }
}
