//! How the settings of a file were written before this run changed them, so that a value that comes back gets the very
//! bytes that it had: a meaning can be written in many ways, and who reads the file may tell them apart.
//!
//! Kept in the run's directory, durable before the file is changed, until no way back needs it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::problem;
use super::settings::Piece;
use crate::action::Leftover;
use crate::action::common::kept;
use crate::digest::short;
use crate::event::End;
use crate::private_files::make_private;

/// The folder in a run's directory.
const FOLDER: &str = "settings";

/// How much is remembered on either side of what is removed.
const AROUND_BYTES: usize = 128;

/// The forms of one file.
pub(super) struct Forms {
    place: PathBuf,
    all: Vec<Form>,
}

#[derive(Serialize, Deserialize)]
struct Form {
    key: String,
    value: String,
    written: String,
    /// Where all of the setting stood, if it was removed as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gap: Option<Gap>,
}

/// A place from which something was removed, and what stands around it.
#[derive(Serialize, Deserialize)]
struct Gap {
    at: usize,
    before: String,
    behind: String,
}

impl Gap {
    fn of(text: &str, place: &Range<usize>) -> Self {
        let before = &text[..place.start];
        let behind = &text[place.end..];
        Self {
            at: place.start,
            before: before[before.ceil_char_boundary(before.len().saturating_sub(AROUND_BYTES))..].to_owned(),
            behind: behind[..behind.ceil_char_boundary(AROUND_BYTES.min(behind.len()))].to_owned(),
        }
    }

    /// Where it is in a text that may have changed since; `None` where that is not clear.
    fn place_in(&self, text: &str) -> Option<usize> {
        let is_here = text.get(..self.at).is_some_and(|before| before.ends_with(&self.before))
            && text[self.at..].starts_with(&self.behind);
        if is_here {
            return Some(self.at);
        }
        let around = format!("{}{}", self.before, self.behind);
        let mut places = text.match_indices(&around).filter(|_| !around.is_empty());
        let (at, _) = places.next()?;
        places.next().is_none().then_some(at + self.before.len())
    }
}

impl Forms {
    /// Those of the file at `real`, which is no link.
    pub(super) fn of(run_directory: &Path, real: &Path) -> Result<Self, String> {
        let place = run_directory.join(FOLDER).join(short(&real.to_string_lossy()));
        let all = kept::read(&place)?.unwrap_or_default();
        Ok(Self { place, all })
    }

    /// How this value of a setting was written when it was last replaced.
    pub(super) fn of_value(&self, key: &str, value: &str) -> Option<&str> {
        let mut known = self.all.iter().rev();
        known
            .find(|form| form.gap.is_none() && form.key == key && form.value == value)
            .map(|form| form.written.as_str())
    }

    /// What a setting with this value is put back as, where it was removed as a whole.
    pub(super) fn of_removed(&self, text: &str, key: &str, value: &str) -> Option<Piece> {
        let mut known = self.all.iter().rev();
        let (form, gap) = known.find_map(|form| {
            let gap = form.gap.as_ref()?;
            (form.key == key && form.value == value).then_some((form, gap))
        })?;
        Some(Piece {
            at: gap.place_in(text)?,
            text: form.written.clone(),
        })
    }

    /// Keeps one that is about to be replaced.
    pub(super) fn keep(self, key: &str, value: &str, written: &str) -> Result<(), String> {
        if self.of_value(key, value) == Some(written) {
            return Ok(());
        }
        self.keep_form(Form {
            key: key.to_owned(),
            value: value.to_owned(),
            written: written.to_owned(),
            gap: None,
        })
    }

    /// Keeps one that is about to be removed from this place of a text.
    pub(super) fn keep_removed(self, text: &str, key: &str, value: &str, place: &Range<usize>) -> Result<(), String> {
        self.keep_form(Form {
            key: key.to_owned(),
            value: value.to_owned(),
            written: text[place.clone()].to_owned(),
            gap: Some(Gap::of(text, place)),
        })
    }

    fn keep_form(mut self, new: Form) -> Result<(), String> {
        let is_same =
            |form: &Form| form.key == new.key && form.value == new.value && form.gap.is_some() == new.gap.is_some();
        self.all.retain(|form| !is_same(form));
        self.all.push(new);
        let folder = self.place.parent().unwrap_or(&self.place);
        make_private(folder).map_err(|error| problem("make", folder, &error))?;
        kept::write(&self.place, &self.all)
    }
}

/// Clears all that was kept once a run has ended, and gives what stays.
pub(super) fn conclude(run_directory: &Path, end: End) -> Vec<Leftover> {
    kept::conclude(&run_directory.join(FOLDER), end)
}
