//! `backstay transcript show RUN --output STEP`.

use std::collections::BTreeSet;
use std::path::Path;

use backstay::event::{Event, OutcomeRecord};
use backstay::render::{output, visible};
use backstay::transcript::{Record, kept_output};

use crate::failure::{Failure, exit};
use crate::streams;

/// Shows what the programs of a step, or of one statement, said; also on its ways back.
pub(super) fn show(
    records: impl Iterator<Item = Result<Record, Failure>>,
    directory: &Path,
    wanted: &str,
) -> Result<u8, Failure> {
    let mut others = BTreeSet::new();
    let (mut is_found, mut is_whole) = (false, true);
    for record in records {
        match record?.stamped.event {
            Event::Intent(intent) if is_of(&intent.key, wanted) => {
                is_found = true;
                streams::data(&output::attempt(&intent));
            }
            Event::Intent(intent) => {
                others.insert(step(&intent.key).to_owned());
            }
            Event::Outcome(outcome) if is_of(&outcome.key, wanted) => {
                streams::data(&output::outcome(&outcome));
                is_whole &= show_outputs(directory, &outcome)?;
            }
            _ => {}
        }
    }
    if !is_found {
        let reason = format!("no action of `{}` was begun in this run", visible(wanted));
        let others: Vec<String> = others.into_iter().collect();
        return Err(Failure::usage(reason).help(if others.is_empty() {
            "no action was begun at all".to_owned()
        } else {
            format!("actions were begun in: {}", others.join(", "))
        }));
    }
    Ok(if is_whole { 0 } else { exit::NO })
}

/// Shows the outputs of an attempt; whether all of them are what was kept.
fn show_outputs(directory: &Path, outcome: &OutcomeRecord) -> Result<bool, Failure> {
    let mut is_whole = true;
    for (name, digest) in &outcome.blobs {
        let kept = kept_output(directory, digest)
            .map_err(|error| Failure::usage(format!("the output {digest} cannot be read: {error}")))?;
        match kept {
            Ok(content) => streams::data(&output::output(name, &content)),
            Err(reason) => {
                is_whole = false;
                streams::talk(&format!("backstay: {reason}\n"));
            }
        }
    }
    Ok(is_whole)
}

/// Whether a key is of a step, of its undos, or of one of its statements.
fn is_of(key: &str, wanted: &str) -> bool {
    let behind_way = key.split_once(':').map(|(_, rest)| rest);
    [Some(key), behind_way].into_iter().flatten().any(|key| {
        let rest = key.strip_prefix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The part of a key that names a step, or a way back.
fn step(key: &str) -> &str {
    key.split('/').next().unwrap_or(key)
}
