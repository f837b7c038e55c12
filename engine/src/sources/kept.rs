//! The texts of a run as they were read, kept beside its transcript: a resumed run is compiled from them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use backstay_dsl::source::Sources;
use serde::{Deserialize, Serialize};

use crate::eval::Places;
use crate::private_files::{put_private, put_private_folder, read_plain, sync_folder};

/// The index beside the texts.
const INDEX: &str = "index.json";

/// Every text that a runbook was compiled from, and how modules were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSources {
    /// The runbook's name: the first of `texts`.
    root: String,
    /// Texts by name. In the index only the names; the texts are files of their own.
    #[serde(skip)]
    texts: BTreeMap<String, String>,
    /// Files of the texts, by name.
    files: BTreeMap<String, String>,
    /// `use "path"` written in a source: source, path, name of the module.
    relative: Vec<(String, String, String)>,
    /// Where paths were taken from.
    working_directory: Option<String>,
    home: Option<String>,
}

impl KeptSources {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self {
            root: name.to_owned(),
            texts: BTreeMap::from([(name.to_owned(), text.to_owned())]),
            ..Self::default()
        }
    }

    pub(super) fn add_relative(&mut self, from: &str, path: &str, name: &str, text: &str) {
        self.relative.push((from.to_owned(), path.to_owned(), name.to_owned()));
        self.texts.insert(name.to_owned(), text.to_owned());
    }

    pub(super) fn add_standard(&mut self, path: &[String], text: &str) {
        self.texts.insert(format!("std.{}", path.join(".")), text.to_owned());
    }

    /// The runbook's name and text.
    pub fn runbook(&self) -> (&str, &str) {
        (&self.root, self.texts.get(&self.root).map_or("", String::as_str))
    }

    /// Where paths were taken from; `None` where it was not kept.
    pub fn places(&self) -> Option<Places> {
        Some(Places {
            working_directory: self.working_directory.as_ref()?.into(),
            home: self.home.as_ref().map(Into::into),
        })
    }

    /// Writes everything into a directory of its own, whose name is durable once the one above is synced.
    pub fn write(&mut self, directory: &Path, places: &Places) -> io::Result<()> {
        put_private_folder(directory)?;
        self.working_directory = Some(places.working_directory.to_string_lossy().into_owned());
        self.home = places.home.as_ref().map(|home| home.to_string_lossy().into_owned());
        self.files.clear();
        for (place, (name, text)) in self.texts.iter().enumerate() {
            let file = format!("{place:03}.runbook");
            put_private(&directory.join(&file), text.as_bytes())?;
            self.files.insert(name.clone(), file);
        }
        put_private(&directory.join(INDEX), &serde_json::to_vec_pretty(self)?)?;
        sync_folder(directory)
    }

    /// Reads everything back.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let mut kept: Self = serde_json::from_slice(&read(&directory.join(INDEX))?)?;
        for (name, file) in &kept.files {
            if file.contains('/') {
                return Err(io::Error::other("the index of the kept texts names a file elsewhere"));
            }
            kept.texts.insert(
                name.clone(),
                String::from_utf8(read(&directory.join(file))?).map_err(io::Error::other)?,
            );
        }
        Ok(kept)
    }
}

impl Sources for KeptSources {
    fn relative(&self, from: &str, path: &str) -> Result<(String, String), String> {
        let found = self
            .relative
            .iter()
            .find(|(known_from, known_path, _)| known_from == from && known_path == path);
        let kept = found.and_then(|(_, _, name)| Some((name.clone(), self.texts.get(name)?.clone())));
        kept.ok_or_else(|| format!("{path} was not kept with the run"))
    }

    fn standard(&self, path: &[String]) -> Option<String> {
        self.texts.get(&format!("std.{}", path.join("."))).cloned()
    }

    fn standard_names(&self) -> Vec<String> {
        super::shipped_names()
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_plain(path, super::TEXT_BYTES_MAX)
}
