//! What people and scripts see: findings of the compiler, the course of a run, its end, a plan.
//!
//! Everything here is a function of data: nothing prints, asks the time or knows a terminal. The live
//! view and `transcript show` are one renderer, [`Timeline`]. Text of others (what commands print, what
//! files hold) goes through [`visible()`] before it is shown.

pub mod catalogue;
#[cfg(feature = "cli")]
mod findings;
mod front_page;
pub mod json;
mod line;
pub mod output;
mod plan;
mod status;
mod summary;
mod timeline;
mod visible;

#[cfg(feature = "cli")]
pub use findings::findings;
pub use front_page::FrontPage;
pub use line::{Line, Tone};
pub use plan::plan;
pub use status::Status;
pub use summary::{Rested, summary};
pub use timeline::Timeline;
pub use visible::visible;
