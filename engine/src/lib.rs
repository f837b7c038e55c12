//! The runbook engine of Backstay.

#[doc(hidden)]
pub mod action;
#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod containers;
mod digest;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod eval;
#[doc(hidden)]
pub mod event;
#[doc(hidden)]
pub mod inputs;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod private_files;
#[doc(hidden)]
pub mod redact;
#[doc(hidden)]
pub mod rehearse;
#[doc(hidden)]
pub mod render;
#[doc(hidden)]
pub mod run;
mod service_kind;
#[doc(hidden)]
pub mod sources;
mod symptoms;
#[doc(hidden)]
pub mod transcript;
#[doc(hidden)]
pub mod users;
#[doc(hidden)]
pub mod value;
#[doc(hidden)]
pub mod world;

// The façade. What is hidden above serves the program and the tests; it promises nothing.
pub use check::{Checked, check_file};
pub use error::Error;
pub use run::look::{AnchorNow, AnchorThen, Planned, anchors, plan_file};
pub use run::session::{
    Finished, ResumeOptions, StartOptions, Surroundings, answer, give_up, pause, questions, resume, start, turn_back,
};
pub use symptoms::{SymptomEntry, symptoms};
