//! `docker.logs`: the last of what a service's container printed.

use std::time::SystemTime;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::call::{Call, EngineAction, about_service, simulated, the_service};
use super::error::Error;
use super::printed::{Said, bytes_to_ask};
use crate::action::common::describe;
use crate::action::common::printed::VALUE_BYTES_MAX;
use crate::action::{Evidence, GroundCall, Outcome, Simulated};
use crate::containers::LogEnd;
use crate::value::{Answer, Value};

/// So many lines where the text does not say.
const LINES_DEFAULT: u64 = 200;
/// At most so many lines.
const LINES_MAX: u64 = 10_000;

pub(super) struct Logs;

#[async_trait]
impl EngineAction for Logs {
    fn signature(&self) -> Signature {
        about_service(describe::read(
            "docker",
            "logs",
            "Gives the last of what a service's container printed, errors after the rest.\n\nOf more than 64 KiB the oldest is \
             left out. What a container printed before it was started again counts, unless `since` leaves it out.",
        ))
        .takes("since", Type::Duration, "Only what was printed in this last time; everything where it is not said.")
        .takes("lines", Type::Int, "At most so many lines, up to 10000; 200 where it is not said.")
        .gives(Type::Text)
        .effects(Effect::Reads(the_service()))
        .example(r#"check "no errors in its log": not (docker.logs(box, since: 5m) contains "ERROR")"#)
        .done()
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        let text = last_of(call).await?;
        let summary = match text.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(last) => format!("{} lines, the last: {}", text.lines().count(), last.trim()),
            None => "nothing was printed".to_owned(),
        };
        Ok(Outcome::Done(Evidence::value(Value::Text(text), summary)))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(simulated(call, production).map(|_| Value::Text(String::new())))
    }
}

async fn last_of(call: Call<'_>) -> Result<String, Error> {
    let container = call.must_find().await?;
    let lines_max = match call.arguments.int("lines") {
        None => LINES_DEFAULT,
        Some(lines) => u64::try_from(lines)
            .ok()
            .filter(|lines| (1..=LINES_MAX).contains(lines))
            .ok_or_else(|| format!("{lines} lines cannot be asked for; write 1 to {LINES_MAX}"))?,
    };
    let since = call.arguments.duration("since").map(|ago| {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(now.saturating_sub(ago).as_secs()).unwrap_or_default()
    });
    let end = LogEnd {
        since_seconds: since,
        lines_max,
        bytes_max: bytes_to_ask(call.context, VALUE_BYTES_MAX),
    };
    let printed = call.engine.logs(&container.id, &end).await;
    let said = Said::new(call.context, printed.map_err(Error::of_question)?);
    let parts: Vec<String> = said.values().into_iter().filter(|part| !part.is_empty()).collect();
    let unsure = call.context.redactor.reach();
    Ok(last_bytes(&parts.join("\n"), VALUE_BYTES_MAX, unsure).to_owned())
}

/// The end of a text, at most so many bytes of it. Where it is cut, so many `unsure` bytes go as well: they may be the
/// rest of a secret.
fn last_bytes(text: &str, bytes_max: usize, unsure: usize) -> &str {
    let start = match text.len().saturating_sub(bytes_max) {
        0 => 0,
        cut => (cut + unsure).min(text.len()),
    };
    &text[text.ceil_char_boundary(start)..]
}
