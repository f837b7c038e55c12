//! What every world must do, and what only the real one can be asked.
//!
//! `contract` is written against the port: each of its tests runs in every world that `worlds` names. The
//! other files ask the real actions about what no simulation has: full disks, programs, sockets.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test of the real world stands at the edge")]

mod bench;
mod containers;
mod contract;
mod disk;
#[path = "../support/docker.rs"]
#[expect(dead_code, reason = "it is made for the tests of containers, which use more of it")]
mod docker;
mod files;
#[path = "../support/left_out.rs"]
mod left_out;
mod previews;
mod programs;
mod services;
mod trees;
mod web;
mod worlds;
