//! `backstay plan FILE`.

use backstay::plan::saved::save;
use backstay::render;

use crate::arguments::{Format, Plan};
use crate::failure::{Failure, exit};
use crate::{answers, places, setup, streams};

pub(super) fn run(arguments: &Plan) -> Result<u8, Failure> {
    let inputs = answers::inputs(&arguments.inputs)?;
    let directories = places::directories(&arguments.state)?;
    let planned = setup::with_surroundings(directories, &arguments.person.clone().into(), async |surroundings| {
        let planned = backstay::plan_file(&arguments.file, &inputs, &surroundings).await?;
        if let Some(path) = &arguments.out {
            save(&planned.plan, &planned.report, &surroundings.program, path)?;
        }
        Ok(planned)
    })
    .map_err(Failure::into_answer)?;
    match arguments.format.format {
        Format::Text => streams::data(&render::plan(&planned.report)),
        Format::Json => streams::json(&planned.report.to_json()),
    }
    // A plan that cannot be carried out as things are now is an answer, and it is no.
    Ok(if planned.report.obstacles.is_empty() {
        0
    } else {
        exit::NO
    })
}
