//! Waiting for an engine that is just being restarted.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::containers::Problem;

/// How long an engine that nobody answers for may take to come back.
const ENGINE_PATIENCE: Duration = Duration::from_secs(15);
/// The same for a question, whose own limit has to be longer.
const QUESTION_PATIENCE: Duration = Duration::from_secs(8);
/// How long a question inside a change may go without an answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(40);
/// How often we try to reach it.
const TRY_EVERY: Duration = Duration::from_millis(500);

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

/// Sends a change again while nobody is reached, which does nothing and so can be repeated: a daemon that is
/// restarted is back within seconds. What was lost or refused is not sent again.
pub(crate) async fn patient<'a, T>(call: impl FnMut() -> Call<'a, T> + Send) -> Result<T, Problem> {
    again(call, |problem| match problem {
        Problem::Unreachable(_) => ENGINE_PATIENCE,
        Problem::Lost(_) | Problem::Refused { .. } => Duration::ZERO,
    })
    .await
}

/// As [`patient`], for a question, or a change that may be made twice: what was lost is asked again too.
pub(crate) async fn insistent<'a, T>(call: impl FnMut() -> Call<'a, T> + Send) -> Result<T, Problem> {
    again(call, |problem| match problem {
        Problem::Unreachable(_) | Problem::Lost(_) => QUESTION_PATIENCE,
        Problem::Refused { .. } => Duration::ZERO,
    })
    .await
}

/// As [`patient`], for a question inside a change, whose own limit ends it: an engine that hangs for a while answers
/// in the end.
pub(crate) async fn asked<'a, T>(question: impl FnMut() -> Call<'a, T> + Send) -> Result<T, Problem> {
    again(question, |problem| match problem {
        Problem::Unreachable(_) => ENGINE_PATIENCE,
        Problem::Lost(_) => ANSWER_PATIENCE,
        Problem::Refused { .. } => Duration::ZERO,
    })
    .await
}

async fn again<'a, T>(
    mut call: impl FnMut() -> Call<'a, T> + Send,
    patience: fn(&Problem) -> Duration,
) -> Result<T, Problem> {
    let since = Instant::now();
    loop {
        let problem = match call().await {
            Ok(answer) => return Ok(answer),
            Err(problem) => problem,
        };
        if since.elapsed() >= patience(&problem) {
            return Err(problem);
        }
        pause(TRY_EVERY).await;
    }
}

/// Lets a moment pass.
pub(crate) async fn pause(moment: Duration) {
    tokio::time::sleep(moment).await;
}
