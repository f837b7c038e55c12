//! What a path really is: without links, with device and inode of itself and of what it lies in.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::world::PathIdentity;

/// Looks a path up. What does not exist stands as written below its nearest directory that does.
pub(super) fn identify(path: &str, is_link: bool) -> PathIdentity {
    let path = Path::new(path);
    let real = if is_link {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => real_path(parent).join(name),
            _ => path.to_owned(),
        }
    } else {
        real_path(path)
    };
    let object = |metadata: Metadata| (metadata.dev(), metadata.ino());
    PathIdentity {
        object: fs::symlink_metadata(&real).ok().map(object),
        ancestors: real
            .ancestors()
            .skip(1)
            .filter_map(|ancestor| fs::symlink_metadata(ancestor).ok().map(object))
            .collect(),
        real_path: real.to_string_lossy().into_owned(),
    }
}

/// A path without links, as far as what it names is there.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(real) = fs::canonicalize(ancestor) {
            return missing.iter().rev().fold(real, |path, name| path.join(name));
        }
        missing.extend(ancestor.file_name());
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_except_where_the_link_is_meant() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir(root.join("one")).unwrap();
        symlink("one", root.join("current")).unwrap();
        let look = |path: &str, is_link| identify(root.join(path).to_str().unwrap(), is_link);
        let real = |path: &str| root.join(path).to_string_lossy().into_owned();
        assert_eq!(look("current", false).real_path, real("one"));
        assert_eq!(look("current", false).object, look("one", false).object);
        assert_eq!(look("current", true).real_path, real("current"));
        assert_ne!(look("current", true).object, look("one", false).object);
        assert_eq!(look("current/new/file", false).real_path, real("one/new/file"));
        assert_eq!(look("current/new/file", false).object, None);
        assert!(
            look("current/new/file", false)
                .ancestors
                .contains(&look("one", false).object.unwrap())
        );
    }
}
