//! `backstay answer RUN ANSWER`: to a question that stands; without an answer, the questions.

use backstay::Surroundings;
use backstay::render::visible;
use backstay::run::questions::StandingQuestion;
use serde_json::json;

use crate::arguments::{Answer, Format, SittingOptions};
use crate::failure::Failure;
use crate::{places, setup, streams};

pub(super) fn run(arguments: &Answer) -> Result<u8, Failure> {
    let place = places::run_place(&arguments.run)?;
    let run = &place.run;
    let (key, text) = (arguments.question.as_deref(), arguments.words.as_deref());
    let (asked, answered) = setup::with_surroundings(
        place.directories,
        &SittingOptions::nobody(),
        async |surroundings| match text {
            None => Ok((backstay::questions(run, &surroundings)?, None)),
            Some(text) => {
                let operator = arguments.who.clone().unwrap_or_else(|| surroundings.operator.clone());
                let surroundings = Surroundings {
                    operator,
                    ..surroundings
                };
                let (asked, is_taken) = backstay::answer(run, key, text, &surroundings).await?;
                Ok((vec![asked], Some(is_taken)))
            }
        },
    )?;
    match arguments.format.format {
        Format::Json => streams::json(&json!({ "run": run, "questions": asked, "is_answered": answered.is_some() })),
        Format::Text if asked.is_empty() => streams::data(&format!("run {run} asks nothing now\n")),
        Format::Text if answered == Some(true) => streams::data(&format!("run {run} has got the answer\n")),
        Format::Text if answered.is_some() => {
            streams::data(&format!(
                "the answer is kept for run {run}; go on: backstay resume {run}\n"
            ));
        }
        Format::Text => streams::data(&asked.iter().map(|asked| shown(run, asked)).collect::<String>()),
    }
    Ok(0)
}

fn shown(run: &str, asked: &StandingQuestion) -> String {
    let wanted = if asked.is_yes_or_no { "yes|no" } else { "\"…\"" };
    let step = match asked.step.as_str() {
        "" => String::new(),
        step => format!(": {}", visible(step)),
    };
    let (seconded, who) = match (&asked.besides, &asked.of) {
        (None, Some(of)) => (format!("  {} has to say this\n", visible(of)), " --as NAME"),
        (Some(first), _) => {
            let first = visible(first);
            (
                format!("  {first} has answered; somebody else has to say the same\n"),
                " --as NAME",
            )
        }
        (None, None) => (String::new(), ""),
    };
    format!(
        "{}{}\n  {}\n{seconded}  backstay answer {run} {wanted} --question {}{who}\n",
        visible(&asked.key),
        step,
        visible(&asked.prompt),
        visible(&asked.key)
    )
}
