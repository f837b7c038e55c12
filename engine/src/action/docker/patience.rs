//! How long we wait: for an engine that is just being restarted, and for an action as a whole.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::action::{Context, Outcome};
use crate::containers::Problem;
use crate::units;

/// How long an engine that nobody answers for may take to come back.
const ENGINE_PATIENCE: Duration = Duration::from_secs(15);
/// How often we try to reach it.
const TRY_EVERY: Duration = Duration::from_millis(500);

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

/// Asks again while nobody is reached, which does nothing and so can be repeated: a daemon that is restarted is
/// back within seconds. What was lost or refused is not asked again.
#[expect(clippy::disallowed_methods, reason = "the body of an action stands at the edge")]
pub(super) async fn patient<'a, T>(mut call: impl FnMut() -> Call<'a, T> + Send) -> Result<T, Problem> {
    let since = Instant::now();
    loop {
        match call().await {
            Err(Problem::Unreachable(_)) if since.elapsed() < ENGINE_PATIENCE => pause(TRY_EVERY).await,
            other => return other,
        }
    }
}

/// Ends a change at its limit: what it did by then is not known.
pub(super) async fn bounded(context: &Context, change: impl Future<Output = Outcome> + Send) -> Outcome {
    match tokio::time::timeout(context.limit, change).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::unknown(format!(
            "the container engine gave no answer within {}",
            words(context.limit)
        )),
    }
}

/// `10s`.
pub(super) fn words(duration: Duration) -> String {
    units::duration(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Lets a moment pass.
#[expect(clippy::disallowed_methods, reason = "the body of an action stands at the edge")]
pub(super) async fn pause(moment: Duration) {
    tokio::time::sleep(moment).await;
}
