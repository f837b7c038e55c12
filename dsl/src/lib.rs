//! The runbook language of Backstay: text in, checked model out.
//!
//! ```text
//! text ─parse─▶ AST ─load, resolve, type (+ catalogue)─▶ model ─graph, prove─▶ diagnostics
//! ```
//!
//! Pure: no file system, environment, clock, thread or async; module texts come through
//! [`source::Sources`].

#![expect(
    missing_docs,
    reason = "only `engine` uses this crate: a comment that repeats a name helps nobody; units and invariants are said"
)]

pub mod ast;
pub mod catalogue;
pub mod check;
pub mod compile;
pub mod diagnostic;
pub mod effect;
pub mod graph;
pub mod load;
pub mod model;
pub mod order;
pub mod pages;
pub mod parse;
pub mod print;
pub mod program;
pub mod prove;
#[cfg(test)]
mod sample;
pub mod service_kind;
pub mod source;
pub mod state;
pub mod suggest;
pub mod term;
pub mod time;
pub mod topology;
pub mod types;
pub mod units;
pub mod walk;
