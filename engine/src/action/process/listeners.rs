//! `process.listeners` and `process.listening`: who holds a port, and whether anybody does.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::sockets::listeners;
use crate::action::common::processes::in_words;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::value::Value;

pub(super) struct Listeners;

pub(super) struct Listening;

fn port_of(arguments: &Arguments) -> Result<u16, String> {
    let number = arguments.int("port").unwrap_or_default();
    u16::try_from(number)
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| format!("{number} is no port; ports are 1 to 65535"))
}

#[async_trait]
impl Action for Listeners {
    fn signature(&self) -> Signature {
        describe::read(
            "process",
            "listeners",
            "Gives the numbers of the processes that listen on a TCP port of this machine.\n\nWhere the port is held by a \
             process that we may not look at, there is no answer; `process.listening` still has one.",
        )
        .needs("port", Type::Port, "The port.")
        .gives(Type::list(Type::Int))
        .effects(Effect::Reads(describe::of(ResourceKind::Port, "port")))
        .example(
            r"
            let holders = process.listeners(8080)
            record holders
            ",
        )
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let port = port_of(arguments);
        blocking::perform(context, move |_| {
            let port = port?;
            let found = listeners(port)?;
            if found.unseen > 0 {
                return Err(format!(
                    "port {port} is held by a process of another user; run as root to see which"
                ));
            }
            let summary = match found.pids.len() {
                0 => format!("nobody listens on port {port}"),
                _ => format!("port {port} is held by {}", in_words(found.pids.iter())),
            };
            let pids = found.pids.iter().map(|pid| Value::Int(i64::from(*pid))).collect();
            Ok(Outcome::Done(Evidence::value(Value::List(pids), summary)))
        })
        .await
    }
}

#[async_trait]
impl Action for Listening {
    fn signature(&self) -> Signature {
        describe::read(
            "process",
            "listening",
            "Says whether anybody listens on a TCP port of this machine.",
        )
        .needs("port", Type::Port, "The port.")
        .gives(Type::Bool)
        .effects(Effect::Reads(describe::of(ResourceKind::Port, "port")))
        .example(r#"check "it listens": process.listening(8080) within 30s every 1s"#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let port = port_of(arguments);
        blocking::perform(context, move |_| {
            let port = port?;
            let found = listeners(port)?;
            let is_held = !found.pids.is_empty() || found.unseen > 0;
            let summary = if is_held { "is held" } else { "is free" };
            Ok(Outcome::Done(Evidence::value(
                Value::Bool(is_held),
                format!("port {port} {summary}"),
            )))
        })
        .await
    }
}
