//! Running a plan: the machine decides, the driver performs.

pub mod claims;
pub mod directory;
pub mod driver;
pub mod lock;
pub mod look;
pub mod machine;
mod orphans;
pub(crate) mod polled;
pub mod questions;
pub(crate) mod records;
pub mod requests;
pub mod session;
mod signals;
pub mod standing;
