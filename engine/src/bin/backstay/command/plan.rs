//! `backstay plan FILE`.

use backstay::{PlanOptions, render};

use crate::arguments::{Format, Plan};
use crate::failure::Failure;
use crate::{answers, places, stage, streams};

pub(super) fn run(arguments: &Plan) -> Result<u8, Failure> {
    let options = PlanOptions {
        file: arguments.file.clone(),
        inputs: answers::inputs(&arguments.inputs)?,
    };
    let state = places::state_directory(&arguments.state)?;
    let report = stage::on_stage(state, &arguments.person, |edge| async {
        backstay::plan_file(options, edge).await
    })?;
    match arguments.format.format {
        Format::Text => streams::data(&render::plan(&report)),
        Format::Json => streams::json(&report.to_json()),
    }
    Ok(0)
}
