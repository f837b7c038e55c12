//! Writes files as they stand: those that have another name, which would keep the old content where a new file took the
//! place of this one.
//!
//! That is not one moment: whoever reads meanwhile may see a part. What was there is kept in the run's directory until
//! all of the new is durable, so that an attempt that ends half-way is put back: in that very file, and only where
//! nobody wrote to it since.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::attempt::Attempt;
use super::problem;
use crate::digest::short;
use crate::private_files::{make_private, open_no_link, write_private};

/// What a disk writes at once: after a power cut each such piece is in a state of its own.
const SECTOR_BYTES: usize = 512;

/// Which file is written over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// Its path, without links.
    path: String,
    /// Its number in its file system. That of the device is another after each start of the machine.
    inode: u64,
    /// Its mode before.
    mode: u32,
    /// How long the new content is; the old one follows it.
    new_bytes: usize,
}

/// What is kept of a file while it is written over.
struct Kept {
    head: Head,
    new: Zeroizing<Vec<u8>>,
    old: Zeroizing<Vec<u8>>,
}

impl Kept {
    fn place(attempt: &Attempt) -> PathBuf {
        attempt.run_directory.join("in_place").join(short(&attempt.key))
    }

    /// What is to be kept of the file at `path` before it gets this content.
    fn of(path: &Path, content: &[u8]) -> io::Result<Self> {
        let data = path.metadata()?;
        Ok(Self {
            head: Head {
                path: real_path(path)?,
                inode: data.ino(),
                mode: data.mode() & 0o7777,
                new_bytes: content.len(),
            },
            new: Zeroizing::new(content.to_vec()),
            old: Zeroizing::new(std::fs::read(path)?),
        })
    }

    fn write(&self, place: &Path) -> io::Result<()> {
        make_private(place.parent().unwrap_or(place))?;
        let head = serde_json::to_vec(&self.head)?;
        write_private(
            place,
            &Zeroizing::new([&head, b"\n".as_slice(), &self.new, &self.old].concat()),
        )
    }

    fn read(place: &Path) -> Result<Option<Self>, String> {
        let bytes = match std::fs::read(place) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem("read", place, &error)),
        };
        let damaged = || format!("{} is damaged; look at it before going on", place.display());
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(&bytes[..end]).map_err(|_| damaged())?;
        let contents = bytes[end + 1..].split_at_checked(head.new_bytes);
        let (new, old) = contents.ok_or_else(damaged)?;
        Ok(Some(Self {
            new: Zeroizing::new(new.to_vec()),
            old: Zeroizing::new(old.to_vec()),
            head,
        }))
    }

    /// What speaks against putting it back into the file at `path`.
    fn is_other(&self, path: &Path, now: &[u8]) -> io::Result<Option<&'static str>> {
        let is_that = real_path(path)? == self.head.path && path.metadata()?.ino() == self.head.inode;
        Ok(match (is_that, self.explains(now)) {
            (false, _) => Some("is another file by now"),
            (true, false) => Some("was changed since"),
            (true, true) => None,
        })
    }

    /// Whether writing the new content over the old one, or the old one back, can have stopped with this content. The
    /// new content is written over the old before the length changes, so each sector holds the old content, the new one
    /// or a beginning of one before the rest of the other.
    fn explains(&self, now: &[u8]) -> bool {
        let (shorter, longer) = (self.old.len().min(self.new.len()), self.old.len().max(self.new.len()));
        (shorter..=longer).contains(&now.len())
            && now.chunks(SECTOR_BYTES).enumerate().all(|(number, sector)| {
                let (mut put_back, mut written, mut untouched) = (true, true, true);
                for (at, byte) in sector.iter().enumerate() {
                    let is_in = |content: &[u8]| content.get(number * SECTOR_BYTES + at) == Some(byte);
                    untouched = is_in(&self.old) && (untouched || written || put_back);
                    written = is_in(&self.new) && (written || put_back);
                    put_back = put_back && is_in(&self.old);
                }
                put_back || written || untouched
            })
    }
}

/// The path of a file without links, in words.
fn real_path(path: &Path) -> io::Result<String> {
    Ok(path.canonicalize()?.to_string_lossy().into_owned())
}

/// Gives the file this content, and this mode where one is said, and makes it durable.
pub(super) fn write(path: &Path, content: &[u8], mode: Option<u32>, attempt: &Attempt) -> Result<(), String> {
    let failed = |error| problem("write", path, &error);
    let place = Kept::place(attempt);
    let kept = Kept::of(path, content).map_err(failed)?;
    kept.write(&place).map_err(|error| problem("write", &place, &error))?;
    match overwrite(path, content, mode.unwrap_or(kept.head.mode)).map_err(failed) {
        Ok(()) => forget(&place),
        Err(reason) => match recover(path, attempt) {
            Ok(()) => Err(reason),
            Err(left) => Err(format!(
                "{reason}; what was there is kept in {}: {left}",
                place.display()
            )),
        },
    }
}

