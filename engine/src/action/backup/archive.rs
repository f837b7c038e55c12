//! An archive: a strict tar compressed with zstd, which any tar reads.
//!
//! First stands the header, last the manifest; between them the entries of each part below `part-N`. Nothing that
//! reading gives is proved before the manifest has come.

mod write;

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use sha2::{Digest as _, Sha256};

use super::bytes::{Hash, digest_text, hash_file};
use super::entry::{Contents, Entry, EntryKind, Take};
use super::extract::{Extraction, Purpose, Staging};
use super::manifest::{Header, Manifest, PartKind, compare};
use super::problem::{Problem, Result, damaged, refused, trying};
use super::tar::{Origin, Reader};
use crate::action::common::blocking::Stop;
use crate::value::Backup;
pub(super) use write::{Unfinished, capture};

/// The root of what is ours in an archive.
const OWN: &str = "backstay";
/// Always first.
const HEADER: &str = "header.json";
/// Always last.
const MANIFEST: &str = "manifest.jsonl";
/// The longest manifest that is read, in bytes.
const MANIFEST_MAX: u64 = 1 << 30;
/// The longest header, in bytes.
const HEADER_MAX: u64 = 1 << 20;
/// What is decompressed at once, in bytes.
const PIECE: usize = 1 << 18;

fn root_of(part: usize) -> String {
    format!("part-{part}")
}

/// An archive whose bytes have the digest of the backup.
pub(super) struct Archive {
    file: File,
    /// What it says of itself.
    pub header: Header,
}

impl Archive {
    /// Opens a backup's archive and reads it once for its digest.
    pub(super) fn open(backup: &Backup, stop: &Stop) -> Result<Self> {
        let path = Path::new(&backup.path);
        let mut file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Problem::Damaged(format!("the archive {} is not there", backup.path)),
            _ => trying(|| format!("cannot open {}", backup.path))(error),
        })?;
        // What the disk holds is examined, and not what was written to it a moment ago.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        let digest = digest_text(&hash_file(&mut file, path, stop)?);
        if digest != backup.digest {
            return damaged(format!(
                "{} is not what it was when it was made (its digest is {digest}, it was {}): do not restore it",
                backup.path, backup.digest
            ));
        }
        let header = header(&mut open(&file)?)?;
        if header.state != backup.state {
            return damaged(format!(
                "{} holds the state {}, not {}",
                backup.path, header.state, backup.state
            ));
        }
        Ok(Self { file, header })
    }

    /// Reads all of it once more.
    pub(super) fn read(&self, stop: &Stop, take: &mut Take<'_>) -> Result<Manifest> {
        let manifest = read(&self.file, stop, take)?;
        if manifest.header != self.header {
            return damaged("the archive changed while it was read");
        }
        Ok(manifest)
    }

    /// Extracts it into places, one for each part, and compares what lies there with the manifest. A part without
    /// a place is only held against the manifest.
    pub(super) fn extract(&self, places: &[Option<Staging>], purpose: Purpose, stop: &Stop) -> Result<Manifest> {
        let contents = match purpose {
            Purpose::Restore => Contents::Skip,
            Purpose::Trial => Contents::Hash,
        };
        let bytes_max = self.header.parts.iter().map(|part| part.bytes);
        let mut extraction = Extraction::new(places, purpose, bytes_max);
        let manifest = self.read(stop, &mut |entry, content| extraction.put(&entry, content))?;
        extraction.dress(&manifest.entries, stop)?;
        for (number, place) in places.iter().enumerate() {
            let Some(place) = place else { continue };
            let actual = place.part(self.header.parts[number].kind);
            if let Some(what) = compare(&manifest, &actual, number, contents, stop)? {
                return damaged(format!("what comes out of the archive is not what went in: {what}"));
            }
        }
        Ok(manifest)
    }
}

/// Reads a whole archive without keeping anything, and at the same time its bytes for their hash.
pub(super) fn examine(path: &Path, stop: &Stop) -> Result<(Manifest, Hash)> {
    let file = File::open(path).map_err(trying(|| format!("cannot open {}", path.display())))?;
    std::thread::scope(|scope| {
        let hash = scope.spawn(|| hash_file(&mut again(&file)?, path, stop));
        let manifest = read(&file, stop, &mut |_, _| Ok(()))?;
        let hash = hash
            .join()
            .unwrap_or_else(|_| refused("the archive could not be hashed"));
        Ok((manifest, hash?))
    })
}

