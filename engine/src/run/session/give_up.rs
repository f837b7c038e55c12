//! Saying that nobody will finish a run.

use crate::error::Error;
use crate::run::standing::{Account, GivenUp, Standing, give_up as write_down};

use super::locks::lock_run;
use super::resume::find;
use super::{Surroundings, no_state};

/// Says that nobody will finish a run that has not ended: others may change what it had. Nothing is put back.
pub fn give_up(run: &str, because: &str, surroundings: &Surroundings) -> Result<(), Error> {
    let directory = find(run, surroundings)?;
    let standing = Account::of(&directory.path).map(|account| account.standing);
    if matches!(standing, Ok(Standing::Ended(_) | Standing::GivenUp(_)) if !is_unfinished(&standing)) {
        surroundings.claims.release(run);
        return Err(Error::refused(
            format!("run {run} is over: there is nothing to give up"),
            format!("backstay transcript show {run} tells how it ended"),
        ));
    }
    let _lock = lock_run(&directory, surroundings)?;
    let given_up = GivenUp {
        who: surroundings.operator.clone(),
        because: because.to_owned(),
    };
    write_down(&directory.path, &given_up).map_err(|error| no_state(surroundings, &error))?;
    surroundings.claims.release(run);
    Ok(())
}

fn is_unfinished(standing: &Result<Standing, String>) -> bool {
    standing.as_ref().is_ok_and(Standing::is_unfinished)
}
