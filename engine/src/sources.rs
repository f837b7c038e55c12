//! Where the texts of runbooks and modules come from: files within the runbook's folder, and the modules
//! that are shipped in the program.
//!
//! Invariants: nothing outside of the runbook's folder is read, by `..` or by a link; a text is at most
//! 16 MiB of valid UTF-8. Everything that was read is remembered, so that a run can keep it.

#![expect(clippy::disallowed_methods, reason = "texts are files")]

mod embedded;
mod kept;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use backstay_dsl::source::Sources;

pub use kept::KeptSources;

/// The longest text, in bytes.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// Texts from files below one folder.
pub struct FileSources {
    root: PathBuf,
    shown_root: PathBuf,
    real_paths: Mutex<BTreeMap<String, PathBuf>>,
    kept: Mutex<KeptSources>,
}

/// Why a runbook's file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It is not there, or may not be read.
    #[error("{file} cannot be read: {reason}")]
    Unreadable { file: String, reason: String },
    /// It is not a text of the language at all.
    #[error("{file}: {reason}")]
    NotText { file: String, reason: String },
}

impl FileSources {
    /// Reads a runbook's file; modules are looked for below its folder. Gives its name and text.
    pub fn open(file: &Path) -> Result<(Self, String, String), SourceError> {
        let name = file.display().to_string();
        let unreadable = |reason: String| SourceError::Unreadable {
            file: name.clone(),
            reason,
        };
        let real = file.canonicalize().map_err(|error| unreadable(plain(&error)))?;
        let text = read_text(&real).map_err(|error| match error {
            ReadTextError::Io(reason) => unreadable(reason),
            ReadTextError::NotText(reason) => SourceError::NotText {
                file: name.clone(),
                reason,
            },
        })?;
        let root = real.parent().unwrap_or(Path::new("/")).to_owned();
        let sources = Self {
            root,
            shown_root: file.parent().unwrap_or(Path::new("")).to_owned(),
            real_paths: Mutex::new(BTreeMap::from([(name.clone(), real)])),
            kept: Mutex::new(KeptSources::new(&name, &text)),
        };
        Ok((sources, name, text))
    }

    /// Everything that was read.
    pub fn into_kept(self) -> KeptSources {
        self.kept.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sources for FileSources {
    fn relative(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let from_path = {
            let known = self.real_paths.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(from).cloned()
        };
        let Some(from_path) = from_path else {
            return Err("a shipped module can only use shipped modules".to_owned());
        };
        let folder = from_path.parent().unwrap_or(&self.root);
        let real = folder
            .join(path)
            .canonicalize()
            .map_err(|error| format!("{path} cannot be read: {}", plain(&error)))?;
        let Ok(inside) = real.strip_prefix(&self.root) else {
            return Err(format!("{path} lies outside of the runbook's folder"));
        };
        let name = self.shown_root.join(inside).display().to_string();
        let text = read_text(&real).map_err(|error| match error {
            ReadTextError::Io(reason) => format!("{path} cannot be read: {reason}"),
            ReadTextError::NotText(reason) => format!("{path}: {reason}"),
        })?;
        self.real_paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.clone(), real);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.add_relative(from, path, &name, &text);
        Ok((name, text))
    }

    fn standard(&self, path: &[String]) -> Option<String> {
        let text = shipped(path)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.add_standard(path, &text);
        Some(text)
    }

    fn standard_names(&self) -> Vec<String> {
        shipped_names()
    }
}

/// The text of a shipped module.
fn shipped(path: &[String]) -> Option<String> {
    let name = format!("std.{}", path.join("."));
    let (_, text) = embedded::MODULES.iter().find(|(known, _)| *known == name)?;
    Some((*text).to_owned())
}

fn shipped_names() -> Vec<String> {
    embedded::MODULES.iter().map(|(name, _)| (*name).to_owned()).collect()
}

enum ReadTextError {
    Io(String),
    NotText(String),
}

fn read_text(path: &Path) -> Result<String, ReadTextError> {
    let io = |error: std::io::Error| ReadTextError::Io(plain(&error));
    // Opening a pipe would wait for a writer, and a device never ends.
    let metadata = path.metadata().map_err(io)?;
    if metadata.is_dir() {
        return Err(ReadTextError::Io("it is a folder".to_owned()));
    }
    if !metadata.is_file() {
        return Err(ReadTextError::Io("it is no plain file".to_owned()));
    }
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(ReadTextError::NotText("the text is longer than 16 MiB".to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let last_line = String::from_utf8_lossy(before.get(start..).unwrap_or_default());
        let column = last_line.chars().count() + 1;
        ReadTextError::NotText(format!("line {line}, column {column}: this byte is not valid UTF-8"))
    })
}

/// An error of the system without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests;
