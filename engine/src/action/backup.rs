//! Backups of protected state: make one, prove it, put it back, look into it, take one that another tool has made.
//!
//! An archive is a zstd-compressed tar with a manifest of every entry (see `archive`); a backup's value
//! carries the digest of the archive. Invariants: an archive has its final name only after all of it was
//! read back; the live state is touched only after all of an archive was extracted beside it and compared;
//! whatever was live is kept until the run ends; nothing is ever extracted outside of our own fresh
//! directories. No archive is made or put back while a container could write to a volume of it. Deliberately absent:
//! encryption, increments.

mod adopt;
mod archive;
mod bytes;
mod create;
mod entry;
mod extract;
mod holders;
mod keep;
mod live;
mod manifest;
mod part;
mod problem;
mod restore;
mod scope;
mod survey;
mod swap;
mod tar;
mod unpack;
mod verify;
mod volumes;
mod walk;

use std::sync::Arc;

use super::Action;
use super::common::engine::RetryingEngine;

pub use restore::displaced;

/// The longest that one attempt may take where the text has no `within`.
const LIMIT_MS: u64 = 3_600_000;

/// The actions of the family `backup`; volumes are asked of this engine.
pub(super) fn actions(engine: &RetryingEngine) -> Vec<Arc<dyn Action>> {
    let engine = || engine.clone();
    vec![
        Arc::new(create::Create { engine: engine() }),
        Arc::new(verify::Verify { engine: engine() }),
        Arc::new(restore::Restore { engine: engine() }),
        Arc::new(adopt::Adopt),
        Arc::new(unpack::Unpack),
        Arc::new(keep::KeepFailed { engine: engine() }),
    ]
}

/// What the parameter `helper` is.
const HELPER: &str = "The image of the container through which volumes are read and written that cannot be reached from here; it has to be there already, and to have `sh` and `rm` (busybox is enough). Without it: that of a service that writes the state.";