/// What an archive holds, decompressed in a thread of its own.
struct Decompressed {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    /// How much of the piece was taken.
    taken: usize,
}

impl Decompressed {
    /// Of a file that is read from where it stands.
    fn new(file: File) -> Self {
        let (give, pieces) = sync_channel(2);
        // It ends as soon as nobody takes what it gives.
        std::thread::spawn(move || {
            let failed = decompress(file, &give).err();
            failed.map(|error| give.send(Err(error)))
        });
        Self {
            pieces,
            piece: Vec::new(),
            taken: 0,
        }
    }
}

fn decompress(file: File, give: &SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let count = decoder.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if count == 0 || give.send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
}

impl BufRead for Decompressed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.piece.len()
            && let Ok(piece) = self.pieces.recv()
        {
            self.piece = piece?;
            self.taken = 0;
        }
        Ok(&self.piece[self.taken..])
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }
}

impl Read for Decompressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// The same file from its start.
fn again(file: &File) -> Result<File> {
    let file = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()));
    file.map_err(trying(|| "cannot open the archive again".to_owned()))
}

fn open(file: &File) -> Result<Reader<Decompressed>> {
    Ok(Reader::new(Decompressed::new(again(file)?), Origin::Archive))
}

/// Reads a whole archive. What it gives is proved: each entry is as the manifest says, none is
/// missing, none is more.
fn read(file: &File, stop: &Stop, take: &mut Take<'_>) -> Result<Manifest> {
    let mut reader = open(file)?;
    let header = header(&mut reader)?;
    let mut seen: Vec<Entry> = Vec::new();
    let manifest = loop {
        stop.check()?;
        let Some((root, mut entry)) = reader.entry()? else {
            return damaged("the archive has no manifest");
        };
        if is_own(&root, &entry, MANIFEST) {
            break Manifest::of_entries(&whole(&mut reader, &entry, MANIFEST_MAX)?, seen)?;
        }
        let part = root.strip_prefix("part-").and_then(|number| number.parse().ok());
        let Some(part) = part.filter(|part| root_of(*part) == root && *part < header.parts.len()) else {
            return damaged(format!("the archive holds a part {root} that its header does not name"));
        };
        entry.part = part;
        let mut hasher = Sha256::new();
        take(entry.clone(), &mut |sink| {
            reader.content(&mut |piece| {
                stop.check()?;
                hasher.update(piece);
                sink(piece)
            })
        })?;
        reader.content(&mut |piece| {
            stop.check()?;
            hasher.update(piece);
            Ok(())
        })?;
        if let EntryKind::File { sha256, .. } = &mut entry.kind {
            *sha256 = hasher.finalize().into();
        }
        seen.push(entry);
    };
    if reader.entry()?.is_some() {
        return damaged("the archive holds something after its manifest");
    }
    if manifest.header != header {
        return damaged("the archive's header and its manifest do not agree");
    }
    refuse_odd_parts(&manifest)?;
    Ok(manifest)
}

fn is_own(root: &str, entry: &Entry, name: &str) -> bool {
    root == OWN && *entry.path == *name.as_bytes()
}

fn whole(reader: &mut Reader<Decompressed>, entry: &Entry, bytes_max: u64) -> Result<Vec<u8>> {
    if entry.size() > bytes_max {
        return damaged("the archive's description of itself cannot be read");
    }
    let mut bytes = Vec::new();
    reader.content(&mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(bytes)
}

fn header(reader: &mut Reader<Decompressed>) -> Result<Header> {
    let Some((_, entry)) = reader.entry()?.filter(|(root, entry)| is_own(root, entry, HEADER)) else {
        return damaged("this is not an archive of `backup.create`");
    };
    let bytes = whole(reader, &entry, HEADER_MAX)?;
    match serde_json::from_slice::<Header>(&bytes) {
        Ok(header) if header.is_known() => Ok(header),
        Ok(header) => refused(format!(
            "the archive has format {}, which this program does not read: use the program that wrote it, {}",
            header.format, header.program
        )),
        Err(_) => damaged("the archive's header cannot be read"),
    }
}

fn refuse_odd_parts(manifest: &Manifest) -> Result<()> {
    // A part that was there has a root of its kind; one that was not has nothing.
    for (number, part) in manifest.header.parts.iter().enumerate() {
        let mut entries = manifest.of_part(number);
        let root = entries.next().map(|root| (&root.kind, root.path.is_empty()));
        let is_right = match (part.present, part.kind, root) {
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
