//! `backstay run FILE`.

use backstay::StartOptions;
use backstay::plan::saved::Approved;

use crate::arguments::Run;
use crate::failure::Failure;
use crate::{answers, places, setup};

pub(super) fn run(arguments: &Run) -> Result<u8, Failure> {
    let options = StartOptions {
        file: arguments.file.clone(),
        inputs: answers::inputs(&arguments.inputs)?,
        approved: arguments.approved.as_deref().map(Approved::read).transpose()?,
        window_start_ms: arguments.window_start,
        ticket: arguments.ticket.clone(),
        stops: arguments.stops.stops(),
    };
    let directories = places::directories(&arguments.state)?;
    let finished = setup::with_surroundings(directories, &arguments.sitting, async |surroundings| {
        backstay::start(options, surroundings).await
    })?;
    Ok(setup::report(&finished, arguments.format.format))
}
