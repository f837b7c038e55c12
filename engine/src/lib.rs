//! The runbook engine of Backstay.

#![expect(
    missing_docs,
    reason = "only the program and its tests use this crate: a comment that repeats a name helps nobody; units and invariants are said"
)]

pub mod action;
pub mod check;
pub mod containers;
mod digest;
pub mod error;
pub mod eval;
pub mod event;
pub mod inputs;
pub mod plan;
mod private_files;
pub mod redact;
pub mod rehearse;
pub mod render;
pub mod run;
mod service_kind;
pub mod sources;
pub mod transcript;
pub mod value;
pub mod world;

pub use check::{Checked, check_file};
pub use error::Error;
pub use run::look::{AnchorNow, AnchorThen, Planned, anchors, plan_file};
pub use run::session::{Edge, Finished, ResumeOptions, StartOptions, pause, resume, start, turn_back};
