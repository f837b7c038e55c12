//! `fs.owner`: whom a file or folder belongs to.

use std::os::unix::fs::MetadataExt as _;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{path_of, problem};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome};
use crate::users;
use crate::value::Value;

pub(super) struct Owner;

#[async_trait]
impl Action for Owner {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "owner",
            "Says whom a file or folder belongs to, as `user:group`.\n\nA user or group that this machine has no name for \
             is a number. A link is followed.",
        )
        .needs("path", Type::Path, "The file or folder.")
        .gives(Type::Text)
        .effects(Effect::Reads(describe::of(ResourceKind::Tree, "path")))
        .example(r#"check "the shop owns its data": fs.owner(folder / "data") == "shop:shop""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |_| {
            let data = path.metadata().map_err(|error| problem("look at", &path, &error))?;
            Ok(Outcome::value(Value::Text(users::owner(data.uid(), data.gid()))))
        })
        .await
    }
}
