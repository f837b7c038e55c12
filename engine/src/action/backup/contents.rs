//! Takes an archive apart and holds every member against the manifest.

use std::fs::File;

use sha2::{Digest as _, Sha256};

use super::archive::read::Reader;
use super::archive::{HEADER_NAME, MANIFEST_NAME, Member, MemberKind, entry_of};
use super::bytes::{Hash, encode};
use super::manifest::{EntryKind, FORMAT, Header, Manifest, PartKind};
use super::problem::{Result, damaged, refused};
use crate::action::common::blocking::Stop;

/// The longest manifest that is read, in bytes.
const MANIFEST_MAX: u64 = 1 << 30;
/// The longest header.
const HEADER_MAX: u64 = 1 << 20;

/// Takes the entries of an archive while it is read. Nothing is proved yet when these are called: the
/// manifest comes last.
pub(super) trait Receive {
    fn header(&mut self, header: &Header) -> Result<()>;
    /// A directory, a link, or a file whose content follows.
    fn entry(&mut self, part: usize, path: &[u8], kind: &Incoming) -> Result<()>;
    /// A piece of the file's content.
    fn data(&mut self, bytes: &[u8]) -> Result<()>;
    /// The content was whole.
    fn end(&mut self) -> Result<()>;
}

/// What comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    Directory,
    File,
    /// A further name of a file in the same part.
    HardLink(Vec<u8>),
    /// A symbolic link with its text.
    Symlink(Vec<u8>),
}

/// Takes nothing: for looking whether an archive is whole.
struct Nowhere;

