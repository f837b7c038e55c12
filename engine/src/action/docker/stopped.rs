//! That a container was proved stopped, kept in the run's directory: the next proof need not wait for a second look,
//! where the container has not run since.

use std::path::{Path, PathBuf};

use super::call::Call;
use crate::action::common::kept;
use crate::containers::Container;

/// How it ended, in the engine's words: both change where it runs again.
#[derive(PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Ended {
    finished_at: String,
    restart_count: u64,
}

impl Ended {
    fn of(container: &Container) -> Self {
        Self {
            finished_at: container.state.finished_at.clone(),
            restart_count: container.restart_count,
        }
    }
}

fn place(run_directory: &Path, id: &str) -> PathBuf {
    run_directory.join(format!("docker-stopped-{id}.json"))
}

/// Keeps that this container was proved stopped.
pub(super) fn keep(call: Call<'_>, container: &Container) {
    // Without it the next proof waits.
    let _ = kept::write(
        &place(&call.context.run_directory, &container.id),
        &Ended::of(container),
    );
}

/// Whether it was proved stopped, and has not run since.
pub(super) fn is_kept(call: Call<'_>, container: &Container) -> bool {
    let kept: Result<Option<Ended>, _> = kept::read(&place(&call.context.run_directory, &container.id));
    kept.is_ok_and(|kept| kept == Some(Ended::of(container)))
}

/// Forgets it: the container is started, or gone.
pub(super) fn forget(run_directory: &Path, id: &str) {
    let _ = std::fs::remove_file(place(run_directory, id));
}
