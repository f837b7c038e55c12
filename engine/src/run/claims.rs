//! What runs have on this machine: one run at a time changes a service, or works through a runbook that names none.
//!
//! There is one place for root and all users, whatever directory each keeps runs in, and it holds two kinds of files
//! for a thing: `backstay-THING.lock`, which a runner has locked, and `backstay-THING.RUN.claim`, which says that a
//! run has begun and has not ended. The first goes with the runner, the second stays when it is killed or paused.
//!
//! The place belongs to root (or to whoever calls), and where others may write to it, it has the sticky bit, so that
//! nobody can remove or replace what is another's. Links are not followed, what others wrote is only read, and what
//! cannot be read counts.

#![expect(clippy::disallowed_methods, reason = "claims are files")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::private_files::{open_no_link, read_open, write_whole};
use crate::run::lock::{Lock, LockError};
use crate::run::standing::{Account, Standing};
use crate::world::real::real_path;

/// Where claims are, unless somebody says otherwise: there on every Linux, for all users, and after a restart.
pub const CLAIMS_DIRECTORY: &str = "/var/tmp";

/// The longest claim that is read, in bytes.
const CLAIM_BYTES_MAX: u64 = 1 << 16;
/// What tells a program from another that runs the same file.
const TELLING: [&str; 5] = ["executable", "pid_file", "port", "user", "arguments"];
/// How many characters of a thing's name stand in the names of its files; a digest tells the rest apart.
const NAME_CHARACTERS_MAX: usize = 60;

/// The place of all claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPlace(pub PathBuf);

/// Who has claimed what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What is claimed, in words: `service notes`.
    pub thing: String,
    pub run: String,
    /// Where the run's record is.
    pub directory: PathBuf,
    pub operator: String,
    pub host: String,
    pub process: i32,
    /// What a process is known by that others may have started, word by word.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub known_by: BTreeMap<String, Vec<String>>,
}

/// A claim that was found, and where its run stands.
#[derive(Debug)]
pub struct FoundClaim {
    /// The file that says so.
    pub path: PathBuf,
    /// The user (by number) whose file it is, and so whose word.
    pub user: Option<u32>,
    /// What it says. An error: it cannot be read.
    pub claim: Result<Claim, String>,
    /// An error: it cannot be told.
    pub standing: Result<Standing, String>,
}

/// Why a run may not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error("{path} is no place for claims: {reason}", path = .place.display())]
    Place { place: PathBuf, reason: String },
    #[error(transparent)]
    Lock(LockError),
    /// A run that has not ended has claimed it, or it cannot be told whether it has.
    #[error("{thing} is claimed")]
    Claimed { thing: String, found: Box<FoundClaim> },
}

/// Everything that one run has claimed. Dropped, it is free again; what is claimed stays so only if
/// [`Self::stay`] was called.
#[derive(Debug)]
pub(crate) struct Claims {
    things: Vec<ClaimedThing>,
    does_stay: bool,
}

#[derive(Debug)]
struct ClaimedThing {
    lock: Lock,
    path: PathBuf,
}

/// What a runner has to itself: the record of its run, and what that changes.
#[derive(Debug)]
pub(crate) struct Holdings {
    pub(crate) run: Lock,
    pub(crate) claims: Claims,
}

impl Holdings {
    /// The locks, which somebody may remove behind the runner's back.
    pub(crate) fn locks(&self) -> impl Iterator<Item = &Lock> {
        std::iter::once(&self.run).chain(self.claims.things.iter().map(|thing| &thing.lock))
    }
}

