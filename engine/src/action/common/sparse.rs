//! Files with holes: what was never written takes no room, and reads as zeros.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::blocking::Stop;

/// Holes are as long as whole blocks; no file system has smaller ones.
const BLOCK: usize = 512;

/// How many bytes of a file are in holes, at least.
pub(crate) fn holes(file: &File) -> io::Result<u64> {
    let data = file.metadata()?;
    if data.blocks().saturating_mul(512) >= data.len() {
        return Ok(0);
    }
    // Looking moves the place from where the file is read.
    let stands = seek(file, SeekFrom::Current(0))?;
    let mut written = 0;
    let mut at = 0;
    while let Some(piece) = next(file, at, data.len())? {
        written += piece.end - piece.start;
        at = piece.end;
    }
    seek(file, SeekFrom::Start(stands))?;
    Ok(data.len().saturating_sub(written))
}

/// The next piece of a file that is no hole, from this place on; where the file system does not tell, all of it.
fn next(file: &File, from: u64, size: u64) -> io::Result<Option<Range<u64>>> {
    if from >= size {
        return Ok(None);
    }
    let start = match seek(file, SeekFrom::Data(from)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some(from..size)),
        Err(error) => return Err(error.into()),
    };
    let end = seek(file, SeekFrom::Hole(start))?;
    Ok((start < size).then(|| start..end.min(size)))
}

/// Copies what a file holds into an empty one; holes stay holes.
pub(crate) fn copy(source: &File, target: &File, stop: &Stop) -> io::Result<()> {
    let mut buffer = vec![0; 128 * 1024];
    let size = source.metadata()?.len();
    let mut at = 0;
    while let Some(piece) = next(source, at, size)? {
        at = piece.start;
        while at < piece.end {
            stop.check().map_err(io::Error::other)?;
            let wanted = usize::try_from(piece.end - at).map_or(buffer.len(), |left| left.min(buffer.len()));
            let count = source.read_at(&mut buffer[..wanted], at)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            target.write_all_at(&buffer[..count], at)?;
            at += count as u64;
        }
    }
    target.set_len(size)
}

/// Writes a stream into an empty file and leaves blocks of zeros out.
pub(crate) struct Sparse<'f> {
    file: &'f File,
    at: u64,
    /// Bytes that were written.
    pub(crate) written: u64,
}

impl<'f> Sparse<'f> {
    pub(crate) fn new(file: &'f File) -> Self {
        Self {
            file,
            at: 0,
            written: 0,
        }
    }

    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut rest = piece;
        while !rest.is_empty() {
            let is_zero = |block: &&[u8]| block.iter().all(|byte| *byte == 0);
            let blocks = || self.blocks(rest);
            let zeros: usize = blocks().take_while(is_zero).map(<[u8]>::len).sum();
            let data: usize = match zeros {
                0 => blocks().take_while(|block| !is_zero(block)).map(<[u8]>::len).sum(),
                _ => 0,
            };
            self.file.write_all_at(&rest[..data], self.at)?;
            self.written += data as u64;
            self.at += (zeros + data) as u64;
            rest = &rest[zeros + data..];
        }
        Ok(())
    }

    /// A text from here on, cut where blocks of the file begin.
    fn blocks<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        let into_block = usize::try_from(self.at % BLOCK as u64).unwrap_or(0);
        let (first, rest) = text.split_at(text.len().min(BLOCK - into_block));
        std::iter::once(first).chain(rest.chunks(BLOCK))
    }

    /// Gives the file its length, with the hole at its end.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.set_len(self.at)
    }
}
