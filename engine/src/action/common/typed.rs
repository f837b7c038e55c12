//! A command as a person would type it.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use crate::action::{Arguments, Context};

/// The words of a call as typed in a shell, and the folder it starts in. Never a secret: what goes in by
/// environment or standard input is not shown, and known secrets are taken out of the words.
pub(crate) fn typed(context: &Context, arguments: &Arguments) -> String {
    let line = shell_line(&arguments.words("argv").unwrap_or_default());
    let folder = context
        .working_directory
        .join(arguments.path("cwd").unwrap_or_default());
    let folder = normal(&folder);
    let text = format!("{line} (in {})", folder.display());
    context.redactor.scrub_text(&text).into_owned()
}

/// A command that a person can paste into any shell; `None` where its words have characters that show nothing.
pub(crate) fn pasted<'word>(words: impl IntoIterator<Item = &'word str>) -> Option<String> {
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    let is_shown = |word: &String| !word.chars().any(char::is_control);
    words.iter().all(is_shown).then(|| shell_line(&words))
}

/// The path that an argument names, absolute; `None` where it is no text.
pub(crate) fn pasted_path(folder: &Path, arguments: &Arguments, name: &str) -> Option<String> {
    let path = normal(&folder.join(arguments.path(name)?));
    path.to_str().map(str::to_owned)
}

/// The path without `.` and without a slash at its end; `..` stays, since what it means depends on links.
pub(crate) fn normal(path: &Path) -> PathBuf {
    path.components()
        .filter(|component| !matches!(component, Component::CurDir))
        .collect()
}

/// Words as one line that a shell reads as exactly these.
pub(crate) fn shell_line(words: &[String]) -> String {
    let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    line.join(" ")
}

/// A word that a shell reads as exactly this.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./:=,@%+".contains(character);
    // `=` in front is an expansion in some shells.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if !word.chars().any(char::is_control) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut text = "$'".to_owned();
    for character in word.chars() {
        match character {
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\'' | '\\' => text.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('\'');
    text
}