impl ClaimPlace {
    /// Claims everything that this plan changes: its services, or the runbook where it has none. Of runs that have
    /// ended the claims are removed; where only the record is gone, and where a claim of its own is, that is told. A run that goes on
    /// (`resumed`, called for each thing that nothing says any more it has) is stopped by later runs alone: what had begun
    /// before it did not stop it then.
    pub(crate) fn claim(
        &self,
        plan: &Plan,
        mine: &Claim,
        resumed: Option<&dyn Fn()>,
        tell: &dyn Fn(&str),
    ) -> Result<Claims, ClaimError> {
        self.examine()?;
        let is_resumed = resumed.is_some();
        let mut claims = Claims {
            things: Vec::new(),
            does_stay: is_resumed,
        };
        let things = things(plan);
        for (key, Thing { thing, known_by }) in things.clone() {
            let stem = stem(&key);
            let claim = Claim {
                thing,
                known_by,
                ..mine.clone()
            };
            let lock = self.lock(&stem, &claim)?;
            for found in self.found(&stem)? {
                let is_before = |other: &Claim| other.run == mine.run || is_resumed && other.run < mine.run;
                if found.claim.as_ref().is_ok_and(is_before) {
                    continue;
                }
                let found = found.unless_over(&claim.thing)?;
                if let (Ok(Standing::Gone), Ok(claim)) = (&found.standing, &found.claim) {
                    tell(&format!(
                        "run {} had not ended, but its record is gone ({}): what it had of {} is not kept for it any \
                         longer",
                        claim.run,
                        claim.directory.display(),
                        claim.thing
                    ));
                }
                // Another's file stays, and says the same to the next one.
                let _ = fs::remove_file(&found.path);
            }
            let path = self.0.join(format!("{stem}.{}.claim", mine.run));
            if let Some(is_gone) = resumed.filter(|_| fs::symlink_metadata(&path).is_err()) {
                tell(&format!(
                    "{} does not say any longer that run {} has {}, so another may have changed that",
                    self.0.display(),
                    mine.run,
                    claim.thing
                ));
                is_gone();
            }
            match write(&path, &claim) {
                // On a full disk the one of the start says it as well.
                Err(error) if !(is_resumed && path.exists()) => return Err(file_error(&path, error)),
                _ => claims.things.push(ClaimedThing { lock, path }),
            }
        }
        // Each of two that begin at once has written its own by now, so one of them at least sees the other.
        self.refuse_one_program(&things, |other| {
            other.run == mine.run || is_resumed && other.run < mine.run
        })?;
        Ok(claims)
    }

    fn lock(&self, stem: &str, mine: &Claim) -> Result<Lock, ClaimError> {
        match Lock::take_public(&mine.thing, &self.lock_file(stem)) {
            Err(LockError::Held { name, owner }) => {
                self.refuse_held(stem, &mine.thing)?;
                Err(ClaimError::Lock(LockError::Held { name, owner }))
            }
            taken => taken.map_err(ClaimError::Lock),
        }
    }

    /// Says who holds the lock of a thing. The one that has it wrote its claim last, or is about to.
    fn refuse_held(&self, stem: &str, thing: &str) -> Result<(), ClaimError> {
        match self.found(stem)?.pop() {
            None => Ok(()),
            Some(found) => Err(ClaimError::Claimed {
                thing: thing.to_owned(),
                found: Box::new(FoundClaim {
                    standing: Ok(Standing::Running),
                    ..found
                }),
            }),
        }
    }

    /// Whether a run of this plan could begin now, as far as other runs go.
    pub(crate) fn look(&self, plan: &Plan) -> Result<(), ClaimError> {
        self.examine()?;
        let things = things(plan);
        for (key, Thing { thing, .. }) in &things {
            let stem = stem(key);
            let path = self.lock_file(&stem);
            if Lock::is_taken(&path).map_err(|error| file_error(&path, error))? {
                self.refuse_held(&stem, thing)?;
            }
            for found in self.found(&stem)? {
                found.unless_over(thing)?;
            }
        }
        self.refuse_one_program(&things, |_| false)
    }

    /// Refuses what another run has under another name that may be the same program.
    fn refuse_one_program(
        &self,
        things: &BTreeMap<String, Thing>,
        is_passed_over: impl Fn(&Claim) -> bool,
    ) -> Result<(), ClaimError> {
        if things.values().all(|thing| thing.known_by.is_empty()) {
            return Ok(());
        }
        for found in self.all().map_err(|error| file_error(&self.0, error))? {
            let Some(claim) = found.claim.as_ref().ok().filter(|claim| !is_passed_over(claim)) else {
                continue;
            };
            let same = things
                .values()
                .find(|thing| may_be_one(&thing.known_by, &claim.known_by));
            if let Some(same) = same {
                found.unless_over(&same.thing)?;
            }
        }
        Ok(())
    }

