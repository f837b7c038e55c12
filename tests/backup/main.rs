//! The family `backup` against real files: what goes in comes out, and nothing else happens.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test starts processes that get in the way, and itself with another mask"
)]

mod damage;
mod refusals;
mod restores;
mod round_trip;
mod support;
