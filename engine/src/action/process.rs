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

pub use alive::Alive;
pub use listeners::{Listeners, Listening};
pub use start::Start;
pub use stop::Stop;
