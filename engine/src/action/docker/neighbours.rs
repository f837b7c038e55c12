//! Refusals before a container is touched: who hangs on it, and what would keep the next one from starting.

use std::collections::BTreeSet;

use super::call::Call;
use super::error::Error;
use crate::action::common::project::PROJECT;
use crate::containers::{Container, Sharer};

/// What is done to the container that others hang on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// It is stopped, and may be started again.
    Stop,
    /// Another comes in its place, or none.
    Replace,
}

/// Why others would lose what they have from this container; `None` where none would.
pub(super) async fn hangs_on(call: Call<'_>, container: &Container, touch: Touch) -> Result<Option<String>, Error> {
    let sharers = sharers(call, container).await?;
    let harmed = sharers.iter().find(|sharer| is_harmed(sharer, touch));
    Ok(harmed.map(|Sharer { name, what, .. }| {
        let what_to_do = match touch {
            Touch::Stop => format!("stop {name} before, and start it after {}", container.name),
            Touch::Replace => format!("remove {name} before, and make it anew after {}", container.name),
        };
        format!(
            "the container {name} {what} {} and would be cut off: {what_to_do}, in the runbook as a service of its own, or \
             by hand",
            container.name
        )
    }))
}

/// Who hangs on a container. What is of its own Compose project is made anew with it.
pub(super) async fn sharers(call: Call<'_>, container: &Container) -> Result<Vec<Sharer>, Error> {
    let mut sharers = call.ask(|it| it.sharers(&container.id)).await?;
    let Some(project) = container.labels.get(PROJECT).filter(|_| call.of_project().is_some()) else {
        return Ok(sharers);
    };
    let mut own = BTreeSet::new();
    for sharer in &sharers {
        let found = call.ask(|it| it.container(&sharer.name)).await?;
        let is_own = found.is_some_and(|found| found.labels.get(PROJECT) == Some(project));
        own.extend(is_own.then(|| sharer.name.clone()));
    }
    sharers.retain(|sharer| !own.contains(&sharer.name));
    Ok(sharers)
}

/// Whether a container loses what it has from one that is touched so. One that does not run joins again when it is
/// started, where the other one is still that very container.
fn is_harmed(sharer: &Sharer, touch: Touch) -> bool {
    touch == Touch::Replace || (sharer.is_running && sharer.what.ends_with_a_stop())
}

/// Refuses to touch a container that others hang on.
pub(super) async fn refuse_cut_off(call: Call<'_>, container: &Container, touch: Touch) -> Result<(), Error> {
    match hangs_on(call, container, touch).await? {
        Some(reason) => Err(Error::Failed(reason)),
        None => Ok(()),
    }
}

/// Refuses to go on where the engine would refuse to start a container; `other` is stopped before that.
pub(super) async fn refuse_unstartable(
    call: Call<'_>,
    container: &Container,
    other: Option<&Container>,
) -> Result<(), Error> {
    let other = other.map(|other| other.id.as_str());
    let obstacles = call.ask(|it| it.obstacles(&container.id, other)).await?;
    match obstacles.as_slice() {
        [] => Ok(()),
        obstacles => Err(Error::Failed(format!(
            "{} could not be started: {}",
            container.name,
            obstacles.join("; ")
        ))),
    }
}
