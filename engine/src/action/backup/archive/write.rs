//! Writes an archive.

use std::fs::File;
use std::io::{self, Write as _};

use tar::{EntryType, Header};
use zstd::stream::write::Encoder;

use super::{BLOCK, Member, MemberKind};

/// What is kept in memory before it is compressed; a file below `whole_max` fits.
const BUFFER: usize = 1 << 20;

/// Writes members in order.
pub(in super::super) struct Writer {
    encoder: Encoder<'static, File>,
    buffer: Vec<u8>,
}

impl Writer {
    /// Files up to this many bytes are held in memory whole, so that they can be taken back.
    pub(in super::super) const WHOLE_MAX: u64 = 4 << 20;

    /// Starts an archive in an empty file.
    pub(in super::super) fn new(file: File) -> io::Result<Self> {
        let mut encoder = Encoder::new(file, 3)?;
        encoder.include_checksum(true)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        if threads > 1 {
            encoder.multithread(u32::try_from(threads).unwrap_or(1))?;
        }
        Ok(Self {
            encoder,
            buffer: Vec::with_capacity(BUFFER + BLOCK),
        })
    }

    /// The place where the next member starts, for [`Writer::take_back`]. What is before is final.
    pub(in super::super) fn mark(&mut self) -> io::Result<usize> {
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(self.buffer.len())
    }

    /// Forgets everything since the mark; possible while only [`Writer::member`] and
    /// [`Writer::whole`] were called since.
    pub(in super::super) fn take_back(&mut self, mark: usize) {
        self.buffer.truncate(mark);
    }

    /// Writes the headers of a member. Exactly its content has to follow.
    pub(in super::super) fn member(&mut self, member: &Member) {
        let name_room = if member.kind == MemberKind::Directory { 99 } else { 100 };
        if member.name.len() > name_room {
            self.long(EntryType::GNULongName, &member.name);
        }
        if member.link.len() > 100 {
            self.long(EntryType::GNULongLink, &member.link);
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(match member.kind {
            MemberKind::Directory => EntryType::Directory,
            MemberKind::File => EntryType::Regular,
            MemberKind::HardLink => EntryType::Link,
            MemberKind::Symlink => EntryType::Symlink,
        });
        let fields = header.as_old_mut();
        fill(&mut fields.name, &member.name);
        if member.kind == MemberKind::Directory && member.name.len() <= name_room {
            fields.name[member.name.len()] = b'/';
        }
        fill(&mut fields.linkname, &member.link);
        header.set_size(member.size);
        header.set_mode(member.mode);
        header.set_uid(u64::from(member.uid));
        header.set_gid(u64::from(member.gid));
        header.set_mtime(member.mtime_s);
        header.set_cksum();
        self.buffer.extend_from_slice(header.as_bytes());
    }

    fn long(&mut self, kind: EntryType, text: &[u8]) {
        let mut header = Header::new_gnu();
        fill(&mut header.as_old_mut().name, b"././@LongLink");
        header.set_entry_type(kind);
        header.set_size(text.len() as u64 + 1);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        self.buffer.extend_from_slice(header.as_bytes());
        self.buffer.extend_from_slice(text);
        self.buffer.push(0);
        self.pad(text.len() as u64 + 1);
    }

    /// Gives the buffer, to which the whole content is to be added by the caller.
    pub(in super::super) fn whole(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes a piece of content.
    pub(in super::super) fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.flush()?;
        self.encoder.write_all(bytes)
    }

    /// Ends the content of a member of this size.
    pub(in super::super) fn pad(&mut self, size: u64) {
        let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        if over != 0 {
            self.buffer.resize(self.buffer.len() + BLOCK - over, 0);
        }
    }

    /// Writes a member of ours.
    pub(in super::super) fn own(&mut self, name: &[u8], content: &[u8]) -> io::Result<()> {
        self.member(&Member::own(name, content.len() as u64));
        self.data(content)?;
        self.pad(content.len() as u64);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the archive and gives the file back, not yet synced.
    pub(in super::super) fn finish(mut self) -> io::Result<File> {
        self.buffer.resize(self.buffer.len() + 2 * BLOCK, 0);
        self.flush()?;
        self.encoder.finish()
    }
}

/// Copies as much as there is room for.
fn fill(field: &mut [u8], bytes: &[u8]) {
    let count = field.len().min(bytes.len());
    field[..count].copy_from_slice(&bytes[..count]);
}
