//! For tests: small states, and archives that `backup.create` would never write.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::archive::write::Writer;
use super::archive::{HEADER_NAME, MANIFEST_NAME, Member, MemberKind, entry_of};
use super::bytes::{digest_text, encode};
use super::manifest::{Entry, EntryKind, FORMAT, Header, Manifest, PartHeader, PartKind};
use super::scope::Part;
use crate::value::Backup;

/// Parts of a state below a directory: trees.
pub(super) fn trees(root: &Path, names: &[&str]) -> Vec<Part> {
    names
        .iter()
        .map(|name| Part::at(PartKind::Tree, root.join(name)))
        .collect()
}

/// A header for these parts.
pub(super) fn header(parts: &[Part]) -> Header {
    Header {
        format: FORMAT,
        program: "a test".to_owned(),
        key: "run/1".to_owned(),
        state: "state".to_owned(),
        made_at: "2026-01-01T00:00:00Z".to_owned(),
        bytes: 1000,
        parts: parts
            .iter()
            .map(|part| PartHeader {
                kind: part.kind,
                path: encode(part.path.as_os_str().as_bytes()),
                named: encode(part.named.as_os_str().as_bytes()),
                present: true,
                bytes: 1000,
                volume: part.volume.clone(),
            })
            .collect(),
    }
}

/// A member with content.
pub(super) type Content = (Member, Vec<u8>);

pub(super) fn member(name: &str, kind: MemberKind, link: &str) -> Content {
    let member = Member {
        name: name.as_bytes().to_vec(),
        kind,
        size: 0,
        link: link.as_bytes().to_vec(),
        mode: 0o700,
        uid: 0,
        gid: 0,
        mtime_s: 0,
    };
    (member, Vec::new())
}

pub(super) fn directory(name: &str) -> Content {
    member(name, MemberKind::Directory, "")
}

pub(super) fn symlink(name: &str, to: &str) -> Content {
    member(name, MemberKind::Symlink, to)
}

pub(super) fn hard_link(name: &str, to: &str) -> Content {
    member(name, MemberKind::HardLink, to)
}

pub(super) fn file(name: &str, content: &str) -> Content {
    let (mut member, _) = member(name, MemberKind::File, "");
    member.size = content.len() as u64;
    (member, content.as_bytes().to_vec())
}

/// The entries that a manifest would name for these members, as well as it can.
pub(super) fn entries(members: &[Content]) -> Vec<Entry> {
    members
        .iter()
        .filter_map(|(member, content)| {
            let (part, path) = entry_of(&member.name)?;
            let kind = match member.kind {
                MemberKind::Directory => EntryKind::Directory,
                MemberKind::File => EntryKind::File {
                    size: member.size,
                    hash: Sha256::digest(content).into(),
                },
                MemberKind::HardLink => EntryKind::HardLink {
                    to: entry_of(&member.link)?.1,
                },
                MemberKind::Symlink => EntryKind::Symlink {
                    target: member.link.clone(),
                },
            };
            Some(Entry {
                part,
                path,
                kind,
                mode: if member.kind == MemberKind::Symlink {
                    0o777
                } else {
                    0o700
                },
                uid: rustix::process::geteuid().as_raw(),
                gid: rustix::process::getegid().as_raw(),
                mtime_s: 1_000_000,
                mtime_ns: 5,
                attributes: Vec::new(),
            })
        })
        .collect()
}

/// Writes an archive of these members with this manifest, and gives the backup that speaks of it: its
/// digest is right, so only what is inside can be refused.
pub(super) fn archive(path: &Path, members: &[Content], manifest: &Manifest) -> Backup {
    let mut writer = Writer::new(File::create(path).unwrap()).unwrap();
    writer
        .own(HEADER_NAME, &serde_json::to_vec(&manifest.header).unwrap())
        .unwrap();
    for (member, content) in members {
        writer.member(member);
        writer.data(content).unwrap();
        writer.pad(member.size);
    }
    writer.own(MANIFEST_NAME, &manifest.to_bytes().unwrap()).unwrap();
    writer.finish().unwrap();
    let bytes = std::fs::read(path).unwrap();
    Backup {
        digest: digest_text(&Sha256::digest(&bytes).into()),
        state: manifest.header.state.clone(),
        bytes: bytes.len() as u64,
        entries: manifest.entries.len() as u64,
        path: path.to_str().unwrap().to_owned(),
    }
}
