//! `exec.read`: asks a program a question.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::types::Type;

use super::run::{outputs, parameters};
use super::supervise::{self, How};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::value::Value;

pub(super) struct Read;

#[async_trait]
impl Action for Read {
    fn signature(&self) -> Signature {
        let result = Type::record(
            "ExecResult",
            &[
                ("ok", Type::Bool),
                ("status", Type::Int),
                ("stdout", Type::Text),
                ("stderr", Type::Text),
            ],
        );
        parameters(describe::read(
            "exec",
            "read",
            "Asks a program a question; it must not change anything.\n\n`ok` says whether its exit status is 0. One final \
             line end of each output is cut; more than 64 KiB is kept as evidence only. A program that cannot be started, or \
             does not end in time, gives no answer.",
        ))
        .declares_effects()
        .gives(result)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let ended = match supervise::run(context, arguments).await {
            Ok(ended) => ended,
            Err(reason) => return Outcome::failed(reason),
        };
        let status = match &ended.how {
            How::Exited(status) => status_number(*status),
            How::Ended(reason) | How::Lost(reason) => {
                return Outcome::Failed(Evidence {
                    summary: format!("{}: {reason}", ended.name),
                    outputs: outputs(&ended),
                    ..Evidence::default()
                });
            }
        };
        let (Some(stdout), Some(stderr)) = (ended.stdout.value(), ended.stderr.value()) else {
            return Outcome::Failed(Evidence {
                summary: format!("{} printed more than 64 KiB with a secret in it", ended.name),
                outputs: outputs(&ended),
                ..Evidence::default()
            });
        };
        let is_cut = stdout.is_cut || stderr.is_cut;
        let mut summary = format!("{} ended with status {status}", ended.name);
        if let Some(last) = ended.stdout.last_line().or_else(|| ended.stderr.last_line()) {
            summary = format!("{summary}: {last}");
        }
        if is_cut {
            summary.push_str(" (output cut at 64 KiB, more of it is in the evidence)");
        }
        Outcome::Done(Evidence {
            value: Some(Value::Record(BTreeMap::from([
                ("ok".to_owned(), Value::Bool(status == 0)),
                ("status".to_owned(), Value::Int(status)),
                ("stdout".to_owned(), Value::Text(stdout.text)),
                ("stderr".to_owned(), Value::Text(stderr.text)),
            ]))),
            summary,
            outputs: if is_cut { outputs(&ended) } else { Vec::new() },
            exit: i32::try_from(status).ok(),
        })
    }
}

/// The status; of a program that a signal ended, 128 and the signal's number, as shells say it.
fn status_number(status: ExitStatus) -> i64 {
    let signal = || status.signal().map_or(-1, |signal| 128 + signal);
    i64::from(status.code().unwrap_or_else(signal))
}
