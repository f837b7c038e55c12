//! `docker.logs`: the last of what a service's container printed.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::printed::{self, VALUE_BYTES_MAX, bytes_to_ask};
use super::trouble::Trouble;
use super::{Engine, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::containers::LogEnd;
use crate::value::{Answer, Value};

/// So many lines where the text does not say.
const LINES_DEFAULT: u64 = 200;
/// At most so many lines.
const LINES_MAX: u64 = 10_000;

pub(super) struct Logs(pub(super) Engine);

#[async_trait]
impl Action for Logs {
    fn signature(&self) -> Signature {
        describe::read(
            "docker",
            "logs",
            "Gives the last of what a service's container printed, errors after the rest.\n\nOf more than 64 KiB the oldest is \
             left out. What a container printed before it was started again counts, unless `since` leaves it out.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .takes("since", Type::Duration, "Only what was printed in this last time; everything where it is not said.")
        .takes("lines", Type::Int, "At most so many lines, up to 10000; 200 where it is not said.")
        .gives(Type::Text)
        .effects(Effect::Reads(describe::of(ResourceKind::Service, "service")))
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match self.ask(context, arguments).await {
            Ok(text) => {
                let count = text.lines().count();
                let summary = match text.lines().rev().find(|line| !line.trim().is_empty()) {
                    Some(last) => format!("{count} lines, the last: {}", last.trim()),
                    None => "nothing was printed".to_owned(),
                };
                Outcome::Done(Evidence::value(Value::Text(text), summary))
            }
            Err(trouble) => trouble.outcome(context),
        }
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(target::simulated(call, production).map(|_| Value::Text(String::new())))
    }
}

impl Logs {
    async fn ask(&self, context: &Context, arguments: &Arguments) -> Result<String, Trouble> {
        let container = target::must_find(&self.0, context, arguments).await?;
        let lines_max = match arguments.int("lines") {
            None => LINES_DEFAULT,
            Some(lines) => u64::try_from(lines)
                .ok()
                .filter(|lines| (1..=LINES_MAX).contains(lines))
                .ok_or_else(|| Trouble::Failed(format!("{lines} lines cannot be asked for; write 1 to {LINES_MAX}")))?,
        };
        let end = LogEnd {
            since_seconds: arguments.duration("since").map(ago),
            lines_max,
            bytes_max: bytes_to_ask(context, VALUE_BYTES_MAX),
        };
        let printed = self.0.logs(&container.id, &end).await.map_err(Trouble::of_question)?;
        let parts = [&printed.stdout, &printed.stderr].map(|bytes| printed::value(context, bytes, printed.is_cut));
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Ok(last_bytes(&parts.join("\n"), VALUE_BYTES_MAX, context.redactor.reach()).to_owned())
    }
}

/// The end of a text, at most so many bytes of it. Where it is cut, so many `unsure` bytes go as well: they may be the
/// rest of a secret.
fn last_bytes(text: &str, bytes_max: usize, unsure: usize) -> &str {
    let mut start = match text.len().saturating_sub(bytes_max) {
        0 => 0,
        cut => (cut + unsure).min(text.len()),
    };
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The moment so long ago, in seconds since 1970.
fn ago(duration: Duration) -> i64 {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.saturating_sub(duration).as_secs()).unwrap_or_default()
}
