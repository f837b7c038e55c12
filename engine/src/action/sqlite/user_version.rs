//! `sqlite.user_version`: the number of its form that an application keeps in its database.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::path_of;
use crate::action::common::{blocking, describe, sqlite};
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

pub(super) struct UserVersion;

#[async_trait]
impl Action for UserVersion {
    fn signature(&self) -> Signature {
        describe::read(
            "sqlite",
            "user_version",
            "The number that an application keeps in its SQLite database to know its form (`pragma user_version`).\n\nThe \
             database is opened for reading only, as by `sqlite.query`.",
        )
        .needs("path", Type::Path, "The database.")
        .gives(Type::Int)
        .effects(Effect::Reads(describe::of(ResourceKind::File, "path")))
        .example(r#"check "migrated": sqlite.user_version(folder / "shop.db") == 7 within 10s"#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments);
        blocking::perform(context, move |_| {
            let version = sqlite::user_version(&path).map_err(|reason| format!("{}: {reason}", path.display()))?;
            Ok(Outcome::value(Value::Int(version)))
        })
        .await
    }
}
