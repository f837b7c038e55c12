//! Looks at protected state before and after it is read: how much there is, what cannot be kept, and
//! exactly what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::bytes::Hash;
use super::holders::{self, Identity};
use super::journal::text;
use super::manifest::{Entry, EntryKind, PartHeader};
use super::problem::{Problem, Result, refused, trying};
use super::scope::Part;
use super::volumes::bytes_of;
use super::walk::{Found, FoundKind, attributes, is_same, refuse_flags, walk};
use crate::action::common::blocking::Stop;

/// The first bytes of every database of `SQLite`.
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What a survey found.
pub(super) struct Survey {
    /// The parts as the header tells them.
    pub parts: Vec<PartHeader>,
    /// Databases of `SQLite`.
    pub databases: BTreeMap<Identity, PathBuf>,
}

impl Survey {
    /// Bytes of content.
    pub(super) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// Refuses databases that somebody could write to while they are copied: the copy would be corrupt.
    pub(super) fn refuse_live_databases(&self) -> Result<()> {
        let files: BTreeSet<Identity> = self.databases.keys().copied().collect();
        let writers = holders::writers(&files);
        if writers.is_empty() {
            return Ok(());
        }
        refused(format!(
            "a copy of a SQLite database that has a writer would be corrupt: {}; stop the writer first",
            holders::list(&writers)
        ))
    }
}

/// Looks at everything once and refuses what cannot be kept. What helpers saw already is given.
pub(super) fn survey(parts: &[Part], seen: &[Entry], stop: &Stop) -> Result<Survey> {
    let owners = Owners::new();
    let mut result = Survey {
        parts: Vec::new(),
        databases: BTreeMap::new(),
    };
    for (number, part) in parts.iter().enumerate() {
        let mut header = PartHeader {
            kind: part.kind,
            path: text(&part.path),
            named: text(&part.named),
            present: false,
            bytes: 0,
            volume: part.volume.clone(),
        };
        if part.mountpoint().is_none() {
            header.present = true;
            header.bytes = bytes_of(seen.iter().filter(|entry| entry.part == number));
            result.parts.push(header);
            continue;
        }
        walk(part, stop, &mut |found| {
            header.present = true;
            // A header and the manifest's line for each entry.
            header.bytes += 1024;
            owners.refuse(found)?;
            if matches!(found.kind, FoundKind::File) {
                header.bytes += u64::try_from(found.stat.st_size).unwrap_or(0);
                if is_database(found)? {
                    result
                        .databases
                        .insert((found.stat.st_dev, found.stat.st_ino), found.place.clone());
                }
            }
            Ok(())
        })?;
        result.parts.push(header);
    }
    if result.parts.iter().all(|part| !part.present) {
        let places: Vec<String> = parts.iter().map(|part| part.path.display().to_string()).collect();
        return refused(format!(
            "there is nothing at {}: look at the paths of the protected state",
            places.join(", ")
        ));
    }
    Ok(result)
}

fn is_database(found: &Found<'_>) -> Result<bool> {
    if found.stat.st_size < 512 {
        return Ok(false);
    }
    let mut start = [0; 16];
    let file = std::fs::File::from(found.open()?);
    let count = file.take(16).read(&mut start).unwrap_or(0);
    Ok(count == 16 && start == *SQLITE_MAGIC)
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

/// Turns what a walk finds in one part into entries.
pub(super) struct Describer {
    part: usize,
    /// Files with several names: the first name, how many were met, how many there are.
    links: BTreeMap<Identity, (Vec<u8>, u64, u64)>,
}

impl Describer {
    /// For the part of this number.
    pub(super) fn new(part: usize) -> Self {
        Self {
            part,
            links: BTreeMap::new(),
        }
    }

    /// The earlier name of a file that was met already.
    pub(super) fn earlier(&mut self, found: &Found<'_>) -> Option<Vec<u8>> {
        #[cfg_attr(
            target_arch = "x86_64",
            expect(clippy::useless_conversion, reason = "other machines count in 32 bits")
        )]
        let links = u64::from(found.stat.st_nlink);
        if links < 2 || !matches!(found.kind, FoundKind::File) {
            return None;
        }
        let identity = (found.stat.st_dev, found.stat.st_ino);
        if let Some((first, met, _)) = self.links.get_mut(&identity) {
            *met += 1;
            return Some(first.clone());
        }
        self.links.insert(identity, (found.path.to_vec(), 1, links));
        None
    }

    /// The entry of something found.
    pub(super) fn entry(&self, found: &Found<'_>, file: Option<BorrowedFd<'_>>, kind: EntryKind) -> Result<Entry> {
        let handle = match &found.kind {
            FoundKind::Directory(handle) => Some(*handle),
            FoundKind::File => file,
            FoundKind::Symlink(_) => None,
        };
        if let Some(handle) = handle {
            refuse_flags(handle, &found.place)?;
        }
        Ok(Entry {
            part: self.part,
            path: found.path.to_vec(),
            kind,
            mode: found.stat.st_mode & 0o7777,
            uid: found.stat.st_uid,
            gid: found.stat.st_gid,
            mtime_s: found.stat.st_mtime,
            mtime_ns: u32::try_from(found.stat.st_mtime_nsec).unwrap_or(0),
            attributes: attributes(found, handle)?,
        })
    }

    /// How many files have further names outside of the part.
    pub(super) fn outside(&self) -> usize {
        self.links.values().filter(|(_, met, links)| met < links).count()
    }
}

/// Whether a scan reads contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Every file is read and hashed.
    Hash,
    /// Only what is known without reading; hashes are zero.
    Skip,
}

/// Exactly what lies at these places; nothing of a volume that only a helper can reach.
pub(super) fn scan(parts: &[Part], contents: Contents, stop: &Stop) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    for (number, part) in parts.iter().enumerate() {
        if part.mountpoint().is_none() {
            continue;
        }
        let mut describer = Describer::new(number);
        walk(part, stop, &mut |found| {
            let earlier = describer.earlier(found);
            let (file, kind) = match (&found.kind, earlier) {
                (FoundKind::Directory(_), _) => (None, EntryKind::Directory),
                (FoundKind::Symlink(target), _) => (None, EntryKind::Symlink { target: target.clone() }),
                (FoundKind::File, Some(to)) => (Some(found.open()?), EntryKind::HardLink { to }),
                (FoundKind::File, None) => {
                    let file = found.open()?;
                    let hash = match contents {
                        Contents::Hash => hash(&file, found, &mut buffer, stop)?,
                        Contents::Skip => Hash::default(),
                    };
                    let size = u64::try_from(found.stat.st_size).unwrap_or(0);
                    (Some(file), EntryKind::File { size, hash })
                }
            };
            entries.push(describer.entry(found, file.as_ref().map(OwnedFd::as_fd), kind)?);
            Ok(())
        })?;
    }
    Ok(entries)
}

fn hash(file: &OwnedFd, found: &Found<'_>, buffer: &mut [u8], stop: &Stop) -> Result<Hash> {
    let mut hasher = Sha256::new();
    loop {
        stop.check()?;
        let count = rustix::io::read(file, &mut *buffer)
            .map_err(trying(|| format!("cannot read {}", found.place.display())))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    let after = rustix::fs::fstat(file).map_err(trying(|| format!("cannot look at {}", found.place.display())))?;
    if !is_same(&found.stat, &after) {
        return Err(Problem::Changed(found.place.display().to_string()));
    }
    Ok(hasher.finalize().into())
}
