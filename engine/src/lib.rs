//! The runbook engine of Backstay.
pub mod action;
pub mod eval;
pub mod event;
pub mod inputs;
pub mod plan;
pub mod redact;
pub mod render;
pub mod run;
pub mod topology;
pub mod transcript;
pub mod units;
pub mod value;
pub mod world;
