//! Waiting for the end of a container.

use std::pin::pin;
use std::time::Duration;

use bollard::errors::Error;
use bollard::query_parameters::WaitContainerOptions;
use futures_util::StreamExt as _;

use super::{DockerEngine, view};
use crate::containers::Problem;

/// How often an end is asked for beside the waiting.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Waits for an end. The waiting request only wakes: what counts is what the container is like then, because the
/// waiting also ends at once for a container that was never started.
pub(super) async fn ended(engine: &DockerEngine, container: &str) -> Result<i64, Problem> {
    let mut was_woken_in_vain = false;
    loop {
        if let Some(exit_code) = ended_already(engine, container).await? {
            return Ok(exit_code);
        }
        let woken = async {
            if was_woken_in_vain || !wakes(engine, container).await {
                std::future::pending::<()>().await;
            }
        };
        was_woken_in_vain = tokio::time::timeout(ASK_AGAIN, woken).await.is_ok();
    }
}

/// Holds a waiting request; `true` when the engine says that the container does not run.
async fn wakes(engine: &DockerEngine, container: &str) -> bool {
    let Ok(docker) = engine.docker().await else {
        return false;
    };
    let options = WaitContainerOptions {
        condition: "not-running".to_owned(),
    };
    let mut answers = pin!(docker.wait_container(container, Some(options)));
    // An exit status other than 0 is an error to the library.
    matches!(
        answers.next().await,
        Some(Ok(_) | Err(Error::DockerContainerWaitError { .. }))
    )
}

async fn ended_already(engine: &DockerEngine, container: &str) -> Result<Option<i64>, Problem> {
    match engine.inspect(container).await {
        Ok(Some(told)) => {
            let state = view::state(told.state.unwrap_or_default());
            let is_over = matches!(state.status.as_str(), "exited" | "dead") && !state.is_restarting;
            Ok(is_over.then_some(state.exit_code))
        }
        Ok(None) => Err(Problem::Refused {
            status: 404,
            message: format!("container {container} is gone, and its exit status with it"),
        }),
        // An engine that is being restarted is asked again.
        Err(Problem::Unreachable(_) | Problem::Lost(_)) => Ok(None),
        Err(Problem::Refused { status, .. }) if status >= 500 => Ok(None),
        Err(problem) => Err(problem),
    }
}