    fn lock_file(&self, stem: &str) -> PathBuf {
        self.0.join(format!("{stem}.lock"))
    }

    /// Every claim, oldest run first.
    pub fn all(&self) -> io::Result<Vec<FoundClaim>> {
        self.files(|name| name.starts_with("backstay-"))
    }

    /// Removes the claims of a run that has ended or was given up, as far as this user may.
    pub(crate) fn release(&self, run: &str) {
        for found in self.all().unwrap_or_default() {
            if found.is_own() && found.claim.is_ok_and(|claim| claim.run == run) {
                let _ = fs::remove_file(&found.path);
            }
        }
    }

    fn found(&self, stem: &str) -> Result<Vec<FoundClaim>, ClaimError> {
        let is_of_thing = |name: &str| name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'));
        self.files(is_of_thing).map_err(|error| file_error(&self.0, error))
    }

    fn files(&self, is_meant: impl Fn(&str) -> bool) -> io::Result<Vec<FoundClaim>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".claim") && is_meant(&name) {
                found.extend(FoundClaim::read(entry.path()));
            }
        }
        found.sort_by_key(|found| found.claim.as_ref().map(|claim| claim.run.clone()).unwrap_or_default());
        Ok(found)
    }

    /// Refuses a place that cannot be trusted.
    fn examine(&self) -> Result<(), ClaimError> {
        let wrong = |reason: String| ClaimError::Place {
            place: self.0.clone(),
            reason,
        };
        let metadata = fs::metadata(&self.0).map_err(|error| wrong(error.to_string()))?;
        let me = rustix::process::geteuid().as_raw();
        if !metadata.is_dir() {
            return Err(wrong("it is no folder".to_owned()));
        }
        if metadata.uid() != 0 && metadata.uid() != me {
            return Err(wrong(format!("it belongs to another user ({})", metadata.uid())));
        }
        if metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0 {
            return Err(wrong(
                "others may remove what is in it (it has no sticky bit)".to_owned(),
            ));
        }
        Ok(())
    }
}

impl Claim {
    /// The claim, where a runner may have written it.
    fn sound(self) -> Result<Self, String> {
        let is_plain = |character: char| character.is_alphanumeric() || "-_".contains(character);
        let is_name = self.run.starts_with(char::is_alphanumeric) && self.run.chars().all(is_plain);
        let is_place = self.directory.is_absolute() && self.directory.ends_with(Path::new("runs").join(&self.run));
        if is_name && is_place {
            Ok(self)
        } else {
            Err("it names no run and its directory".to_owned())
        }
    }

    /// Who that is: `run X (process 1 of ada on here)`.
    pub fn owner(&self) -> String {
        let Self {
            run,
            process,
            operator,
            host,
            ..
        } = self;
        format!("run {run} (process {process} of {operator} on {host})")
    }
}

impl Claims {
    /// From now on what is claimed stays claimed, also when the runner is killed.
    pub(crate) fn stay(&mut self) {
        self.does_stay = true;
    }

    /// The run has ended: nothing is claimed any more.
    pub(crate) fn end(mut self) {
        self.does_stay = false;
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        if !self.does_stay {
            for thing in &self.things {
                let _ = fs::remove_file(&thing.path);
                thing.lock.remove();
            }
        }
    }
}

impl FoundClaim {
    /// Whether the caller wrote it.
    pub(crate) fn is_own(&self) -> bool {
        self.user == Some(rustix::process::geteuid().as_raw())
    }

