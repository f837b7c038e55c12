//! Keeps the restart policy of a container that must stay stopped, until it may start again.
//!
//! It lies in the run's directory before it is taken off the container: after a crash in between, the container
//! still has it. The first that was kept is the true one; what a later stop sees is already ours.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::action::common::child::plain;
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
pub(super) fn keep(run_directory: &Path, container: &Container) -> Result<(), String> {
    let path = place(run_directory, &container.id);
    if kept(run_directory, &container.id)?.is_some() {
        return Ok(());
    }
    let content = Kept {
        container: container.id.clone(),
        name: container.name.clone(),
        policy: container.restart_policy.clone(),
    };
    let text = serde_json::to_vec(&content).unwrap_or_default();
    write_durably(&path, &text)
}

/// The policy that is kept of a container; `None` where none is.
pub(super) fn kept(run_directory: &Path, id: &str) -> Result<Option<RestartPolicy>, String> {
    let path = place(run_directory, id);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {}", path.display(), plain(&error))),
    };
    let kept: Kept = serde_json::from_slice(&text)
        .map_err(|error| format!("{} is damaged ({error}); look at it before going on", path.display()))?;
    Ok(Some(kept.policy))
}

/// Whether this run took the policy of a container off, and did not give it back.
pub(super) fn is_off(run_directory: &Path, container: &Container) -> Result<bool, String> {
    Ok(kept(run_directory, &container.id)?.is_some_and(|kept| kept != container.restart_policy))
}

/// Forgets the policy of a container: it has it again, or the container is gone.
pub(super) fn forget(run_directory: &Path, id: &str) {
    // What stays behind is given back once more, which changes nothing.
    let _ = fs::remove_file(place(run_directory, id));
}

/// Writes a small file of the run's directory so that it is whole and survives a crash.
pub(super) fn write_durably(path: &Path, content: &[u8]) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be written: {}", path.display(), plain(&error));
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
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
    let (name, retries) = text
        .split_once(':')
        .map_or((text, None), |(name, count)| (name, Some(count)));
    let maximum_retries = match retries {
        None => Some(0),
        Some(count) if name == "on-failure" => count.parse().ok(),
        Some(_) => None,
    };
    match (name, maximum_retries) {
        ("no" | "always" | "unless-stopped" | "on-failure", Some(maximum_retries)) => Ok(RestartPolicy {
            name: name.to_owned(),
            maximum_retries,
        }),
        _ => Err(format!(
            "`{text}` is no restart policy; write no, always, unless-stopped, on-failure or on-failure:3"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containers::ContainerState;

    fn container(policy: &str) -> Container {
        Container {
            id: "c1".to_owned(),
            name: "app".to_owned(),
            image_id: String::new(),
            image: String::new(),
            state: ContainerState::default(),
            restart_count: 0,
            restart_policy: parse(policy).unwrap_or_default(),
            labels: std::collections::BTreeMap::new(),
            mounts: Vec::new(),
            stop_grace_ms: None,
            is_removed_at_end: false,
        }
    }

    #[test]
    fn the_first_policy_stays_kept_until_it_is_forgotten() -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let kept_now = || kept(folder.path(), "c1").map(|policy| policy.map(|policy| in_words(&policy)));
        assert_eq!(kept_now()?, None);
        keep(folder.path(), &container("on-failure:3"))?;
        keep(folder.path(), &container("no"))?;
        assert_eq!(kept_now()?.as_deref(), Some("on-failure:3"));
        forget(folder.path(), "c1");
        assert_eq!(kept_now()?, None);
        Ok(())
    }

    #[test]
    fn a_damaged_file_is_told_and_not_overwritten() {
        let Ok(folder) = tempfile::tempdir() else { return };
        assert!(fs::write(place(folder.path(), "c1"), "{").is_ok());
        assert!(kept(folder.path(), "c1").is_err());
        assert!(keep(folder.path(), &container("no")).is_err());
    }

    #[test]
    fn policies_are_read_as_they_are_written() {
        for text in ["no", "always", "unless-stopped", "on-failure", "on-failure:3"] {
            assert_eq!(parse(text).map(|policy| in_words(&policy)), Ok(text.to_owned()));
        }
        for text in ["", "never", "always:3", "on-failure:x", "on-failure:"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
