//! The real machine and the real driver in the simulated world: faults, signals, deaths of the runner.

mod agree;
mod apart;
mod back;
mod containers;
mod crash;
mod differ;
mod driver;
mod forward;
mod golden;
mod healing;
mod interruption;
mod laws;
mod random;
mod reference;
mod restored;
pub(crate) mod rig;
mod services;
mod small;
mod tables;
mod watches;
mod window;
