//! `fs.free`: how much space is left.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{path_of, problem};
use crate::action::common::files::free_bytes;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

pub(super) struct Free;

#[async_trait]
impl Action for Free {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "free",
            "Says how much space is left on the disk where a path lies.\n\nIt is what an ordinary user may still use.",
        )
        .needs("path", Type::Path, "A file or folder that exists.")
        .gives(Type::Size)
        .effects(Effect::Reads(describe::of(ResourceKind::Tree, "path")))
        .example(r#"require fs.free(folder) > 2GiB else "Make room on the disk first""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |_| {
            let free = free_bytes(&path).map_err(|error| problem("look at", &path, &error))?;
            Ok(Outcome::value(Value::Size(free)))
        })
        .await
    }

    fn simulate(&self, _call: &GroundCall, _production: &mut dyn Simulated) -> Option<Answer> {
        Some(Ok(Value::Size(1 << 40)))
    }
}
