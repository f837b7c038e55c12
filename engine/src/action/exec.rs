//! `exec`: programs as the last way out.
//!
//! A program gets its words one by one (no shell), a cleared environment, a process group of its own, and
//! marks by which it and everything that it forks are found again. Secrets go to it by environment and
//! standard input only.

mod read;
mod run;

use std::sync::Arc;

use super::Action;

/// The actions of the family `exec`.
pub(super) fn actions() -> Vec<Arc<dyn Action>> {
    vec![Arc::new(read::Read), Arc::new(run::Run)]
}
