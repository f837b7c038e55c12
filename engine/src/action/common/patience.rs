//! Waiting for an engine that is just being restarted.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::containers::Problem;

/// How long an engine that nobody answers for may take to come back.
const ENGINE_PATIENCE: Duration = Duration::from_secs(15);
/// The same for a question, whose own limit has to be longer.
const QUESTION_PATIENCE: Duration = Duration::from_secs(8);
/// How often we try to reach it.
const TRY_EVERY: Duration = Duration::from_millis(500);

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

/// Asks again while nobody is reached, which does nothing and so can be repeated: a daemon that is restarted is
/// back within seconds. What was lost or refused is not asked again.
pub(crate) async fn patient<'a, T>(call: impl FnMut() -> Call<'a, T> + Send) -> Result<T, Problem> {
    again_while(
        |problem| matches!(problem, Problem::Unreachable(_)),
        ENGINE_PATIENCE,
        call,
    )
    .await
}

/// As [`patient`], for a question, or a change that may be made twice: what was lost is asked again too.
pub(crate) async fn insistent<'a, T>(call: impl FnMut() -> Call<'a, T> + Send) -> Result<T, Problem> {
    again_while(
        |problem| !matches!(problem, Problem::Refused { .. }),
        QUESTION_PATIENCE,
        call,
    )
    .await
}

#[expect(clippy::disallowed_methods, reason = "the body of an action stands at the edge")]
async fn again_while<'a, T>(
    is_passing: fn(&Problem) -> bool,
    patience: Duration,
    mut call: impl FnMut() -> Call<'a, T> + Send,
) -> Result<T, Problem> {
    let since = Instant::now();
    loop {
        match call().await {
            Err(problem) if is_passing(&problem) && since.elapsed() < patience => pause(TRY_EVERY).await,
            other => return other,
        }
    }
}

/// Lets a moment pass.
#[expect(clippy::disallowed_methods, reason = "the body of an action stands at the edge")]
pub(crate) async fn pause(moment: Duration) {
    tokio::time::sleep(moment).await;
}
