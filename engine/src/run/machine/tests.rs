//! Tests of the machine alone: models by hand, a driver without a world.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod author;
mod back;
mod driver;
mod forward;
mod healing;
mod interruption;
mod window;
