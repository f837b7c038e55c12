//! `fs.exists`: whether there is something of this name.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{path_of, problem};
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
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |_| match path.symlink_metadata() {
            Ok(_) => Ok(Outcome::value(Value::Bool(true))),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(Outcome::value(Value::Bool(false)))
            }
            Err(error) => Err(problem("look at", &path, &error)),
        })
        .await
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(Ok(Value::Bool(
            call.resources().all(|resource| production.exists(resource)),
        )))
    }
}
