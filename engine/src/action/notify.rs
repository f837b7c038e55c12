//! `notify`: messages to people. They are never taken back, and their failure fails nothing.

mod file;

use std::sync::Arc;

use super::Action;

/// The actions of the family `notify`.
pub(super) fn actions() -> Vec<Arc<dyn Action>> {
    vec![Arc::new(file::File)]
}
