//! The container: a tar file of a strict kind, compressed with zstd.
//!
//! Any tar reads it; our own reader accepts only what our own writer writes, so that no two readers can
//! differ about it. First stands the header, last the manifest; between them the entries of each part
//! below `part-N`. Deliberately absent: PAX records, devices, sparse maps.

pub(super) mod read;
pub(super) mod write;

/// The member with the header, always first.
pub(super) const HEADER_NAME: &[u8] = b"backstay/header.json";
/// The member with the manifest, always last.
pub(super) const MANIFEST_NAME: &[u8] = b"backstay/manifest.jsonl";
/// Bytes of a block of tar.
const BLOCK: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberKind {
    Directory,
    File,
    /// A further name of an earlier member.
    HardLink,
    Symlink,
}

/// A member of the archive as its headers describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub name: Vec<u8>,
    pub kind: MemberKind,
    /// Bytes of content that follow.
    pub size: u64,
    /// The text of a symbolic link, or the earlier member's name of a hard link.
    pub link: Vec<u8>,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970; negative times stand as 0 here and exact in the manifest.
    pub mtime_s: u64,
}

impl Member {
    /// A file of ours with this content.
    pub(super) fn own(name: &[u8], size: u64) -> Self {
        Self {
            name: name.to_vec(),
            kind: MemberKind::File,
            size,
            link: Vec::new(),
            mode: 0o600,
            uid: 0,
            gid: 0,
            mtime_s: 0,
        }
    }
}

/// The name of an entry as a member.
pub(super) fn member_name(part: usize, path: &[u8]) -> Vec<u8> {
    let mut name = format!("part-{part}").into_bytes();
    if !path.is_empty() {
        name.push(b'/');
        name.extend_from_slice(path);
    }
    name
}

/// The entry that a member's name says; `None` for a name that is none.
pub(super) fn entry_of(name: &[u8]) -> Option<(usize, Vec<u8>)> {
    let rest = name.strip_prefix(b"part-")?;
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    let number = std::str::from_utf8(&rest[..end]).ok()?;
    let part: usize = number.parse().ok()?;
    let path = rest.get(end + 1..).unwrap_or_default().to_vec();
    let is_exact = member_name(part, &path) == name;
    (is_exact && super::manifest::is_plain(&path)).then_some((part, path))
}
