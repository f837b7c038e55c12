//! What is mounted into a member of a service.

use std::fmt;

/// One mount of a container, as the engine tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    pub(crate) what: MountedWhat,
    /// Where it is inside the container.
    pub(crate) target: String,
    /// Whether the container may write to it.
    pub(crate) is_writable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MountedWhat {
    /// A volume, and where the engine keeps it; empty where it does not say.
    Volume { name: String, path: String },
    /// A path of the engine's machine.
    Bind(String),
    /// Memory: gone with the container.
    Memory,
    /// Something else, by the engine's word.
    Other(String),
}

impl Mounted {
    /// The path of the engine's machine that it is, where it has one.
    pub(crate) fn path(&self) -> Option<&str> {
        match &self.what {
            MountedWhat::Volume { path, .. } | MountedWhat::Bind(path) if !path.is_empty() => Some(path),
            _ => None,
        }
    }

    pub(crate) fn is_volume(&self, named: &str) -> bool {
        matches!(&self.what, MountedWhat::Volume { name, .. } if name == named)
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(&self.what, MountedWhat::Volume { name, .. }
            if name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// What a person calls it.
    pub(crate) fn in_words(&self) -> String {
        match &self.what {
            MountedWhat::Volume { .. } if self.is_anonymous() => "a volume without a name".to_owned(),
            MountedWhat::Volume { name, .. } => format!("the volume `{name}`"),
            MountedWhat::Bind(path) => path.clone(),
            MountedWhat::Memory => "memory".to_owned(),
            MountedWhat::Other(word) => format!("a mount of the kind `{word}`"),
        }
    }

    /// The part of protected state that names it.
    pub(crate) fn as_part(&self) -> Option<String> {
        match &self.what {
            MountedWhat::Volume { name, .. } => Some(format!("volume \"{name}\"")),
            MountedWhat::Bind(path) => Some(format!("path \"{path}\"")),
            MountedWhat::Memory | MountedWhat::Other(_) => None,
        }
    }
}

/// `the volume `data` at /data`, `/etc/app at /etc/app (read-only)`.
impl fmt::Display for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.in_words(), self.target)?;
        if self.is_writable {
            Ok(())
        } else {
            f.write_str(" (read-only)")
        }
    }
}
