//! `dns.lookup`: the addresses of a name.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::connect::{lookup, within};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

pub(super) struct Lookup;

#[async_trait]
impl Action for Lookup {
    fn signature(&self) -> Signature {
        describe::read(
            "dns",
            "lookup",
            "The addresses of a name, as programs on this machine find them, in order.\n\nA name that has none gives no \
             answer: that there is none and that the name service is silent look the same from here.",
        )
        .needs("host", Type::Host, "The name.")
        .gives(Type::list(Type::Text))
        .effects(Effect::Reads(describe::of(ResourceKind::External, "host")))
        .example(r#"check "the name leads here": dns.lookup("localhost") contains "127.0.0.1""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let host = arguments.text("host").unwrap_or_default();
        let found = within(context, "the name service", lookup(host)).await;
        match found.and_then(|found| found) {
            Ok(addresses) => {
                let texts = addresses.iter().map(|address| Value::Text(address.to_string()));
                Outcome::value(Value::List(texts.collect()))
            }
            Err(reason) => Outcome::failed(reason),
        }
    }
}
