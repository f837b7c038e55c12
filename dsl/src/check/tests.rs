//! The checker on whole texts: what comes out of right ones, what is found in wrong ones.

#![expect(clippy::unwrap_used, reason = "a test stops where its text is not as it thinks")]

mod names;
mod order;
mod procedures;
mod typing;
mod whole;
