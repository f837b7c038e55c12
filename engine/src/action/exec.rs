//! `exec`: programs as the last way out.
//!
//! A program gets its words one by one (no shell), a cleared environment, a process group of its own, and
//! marks by which it and everything that it forks are found again. Secrets go to it by environment and
//! standard input only.

mod capture;
mod read;
mod run;
mod supervise;
mod survivors;

pub use read::Read;
pub use run::Run;
