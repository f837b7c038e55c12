//! `backstay pause RUN`.

use backstay::render::json;

use crate::arguments::{Format, Pause, SittingOptions};
use crate::failure::Failure;
use crate::{places, setup, streams};

pub(super) fn run(arguments: &Pause) -> Result<u8, Failure> {
    let place = places::run_place(&arguments.run)?;
    setup::with_surroundings(place.directories, &SittingOptions::nobody(), async |surroundings| {
        backstay::pause(&place.run, &surroundings)
    })?;
    match arguments.format.format {
        Format::Json => streams::json(&json::asked(&place.run, "pause")),
        Format::Text => streams::data(&format!(
            "run {} was asked to pause; then: backstay resume {}\n",
            place.run, place.run
        )),
    }
    Ok(0)
}
