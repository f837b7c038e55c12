//! `backstay run FILE`.

use backstay::StartOptions;

use crate::arguments::Run;
use crate::failure::Failure;
use crate::{answers, places, stage};

pub(super) fn run(arguments: &Run) -> Result<u8, Failure> {
    let options = StartOptions {
        file: arguments.file.clone(),
        inputs: answers::inputs(&arguments.inputs)?,
        approved: arguments.approved.clone(),
        window_start_ms: arguments.window_start,
        ticket: arguments.ticket.clone(),
    };
    let state = places::state_directory(&arguments.state)?;
    let finished = stage::on_stage(state, &arguments.person, async |edge| {
        backstay::start(options, edge).await
    })?;
    Ok(stage::report(&finished, arguments.format.format))
}
