//! Reads protected state once, hashes it on the way, and writes the archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsFd as _;

use sha2::{Digest as _, Sha256};

use super::archive::write::Writer;
use super::archive::{HEADER_NAME, MANIFEST_NAME, Member, MemberKind, member_name};
use super::bytes::Hash;
use super::compare::difference;
use super::manifest::{Entry, EntryKind, Header, Manifest};
use super::problem::{Problem, Result, refused, trying};
use super::scope::Part;
use super::survey::{Contents, Describer, scan};
use super::volumes::{Content, Reader, Streamed, StreamedKind, refuse_lost};
use super::walk::{Found, FoundKind, is_same, walk};
use crate::action::common::blocking::Stop;

/// How often a file that changes while it is read is read again.
const TRIES: u32 = 3;

pub(super) struct Captured {
    /// The archive's file, written and not yet synced.
    pub file: File,
    pub manifest: Manifest,
    /// How many files have names outside of the protected state; a restore cuts those.
    pub outside: usize,
}

/// What helpers are needed for, and what they saw before.
pub(super) struct Far<'a> {
    /// The helper of each part that does not lie here, by the part's number.
    pub readers: &'a BTreeMap<usize, &'a Reader<'a>>,
    /// What they saw in the volumes, with hashes.
    pub seen: &'a [Entry],
}

/// Writes the archive of these parts into an empty file.
pub(super) fn capture(header: Header, parts: &[Part], far: &Far<'_>, file: File, stop: &Stop) -> Result<Captured> {
    let writer = Writer::new(file).map_err(writing)?;
    let mut capture = Capture {
        writer,
        entries: Vec::new(),
        stop,
        buffer: vec![0; 1 << 20],
    };
    let text = serde_json::to_vec(&header).map_err(trying(|| "cannot write the header".to_owned()))?;
    capture.writer.own(HEADER_NAME, &text).map_err(writing)?;
    let mut outside = 0;
    for (number, part) in parts.iter().enumerate() {
        if part.mountpoint().is_none() {
            capture.far(number, part, far)?;
            continue;
        }
        let mut describer = Describer::new(number);
        walk(part, stop, &mut |found| capture.one(&mut describer, number, found))?;
        outside += describer.outside();
    }
    // What changed after it was read shows in its times: a backup of two moments is none.
    let after = scan(parts, Contents::Skip, stop)?;
    let near: Vec<Entry> = (capture.entries.iter())
        .filter(|entry| parts[entry.part].mountpoint().is_some())
        .cloned()
        .collect();
    if let Some(what) = difference(&near, &after, Contents::Skip) {
        return Err(Problem::Changed(format!("the protected state ({what})")));
    }
    let manifest = Manifest {
        header,
        entries: capture.entries,
    };
    let text = manifest
        .to_bytes()
        .map_err(trying(|| "cannot write the manifest".to_owned()))?;
    capture.writer.own(MANIFEST_NAME, &text).map_err(writing)?;
    let file = capture.writer.finish().map_err(writing)?;
    Ok(Captured {
        file,
        manifest,
        outside,
    })
}

fn writing(error: std::io::Error) -> Problem {
    trying(|| "cannot write the archive".to_owned())(error)
}

struct Capture<'a> {
    writer: Writer,
    entries: Vec<Entry>,
    stop: &'a Stop,
    buffer: Vec<u8>,
}

