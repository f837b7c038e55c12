//! What a backup covers and where it may go.

use std::path::{Path, PathBuf};

use super::manifest::{PartKind, VolumeHeader};
use super::part::{Part, sync_directory};
use super::problem::{Problem, Result, refused, trying};
use super::volumes::{Trial, Volumes};
use crate::action::Context;
use crate::action::common::files;
use crate::value::GroundResource;
use backstay_dsl::effect::ResourceKind;

fn view<'a>(context: &'a Context, state: &str) -> Result<&'a [GroundResource]> {
    let Some(parts) = context.topology.states.get(state) else {
        return refused(format!("the runbook protects no state with the name {state}"));
    };
    if parts.is_empty() {
        return refused(format!("the protected state {state} names nothing to keep"));
    }
    Ok(parts)
}

/// The parts of a protected state as the runbook names them.
pub(super) fn named_parts(context: &Context, state: &str) -> Result<Vec<Part>> {
    let place = |path: &str| context.working_directory.join(path);
    let named = |part: &GroundResource| match part.kind {
        ResourceKind::Volume => Part::unreached(VolumeHeader::named(part.first())),
        ResourceKind::File => Part::at(PartKind::File, place(part.first())),
        _ => Part::at(PartKind::Tree, place(part.first())),
    };
    let excepted = context.topology.excepted.get(state).map_or(&[][..], Vec::as_slice);
    let parts = view(context, state)?.iter().enumerate().map(|(number, part)| {
        let own = excepted.iter().filter(|place| place.part == number);
        named(part).without(&own.map(|place| place.path.as_bytes().into()).collect::<Vec<_>>())
    });
    Ok(parts.collect())
}

/// The parts of a protected state where they really lie, or why they cannot be kept.
pub(super) fn parts(context: &Context, state: &str, volumes: &Volumes, trial: Trial) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for part in named_parts(context, state)? {
        let except = part.except;
        let part = match &part.volume {
            Some(volume) => volumes.part(&volume.name, trial)?,
            None => Part::new(part.kind, &part.path)?,
        };
        let part = part.without(&except);
        refuse_far_exceptions(&part)?;
        if let Some(other) = parts
            .iter()
            .find(|other| part.path.starts_with(&other.path) || other.path.starts_with(&part.path))
        {
            return refused(format!(
                "{} and {} of the protected state {state} overlap: name only the outer one",
                other.path.display(),
                part.path.display()
            ));
        }
        parts.push(part);
    }
    refuse_mounts(&parts)?;
    Ok(parts)
}

/// A volume that is emptied and filled keeps nothing in its place.
pub(super) fn refuse_far_exceptions(part: &Part) -> Result<()> {
    if part.mountpoint().is_some() || part.except.is_empty() {
        return Ok(());
    }
    refused(format!(
        "{} is reached only through a helper container, which can leave nothing out: take `except` away, or run as root on the machine of the container engine",
        part.shown()
    ))
}

/// A mounted file system inside a part cannot be swapped with it.
pub(super) fn refuse_mounts(parts: &[Part]) -> Result<()> {
    let mounts = files::mount_points().map_err(trying(|| format!("cannot read {}", files::MOUNT_TABLE)))?;
    let inside = |part: &&Part| mounts.iter().find(|mount| mount.starts_with(&part.path));
    match parts.iter().find_map(|part| Some((part, inside(&part)?))) {
        Some((part, mount)) => refused(format!(
            "something is mounted on {}, so {} cannot be put back in one move: protect the mounted directory's content by its own paths",
            mount.display(),
            part.path.display()
        )),
        None => Ok(()),
    }
}

/// Makes the directory for archives (0700) where it is missing, and gives its real path.
pub(super) fn target(directory: &Path, parts: &[Part]) -> Result<PathBuf> {
    let mut existing = directory;
    while !existing.exists() {
        existing = match existing.parent() {
            Some(parent) => parent,
            None => return refused(format!("{} cannot hold a backup", directory.display())),
        };
    }
    let real = existing
        .canonicalize()
        .map_err(trying(|| format!("cannot look at {}", existing.display())))?;
    if let Some(tree) = real
        .ancestors()
        .find(|above| above.join(".git").symlink_metadata().is_ok())
    {
        return refused(format!(
            "{} lies in the git work tree {}: state must not get into a repository; keep backups outside of it",
            directory.display(),
            tree.display()
        ));
    }
    let advice = "a restore would undo the backup; keep backups outside of it";
    refuse_inside((directory, &real), parts, advice)?;
    let missing = directory.strip_prefix(existing).unwrap_or(Path::new(""));
    let mut made = real;
    for name in missing.components() {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
        made.push(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&made)
            .and_then(|()| std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o700)))
            .map_err(trying(|| format!("cannot make the directory {}", made.display())))?;
        sync_directory(made.parent().unwrap_or(Path::new("/")))?;
    }
    if !made.is_dir() {
        return refused(format!("{} is not a directory: backups need one", made.display()));
    }
    Ok(made)
}

/// Refuses a place, as it is named and where it really is, that lies inside the state.
pub(super) fn refuse_inside((named, real): (&Path, &Path), parts: &[Part], advice: &str) -> Result<()> {
    let place = |part: &Part| Part::new(part.kind, &part.path).map_or_else(|_| part.path.clone(), |found| found.path);
    match parts.iter().map(place).find(|place| real.starts_with(place)) {
        Some(place) => refused(format!(
            "{} lies inside the protected state {}: {advice}",
            named.display(),
            place.display()
        )),
        None => Ok(()),
    }
}

/// Refuses where a directory's file system has less than `bytes` and a fifth more.
pub(super) fn refuse_little_space(directory: &Path, bytes: u64, for_what: &str) -> Result<()> {
    let free = files::free_bytes(directory).map_err(trying(|| format!("cannot look at {}", directory.display())))?;
    let needed = bytes.saturating_add(bytes / 5).saturating_add(1 << 16);
    if free < needed {
        return Err(Problem::Refused(format!(
            "{} has {free} bytes free, {for_what} needs {needed}: free some space, then try again",
            directory.display()
        )));
    }
    Ok(())
}