    /// `None` where it was removed meanwhile.
    fn read(path: PathBuf) -> Option<Self> {
        let mut user = None;
        let content = open_no_link(fs::OpenOptions::new().read(true), &path).and_then(|file| {
            user = Some(file.metadata()?.uid());
            read_open(file, CLAIM_BYTES_MAX)
        });
        if content
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            return None;
        }
        let claim = content
            .and_then(|content| serde_json::from_slice::<Claim>(&content).map_err(io::Error::from))
            .map_err(|error| error.to_string())
            .and_then(Claim::sound);
        let standing = claim
            .clone()
            .and_then(|claim| Ok(Account::of(&claim.directory)?.standing));
        Some(Self {
            path,
            user,
            claim,
            standing,
        })
    }

    /// The claim of a run that is over; another one stands in the way.
    fn unless_over(self, thing: &str) -> Result<Self, ClaimError> {
        if self.claim.is_ok() && self.standing.as_ref().is_ok_and(|standing| !standing.is_unfinished()) {
            return Ok(self);
        }
        Err(ClaimError::Claimed {
            thing: thing.to_owned(),
            found: Box::new(self),
        })
    }
}

/// What a plan changes, by a key that is the same for whoever changes it, and in words.
fn things(plan: &Plan) -> BTreeMap<String, Thing> {
    let mut things = BTreeMap::new();
    for (id, member, _) in plan.topology.members() {
        let thing = Thing {
            thing: format!("service {id}"),
            known_by: known_by(&member.runs.known_by),
        };
        things.insert(member.runs.to_string(), thing);
        // A service by another name is the same one where it listens to the same port or keeps the same file.
        for (word, values) in &member.runs.known_by {
            let values = values.join(" ");
            let values = match *word {
                "port" => values,
                // By whatever way the file is reached: `/var/run` is `/run`.
                "pid_file" => real_path(Path::new(&values)).display().to_string(),
                _ => continue,
            };
            let words = format!("the {} {values} of service {id}", word.replace('_', " "));
            things.insert(format!("{word}-{values}"), Thing::named(words));
        }
    }
    if things.is_empty() {
        let name = &plan.runbook.name;
        things.insert(format!("runbook-{name}"), Thing::named(format!("runbook {name}")));
    }
    things
}

/// Something that a plan changes.
#[derive(Debug, Clone)]
struct Thing {
    /// In words.
    thing: String,
    known_by: BTreeMap<String, Vec<String>>,
}

impl Thing {
    fn named(thing: String) -> Self {
        Self {
            thing,
            known_by: BTreeMap::new(),
        }
    }
}

/// What tells one program from another, each path by whatever way it is reached.
fn known_by(said: &BTreeMap<&'static str, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let telling = said.iter().filter(|(word, _)| TELLING.contains(word));
    let real = |path: &String| real_path(Path::new(path)).display().to_string();
    telling
        .map(|(word, values)| {
            let values = match *word {
                "executable" | "pid_file" => values.iter().map(real).collect(),
                _ => values.clone(),
            };
            ((*word).to_owned(), values)
        })
        .collect()
}

/// Whether two that are known so may be one program: they have its file, and nothing that both say tells them apart.
fn may_be_one(one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>) -> bool {
    let is_inside = |some: &Vec<String>, all: &Vec<String>| some.iter().all(|word| all.contains(word));
    let is_same = |word: &str| match (one.get(word), other.get(word)) {
        (Some(one), Some(other)) if word == "arguments" => is_inside(one, other) || is_inside(other, one),
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    one.contains_key("executable") && other.contains_key("executable") && TELLING.into_iter().all(is_same)
}

/// How the names of a thing's files begin.
fn stem(key: &str) -> String {
    let safe = |character: char| {
        if character.is_ascii_alphanumeric() || "-_".contains(character) {
            character
        } else {
            '_'
        }
    };
    let name: String = key.chars().map(safe).take(NAME_CHARACTERS_MAX).collect();
    let digest = crate::digest::sha256(key.as_bytes());
    let short: String = digest.chars().skip("sha256:".len()).take(12).collect();
    format!("backstay-{name}-{short}")
}

/// Writes a claim that every user can read.
fn write(path: &Path, claim: &Claim) -> io::Result<()> {
    write_whole(path, &serde_json::to_vec(claim)?, 0o644)
}

fn file_error(path: &Path, error: io::Error) -> ClaimError {
    ClaimError::Lock(LockError::File {
        path: path.to_owned(),
        error,
    })
}
