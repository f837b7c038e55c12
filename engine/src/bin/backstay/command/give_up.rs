//! `backstay give-up RUN`.

use backstay::render::json;

use crate::arguments::{Format, GiveUp, PersonOptions};
use crate::failure::Failure;
use crate::{places, setup, streams};

pub(super) fn run(arguments: &GiveUp) -> Result<u8, Failure> {
    let place = places::run_place(&arguments.state, &arguments.run)?;
    let nobody = PersonOptions {
        answers: None,
        no_input: true,
    };
    setup::with_surroundings(place.directories, &nobody, async |surroundings| {
        backstay::give_up(&place.run, &arguments.because, &surroundings)
    })?;
    match arguments.format.format {
        Format::Json => streams::json(&json::asked(&place.run, "give-up")),
        Format::Text => streams::data(&format!(
            "run {run} was given up: nothing was put back, and it keeps nobody from changing what it had\n  what it did: \
             backstay transcript show {run}\n",
            run = place.run
        )),
    }
    Ok(0)
}
