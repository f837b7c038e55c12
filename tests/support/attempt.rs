//! The attempt that a test makes of an action.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backstay::action::{Action, Context, Leftover, Progress};
use backstay::event::End;
use backstay::redact::Redactor;
use backstay_dsl::effect::Cancel;
use tokio_util::sync::CancellationToken;

/// The first attempt of a statement that may take two minutes and is not stopped on the way.
/// The directory of the run is `run` in the folder; nothing is declared.
pub(crate) fn attempt(run: &str, statement: &str, folder: &Path) -> Context {
    Context {
        run: run.to_owned(),
        key: format!("{run}/{statement}"),
        attempt: 1,
        limit: Duration::from_mins(2),
        cancelled: CancellationToken::new(),
        cancel: Cancel::Never,
        topology: Arc::default(),
        run_directory: folder.join("run"),
        redactor: Redactor::default(),
        working_directory: folder.to_owned(),
        progress: Progress::default(),
        label: None,
        is_live: false,
    }
}

/// What an action leaves at the end of a run, also asked from within a test that is asynchronous.
pub(crate) fn concluded(action: &dyn Action, run_directory: &Path, end: End) -> Vec<Leftover> {
    let conclude = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(action.conclude(run_directory, end))
    };
    std::thread::scope(|scope| scope.spawn(conclude).join().unwrap())
}
