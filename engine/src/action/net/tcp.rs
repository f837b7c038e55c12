//! `tcp.open`: whether something listens at a port.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::types::Type;

use super::connect::{NoConnection, Place};
use crate::action::common::describe::{self, Describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::value::Value;

pub(super) struct Open;

/// The parameters of what connects to a port, and what it reads.
pub(super) fn at_a_port(described: Describe) -> Describe {
    let endpoint = Resource::new(ResourceKind::Endpoint, Pattern::Address("host", "port"));
    described
        .needs("host", Type::Host, "The machine, by name or address.")
        .needs("port", Type::Port, "The port.")
        .effects(Effect::Reads(endpoint))
}

#[async_trait]
impl Action for Open {
    fn signature(&self) -> Signature {
        let described = describe::read(
            "tcp",
            "open",
            "Whether something listens at a port: a connection is made and closed.\n\nFalse says that the machine refuses it. \
             Where the name is not known, or nothing comes back, nobody can tell, and there is no answer.",
        );
        at_a_port(described)
            .gives(Type::Bool)
            .example(r#"check "the database listens": tcp.open("127.0.0.1", port: 5432) within 1m every 2s"#)
            .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let place = Place::of(arguments);
        let shown = place.shown();
        match place.connect(context).await {
            Ok(_) => Outcome::Done(Evidence::value(Value::Bool(true), format!("{shown} takes connections"))),
            Err(NoConnection::Refused) => Outcome::Done(Evidence::value(
                Value::Bool(false),
                format!("nothing listens at {shown}"),
            )),
            Err(NoConnection::Unknown(reason)) => Outcome::failed(reason),
        }
    }
}
