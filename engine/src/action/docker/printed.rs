//! What a program in a container printed: as evidence, as a value, as the one line that says what was wrong.

use crate::action::Context;
use crate::containers::Printed;

/// So much of each output is kept as evidence.
pub(super) const EVIDENCE_BYTES_MAX: usize = 1024 * 1024;
/// So much of each output is kept as a value.
pub(super) const VALUE_BYTES_MAX: usize = 64 * 1024;
/// A line in a message has so many characters at most.
const LINE_CHARACTERS_MAX: usize = 300;

/// How much of an output is to be asked for, so that `wanted` bytes are left when what may be half a secret is cut
/// off.
pub(super) fn bytes_to_ask(context: &Context, wanted: usize) -> usize {
    wanted + context.redactor.reach()
}

/// What it printed without secrets, with a note where the beginning is left out.
pub(super) fn evidence(context: &Context, printed: &Printed) -> Vec<(String, Vec<u8>)> {
    [("stdout", &printed.stdout), ("stderr", &printed.stderr)]
        .into_iter()
        .filter(|(_, bytes)| !bytes.is_empty())
        .map(|(name, bytes)| {
            let mut kept = Vec::new();
            if printed.is_cut {
                kept.extend_from_slice("[… what came before is left out …]\n".as_bytes());
            }
            kept.extend(context.redactor.scrub_end(bytes, printed.is_cut));
            (name.to_owned(), kept)
        })
        .collect()
}

/// An output as a value: without one final line end, and without what may be half a secret.
pub(super) fn value(context: &Context, bytes: &[u8], is_cut: bool) -> String {
    let unsure = if is_cut { context.redactor.reach() } else { 0 };
    let bytes = bytes.get(unsure..).unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

/// The last line that is not blank, without secrets; what was printed as an error comes first.
pub(super) fn last_line(context: &Context, printed: &Printed) -> Option<String> {
    [&printed.stderr, &printed.stdout]
        .into_iter()
        .find_map(|bytes| context.redactor.last_line(bytes, printed.is_cut, LINE_CHARACTERS_MAX))
}

/// A line with the last one that was printed behind it.
pub(super) fn with_last_line(context: &Context, line: String, printed: &Printed) -> String {
    match last_line(context, printed) {
        Some(last) => format!("{line}: {last}"),
        None => line,
    }
}
