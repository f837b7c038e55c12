//! Volumes that are reached through a helper: a container of ours that has the volume.
//!
//! Reading and writing need none of the image's programs, because the helper is never started. Only to empty a
//! volume one is started, which needs `sh` and `rm`. Every helper carries our labels and is removed after use.

use std::io::{BufReader, BufWriter};

use super::super::archive::Archive;
use super::super::entry::{Contents, Entries, Entry, Take, difference, refuse_lost, scan};
use super::super::manifest::Manifest;
use super::super::problem::{Problem, Result, damaged, refused};
use super::super::tar::{self, Origin, Writer};
use super::bridge::Bridge;
use super::engine::{Engine, new_name};
use crate::action::common::blocking::Stop;
use crate::containers::{CreateContainer, MountOrder, RestartPolicy};

/// The folder of a helper where the volume is. No image has it, so nothing of one gets into an empty volume.
const ROOT: &str = "backstay-volume";
/// How the names of helpers begin.
const NAME: &str = "backstay-helper-";
/// How the names of volumes begin that backups are put into to prove them.
const SCRATCH: &str = "backstay-scratch-";
/// Removes all that is in the folder where it starts.
const EMPTY: &str = r#"for name in * .[!.]* ..?*; do rm -rf -- "./$name" || exit 1; done"#;
/// What is moved at once.
const PIECE: usize = 1 << 20;

/// What is done through helpers, and the image that they are made from.
#[derive(Clone)]
pub(in super::super) struct Helpers {
    pub(super) engine: Engine,
    pub(super) image: String,
}

impl Helpers {
    /// A helper that reads a volume, as often as is wanted.
    pub(in super::super) fn reader(&self, volume: &str) -> Result<Reader<'_>> {
        Ok(Reader {
            helper: self.helper(volume, Doing::Read)?,
            volume: volume.to_owned(),
        })
    }

    /// Empties a volume, and looks whether it is empty.
    pub(in super::super) fn empty(&self, reader: &Reader<'_>, stop: &Stop) -> Result<()> {
        let volume = &reader.volume;
        let rest = |stop| scan(reader, 0, Contents::Skip, stop);
        if rest(stop)?.len() <= 1 {
            return Ok(());
        }
        let helper = self.helper(volume, Doing::Empty)?;
        self.engine.start(&helper.id).map_err(|problem| {
            Problem::Refused(format!(
                "the volume {volume} could not be emptied: the image {} needs `sh` and `rm` for that ({problem}); name another one with `helper:`, busybox is enough",
                self.image
            ))
        })?;
        let status = self.engine.ended(&helper.id, stop)?;
        if status != 0 {
            let said = self.engine.last_line(&helper.id);
            return refused(format!(
                "the volume {volume} could not be emptied: `rm` in the image {} ended with status {status}: {said}",
                self.image
            ));
        }
        match rest(stop)?.get(1) {
            None => Ok(()),
            Some(entry) => refused(format!(
                "the volume {volume} could not be emptied: {} is still there",
                entry.path
            )),
        }
    }

    /// Puts one part of an archive into an empty volume.
    pub(in super::super) fn fill(
        &self,
        volume: &str,
        (archive, manifest, part): (&Archive, &Manifest, usize),
        stop: &Stop,
    ) -> Result<()> {
        let helper = self.helper(volume, Doing::Write)?;
        let (reader, writer) = tokio::io::duplex(PIECE);
        let writer = Bridge::new(writer, self.engine.runtime(), stop);
        let (written, given) = std::thread::scope(|scope| {
            let give = scope.spawn(move || {
                let sink = BufWriter::with_capacity(PIECE, writer);
                let mut writer = Writer::new(sink, "the container engine did not take all of the volume");
                let mut proved = manifest.entries.iter();
                archive.read(stop, &mut |mut entry, content| {
                    let known = proved.next();
                    if known.is_none_or(|known| known.different(&entry, Contents::Skip).is_some()) {
                        return damaged("the archive changed while it was read");
                    }
                    if entry.part == part {
                        writer.entry(ROOT, &mut entry, content)?;
                    }
                    Ok(())
                })?;
                writer.finish().map(drop)
            });
            let written = self.engine.write_tree(&helper.id, "/", Box::new(reader), stop);
            (written, give.join())
        });
        // Where the engine refused, what could not be given any more is only a consequence.
        written?;
        given.unwrap_or_else(|_| refused("the archive could not be given to the container engine"))
    }

    /// Puts one part of an archive into a volume of its own, compares it, empties that again as a restore would,
    /// and removes it.
    pub(in super::super) fn prove(
        &self,
        (archive, manifest, part): (&Archive, &Manifest, usize),
        stop: &Stop,
    ) -> Result<()> {
        refuse_lost(manifest.of_part(part))?;
        let scratch = Scratch::make(&self.engine)?;
        self.fill(&scratch.name, (archive, manifest, part), stop)?;
        let reader = self.reader(&scratch.name)?;
        reader.compare(manifest, part, stop)?;
        self.empty(&reader, stop)
    }

    fn helper(&self, volume: &str, doing: Doing) -> Result<Helper<'_>> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let id = self.engine.create(&CreateContainer {
            name: new_name(NAME)?,
            image: self.image.clone(),
            entry: Some(match doing {
                Doing::Empty => words(&["sh", "-c", EMPTY]),
                Doing::Read | Doing::Write => words(&["/is-never-started"]),
            }),
            command: Some(Vec::new()),
            mounts: vec![MountOrder {
                source: volume.to_owned(),
                target: format!("/{ROOT}"),
                is_writable: doing != Doing::Read,
            }],
            network: Some("none".to_owned()),
            user: Some("0:0".to_owned()),
            working_directory: Some(format!("/{ROOT}")),
            restart_policy: Some(RestartPolicy::never()),
            ..CreateContainer::default()
        })?;
        Ok(Helper {
            engine: &self.engine,
            id,
        })
    }
}

