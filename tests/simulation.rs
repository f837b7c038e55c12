//! The real machine and the real driver in the simulated world: faults, signals, deaths of the runner.

mod containers;
mod crash;
mod differ;
mod golden;
mod laws;
mod random;
mod reference;
mod restored;
mod rig;
mod services;
