//! The language by example: Markdown cases with the expected findings, the pages of all slugs, and every
//! runbook that is printed or shipped anywhere in this repository.

mod actions;
mod cases;
mod hard;
mod limits;
pub(crate) mod markdown;
mod mutations;
mod outline;
mod pages;
mod reference;
mod shipped;
mod suggestions;
