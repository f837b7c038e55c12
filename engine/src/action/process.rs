//! `process`: services that are plain processes, found by the mark in their environment.
//!
//! `runs process("NAME")` is every process whose environment says `BACKSTAY_PROCESS=NAME`, whoever started
//! it. A program that overwrites its own environment cannot be found by that. Started here, a process has a
//! session of its own and lives on when we are gone.

mod alive;
mod listeners;
mod members;
mod sockets;
mod start;
mod stop;

use std::sync::Arc;

use super::Action;

/// The actions of the family `process`.
pub(super) fn actions() -> Vec<Arc<dyn Action>> {
    vec![
        Arc::new(alive::Alive),
        Arc::new(listeners::Listeners),
        Arc::new(listeners::Listening),
        Arc::new(start::Start),
        Arc::new(stop::Stop),
    ]
}
