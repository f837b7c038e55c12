//! `backstay transcript verify|show RUN`.

use std::path::Path;

use backstay::render::{FrontPage, Timeline, json, visible};
use backstay::transcript::{Reader, Verdict, verify};

use super::output;
use crate::arguments::{Format, Show, Transcript, Verify};
use crate::failure::{Failure, exit};
use crate::{places, screen, streams};

pub(super) fn run(arguments: &Transcript) -> Result<u8, Failure> {
    match arguments {
        Transcript::Verify(arguments) => judge(arguments),
        Transcript::Show(arguments) => show(arguments),
    }
}

fn judge(arguments: &Verify) -> Result<u8, Failure> {
    let place = places::run_place(&arguments.run)?;
    let (directory, meant) = (place.directory, place.is_named.then_some(place.run));
    let verification = verify(&directory, meant.as_deref(), arguments.head.as_deref())
        .map_err(|error| unreadable(&directory, &error))?;
    let is_accepted = match verification.verdict {
        Verdict::Valid => true,
        Verdict::Unsigned => !arguments.require_signature,
        _ => false,
    };
    match arguments.format.format {
        Format::Json => streams::json(&json::verification(&verification)),
        Format::Text => streams::data(&format!(
            "{}: {}\n  run:     {}\n  records: {}\n  head:    {}\n",
            verification.verdict.word(),
            visible(&verification.detail),
            visible(&verification.run),
            verification.records,
            verification.head
        )),
    }
    Ok(if is_accepted { 0 } else { exit::NO })
}

fn show(arguments: &Show) -> Result<u8, Failure> {
    let directory = places::run_place(&arguments.run)?.directory;
    let reader = Reader::open(&directory).map_err(|error| unreadable(&directory, &error))?;
    let records = reader.map(|record| {
        record.map_err(|error| {
            let verdict = format!(
                "for a verdict: backstay transcript verify {}",
                visible(&arguments.run.run)
            );
            Failure::new(exit::NO, visible(&error.to_string())).help(verdict)
        })
    });
    if let Some(wanted) = &arguments.output {
        return output::show(records, &directory, wanted);
    }
    // The page stands first, and says what the last record says: a pass of its own, up to what cannot be read.
    let mut front_page = FrontPage::default();
    let whole = Reader::open(&directory).map_err(|error| unreadable(&directory, &error))?;
    for record in whole.map_while(Result::ok) {
        front_page.take(&record.stamped);
    }
    streams::data(&front_page.text());
    let mut timeline = Timeline::default();
    let has_colour = streams::data_has_colour();
    for record in records {
        streams::data(&screen::paint(&timeline.line(&record?.stamped), has_colour));
    }
    Ok(0)
}

fn unreadable(directory: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!(
        "the transcript in {} cannot be read: {error}",
        directory.display()
    ))
    .help("give the name of a run, or the directory that holds its transcript.jsonl")
}
