//! Questions to databases of `SQLite`.

mod query;
mod user_version;

use std::path::PathBuf;
use std::sync::Arc;

use super::{Action, Arguments, Context};

/// The actions of the family `sqlite`.
pub(super) fn actions() -> Vec<Arc<dyn Action>> {
    vec![Arc::new(query::Query), Arc::new(user_version::UserVersion)]
}

fn path_of(context: &Context, arguments: &Arguments) -> PathBuf {
    context
        .working_directory
        .join(arguments.path("path").unwrap_or_default())
}
