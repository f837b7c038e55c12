//! "Did you mean …?": the nearest known name, where one is near enough.

use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// The known name that is nearest to what was written; `None` where all are far.
pub(crate) fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .filter(|(distance, name)| *distance > 0 && *distance <= 1 + written.len().max(name.len()) / 4)
        .min()
        .map(|(_, name)| name)
}

/// Adds the nearest known name as a replacement, or else the list of what there is.
pub(crate) fn suggest<'n>(
    diagnostic: Diagnostic,
    place: Span,
    written: &str,
    known: impl IntoIterator<Item = &'n str>,
    what: &str,
) -> Diagnostic {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(written, known.iter().copied()) {
        return diagnostic.suggest(format!("did you mean `{near}`?"), place, near);
    }
    match known.len() {
        0 => diagnostic.help(format!("there is no {what} here")),
        1..=12 => {
            let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            diagnostic.help(format!("what there is: {}", list.join(", ")))
        }
        _ => diagnostic,
    }
}
