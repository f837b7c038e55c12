//! `backstay resume RUN`.

use backstay::ResumeOptions;

use crate::arguments::Resume;
use crate::failure::Failure;
use crate::{places, setup};

pub(super) fn run(arguments: &Resume) -> Result<u8, Failure> {
    let place = places::run_place(&arguments.run)?;
    let options = ResumeOptions {
        turn_back: false,
        extend: arguments.extend.zip(arguments.because.clone()),
        stops: arguments.stops.stops(),
    };
    let finished = setup::with_surroundings(place.directories, &arguments.sitting, async |surroundings| {
        backstay::resume(&place.run, options, surroundings).await
    })?;
    Ok(setup::report(&finished, arguments.format.format))
}