/// Puts back what was there, where an attempt was interrupted while it wrote. An `Err` where somebody else has been
/// there since: it is for a person to say what holds.
pub(super) fn recover(path: &Path, attempt: &Attempt) -> Result<(), String> {
    let place = Kept::place(attempt);
    let Some(kept) = Kept::read(&place)? else {
        return Ok(());
    };
    let against = std::fs::read(path).map(Zeroizing::new).and_then(|now| {
        let against = kept.is_other(path, &now)?;
        Ok((against, *now == *kept.new))
    });
    let for_a_person = |why: String| {
        format!(
            "{} was being written when the program ended; {why}. Its content before is kept in {}, behind one line and the \
             {} bytes that were to be written: put the file right, and remove that one",
            kept.head.path,
            place.display(),
            kept.head.new_bytes
        )
    };
    match against {
        Ok((None, true)) => {}
        Ok((None, false)) => {
            overwrite(path, &kept.old, kept.head.mode).map_err(|error| problem("put back", path, &error))?;
        }
        Ok((Some(why), _)) => return Err(for_a_person(format!("{} {why}", path.display()))),
        Err(error) => return Err(for_a_person(problem("read", path, &error))),
    }
    forget(&place)
}

fn forget(place: &Path) -> Result<(), String> {
    std::fs::remove_file(place).map_err(|error| problem("remove", place, &error))
}

/// The blocks of the old content stay until the new is there, so that it can be put back on a full disk too.
fn overwrite(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let file = open_no_link(OpenOptions::new().write(true), path)?;
    if file.metadata()?.mode() & 0o7777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all_at(content, 0)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const NEW: &str = "new\n";
    const OLD: &str = "old and longer\n";

    #[test]
    fn only_what_was_half_written_is_put_back() {
        for (found, expected) in [
            ("new\nand longer\n", Some(OLD)),
            ("neland longer\n", None),
            ("ned and longer\n", Some(OLD)),
            (OLD, Some(OLD)),
            ("ald\n", None),
            (NEW, Some(NEW)),
            ("new\nand lon", Some(OLD)),
            ("old and longer\nand mended\n", None),
            ("mended\n", None),
            ("", None),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("file");
            std::fs::write(&file, OLD).unwrap();
            let attempt = Attempt::in_folder(folder.path());
            let place = Kept::place(&attempt);
            Kept::of(&file, NEW.as_bytes()).unwrap().write(&place).unwrap();
            let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
            assert_eq!((mode(&place), mode(place.parent().unwrap())), (0o600, 0o700));
            std::fs::write(&file, found).unwrap();
            let recovered = recover(&file, &attempt);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), expected.unwrap_or(found));
            assert_eq!(recovered.is_ok(), expected.is_some(), "{found:?}: {recovered:?}");
            assert_eq!(place.exists(), expected.is_none(), "{found:?}");
            if let Err(reason) = recovered {
                assert!(reason.contains(&place.display().to_string()), "{reason}");
                continue;
            }
            // Nothing is put back a second time.
            std::fs::write(&file, "other").unwrap();
            recover(&file, &attempt).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "other");
        }
    }

    #[test]
    fn a_power_cut_and_a_second_end_while_it_is_put_back_are_known() {
        let (new, old) = ("n".repeat(2000), "o".repeat(1500));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, &old).unwrap();
        let kept = Kept::of(&file, new.as_bytes()).unwrap();
        let content = |parts: &[(&str, usize)]| {
            parts
                .iter()
                .map(|(text, count)| text.repeat(*count))
                .collect::<String>()
        };
        for (parts, is_known) in [
            (&[("o", 512), ("n", 512), ("o", 476)][..], true),
            (&[("o", 512), ("n", 1488)], true),
            (&[("o", 100), ("n", 100), ("o", 1300)], true),
            (&[("o", 100), ("n", 100), ("o", 100), ("n", 1200)], false),
            (&[("n", 2001)], false),
            (&[("n", 1499)], false),
        ] {
            assert_eq!(kept.explains(content(parts).as_bytes()), is_known, "{parts:?}");
        }
    }

    #[test]
    fn another_file_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::fs::write(&one, OLD).unwrap();
        std::fs::write(&other, OLD).unwrap();
        let attempt = Attempt::in_folder(folder.path());
        let place = Kept::place(&attempt);
        Kept::of(&one, NEW.as_bytes()).unwrap().write(&place).unwrap();
        std::fs::write(&one, "new\nand").unwrap();
        let reason = recover(&other, &attempt).unwrap_err();
        assert!(
            reason.contains("is another file by now") && reason.contains(&place.display().to_string()),
            "{reason}"
        );
        assert_eq!(std::fs::read_to_string(&other).unwrap(), OLD);
        std::fs::remove_file(&other).unwrap();
        assert!(recover(&other, &attempt).unwrap_err().contains("is kept in"));
        assert!(place.exists());
    }
}
