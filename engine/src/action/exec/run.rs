//! `exec.run`: runs a program that changes something.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Settle, Signature, Sink};
use backstay_dsl::effect::{Cancel, Repeat};
use backstay_dsl::types::Type;

use super::supervise::{self, Ended, How};
use crate::action::common::describe::{self, Describe};
use crate::action::common::typed::typed;
use crate::action::{Action, Arguments, Context, Evidence, Outcome};

pub(super) struct Run;

#[async_trait]
impl Action for Run {
    fn signature(&self) -> Signature {
        parameters(describe::change(
            "exec",
            "run",
            "Runs a program; the text declares what it changes.\n\nThe words go to the program as they are, without a \
             shell. It has failed when its exit status is not 0. At its limit, or when turning back, it is asked to end, \
             then killed, with everything that it started. What it leaves running when it ends by itself lives on.",
        ))
        .declares_effects()
        .repeat(Repeat::Once)
        .settle(Settle::Person)
        .partial()
        .cancel(Cancel::Grace { ms: 10_000 })
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        Some(format!("runs {}", typed(context, arguments)))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let ended = match supervise::run(context, arguments).await {
            Ok(ended) => ended,
            Err(reason) => return Outcome::failed(reason),
        };
        let mut evidence = Evidence {
            outputs: outputs(&ended),
            ..Evidence::default()
        };
        match &ended.how {
            How::Exited(status) => {
                evidence.exit = status.code();
                if status.success() {
                    evidence.summary = format!("{} ended well", ended.name);
                    return Outcome::Done(evidence);
                }
                evidence.summary = with_last_line(format!("{} {}", ended.name, status_in_words(*status)), &ended);
            }
            How::Ended(reason) => {
                evidence.summary = with_last_line(format!("{} was ended: {reason}", ended.name), &ended);
            }
            How::Lost(reason) => evidence.summary = format!("{}: {reason}", ended.name),
        }
        match ended.how {
            How::Lost(_) => Outcome::Unknown(evidence),
            How::Exited(_) | How::Ended(_) => Outcome::Failed(evidence),
        }
    }
}

/// The parameters of both actions of the family.
pub(super) fn parameters(describe: Describe) -> Describe {
    describe
        .needs(
            "argv",
            Type::list(Type::Text),
            "The program and its words, one by one. Never a secret: everybody can read them.",
        )
        .into(Sink::Argv)
        .takes(
            "env",
            Type::Map(Box::new(Type::Text)),
            "Variables beside the few that are inherited (PATH, HOME, LANG and the like); may be secrets.",
        )
        .into(Sink::Env)
        .takes(
            "stdin",
            Type::Text,
            "What it reads; nothing where it is not said. May be a secret.",
        )
        .into(Sink::Stdin)
        .takes(
            "cwd",
            Type::Path,
            "The folder it starts in; where the program was called where it is not said.",
        )
}

/// What it printed, without secrets, as evidence.
pub(super) fn outputs(ended: &Ended) -> Vec<(String, Vec<u8>)> {
    [("stdout", &ended.stdout), ("stderr", &ended.stderr)]
        .into_iter()
        .filter_map(|(name, capture)| Some((name.to_owned(), capture.evidence()?)))
        .collect()
}

/// The line with the last one that the program printed, which mostly says what was wrong.
fn with_last_line(line: String, ended: &Ended) -> String {
    match ended.stderr.last_line().or_else(|| ended.stdout.last_line()) {
        Some(last) => format!("{line}: {last}"),
        None => line,
    }
}

/// `ended with status 3`, `was ended by signal 9`.
fn status_in_words(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}
