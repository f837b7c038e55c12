//! The language by example: Markdown cases with the expected findings, the pages of all slugs, and every
//! runbook that is printed or shipped anywhere in this repository.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "language/cases.rs"]
mod cases;
#[path = "language/markdown.rs"]
mod markdown;
#[path = "language/pages.rs"]
mod pages;
#[path = "language/reference.rs"]
mod reference;
#[path = "language/shipped.rs"]
mod shipped;
#[path = "language/support.rs"]
mod support;
