//! `http`: questions to addresses that answer.

mod addresses;
mod get;

pub use get::Get;