impl Receive for Nowhere {
    fn header(&mut self, _: &Header) -> Result<()> {
        Ok(())
    }
    fn entry(&mut self, _: usize, _: &[u8], _: &Incoming) -> Result<()> {
        Ok(())
    }
    fn data(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Reads a whole archive. What it gives is proved: each member is as the manifest says, none is
/// missing, none is more.
pub(super) fn read(file: File, stop: &Stop, receive: &mut dyn Receive) -> Result<Manifest> {
    take(&mut Reader::new(file, false), stop, receive)
}

/// Reads a whole archive without keeping anything, and gives the hash of the archive's bytes too.
pub(super) fn examine(file: File, stop: &Stop) -> Result<(Manifest, Hash)> {
    let mut reader = Reader::new(file, true);
    let manifest = take(&mut reader, stop, &mut Nowhere)?;
    match reader.hash()? {
        Some(hash) => Ok((manifest, hash)),
        None => damaged("the archive could not be read to its end"),
    }
}

fn take(reader: &mut Reader, stop: &Stop, receive: &mut dyn Receive) -> Result<Manifest> {
    let header = header(reader)?;
    receive.header(&header)?;
    let mut seen: Vec<(usize, Vec<u8>, EntryKind)> = Vec::new();
    let manifest = loop {
        stop.check()?;
        let Some(member) = reader.member()? else {
            return damaged("the archive has no manifest");
        };
        if member.name == MANIFEST_NAME {
            break manifest(reader, &member)?;
        }
        let Some((part, path)) = entry_of(&member.name) else {
            return damaged(format!(
                "the archive holds the name {}, which leaves its place",
                encode(&member.name)
            ));
        };
        let kind = entry(reader, &member, (part, &path), header.parts.len(), stop, receive)?;
        seen.push((part, path, kind));
    };
    if reader.member()?.is_some() {
        return damaged("the archive holds something after its manifest");
    }
    if manifest.header != header {
        return damaged("the archive's header and its manifest do not agree");
    }
    hold_against(&manifest, &seen)?;
    Ok(manifest)
}

/// Reads no more than the header.
pub(super) fn peek(file: File) -> Result<Header> {
    header(&mut Reader::new(file, false))
}

fn whole(reader: &mut Reader, member: &Member, bytes_max: u64) -> Result<Vec<u8>> {
    if member.kind != MemberKind::File || member.size > bytes_max {
        return damaged("the archive's description of itself cannot be read");
    }
    let mut bytes = Vec::new();
    reader.content(member.size, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(bytes)
}

fn header(reader: &mut Reader) -> Result<Header> {
    let member = reader.member()?.filter(|member| member.name == HEADER_NAME);
    let Some(member) = member else {
        return damaged("this is not an archive of `backup.create`");
    };
    let bytes = whole(reader, &member, HEADER_MAX)?;
    let Ok(header) = serde_json::from_slice::<Header>(&bytes) else {
        return damaged("the archive's header cannot be read");
    };
    if header.format != FORMAT {
        return refused(format!(
            "the archive has format {}, this program reads {FORMAT}: use the program that wrote it, {}",
            header.format, header.program
        ));
    }
    Ok(header)
}

fn manifest(reader: &mut Reader, member: &Member) -> Result<Manifest> {
    let bytes = whole(reader, member, MANIFEST_MAX)?;
    Manifest::from_bytes(&bytes)
}

fn entry(
    reader: &mut Reader,
    member: &Member,
    (part, path): (usize, &[u8]),
    parts: usize,
    stop: &Stop,
    receive: &mut dyn Receive,
) -> Result<EntryKind> {
    if part >= parts {
        return damaged(format!("the archive holds a part {part} that its header does not name"));
    }
    let (incoming, kind) = match member.kind {
        MemberKind::Directory => (Incoming::Directory, EntryKind::Directory),
        MemberKind::Symlink => {
            let target = member.link.clone();
            (Incoming::Symlink(target.clone()), EntryKind::Symlink { target })
        }
        MemberKind::HardLink => match entry_of(&member.link) {
            Some((other, to)) if other == part => (Incoming::HardLink(to.clone()), EntryKind::HardLink { to }),
            _ => {
                return damaged(format!(
                    "the archive's hard link {} leaves its place",
                    encode(&member.name)
                ));
            }
        },
        MemberKind::File => {
            receive.entry(part, path, &Incoming::File)?;
            let mut hasher = Sha256::new();
            reader.content(member.size, &mut |piece| {
                stop.check()?;
                hasher.update(piece);
                receive.data(piece)
            })?;
            receive.end()?;
            let hash = hasher.finalize().into();
            return Ok(EntryKind::File {
                size: member.size,
                hash,
            });
        }
    };
    receive.entry(part, path, &incoming)?;
    Ok(kind)
}

fn hold_against(manifest: &Manifest, seen: &[(usize, Vec<u8>, EntryKind)]) -> Result<()> {
    if manifest.entries.len() != seen.len() {
        return damaged(format!(
            "the archive holds {} entries, its manifest names {}",
            seen.len(),
            manifest.entries.len()
        ));
    }
    for (entry, (part, path, kind)) in manifest.entries.iter().zip(seen) {
        if (entry.part, &entry.path, &entry.kind) != (*part, path, kind) {
            return damaged(format!("{} in the archive is not as its manifest says", encode(path)));
        }
    }
    hold_parts_against(manifest)
}

/// A part that was there has a root of its kind; one that was not has nothing.
fn hold_parts_against(manifest: &Manifest) -> Result<()> {
    for (number, part) in manifest.header.parts.iter().enumerate() {
        let mut entries = manifest.entries.iter().filter(|entry| entry.part == number);
        let root = entries.next();
        let is_right = match (
            part.present,
            part.kind,
            root.map(|root| (&root.kind, root.path.is_empty())),
        ) {
            (true, PartKind::Tree, Some((EntryKind::Directory, true))) | (false, _, None) => true,
            (true, PartKind::File, Some((EntryKind::File { .. }, true))) => entries.next().is_none(),
            _ => false,
        };
        if !is_right {
            return damaged(format!("the archive does not hold {} as its header says", part.path));
        }
    }
    Ok(())
}
