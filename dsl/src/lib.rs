//! The runbook language of Backstay: text in, checked model out.
//!
//! ```text
//! text ─parse─▶ AST ─load, resolve, type (+ catalogue)─▶ model ─graph, prove─▶ diagnostics
//! ```
//!
//! Pure: no file system, environment, clock, thread or async; module texts come through
//! [`source::Sources`].

#[doc(hidden)]
pub mod allow;
#[doc(hidden)]
pub mod ast;
#[doc(hidden)]
pub mod built_in;
#[doc(hidden)]
pub mod catalogue;
#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod choice;
#[doc(hidden)]
pub mod compile;
#[doc(hidden)]
pub mod diagnostic;
#[doc(hidden)]
pub mod effect;
#[doc(hidden)]
pub mod flow;
#[doc(hidden)]
pub mod graph;
#[doc(hidden)]
pub mod json_place;
#[doc(hidden)]
pub mod literal;
#[doc(hidden)]
pub mod load;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod order;
#[doc(hidden)]
pub mod pages;
#[doc(hidden)]
pub mod parse;
#[doc(hidden)]
pub mod print;
#[doc(hidden)]
pub mod program;
#[doc(hidden)]
pub mod prove;
#[doc(hidden)]
pub mod script;
#[doc(hidden)]
pub mod service_kind;
#[doc(hidden)]
pub mod source;
#[doc(hidden)]
pub mod state;
#[doc(hidden)]
pub mod suggest;
#[doc(hidden)]
pub mod term;
#[doc(hidden)]
pub mod time;
#[doc(hidden)]
pub mod topology;
#[doc(hidden)]
pub mod types;
#[doc(hidden)]
pub mod units;
#[doc(hidden)]
pub mod unroll;
#[doc(hidden)]
pub mod version;
#[doc(hidden)]
pub mod walk;

// The façade. What is hidden above is shared by the two crates and their tests; it promises nothing.
pub use catalogue::{Catalogue, Signature};
pub use compile::{Compiled, Outcome, compile};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use model::Runbook;
pub use pages::{page, slugs};
pub use program::Program;
pub use source::{SourceMap, Sources};
