//! Keeps the restart policy of a container that must stay stopped, until it may start again.
//!
//! It lies in the run's directory before it is taken off the container: after a crash in between, the container
//! still has it. The first that was kept is the true one; what a later stop sees is already ours.

use std::path::{Path, PathBuf};

use super::call::Call;
use crate::action::common::kept;
use crate::containers::{Container, RestartPolicy};

/// What is kept: the container, so that a person knows it, and its policy.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    container: String,
    name: String,
    policy: RestartPolicy,
}

fn place(run_directory: &Path, id: &str) -> PathBuf {
    run_directory.join(format!("docker-restart-policy-{id}.json"))
}

/// Keeps the policy of a container durably, unless one is kept already.
pub(super) fn keep(call: Call<'_>, container: &Container) -> Result<(), String> {
    if kept(call, &container.id)?.is_some() {
        return Ok(());
    }
    let content = Kept {
        container: container.id.clone(),
        name: container.name.clone(),
        policy: container.restart_policy.clone(),
    };
    kept::write(&place(&call.context.run_directory, &container.id), &content)
}

/// The policy that is kept of a container; `None` where none is.
pub(super) fn kept(call: Call<'_>, id: &str) -> Result<Option<RestartPolicy>, String> {
    Ok(kept::read(&place(&call.context.run_directory, id))?.map(|kept: Kept| kept.policy))
}

/// Whether this run took the policy of a container off, and did not give it back.
pub(super) fn is_off(call: Call<'_>, container: &Container) -> Result<bool, String> {
    Ok(kept(call, &container.id)?.is_some_and(|kept| kept != container.restart_policy))
}

/// Forgets the policy of a container: it has it again, or the container is gone.
pub(super) fn forget(run_directory: &Path, id: &str) {
    // What stays behind is given back once more, which changes nothing.
    let _ = std::fs::remove_file(place(run_directory, id));
}

/// `always`, `on-failure:3`.
pub(super) fn in_words(policy: &RestartPolicy) -> String {
    match (policy.name.as_str(), policy.maximum_retries) {
        ("", _) => "no".to_owned(),
        (name, 0) => name.to_owned(),
        (name, retries) => format!("{name}:{retries}"),
    }
}

/// The policy that a text says.
pub(super) fn parse(text: &str) -> Result<RestartPolicy, String> {
    let (name, retries) = text.split_once(':').unwrap_or((text, "0"));
    let may_count = name == "on-failure" || !text.contains(':');
    match (name, retries.parse()) {
        ("no" | "always" | "unless-stopped" | "on-failure", Ok(maximum_retries)) if may_count => Ok(RestartPolicy {
            name: name.to_owned(),
            maximum_retries,
        }),
        _ => Err(format!(
            "`{text}` is no restart policy; write no, always, unless-stopped, on-failure or on-failure:3"
        )),
    }
}
