//! Tests of the machine alone: models by hand, a driver without a world.

mod author;
mod back;
mod driver;
mod forward;
mod healing;
mod interruption;
mod window;
