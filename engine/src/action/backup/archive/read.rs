//! Reads an archive: one thread decompresses, the caller takes the members.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::super::bytes::Hash;
use super::super::problem::{Problem, Result, damaged};
use super::{BLOCK, Member, MemberKind};

/// The longest name that is read.
const NAME_MAX: u64 = 64 << 10;
/// Bytes of a piece.
const PIECE: usize = 1 << 20;

/// Reads members in order.
pub(in super::super) struct Reader {
    pieces: Receiver<std::io::Result<Vec<u8>>>,
    used: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
    position: usize,
    thread: Option<JoinHandle<Option<Hash>>>,
}

/// A file that hashes what is read from it.
struct Hashing {
    file: File,
    hasher: Option<Sha256>,
}

impl std::io::Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

impl Reader {
    /// Starts to read at the file's place; hashes the archive's own bytes on the way if that is wanted.
    pub(in super::super) fn new(file: File, is_hashed: bool) -> Self {
        let (send, pieces) = sync_channel(4);
        let (used, free) = sync_channel(8);
        let thread = std::thread::spawn(move || decompress(file, is_hashed, &send, &free));
        Self {
            pieces,
            used,
            piece: Vec::new(),
            position: 0,
            thread: Some(thread),
        }
    }

    /// What is there of the current piece; empty at the end of the archive.
    fn available(&mut self) -> Result<&[u8]> {
        if self.position == self.piece.len() {
            let next = match self.pieces.recv() {
                Ok(Ok(piece)) => piece,
                Ok(Err(error)) => return damaged(format!("the archive cannot be decompressed: {error}")),
                Err(_) => Vec::new(),
            };
            let used = std::mem::replace(&mut self.piece, next);
            // A full queue only means that this piece is not used again.
            let _ = self.used.try_send(used);
            self.position = 0;
        }
        Ok(&self.piece[self.position..])
    }

    fn exact(&mut self, count: u64, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let available = self.available()?;
            if available.is_empty() {
                return damaged("the archive is cut off");
            }
            let take = available.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            sink(&available[..take])?;
            self.position += take;
            left -= take as u64;
        }
        Ok(())
    }

    fn block(&mut self) -> Result<Header> {
        let mut header = Header::new_gnu();
        let mut filled = 0;
        self.exact(BLOCK as u64, &mut |bytes| {
            header.as_mut_bytes()[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
            Ok(())
        })?;
        Ok(header)
    }

    /// The next member; `None` at the end. Its content has to be taken by [`Reader::content`].
    pub(in super::super) fn member(&mut self) -> Result<Option<Member>> {
        let (mut long_name, mut long_link) = (None, None);
        loop {
            let header = self.block()?;
            if header.as_bytes().iter().all(|byte| *byte == 0) {
                if long_name.is_some() || long_link.is_some() {
                    return damaged("the archive ends inside a member");
                }
                return self.end();
            }
            let kind = check(&header)?;
            let size = header
                .entry_size()
                .map_err(|_| Problem::Damaged("a size in the archive cannot be read".to_owned()))?;
            match kind {
                EntryType::GNULongName if long_name.is_none() => long_name = Some(self.long(size)?),
                EntryType::GNULongLink if long_link.is_none() => long_link = Some(self.long(size)?),
                _ => return member(&header, kind, size, long_name, long_link).map(Some),
            }
        }
    }

    fn long(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > NAME_MAX {
            return damaged("a name in the archive is too long");
        }
        let mut text = Vec::new();
        self.content(size, &mut |bytes| {
            text.extend_from_slice(bytes);
            Ok(())
        })?;
        match text.pop() {
            Some(0) if !text.contains(&0) => Ok(text),
            _ => damaged("a long name in the archive is not ended"),
        }
    }

    /// Takes the content of the member, of its size.
    pub(in super::super) fn content(&mut self, size: u64, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.exact(size, sink)?;
        let over = size % BLOCK as u64;
        if over != 0 {
            self.exact(BLOCK as u64 - over, &mut |_| Ok(()))?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Member>> {
        loop {
            let available = self.available()?;
            if available.is_empty() {
                return Ok(None);
            }
            if available.iter().any(|byte| *byte != 0) {
                return damaged("the archive holds something after its end");
            }
            self.position = self.piece.len();
        }
    }

    /// The hash of the archive's bytes, once [`Reader::member`] gave `None`; `None` where it was not wanted.
    pub(in super::super) fn hash(mut self) -> Result<Option<Hash>> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(hash)) => Ok(hash),
            _ => damaged("the archive could not be read to its end"),
        }
    }
}

fn decompress(
    file: File,
    is_hashed: bool,
    send: &SyncSender<std::io::Result<Vec<u8>>>,
    free: &Receiver<Vec<u8>>,
) -> Option<Hash> {
    let source = Hashing {
        file,
        hasher: is_hashed.then(Sha256::new),
    };
    let mut decoder = match zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(PIECE, source)) {
        Ok(decoder) => decoder,
        Err(error) => {
            let _ = send.send(Err(error));
            return None;
        }
    };
    loop {
        let mut piece = free.try_recv().unwrap_or_default();
        piece.clear();
        piece.resize(PIECE, 0);
        let mut filled = 0;
        while filled < PIECE {
            match decoder.read(&mut piece[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let _ = send.send(Err(error));
                    return None;
                }
            }
        }
        piece.truncate(filled);
        if filled == 0 || send.send(Ok(piece)).is_err() {
            let hasher = decoder.finish().into_inner().hasher;
            return hasher.map(|hasher| hasher.finalize().into());
        }
    }
}

fn check(header: &Header) -> Result<EntryType> {
    let bytes = header.as_bytes();
    let sum: u32 = bytes
        .iter()
        .enumerate()
        .map(|(index, byte)| {
            if (148..156).contains(&index) {
                32
            } else {
                u32::from(*byte)
            }
        })
        .sum();
    if header.cksum().ok() != Some(sum) || header.as_gnu().is_none() {
        return damaged("a header in the archive is not one that `backup.create` writes");
    }
    Ok(header.entry_type())
}

fn member(
    header: &Header,
    kind: EntryType,
    size: u64,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
) -> Result<Member> {
    let kind = match kind {
        EntryType::Directory => MemberKind::Directory,
        EntryType::Regular => MemberKind::File,
        EntryType::Link => MemberKind::HardLink,
        EntryType::Symlink => MemberKind::Symlink,
        _ => return damaged("the archive holds a member of a kind that `backup.create` never writes"),
    };
    if kind != MemberKind::File && size != 0 {
        return damaged("the archive holds a link or directory with content");
    }
    let fields = header.as_old();
    let mut name = long_name.unwrap_or_else(|| text(&fields.name));
    if kind == MemberKind::Directory && name.last() == Some(&b'/') {
        name.pop();
    }
    Ok(Member {
        name,
        kind,
        size,
        link: long_link.unwrap_or_else(|| text(&fields.linkname)),
        mode: header.mode().unwrap_or(0),
        uid: header.uid().ok().and_then(|uid| uid.try_into().ok()).unwrap_or(0),
        gid: header.gid().ok().and_then(|gid| gid.try_into().ok()).unwrap_or(0),
        mtime_s: header.mtime().unwrap_or(0),
    })
}

/// A field up to its first zero.
fn text(field: &[u8]) -> Vec<u8> {
    field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}
