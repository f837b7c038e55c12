//! `fs.exists`: whether there is something of this name.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{is_there, path_of};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

pub(super) struct Exists;

#[async_trait]
impl Action for Exists {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "exists",
            "Says whether there is a file, folder or link of this name.\n\nA link counts, also where it leads nowhere. \
             Where one may not look, there is no answer.",
        )
        .needs("path", Type::Path, "The name.")
        .gives(Type::Bool)
        .effects(Effect::Reads(describe::of(ResourceKind::Tree, "path")))
        .example(r#"require fs.exists(folder / "releases" / "2.0") else "Unpack the release first""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |_| Ok(Outcome::value(Value::Bool(is_there(&path)?)))).await
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(Ok(Value::Bool(
            call.resources().all(|resource| production.exists(resource)),
        )))
    }
}
