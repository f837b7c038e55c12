//! The journal of a restore, in the run directory: which parts are put back, however it ended.
//!
//! One file for each time the restore was begun (its generation), one durable line for each step. A
//! part's *mark* is the device and inode of what was made ready for it: where that lies, there the
//! part is. So a lost last line does no harm.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bytes::{decode, encode};
use super::holders::Identity;
use super::problem::{Result, trying};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum Line {
    /// Directories for the parts are about to be made.
    Begun {
        digest: String,
        /// The parts that are swapped.
        parts: Vec<PartLine>,
        /// The volumes that are emptied and filled through a helper, by name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        volumes: Vec<String>,
    },
    /// What a volume holds is kept in a file; from here on it is emptied and filled.
    Copied {
        volume: String,
        /// The file, encoded.
        copy: String,
    },
    /// A volume holds what it should.
    Filled {
        volume: String,
    },
    /// Everything is extracted, compared and on disk; the swap may begin.
    Ready {
        /// For each part: what is ready, and what lies at its place now.
        marks: Vec<Marks>,
    },
    Swapped {
        part: usize,
    },
    Done {
        /// Where what was there before is kept, encoded.
        displaced: Vec<String>,
    },
}

/// A part in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartLine {
    /// Where it lies, encoded.
    pub live: String,
    /// The directory of ours beside it, encoded.
    pub holder: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// What was made ready; none where the part was not there when the backup was made.
    pub ready: Option<Identity>,
    /// What lay at its place before.
    pub before: Option<Identity>,
}

/// The journal of one generation.
#[derive(Debug)]
pub(super) struct Journal {
    /// Which time it is, from 1.
    pub generation: u32,
    /// What is known so far.
    pub lines: Vec<Line>,
    path: PathBuf,
}

impl Journal {
    fn path(directory: &Path, name: &str, generation: u32) -> PathBuf {
        directory.join(format!("restore-{name}-{generation}.jsonl"))
    }

    /// The newest journal of this restore; `None` where it was never begun.
    pub(super) fn newest(directory: &Path, name: &str) -> Result<Option<Self>> {
        let mut newest = None;
        for generation in 1.. {
            let path = Self::path(directory, name, generation);
            match std::fs::read(&path) {
                Ok(bytes) => {
                    newest = Some(Self {
                        generation,
                        lines: parse(&bytes),
                        path,
                    });
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
                Err(error) => return Err(trying(|| format!("cannot read {}", path.display()))(error)),
            }
        }
        Ok(newest)
    }

    /// Starts the journal of the next generation.
    pub(super) fn start(directory: &Path, name: &str, generation: u32) -> Result<Self> {
        let path = Self::path(directory, name, generation);
        let failed = || format!("cannot write {}", path.display());
        std::fs::create_dir_all(directory).map_err(trying(failed))?;
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(trying(failed))?;
        super::scope::sync_directory(directory)?;
        Ok(Self {
            generation,
            lines: Vec::new(),
            path,
        })
    }

    /// Adds a line, durable.
    pub(super) fn add(&mut self, line: Line) -> Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        // The leading line end ends a line that a crash cut off; empty lines are skipped.
        let mut bytes = vec![b'\n'];
        serde_json::to_writer(&mut bytes, &line).map_err(trying(failed))?;
        bytes.push(b'\n');
        let mut file = File::options().append(true).open(&self.path).map_err(trying(failed))?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_data())
            .map_err(trying(failed))?;
        self.lines.push(line);
        Ok(())
    }

    /// The parts: where each lies, and our directory beside it.
    pub(super) fn parts(&self) -> Vec<(PathBuf, PathBuf)> {
        let begun = self.lines.iter().find_map(|line| match line {
            Line::Begun { parts, .. } => Some(parts.as_slice()),
            _ => None,
        });
        begun
            .unwrap_or_default()
            .iter()
            .map(|part| (path(&part.live), path(&part.holder)))
            .collect()
    }

    /// The volumes that are emptied and filled.
    pub(super) fn volumes(&self) -> Vec<&str> {
        let begun = self.lines.iter().find_map(|line| match line {
            Line::Begun { volumes, .. } => Some(volumes.iter().map(String::as_str).collect()),
            _ => None,
        });
        begun.unwrap_or_default()
    }

    /// The volumes of which a copy was made, and the copy.
    pub(super) fn copies(&self) -> Vec<(String, PathBuf)> {
        let copies = self.lines.iter().filter_map(|line| match line {
            Line::Copied { volume, copy } => Some((volume.clone(), path(copy))),
            _ => None,
        });
        copies.collect()
    }

    /// Whether a volume is filled.
    pub(super) fn is_filled(&self, name: &str) -> bool {
        let is_it = |line: &Line| matches!(line, Line::Filled { volume } if volume == name);
        self.lines.iter().any(is_it)
    }

    /// The digest of the archive.
    pub(super) fn digest(&self) -> Option<&str> {
        self.lines.iter().find_map(|line| match line {
            Line::Begun { digest, .. } => Some(digest.as_str()),
            _ => None,
        })
    }

    /// The marks, once everything is ready.
    pub(super) fn marks(&self) -> Option<&[Marks]> {
        self.lines.iter().find_map(|line| match line {
            Line::Ready { marks } => Some(marks.as_slice()),
            _ => None,
        })
    }

    /// Where what was displaced is kept, once all parts are back.
    pub(super) fn displaced(&self) -> Option<Vec<PathBuf>> {
        self.lines.iter().find_map(|line| match line {
            Line::Done { displaced } => Some(displaced.iter().map(|text| path(text)).collect()),
            _ => None,
        })
    }

    /// The same from the bytes of a journal; nothing where it is not done.
    pub(super) fn displaced_in(bytes: &[u8]) -> Vec<PathBuf> {
        let journal = Self {
            generation: 0,
            lines: parse(bytes),
            path: PathBuf::new(),
        };
        journal.displaced().unwrap_or_default()
    }

    /// The file with the manifest, beside the journal.
    pub(super) fn manifest_path(&self) -> PathBuf {
        self.path.with_extension("manifest")
    }
}

fn parse(bytes: &[u8]) -> Vec<Line> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// The path that [`text`] wrote.
pub(super) fn path(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(decode(text).unwrap_or_default()).into()
}

/// A path as the journal writes it.
pub(super) fn text(path: &Path) -> String {
    encode(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
}
