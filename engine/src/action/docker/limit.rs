//! The limit of an action as a whole.

use super::trouble::{Trouble, clean};
use crate::action::{Context, Outcome};
use backstay_dsl::units;

/// The outcome of a change that gives one line. It ends at its limit: what was done by then is not known.
pub(super) async fn bounded(
    context: &Context,
    change: impl Future<Output = Result<String, Trouble>> + Send,
) -> Outcome {
    match tokio::time::timeout(context.limit, change).await {
        Ok(Ok(line)) => Outcome::done(clean(context, &line)),
        Ok(Err(trouble)) => trouble.outcome(context),
        Err(_) => Outcome::unknown(format!(
            "the container engine gave no answer within {}",
            units::duration_of(context.limit)
        )),
    }
}
