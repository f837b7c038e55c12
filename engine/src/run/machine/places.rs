//! Names of what the parts of the machine are at.

use std::collections::BTreeMap;
use std::fmt::Debug;

/// What each part is at, by what it is and whose.
pub type Places = BTreeMap<(&'static str, String), String>;

/// The name of the variant of a value.
pub(super) fn word(of: &impl Debug) -> String {
    let text = format!("{of:?}");
    let end = text
        .find(|letter: char| !letter.is_alphanumeric())
        .unwrap_or(text.len());
    text[..end].to_owned()
}
