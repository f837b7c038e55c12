//! `process`: services that are plain processes.
//!
//! `runs process("NAME")` is what any run started under that name, known by what was written down and by a tag that is
//! inherited; and, where the text says how operators know it, what fits that. Whether it runs has three answers, and
//! an action goes on from two of them only. Started here, a process has a session of its own and lives on when we are
//! gone.

mod alive;
mod described;
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
