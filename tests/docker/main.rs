//! What is done with a real Docker engine: a private daemon, a local registry, images with real digests.
//!
//! `tests/run` starts a daemon and a registry that all these tests share; without it each test program starts
//! its own. A test that kills, stops or restarts a daemon has one of its own.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test of the real world stands at the edge")]
