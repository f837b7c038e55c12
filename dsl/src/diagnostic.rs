//! Diagnostics are data: a slug, a severity, places, helps. Rendering is somebody else's.

use std::collections::BTreeSet;

use crate::source::Span;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The runbook cannot be run.
    Error,
    /// The runbook can be run; a person should look.
    Warning,
}

/// What would mend the finding: places and what is to stand there instead. None of them overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub edits: Vec<(Span, String)>,
}

/// Help below a finding: a sentence, perhaps with a place of its own, perhaps with a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help {
    pub message: String,
    /// A place that it speaks of.
    pub span: Option<Span>,
    /// A replacement that mends the finding.
    pub suggestion: Option<Suggestion>,
}

/// One scene of what a proof found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// The key of a statement, or the name of a step or of a way back.
    pub at: String,
    pub what: String,
    pub span: Span,
}

/// What a finding speaks of, where its slug is too coarse for what follows from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Subject {
    #[default]
    Other,
    /// A value that no name stands for: every item and statement around it is in the model.
    Value,
    /// The header of the runbook, which is not there.
    Header,
}

/// One finding of the compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name; `backstay explain SLUG` has a page for it (see [`crate::pages`]).
    pub slug: &'static str,
    pub severity: Severity,
    /// One line that says what is wrong, in the user's words.
    pub message: String,
    pub span: Span,
    /// A few words shown at the place itself; may be empty.
    pub label: String,
    /// Other places that matter, each with a few words.
    pub related: Vec<(Span, String)>,
    pub help: Vec<Help>,
    /// How it comes about, in the order in which it does; empty where no run has to be told.
    pub trace: Vec<Scene>,
    pub(crate) subject: Subject,
}

impl Diagnostic {
    /// A new error at a place.
    pub fn error(slug: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            slug,
            severity: Severity::Error,
            message: bounded(message.into()),
            span,
            label: String::new(),
            related: Vec::new(),
            help: Vec::new(),
            trace: Vec::new(),
            subject: Subject::Other,
        }
    }

    /// A new warning at a place.
    pub fn warning(slug: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(slug, span, message)
        }
    }

    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Sets the words shown at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Names another place; of very many the first.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        if self.related.len() < RELATED_MAX {
            self.related.push((span, label.into()));
        }
        self
    }

    /// Tells what comes next.
    #[must_use]
    pub(crate) fn scene(mut self, at: impl Into<String>, what: impl Into<String>, span: Span) -> Self {
        self.trace.push(Scene {
            at: at.into(),
            what: bounded(what.into()),
            span,
        });
        self
    }

    /// Adds a sentence of help.
    #[must_use]
    pub fn help(mut self, message: impl Into<String>) -> Self {
        self.help.push(Help {
            message: bounded(message.into()),
            span: None,
            suggestion: None,
        });
        self
    }

    /// Adds a help with a place of its own: the cause of the finding.
    #[must_use]
    pub fn cause(mut self, span: Span, message: impl Into<String>) -> Self {
        self.help.push(Help {
            message: bounded(message.into()),
            span: Some(span),
            suggestion: None,
        });
        self
    }

    /// Adds a replacement that mends the finding.
    #[must_use]
    pub fn suggest(self, message: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.suggest_edits(message, vec![(span, replacement.into())])
    }

    /// Adds several replacements that mend the finding together.
    #[must_use]
    pub fn suggest_edits(mut self, message: impl Into<String>, edits: Vec<(Span, String)>) -> Self {
        let suggestion = Some(Suggestion { edits });
        self.help.push(Help {
            message: bounded(message.into()),
            span: None,
            suggestion,
        });
        self
    }
}

/// The longest message or help, in characters: what an author wrote may be quoted in it, however long it is.
const MESSAGE_CHARACTERS_MAX: usize = 500;

/// The most other places of a finding; a message that lists what they stand for says how many there are.
const RELATED_MAX: usize = 20;

/// The longest list in a message or help, in characters: what introduces it has room beside it.
const LIST_CHARACTERS_MAX: usize = 400;

/// Writes a list out as far as there is room, and says how many it left out.
pub(crate) fn listed<S: AsRef<str>>(items: &[S], separator: &str) -> String {
    let mut text = String::new();
    let mut characters = 0;
    for (at, item) in items.iter().map(AsRef::as_ref).enumerate() {
        characters += separator.chars().count() + item.chars().count();
        if at > 0 && characters > LIST_CHARACTERS_MAX {
            return format!("{text}{separator}… ({} more)", items.len() - at);
        }
        if at > 0 {
            text.push_str(separator);
        }
        text.push_str(item);
    }
    text
}

fn bounded(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        message.truncate(end);
        message.push('…');
    }
    message
}

/// Where findings are collected.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    /// Slug and place of each, so that many of them stay cheap.
    places: BTreeSet<(&'static str, Span)>,
}

impl Diagnostics {
    /// Adds a finding; the same slug at the same place is kept once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.places.insert((diagnostic.slug, diagnostic.span)) {
            self.found.push(diagnostic);
        }
    }

    /// Adds what was found elsewhere.
    pub fn extend(&mut self, found: Self) {
        found.found.into_iter().for_each(|finding| self.push(finding));
    }

    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.found
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// All findings so far, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    /// All findings, by place.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|diagnostic| (diagnostic.span, diagnostic.severity));
        self.found
    }
}
