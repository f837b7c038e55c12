//! Looks at protected state before it is read: how much there is, and what cannot be kept.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use super::bytes::Bytes;
use super::entry::{ENTRY_BYTES, Entry};
use super::holders::{self, Guarded, Identity, Rights};
use super::manifest::PartHeader;
use super::part::Part;
use super::problem::{Result, refused};
use super::walk::{Found, FoundKind, walk};
use crate::action::common::blocking::Stop;
use crate::action::common::sqlite::{self, MAGIC};

/// What a survey found.
pub(super) struct Survey {
    /// The parts as the header tells them.
    pub parts: Vec<PartHeader>,
    /// Databases of `SQLite`.
    databases: Guarded,
    /// Where each of them lies.
    pub found: Vec<Database>,
    /// How many files have names outside of the protected state; a restore cuts those.
    pub outside: usize,
}

/// A database of `SQLite`.
pub(super) struct Database {
    /// Which part it lies in, from 0.
    pub part: usize,
    /// Its path below the part's root.
    pub path: Bytes,
    pub place: PathBuf,
    /// Bytes.
    pub size: u64,
}

impl Survey {
    /// Knows a file, where it is a database.
    fn note_database(&mut self, part: usize, file: &Found<'_>) -> Result<()> {
        if !is_database(file)? {
            return Ok(());
        }
        let rights = Rights {
            user: file.stat.st_uid,
            group: file.stat.st_gid,
            mode: file.stat.st_mode,
        };
        let known = self.databases.insert((file.stat.st_dev, file.stat.st_ino), rights);
        // A further name is a link to the first.
        if known.is_none() {
            self.found.push(Database {
                part,
                path: file.path.into(),
                place: file.place.clone(),
                size: u64::try_from(file.stat.st_size).unwrap_or(0),
            });
        }
        Ok(())
    }

    /// Bytes of content.
    pub(super) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// Refuses databases that somebody could write to while they are copied: the copy would be corrupt.
    pub(super) fn refuse_live_databases(&self) -> Result<()> {
        let writers = holders::writers(&self.databases).or_else(refused)?;
        if writers.is_empty() {
            return Ok(());
        }
        refused(format!(
            "a copy of a SQLite database that has a writer would be corrupt: {}; stop the writer first",
            holders::list(&writers)
        ))
    }
}

/// Looks at everything once and refuses what cannot be kept. What helpers saw already is given, by the part's number.
pub(super) fn survey(parts: &[Part], seen: &BTreeMap<usize, Vec<Entry>>, stop: &Stop) -> Result<Survey> {
    let owners = Owners::new();
    let mut result = Survey {
        parts: Vec::new(),
        databases: Guarded::new(),
        found: Vec::new(),
        outside: 0,
    };
    for (number, part) in parts.iter().enumerate() {
        let mut header = PartHeader {
            kind: part.kind,
            path: part.path.as_path().into(),
            named: part.named.as_path().into(),
            present: false,
            bytes: 0,
            volume: part.volume.clone(),
            except: part.except.clone(),
        };
        if let Some(seen) = seen.get(&number) {
            header.present = true;
            header.bytes = seen.iter().map(Entry::room).sum();
            result.parts.push(header);
            continue;
        }
        // How many names of a file were met, and how many there are.
        let mut links: BTreeMap<Identity, (u64, u64)> = BTreeMap::new();
        walk(part, stop, &mut |found| {
            header.present = true;
            header.bytes += ENTRY_BYTES;
            owners.refuse(found)?;
            if matches!(found.kind, FoundKind::File) {
                let identity = (found.stat.st_dev, found.stat.st_ino);
                if !links.contains_key(&identity) {
                    header.bytes += content_of(found)?;
                }
                #[cfg_attr(
                    target_arch = "x86_64",
                    expect(clippy::useless_conversion, reason = "other machines count in 32 bits")
                )]
                let names = u64::from(found.stat.st_nlink);
                links.entry(identity).or_insert((0, names)).0 += 1;
                result.note_database(number, found)?;
            }
            Ok(())
        })?;
        result.outside += links.values().filter(|(met, names)| met < names).count();
        result.parts.push(header);
    }
    if result.parts.iter().all(|part| !part.present) {
        let places: Vec<_> = parts.iter().map(|part| part.path.to_string_lossy()).collect();
        return refused(format!(
            "there is nothing at {}: look at the paths of the protected state",
            places.join(", ")
        ));
    }
    Ok(result)
}

/// How many bytes of content a file has on the disk.
fn content_of(found: &Found<'_>) -> Result<u64> {
    let size = u64::try_from(found.stat.st_size).unwrap_or(0);
    // Most have no holes, and need not be opened for that.
    if u64::try_from(found.stat.st_blocks).unwrap_or(0).saturating_mul(512) >= size {
        return Ok(size);
    }
    Ok(size.saturating_sub(found.holes(&found.open()?.into())?))
}

fn is_database(found: &Found<'_>) -> Result<bool> {
    if found.stat.st_size < 512 {
        return Ok(false);
    }
    let mut start = [0; 16];
    let file = std::fs::File::from(found.open()?);
    let _alone = sqlite::looking();
    let count = file.take(16).read(&mut start).unwrap_or(0);
    Ok(count == 16 && start == *MAGIC)
}

/// Which owners this process can give back.
struct Owners {
    user: u32,
    groups: Vec<u32>,
}

impl Owners {
    fn new() -> Self {
        let mut groups: Vec<u32> = rustix::process::getgroups()
            .unwrap_or_default()
            .iter()
            .map(|group| group.as_raw())
            .collect();
        groups.push(rustix::process::getegid().as_raw());
        Self {
            user: rustix::process::geteuid().as_raw(),
            groups,
        }
    }

    fn refuse(&self, found: &Found<'_>) -> Result<()> {
        let (user, group) = (found.stat.st_uid, found.stat.st_gid);
        if self.user == 0 || (user == self.user && self.groups.contains(&group)) {
            return Ok(());
        }
        refused(format!(
            "{} belongs to user {user} and group {group}, which this user could not give back: run as root, or change the owner",
            found.place.display()
        ))
    }
}
