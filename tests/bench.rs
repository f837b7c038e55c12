//! Benchmarks: Backstay beside the tools that people would use instead.
//!
//! Every figure is a median of interleaved runs, and a claim is a ratio: machines are noisy. CPU time is that of the
//! finished child processes as the kernel accounts it (ticks of 10 ms, so short commands are run many times).

pub(crate) mod backups;
pub(crate) mod containers;
mod graphs;
mod measure;
pub(crate) mod programs;
pub(crate) mod rehearsal;
pub(crate) mod transcripts;
pub(crate) mod volumes;