impl Capture<'_> {
    /// A volume, through a helper. That tells no times below a second, so what it saw before is compared by content.
    fn far(&mut self, number: usize, part: &Part, far: &Far<'_>) -> Result<()> {
        let Some(reader) = far.readers.get(&number) else {
            return refused(format!("there is no helper for {}", part.shown()));
        };
        let start = self.entries.len();
        let stop = self.stop;
        reader.read(stop, &mut |found, content| self.streamed(number, found, content))?;
        let before: Vec<Entry> = (far.seen.iter())
            .filter(|entry| entry.part == number)
            .cloned()
            .collect();
        match difference(&before, &self.entries[start..], Contents::Hash) {
            Some(what) => Err(Problem::Changed(format!("{} ({what})", part.shown()))),
            None => refuse_lost(before.iter()),
        }
    }

    fn streamed(&mut self, part: usize, found: &Streamed, content: &mut Content<'_>) -> Result<()> {
        let (kind, link) = match &found.kind {
            StreamedKind::Directory => (MemberKind::Directory, Vec::new()),
            StreamedKind::File => (MemberKind::File, Vec::new()),
            StreamedKind::HardLink(to) => (MemberKind::HardLink, member_name(part, to)),
            StreamedKind::Symlink(target) => (MemberKind::Symlink, target.clone()),
        };
        self.writer.mark().map_err(writing)?;
        self.writer.member(&Member {
            name: member_name(part, &found.path),
            kind,
            size: found.size,
            link,
            mode: found.mode,
            uid: found.uid,
            gid: found.gid,
            mtime_s: u64::try_from(found.mtime_s).unwrap_or(0),
        });
        let mut hash = Hash::default();
        if kind == MemberKind::File {
            let mut hasher = Sha256::new();
            content(&mut |piece| {
                hasher.update(piece);
                self.writer.data(piece).map_err(writing)
            })?;
            self.writer.pad(found.size);
            hash = hasher.finalize().into();
        }
        self.entries.push(found.entry(part, hash));
        Ok(())
    }

    fn one(&mut self, describer: &mut Describer, part: usize, found: &Found<'_>) -> Result<()> {
        let mut member = member(part, found);
        let earlier = describer.earlier(found);
        let entry = match (&found.kind, earlier) {
            (FoundKind::Directory(_), _) => describer.entry(found, None, EntryKind::Directory)?,
            (FoundKind::Symlink(target), _) => {
                member.link.clone_from(target);
                let kind = EntryKind::Symlink { target: target.clone() };
                describer.entry(found, None, kind)?
            }
            (FoundKind::File, Some(to)) => {
                member.kind = MemberKind::HardLink;
                member.link = member_name(part, &to);
                let file = found.open()?;
                describer.entry(found, Some(file.as_fd()), EntryKind::HardLink { to })?
            }
            (FoundKind::File, None) => return self.file(describer, part, found),
        };
        self.writer.mark().map_err(writing)?;
        self.writer.member(&member);
        self.entries.push(entry);
        Ok(())
    }

    /// A file. A small one that changes is read again; a large one has been partly written by then, so
    /// the whole attempt begins again (see `create`).
    fn file(&mut self, describer: &Describer, part: usize, found: &Found<'_>) -> Result<()> {
        let mark = self.writer.mark().map_err(writing)?;
        for _ in 0..TRIES {
            let file = File::from(found.open()?);
            let looking = || format!("cannot look at {}", found.place.display());
            let before = rustix::fs::fstat(&file).map_err(trying(looking))?;
            if before.st_mode != found.stat.st_mode {
                return Err(Problem::Changed(found.place.display().to_string()));
            }
            let size = u64::try_from(before.st_size).unwrap_or(0);
            let now = Found {
                stat: before,
                kind: FoundKind::File,
                place: found.place.clone(),
                ..*found
            };
            let mut member = member(part, &now);
            member.size = size;
            self.writer.member(&member);
            let is_whole = size <= Writer::WHOLE_MAX;
            let hash = if is_whole {
                self.whole(&file, size, found)?
            } else {
                self.pieces(&file, size, found)?
            };
            let after = rustix::fs::fstat(&file).map_err(trying(looking))?;
            match hash {
                Some(hash) if is_same(&before, &after) => {
                    self.writer.pad(size);
                    let kind = EntryKind::File { size, hash };
                    self.entries.push(describer.entry(&now, Some(file.as_fd()), kind)?);
                    return Ok(());
                }
                _ if is_whole => self.writer.take_back(mark),
                _ => break,
            }
        }
        Err(Problem::Changed(found.place.display().to_string()))
    }

    /// Reads a file into memory; `None` where it is shorter or longer than it was.
    fn whole(&mut self, file: &File, size: u64, found: &Found<'_>) -> Result<Option<Hash>> {
        let buffer = self.writer.whole();
        let start = buffer.len();
        // One byte more shows whether it grew.
        let count = file
            .take(size + 1)
            .read_to_end(buffer)
            .map_err(trying(|| format!("cannot read {}", found.place.display())))?;
        let hash = Sha256::digest(&buffer[start..]).into();
        Ok((count as u64 == size).then_some(hash))
    }

    /// Reads a file piece by piece; `None` where it is shorter or longer than it was.
    fn pieces(&mut self, mut file: &File, size: u64, found: &Found<'_>) -> Result<Option<Hash>> {
        let mut hasher = Sha256::new();
        let mut left = size;
        loop {
            self.stop.check()?;
            let count = file
                .read(&mut self.buffer)
                .map_err(trying(|| format!("cannot read {}", found.place.display())))?;
            if count as u64 > left || (count == 0 && left > 0) {
                return Ok(None);
            }
            if count == 0 {
                return Ok(Some(hasher.finalize().into()));
            }
            left -= count as u64;
            hasher.update(&self.buffer[..count]);
            self.writer.data(&self.buffer[..count]).map_err(writing)?;
        }
    }
}

fn member(part: usize, found: &Found<'_>) -> Member {
    Member {
        name: member_name(part, found.path),
        kind: match found.kind {
            FoundKind::Directory(_) => MemberKind::Directory,
            FoundKind::File => MemberKind::File,
            FoundKind::Symlink(_) => MemberKind::Symlink,
        },
        size: 0,
        link: Vec::new(),
        mode: found.stat.st_mode & 0o7777,
        uid: found.stat.st_uid,
        gid: found.stat.st_gid,
        mtime_s: u64::try_from(found.stat.st_mtime).unwrap_or(0),
    }
}