/// A helper that only reads.
pub(in super::super) struct Reader<'a> {
    helper: Helper<'a>,
    volume: String,
}

impl Entries for Reader<'_> {
    fn each(&self, part: usize, stop: &Stop, take: &mut Take<'_>) -> Result<()> {
        let engine = self.helper.engine;
        let stream = engine.read_tree(&self.helper.id, &format!("/{ROOT}"))?;
        let stream = BufReader::with_capacity(PIECE, Bridge::new(stream, engine.runtime(), stop));
        let mut stream = tar::Reader::new(stream, Origin::Engine);
        while let Some((root, mut entry)) = stream.entry()? {
            if root != ROOT {
                return refused(format!("the container engine gave {root}, which is not of the volume"));
            }
            entry.part = part;
            entry.mtime_ns = 0;
            take(entry, &mut |sink| stream.content(sink))?;
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Compares a volume with one part of a manifest, as far as streams carry it.
    pub(in super::super) fn compare(&self, manifest: &Manifest, part: usize, stop: &Stop) -> Result<()> {
        let expected: Vec<Entry> = (manifest.of_part(part).cloned())
            .map(|entry| Entry { mtime_ns: 0, ..entry })
            .collect();
        match difference(&expected, &scan(self, part, Contents::Hash, stop)?, Contents::Hash) {
            None => Ok(()),
            Some(what) => damaged(format!(
                "what came out of the volume {} is not what was put into it: {what}",
                self.volume
            )),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Read,
    Write,
    Empty,
}

/// A container of ours; removed after use.
struct Helper<'a> {
    engine: &'a Engine,
    id: String,
}

impl Drop for Helper<'_> {
    fn drop(&mut self) {
        // What is left is found by its labels when the next attempt begins.
        let _ = self.engine.remove_container(&self.id);
    }
}

/// A volume of ours; removed after use.
struct Scratch<'a> {
    engine: &'a Engine,
    name: String,
}

impl<'a> Scratch<'a> {
    fn make(engine: &'a Engine) -> Result<Self> {
        let name = new_name(SCRATCH)?;
        engine.create_volume(&name, engine.labels())?;
        Ok(Self { engine, name })
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let _ = self.engine.remove_volume(&self.name);
    }
}
