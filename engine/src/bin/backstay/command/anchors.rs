//! `backstay anchors FILE`: how production is now, beside the last run of the same runbook.

use backstay::render::visible;
use backstay::{AnchorNow, AnchorThen};
use serde_json::{Value, json};

use crate::arguments::{Anchors, Format, SittingOptions};
use crate::failure::{Failure, exit};
use crate::{answers, places, setup, streams};

pub(super) fn run(arguments: &Anchors) -> Result<u8, Failure> {
    let inputs = answers::inputs(&arguments.inputs)?;
    let directories = places::directories(&arguments.state)?;
    let anchors = setup::with_surroundings(directories, &SittingOptions::default(), async |surroundings| {
        backstay::anchors(&arguments.file, &inputs, &surroundings).await
    })?;
    match arguments.format.format {
        Format::Text if anchors.is_empty() => streams::data("the runbook has no anchors\n"),
        Format::Text => streams::data(&anchors.iter().map(text).collect::<String>()),
        Format::Json => {
            let anchors: Vec<Value> = anchors.iter().map(json_of).collect();
            streams::json(&json!({ "anchors": anchors }));
        }
    }
    let has_changed = anchors.iter().any(|anchor| anchor.is_same == Some(false));
    Ok(if has_changed { exit::NO } else { 0 })
}

fn json_of(anchor: &AnchorNow) -> Value {
    let last = |last: &AnchorThen| json!({ "run": last.run, "value": last.value });
    json!({
        "name": anchor.name,
        "value": anchor.now.as_ref().ok(),
        "reason": anchor.now.as_ref().err(),
        "last": anchor.last.as_ref().map(last),
        "same": anchor.is_same,
    })
}

fn text(anchor: &AnchorNow) -> String {
    let now = match &anchor.now {
        Ok(value) => visible(value).into_owned(),
        Err(reason) => format!("no answer: {}", visible(reason)),
    };
    let then = match (&anchor.last, anchor.is_same) {
        (Some(last), Some(true)) => format!("  (as in run {})", visible(&last.run)),
        (Some(last), Some(false)) => format!("  (CHANGED: {} in run {})", visible(&last.value), visible(&last.run)),
        _ => String::new(),
    };
    format!("{}: {now}{then}\n", visible(&anchor.name))
}
