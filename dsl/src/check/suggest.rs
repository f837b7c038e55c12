//! "Did you mean …?": the nearest known name, where one is near enough.

use crate::diagnostic::{Diagnostic, listed};
use crate::source::Span;
use crate::suggest::closest;

/// At most so many names are compared with what was written.
const CANDIDATES_MAX: usize = 1_000;

/// Adds the nearest known name as a replacement, or else the list of what there is.
pub(crate) fn suggest<'n>(
    diagnostic: Diagnostic,
    place: Span,
    written: &str,
    known: impl IntoIterator<Item = &'n str>,
    what: &str,
) -> Diagnostic {
    let known: Vec<&str> = known.into_iter().take(CANDIDATES_MAX).collect();
    if let Some(near) = closest(written, known.iter().copied()) {
        return diagnostic.suggest(format!("did you mean `{near}`?"), place, near);
    }
    match known.len() {
        0 => diagnostic.help(format!("there is no {what} here")),
        1..=12 => {
            let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            diagnostic.help(format!("what there is: {}", listed(&list, ", ")))
        }
        _ => diagnostic,
    }
}
