//! Makes an archive: reads protected state once, proves that it stood still, reads the archive back.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder;

use super::super::bytes::Hash;
use super::super::entry::{Contents, Entries, Entry, difference, refuse_lost};
use super::super::manifest::{Header, Manifest, compare};
use super::super::part::{Part, sync_directory};
use super::super::problem::{Problem, Result, damaged, trying};
use super::super::tar::Writer;
use super::{HEADER, MANIFEST, OWN, examine, root_of};
use crate::action::common::blocking::Stop;
use crate::action::common::files::rename_new;

/// Writes the archive of these parts, each with where its entries come from, into an empty file. What helpers saw in
/// volumes before is given by the part's number.
pub(in super::super) fn capture(
    header: Header,
    parts: &[(&Part, &dyn Entries)],
    before: &BTreeMap<usize, Vec<Entry>>,
    file: File,
    stop: &Stop,
) -> Result<(File, Manifest)> {
    let mut writer = Writer::new(encoder(file)?, FAILED);
    let text = serde_json::to_vec(&header).map_err(trying(|| FAILED.to_owned()))?;
    writer.own(OWN, HEADER, &text)?;
    let mut entries = Vec::new();
    for (number, (part, source)) in parts.iter().enumerate() {
        let root = root_of(number);
        let start = entries.len();
        source.each(number, stop, &mut |mut entry, content| {
            writer.entry(&root, &mut entry, content)?;
            entries.push(entry);
            Ok(())
        })?;
        // A helper tells no times below a second, so what it saw before is compared by content.
        if let Some(before) = before.get(&number) {
            refuse_changed(part, difference(before, &entries[start..], Contents::Hash))?;
            refuse_lost(before)?;
        }
    }
    let manifest = Manifest { header, entries };
    // What changed after it was read shows in its times: a backup of two moments is none.
    for (number, (part, source)) in parts
        .iter()
        .enumerate()
        .filter(|(number, _)| !before.contains_key(number))
    {
        refuse_changed(part, compare(&manifest, *source, number, Contents::Skip, stop)?)?;
    }
    writer.own(OWN, MANIFEST, &manifest.to_bytes()?)?;
    let file = writer.finish()?.finish().map_err(trying(|| FAILED.to_owned()))?;
    Ok((file, manifest))
}

/// What one thread compresses at once. Memory grows with it; a window of this level has as many.
const JOB_BYTES: u32 = 2 << 20;

const FAILED: &str = "cannot write the archive";

fn refuse_changed(part: &Part, difference: Option<String>) -> Result<()> {
    match difference {
        Some(what) => Err(Problem::Changed(format!("{} ({what})", part.shown()))),
        None => Ok(()),
    }
}

fn encoder(file: File) -> Result<Encoder<'static, File>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let encoder = Encoder::new(file, 3).and_then(|mut encoder| {
        encoder.include_checksum(true)?;
        if threads > 1 {
            encoder.multithread(u32::try_from(threads).unwrap_or(1))?;
            encoder.set_parameter(CParameter::JobSize(JOB_BYTES))?;
        }
        Ok(encoder)
    });
    encoder.map_err(trying(|| FAILED.to_owned()))
}

/// An archive without a name yet; removed unless it got one.
pub(in super::super) struct Unfinished(pub PathBuf);

impl Unfinished {
    /// Makes it, empty, for us alone.
    pub(in super::super) fn create(&self) -> Result<File> {
        let failed = || format!("cannot write {}", self.0.display());
        if self.0.symlink_metadata().is_ok() {
            std::fs::remove_file(&self.0).map_err(trying(failed))?;
        }
        let mut options = File::options();
        let file = options.write(true).create_new(true).mode(0o600).open(&self.0);
        // The mask can only take rights away; this gives exactly ours.
        let made = file.and_then(|file| {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            Ok(file)
        });
        made.map_err(trying(failed))
    }

    /// Syncs an archive that was written here, reads all of it back meanwhile, and gives it its name. Answers with the
    /// hash of its bytes.
    pub(in super::super) fn seal(&self, file: File, manifest: &Manifest, path: &Path, stop: &Stop) -> Result<Hash> {
        let (synced, examined) = std::thread::scope(|scope| {
            let synced = scope.spawn(move || file.sync_all());
            let examined = examine(&self.0, stop);
            (synced.join(), examined)
        });
        let synced = synced.unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()));
        synced.map_err(trying(|| format!("cannot finish {}", self.0.display())))?;
        let (read, hash) = examined?;
        if read != *manifest {
            return damaged("the archive did not read back as it was written: look at the disk and the memory");
        }
        rename_new(&self.0, path).map_err(trying(|| {
            format!("cannot give the archive its name {}", path.display())
        }))?;
        sync_directory(path.parent().unwrap_or(Path::new("/")))?;
        Ok(hash)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename it is not there any more.
        let _ = std::fs::remove_file(&self.0);
    }
}
