//! What is done with a real Docker engine: a private daemon, a local registry, images with real digests.
//!
//! `tests/run` starts a daemon and a registry that all these tests share; without it each test program starts
//! its own. A test that kills, stops or restarts a daemon has one of its own.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test of the real world stands at the edge")]

mod actions;
mod actions_bench;
#[path = "../support/at_each.rs"]
mod at_each;
mod crash;
mod daemon;
#[path = "../support/docker.rs"]
mod docker;
mod engine;
mod examples;
mod guest_book;
mod harness;
mod hostile;
#[path = "../support/left_out.rs"]
mod left_out;
mod liar;
mod mounts;
#[path = "../support/proxy.rs"]
mod proxy;
mod secrets;
mod settle;
#[path = "../cases/support.rs"]
#[expect(dead_code, reason = "it is made for whole-program cases, which use more of it")]
mod support;
mod volumes;
mod watcher;
