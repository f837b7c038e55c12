//! `exec.read`: asks a program a question.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;

use super::run::parameters;
use crate::action::common::child;
use crate::action::common::describe;
use crate::action::common::printed::{program_result, program_result_type};
use crate::action::common::supervised::{self, How};
use crate::action::{Action, Arguments, Context, Evidence, NoProgram, Outcome};

pub(super) struct Read;

#[async_trait]
impl Action for Read {
    fn signature(&self) -> Signature {
        parameters(describe::read(
            "exec",
            "read",
            "Asks a program a question; it must not change anything.\n\n`ok` says whether its exit status is 0. One final \
             line end of each output is cut; more than 64 KiB is kept as evidence only. A program that cannot be started, or \
             does not end in time, gives no answer.",
        ))
        .declares_effects()
        .gives(program_result_type())
        .example(r#"check "the clock is right": exec.read(["chronyc", "waitsync", "1"], effects: nothing) is ok within 10s"#)
        .done()
    }

    fn program(&self, folder: &Path, arguments: &Arguments) -> Result<(), NoProgram> {
        child::program(folder, arguments)
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let ended = match supervised::run(context, arguments, false).await {
            Ok(ended) => ended,
            Err(reason) => return Outcome::failed(reason),
        };
        let name = &ended.name;
        let status = match &ended.how {
            How::Exited(status) => status_number(*status),
            How::Ended(reason) | How::Lost(reason) => {
                return Outcome::Failed(ended.evidence(format!("{name}: {reason}")));
            }
        };
        let (Some((stdout, out_is_cut)), Some((stderr, err_is_cut))) = (ended.stdout.value(), ended.stderr.value())
        else {
            let summary = format!("{name} printed more than 64 KiB with a secret in it");
            return Outcome::Failed(ended.evidence(summary));
        };
        let is_cut = out_is_cut || err_is_cut;
        let mut summary = format!("{name} ended with status {status}");
        if let Some(last) = ended.stdout.last_line().or_else(|| ended.stderr.last_line()) {
            summary = format!("{summary}: {last}");
        }
        if is_cut {
            summary.push_str(" (output cut at 64 KiB, more of it is in the evidence)");
        }
        Outcome::Done(Evidence {
            value: Some(program_result(status, stdout, stderr)),
            summary,
            outputs: if is_cut { ended.outputs() } else { Vec::new() },
            exit: i32::try_from(status).ok(),
            ..Evidence::default()
        })
    }
}

/// The status; of a program that a signal ended, 128 and the signal's number, as shells say it.
fn status_number(status: ExitStatus) -> i64 {
    let signal = || status.signal().map_or(-1, |signal| 128 + signal);
    i64::from(status.code().unwrap_or_else(signal))
}
