//! Every test that needs a Docker engine, in one program.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test stands at the edge: it starts processes and waits for them"
)]

mod docker;
#[expect(dead_code, reason = "the other programs use the rest of it")]
mod support;
