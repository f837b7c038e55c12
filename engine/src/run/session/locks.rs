//! What a run has to itself: its record, and what it changes on this machine.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use crate::action::common::typed::shell_line;
use crate::error::Error;
use crate::event::Stamped;
use crate::plan::Plan;
use crate::run::claims::{Claim, ClaimError, Claims, FoundClaim};
use crate::run::directory::{LOCK_FILE, RunDirectory};
use crate::run::lock::{Lock, LockError};
use crate::run::standing::Standing;
use crate::users;

use super::{Surroundings, meanwhile};

/// Locks the record of a run: this process is its runner now.
pub(super) fn lock_run(directory: &RunDirectory, surroundings: &Surroundings) -> Result<Lock, Error> {
    let name = format!("run {}", directory.run);
    let owner = claim_of(directory, surroundings).owner();
    Lock::take(&name, &directory.file(LOCK_FILE), &owner).map_err(|error| lock_error(&error, &directory.run))
}

/// Whether a run has a runner.
pub(super) fn is_running(directory: &RunDirectory) -> Result<bool, Error> {
    let path = directory.file(LOCK_FILE);
    Lock::is_taken(&path).map_err(|error| lock_error(&LockError::File { path, error }, &directory.run))
}

/// Claims what a plan changes, for a run that begins or goes on after this history; where nothing kept others off it
/// meanwhile, what they did is told.
pub(super) fn claim(
    plan: &Plan,
    directory: &RunDirectory,
    history: &[Stamped],
    surroundings: &Surroundings,
) -> Result<Claims, Error> {
    let mine = claim_of(directory, surroundings);
    let tell = |sentence: &str| surroundings.tell(sentence);
    let was_open = Cell::new(false);
    let is_gone = || was_open.set(true);
    let resumed = (!history.is_empty()).then_some(&is_gone as &dyn Fn());
    let claims = surroundings
        .claims
        .claim(plan, &mine, resumed, &tell)
        .map_err(|error| claim_error(error, directory.path.parent().unwrap_or(&directory.path)))?;
    if was_open.get() {
        meanwhile::tell(plan, directory, history, surroundings);
    }
    Ok(claims)
}

/// What keeps a run of this plan from beginning now, for `plan`: other runs.
pub(crate) fn in_the_way(plan: &Plan, surroundings: &Surroundings) -> Option<String> {
    let error = surroundings.claims.look(plan).err()?;
    let runs = surroundings.state_directory.0.join("runs");
    let error = claim_error(error, &runs);
    let parts = std::iter::once(error.to_string()).chain(error.help().iter().cloned());
    Some(parts.collect::<Vec<_>>().join("; "))
}

fn claim_of(directory: &RunDirectory, surroundings: &Surroundings) -> Claim {
    Claim {
        thing: String::new(),
        run: directory.run.clone(),
        directory: directory.path.clone(),
        operator: surroundings.operator.clone(),
        host: surroundings.host.clone(),
        process: rustix::process::getpid().as_raw_pid(),
        known_by: BTreeMap::new(),
    }
}

/// Runs that are kept in `here` are called by their names.
fn claim_error(error: ClaimError, here: &Path) -> Error {
    match error {
        ClaimError::Place { .. } => Error::refused(
            error.to_string(),
            "name one that root owns and everybody may write to, as /tmp is, the same for all: --lock-dir DIR, or \
             BACKSTAY_LOCK_DIR",
        ),
        ClaimError::Lock(error) => lock_error(&error, "RUN"),
        ClaimError::Claimed { thing, found } => claimed(&thing, &found, here),
    }
}

fn claimed(thing: &str, found: &FoundClaim, here: &Path) -> Error {
    let file = shell_line(&[found.path.display().to_string()]);
    let user = found.user.map_or_else(|| "an unknown user".to_owned(), users::name);
    let claim = match &found.claim {
        Ok(claim) => claim,
        Err(reason) => {
            return Error::Locked {
                reason: format!("{thing} is claimed by {file} of {user}, which cannot be read: {reason}"),
                help: vec![
                    "look for a run that has not ended (backstay status); where there is none, remove the file"
                        .to_owned(),
                ],
            };
        }
    };
    let run = &claim.run;
    let name = if claim.directory.parent() == Some(here) {
        run.clone()
    } else {
        shell_line(&[claim.directory.display().to_string()])
    };
    // What another user wrote is told as theirs, and nothing of it is to be typed: only they can finish their run.
    let is_own = found.is_own();
    let who = if is_own {
        format!("{} on {}", claim.operator, claim.host)
    } else {
        user
    };
    let over = format!("only where that run is surely over: remove {file}");
    let (reason, help) = match &found.standing {
        Ok(Standing::Running) if is_own => {
            return Error::locked(format!("{thing} is locked by {}", claim.owner()), Some(&name));
        }
        Ok(Standing::Running) => (
            format!("{thing} is locked by run {run} of {who}"),
            vec![format!("wait until it has ended, or ask {who}")],
        ),
        Ok(standing) => (
            format!(
                "run {run} of {who} {} and may have left {thing} half-way",
                words(standing)
            ),
            if is_own {
                vec![
                    format!("finish it first: backstay resume {name}, or backstay turn-back {name}"),
                    format!("or say that nobody will: backstay give-up {name} --because \"why\""),
                ]
            } else {
                vec![format!("ask {who} to finish it or to give it up"), over]
            },
        ),
        Err(reason) => (
            format!("{thing} is claimed by run {run} of {who}, and it cannot be told whether that has ended: {reason}"),
            if is_own {
                vec!["see that its directory can be read".to_owned(), over]
            } else {
                vec![format!("ask {who}"), over]
            },
        ),
    };
    Error::Locked { reason, help }
}

fn words(standing: &Standing) -> &'static str {
    match standing {
        Standing::Open(Some(_)) => "is paused",
        Standing::Ended(_) => "is stuck",
        _ => "was stopped before its end",
    }
}

fn lock_error(error: &LockError, run: &str) -> Error {
    match error {
        LockError::Held { name, owner } => {
            let reason = owner
                .strip_prefix(name.as_str())
                .map_or_else(|| error.to_string(), |rest| format!("{name} goes on already{rest}"));
            let holder = owner.strip_prefix("run ").and_then(|rest| rest.split(' ').next());
            Error::locked(reason, Some(holder.unwrap_or(run)))
        }
        LockError::File { path, .. } => Error::refused(error.to_string(), help_for(path)),
    }
}

fn help_for(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path);
    format!(
        "see that you may write to {} and that what is there is a plain file, and run it again",
        folder.display()
    )
}
