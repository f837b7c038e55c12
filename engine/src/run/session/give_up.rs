//! Saying that nobody will finish a run.

use std::collections::BTreeSet;

use crate::action::Leftover;
use crate::error::Error;
use crate::event::End;
use crate::run::directory::RunDirectory;
use crate::run::orphans;
use crate::run::standing::{Account, GivenUp, Standing, give_up as write_down};
use crate::world::Ending;

use super::locks::lock_run;
use super::resume::{end_orphans, find};
use super::{Surroundings, history, no_state};

/// Says that nobody will finish a run that has not ended: others may change what it had, once nothing changes it any
/// more that its runner left. Nothing is put back; gives what actions keep for it.
pub async fn give_up(run: &str, because: &str, surroundings: &Surroundings) -> Result<Vec<Leftover>, Error> {
    let directory = find(run, surroundings)?;
    let standing = Account::of(&directory.path).map(|account| account.standing);
    let is_over = |standing: &Standing| matches!(standing, Standing::Ended(_) | Standing::GivenUp(_));
    if standing.is_ok_and(|standing| is_over(&standing) && !standing.is_unfinished()) {
        surroundings.claims.release(run);
        return Err(Error::refused(
            format!("run {run} is over: there is nothing to give up"),
            format!("backstay transcript show {run} tells how it ended"),
        ));
    }
    let _lock = lock_run(&directory, surroundings)?;
    let again = format!("nothing was given up; when it has ended: backstay give-up {run} --because \"why\"");
    match history(&directory) {
        Ok(history) => end_orphans(&directory, &history, &again, surroundings).await?,
        // Nobody knows which of what it started should go on: nothing is ended.
        Err(_) => refuse_survivors(&directory, &again, surroundings).await?,
    }
    let given_up = GivenUp {
        who: surroundings.operator.clone(),
        because: because.to_owned(),
    };
    write_down(&directory.path, &given_up).map_err(|error| no_state(surroundings, &error))?;
    // It is as half-way as one that is stuck: what may still be wanted is only named.
    let kept = surroundings.world.conclude(&directory.path, End::Stuck).await;
    surroundings.claims.release(run);
    Ok(kept)
}

async fn refuse_survivors(directory: &RunDirectory, help: &str, surroundings: &Surroundings) -> Result<(), Error> {
    let run = &directory.run;
    let none_ended = BTreeSet::new();
    let left = orphans::left(directory, &none_ended);
    let reason = match surroundings.world.end_survivors(left, Ending::Untold).await {
        Ok(living) if living.is_empty() => return Ok(()),
        Ok(living) => {
            let living: Vec<String> = living.iter().map(i32::to_string).collect();
            format!(
                "what run {run} started still runs (process {}), and its record does not tell whether it should",
                living.join(", ")
            )
        }
        Err(reason) => format!("what run {run} started may still run: {reason}"),
    };
    Err(Error::refused(reason, help))
}
