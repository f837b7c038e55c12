//! `backstay turn-back RUN`: asks the runner, or resumes the run backwards where it has none.

use backstay::ResumeOptions;
use backstay::render::json;

use crate::arguments::{Format, TurnBack};
use crate::failure::Failure;
use crate::{places, setup, streams};

pub(super) fn run(arguments: &TurnBack) -> Result<u8, Failure> {
    let place = places::run_place(&arguments.run)?;
    let run = place.run.clone();
    let finished = setup::with_surroundings(place.directories, &arguments.sitting, async |surroundings| {
        backstay::turn_back(&place.run, ResumeOptions::default(), surroundings).await
    })?;
    match (finished, arguments.format.format) {
        (Some(finished), format) => Ok(setup::report(&finished, format)),
        (None, Format::Json) => {
            streams::json(&json::asked(&run, "turn-back"));
            Ok(0)
        }
        (None, Format::Text) => {
            streams::data(&format!(
                "run {run} was asked to turn back; its own terminal shows how\n"
            ));
            Ok(0)
        }
    }
}
