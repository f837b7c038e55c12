//! `http`: questions to addresses that answer.

mod addresses;
mod get;

use std::sync::Arc;

use super::Action;

/// The actions of the family `http`.
pub(super) fn actions() -> Vec<Arc<dyn Action>> {
    vec![Arc::new(get::Get)]
}
