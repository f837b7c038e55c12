//! `backstay give-up RUN`.

use backstay::render::{json, visible};

use crate::arguments::{Format, GiveUp, SittingOptions};
use crate::failure::Failure;
use crate::{places, setup, streams};

pub(super) fn run(arguments: &GiveUp) -> Result<u8, Failure> {
    let place = places::run_place(&arguments.run)?;
    let kept = setup::with_surroundings(place.directories, &SittingOptions::nobody(), async |surroundings| {
        backstay::give_up(&place.run, &arguments.because, &surroundings).await
    })?;
    match arguments.format.format {
        Format::Json => {
            let mut told = json::asked(&place.run, "give-up");
            told["leftovers"] = kept.iter().map(ToString::to_string).collect();
            streams::json(&told);
        }
        Format::Text => {
            let left = kept.iter().map(ToString::to_string);
            let left: Vec<String> = left.map(|left| format!("  left over: {}\n", visible(&left))).collect();
            let left = left.concat();
            streams::data(&format!(
                "run {run} was given up: nothing was put back, and it keeps nobody from changing what it had\n{left}  \
                 what it did: backstay transcript show {run}\n",
                run = place.run
            ));
        }
    }
    Ok(0)
}
