//! What was seen on the way to an answer: one line that says what was asked, all of it, and what was found.

use std::sync::Mutex;

use backstay_dsl::model::{BinaryOperator, Expr, ExprKind, Runbook};

use crate::eval::describe::{in_words, one_line, shown};
use crate::eval::operators;
use crate::redact::Redactor;
use crate::value::{Answer, Unanswered, Value};

/// The longest rendering of a whole condition, in characters.
const ASKED_CHARACTERS_MAX: usize = 400;
/// The longest rendering of one part of it, in characters.
const PART_CHARACTERS_MAX: usize = 160;

/// What a part of an expression was seen to be.
struct Note {
    part: String,
    seen: String,
}

/// The notes of one evaluation.
pub(super) struct Notes<'a> {
    runbook: &'a Runbook,
    redactor: &'a Redactor,
    taken: Mutex<Vec<Note>>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(runbook: &'a Runbook, redactor: &'a Redactor) -> Self {
        Self {
            runbook,
            redactor,
            taken: Mutex::new(Vec::new()),
        }
    }

    /// So many parts were noted.
    pub(super) fn count(&self) -> usize {
        self.taken.lock().map_or(0, |taken| taken.len())
    }

    /// Notes what a part was seen to be.
    pub(super) fn note(&self, part: &Expr, answer: &Answer) {
        self.push(part, self.seen(answer));
    }

    /// Notes what the left side of a comparison was seen to be, with what it was compared to.
    pub(super) fn compared(&self, part: &Expr, operator: BinaryOperator, left: &Answer, right: &Answer) {
        let seen = match (left, right) {
            (Ok(Value::Text(text)), Ok(Value::Text(wanted))) => self.decisive(operator, text, wanted),
            _ => None,
        };
        self.push(part, seen.unwrap_or_else(|| self.seen(left)));
    }

    fn push(&self, part: &Expr, seen: String) {
        let part = self.in_words(part, PART_CHARACTERS_MAX);
        if let Ok(mut taken) = self.taken.lock() {
            taken.push(Note { part, seen });
        }
    }

    /// All of it as one line; the notes begin anew.
    pub(super) fn take(&self, expr: &Expr, answer: &Answer) -> String {
        let taken = self.taken.lock().map(|mut taken| std::mem::take(&mut *taken));
        let taken = taken.unwrap_or_default();
        let asked = self.in_words(expr, ASKED_CHARACTERS_MAX);
        match taken.as_slice() {
            [] => match answer {
                Ok(value) if shown(self.redactor, value) == asked => asked,
                _ => format!("{asked}: {}", self.seen(answer)),
            },
            [one] if self.in_words(without_not(expr), PART_CHARACTERS_MAX) == one.part => {
                format!("{asked}: {}", one.seen)
            }
            all => {
                let parts: Vec<String> = all.iter().map(|note| format!("{}: {}", note.part, note.seen)).collect();
                format!("{asked}, seen: {}", parts.join("; "))
            }
        }
    }

    fn in_words(&self, expr: &Expr, characters_max: usize) -> String {
        in_words(self.runbook, self.redactor, expr, characters_max)
    }

    fn seen(&self, answer: &Answer) -> String {
        match answer {
            Ok(value) => shown(self.redactor, value),
            Err(Unanswered { reason, .. }) => format!("not answered ({reason})"),
        }
    }

    /// The last line of a text in which the words or the pattern are found. It says nothing that changes
    /// as the text grows. Secrets are out of the text before it is looked through.
    fn decisive(&self, operator: BinaryOperator, text: &str, wanted: &str) -> Option<String> {
        if !matches!(operator, BinaryOperator::Matches | BinaryOperator::Contains) {
            return None;
        }
        let clean = self.redactor.scrub_text(text);
        let Some(found) = operators::place_of(operator, &clean, wanted) else {
            let has_lines = text.lines().nth(1).is_some();
            let is_nowhere = has_lines && operators::place_of(operator, text, wanted).is_none();
            return is_nowhere.then(|| "found in none of its lines".to_owned());
        };
        let start = clean.get(..found)?.rfind('\n').map_or(0, |end| end + 1);
        let line = clean.get(start..)?.lines().next()?;
        Some(one_line(self.redactor, line, PART_CHARACTERS_MAX))
    }
}

fn without_not(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Not(inner) => without_not(inner),
        _ => expr,
    }
}
