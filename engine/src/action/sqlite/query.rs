//! `sqlite.query`: what a database answers to a `select`.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::path_of;
use crate::action::common::{blocking, describe, sqlite};
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

pub(super) struct Query;

#[async_trait]
impl Action for Query {
    fn signature(&self) -> Signature {
        describe::read(
            "sqlite",
            "query",
            "The rows that a SQLite database answers to a query, each as a text with `|` between its columns.\n\nThe \
             database is opened for reading only, also while its service writes to it; where nobody has it open, nothing \
             is left beside it. No answer where the statement would change something, or answers more than 1000 rows or \
             64KiB.",
        )
        .needs("path", Type::Path, "The database.")
        .needs("query", Type::Text, "One statement, which only reads.")
        .gives(Type::list(Type::Text))
        .effects(Effect::Reads(describe::of(ResourceKind::File, "path")))
        .example(r#"check "nobody is left over": sqlite.query(folder / "shop.db", query: "select count(*) from orders where paid is null") == ["0"] within 10s"#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments);
        let query = arguments.text("query").unwrap_or_default().to_owned();
        blocking::perform(context, move |stop| {
            let rows = sqlite::query(&path, &query, stop).map_err(|reason| format!("{}: {reason}", path.display()))?;
            Ok(Outcome::value(Value::List(rows.into_iter().map(Value::Text).collect())))
        })
        .await
    }
}
