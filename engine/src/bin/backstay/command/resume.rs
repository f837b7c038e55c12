//! `backstay resume RUN`.

use backstay::ResumeOptions;

use crate::arguments::Resume;
use crate::failure::Failure;
use crate::{places, stage};

pub(super) fn run(arguments: &Resume) -> Result<u8, Failure> {
    let place = places::run_place(&arguments.state, &arguments.run)?;
    let options = ResumeOptions {
        turn_back: false,
        extend: arguments.extend.zip(arguments.because.clone()),
    };
    let finished = stage::on_stage(place.state, &arguments.person, async |edge| {
        backstay::resume(&place.run, options, edge).await
    })?;
    Ok(stage::report(&finished, arguments.format.format))
}
