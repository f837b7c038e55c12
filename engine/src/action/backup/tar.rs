//! Entries as a tar stream, of archives and of container engines.
//!
//! Each entry has a description (PAX) with everything that a header has no room for: names of any bytes, times to the
//! nanosecond, extended attributes. What is written is below one root: `part-N` in an archive, the volume's folder in
//! a container. Deliberately absent: devices, sparse maps.

mod read;
mod write;

use std::collections::BTreeMap;

use ::tar::{EntryType, Header};

use super::bytes::{Bytes, decode};
use super::entry::{Entry, EntryKind};
pub(super) use read::{Origin, Reader};
pub(super) use write::Writer;

/// Bytes of a block.
const BLOCK: usize = 512;
/// How the names of extended attributes stand in descriptions.
const ATTRIBUTE: &str = "SCHILY.xattr.";
/// What other programs do not know, and pass over.
const HOLES: &str = "BACKSTAY.holes";
const MARKS: &str = "BACKSTAY.marks";

/// How many bytes fill the last block of so many.
fn to_block(size: u64) -> usize {
    let last = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    (BLOCK - last) % BLOCK
}

fn below(root: &str, path: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
    [root.as_bytes(), slash, path].concat()
}

/// What stands before the content of an entry: its description and its header.
fn head(root: &str, entry: &Entry) -> Vec<u8> {
    let mut name = below(root, &entry.path);
    let (kind, link) = match &entry.kind {
        EntryKind::Directory => (EntryType::Directory, Vec::new()),
        EntryKind::File { .. } => (EntryType::Regular, Vec::new()),
        EntryKind::HardLink { to } => (EntryType::Link, below(root, to)),
        EntryKind::Symlink { to } => (EntryType::Symlink, to.0.clone()),
    };
    if kind == EntryType::Directory {
        name.push(b'/');
    }
    let mut records = Vec::new();
    add(&mut records, "path", &name);
    if !link.is_empty() {
        add(&mut records, "linkpath", &link);
    }
    add(&mut records, "uid", entry.uid.to_string().as_bytes());
    add(&mut records, "gid", entry.gid.to_string().as_bytes());
    add(&mut records, "size", entry.size().to_string().as_bytes());
    add(&mut records, "mtime", time(entry.mtime_s, entry.mtime_ns).as_bytes());
    for (name, number) in [(HOLES, entry.holes), (MARKS, entry.marks.into())] {
        if number > 0 {
            add(&mut records, name, number.to_string().as_bytes());
        }
    }
    for (name, value) in &entry.attributes {
        // A name ends at the first `=`.
        let name = name.to_string().replace('=', "%3D");
        add(&mut records, &format!("{ATTRIBUTE}{name}"), value);
    }
    let mut bytes = header(&name, EntryType::XHeader, records.len() as u64, 0o644);
    let fill = to_block(records.len() as u64);
    bytes.append(&mut records);
    bytes.resize(bytes.len() + fill, 0);
    bytes.extend(header(&name, kind, entry.size(), entry.mode));
    bytes
}

fn header(name: &[u8], kind: EntryType, size: u64, mode: u32) -> Vec<u8> {
    let mut header = Header::new_ustar();
    let field = &mut header.as_old_mut().name;
    let count = field.len().min(name.len());
    field[..count].copy_from_slice(&name[..count]);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// Adds `LENGTH NAME=VALUE` and a line end; the length counts its own digits.
fn add(records: &mut Vec<u8>, name: &str, value: &[u8]) {
    let rest = name.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length = length.to_string().len() + rest;
    }
    records.extend_from_slice(format!("{length} {name}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// The records of a description by name; `None` where they are not well-formed.
fn records(bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let blank = rest.iter().take(20).position(|byte| *byte == b' ')?;
        let length: usize = number(&rest[..blank])?;
        let record = rest.get(blank + 1..length)?.strip_suffix(b"\n")?;
        let end = record.iter().position(|byte| *byte == b'=')?;
        found.insert(record[..end].to_vec(), record[end + 1..].to_vec());
        rest = &rest[length..];
    }
    Some(found)
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The extended attributes among records.
fn attributes(records: &BTreeMap<Vec<u8>, Vec<u8>>) -> Option<Vec<(Bytes, Bytes)>> {
    let named = records.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix(ATTRIBUTE.as_bytes())?;
        Some(decode(name).map(|name| (Bytes(name), Bytes(value.clone()))))
    });
    let mut attributes: Vec<_> = named.collect::<Option<_>>()?;
    attributes.sort();
    Some(attributes)
}

/// A moment in seconds since 1970; a fraction counts towards the future, also before 1970.
fn time(seconds: i64, nanoseconds: u32) -> String {
    if seconds < 0 && nanoseconds > 0 {
        return format!("-{}.{:09}", (seconds + 1).unsigned_abs(), 1_000_000_000 - nanoseconds);
    }
    format!("{seconds}.{nanoseconds:09}")
}

/// The moment that [`time`] wrote, or another program with fewer or more digits: seconds rounded down, and nanoseconds.
fn moment(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(match nanoseconds {
        1.. if whole.starts_with('-') => (seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds),
        _ => (seconds, nanoseconds),
    })
}
