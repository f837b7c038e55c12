//! What is done with a real Docker engine: a private daemon, a local registry, images with real digests.
//!
//! `tests/run` starts a daemon and a registry that all these tests share; without it the test program starts
//! its own. A test that kills, stops or restarts a daemon has one of its own.

mod actions;
mod actions_bench;
mod compose;
mod contract;
mod crash;
mod daemon;
mod engine;
mod examples;
mod guest_book;
mod harness;
mod hostile;
mod liar;
mod mounts;
mod neighbours;
mod programs;
mod replaced;
mod secrets;
mod settle;
mod volumes;
mod watcher;
