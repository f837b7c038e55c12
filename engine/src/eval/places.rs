//! Where paths are taken from: the directory of the call and the home of whoever calls.

use std::path::{Component, Path, PathBuf};

/// The two directories that turn a written path into an absolute one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Where the program was called; relative paths start here.
    pub working_directory: PathBuf,
    /// The home of the invoking operator, for `~`; `None` where it is not known.
    pub home: Option<PathBuf>,
}

impl Places {
    /// An absolute path in lexical normal form: `~` expanded once, relative paths taken from the
    /// working directory, `.` and `..` and doubled slashes resolved without looking at the disk.
    /// The error is a sentence for the user.
    pub fn path(&self, written: &str) -> Result<String, String> {
        if written.is_empty() {
            return Err("a path must not be empty".to_owned());
        }
        if written.contains('\0') {
            return Err("a path must not hold a zero byte".to_owned());
        }
        if is_normal(written) {
            return Ok(written.to_owned());
        }
        let expanded = match written.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                let home = self.home.as_ref().ok_or("`~` cannot be expanded: HOME is not set")?;
                home.join(rest.trim_start_matches('/'))
            }
            Some(_) => return Err("`~name` is not known; write the whole path".to_owned()),
            None => self.working_directory.join(written),
        };
        normal(&expanded)
            .to_str()
            .map(ToOwned::to_owned)
            .ok_or_else(|| "the path is not valid UTF-8".to_owned())
    }
}

/// Whether a path is absolute and in normal form already.
fn is_normal(path: &str) -> bool {
    let segments = path.strip_prefix('/').map(|below| below.split('/'));
    segments.is_some_and(|mut segments| segments.all(|segment| !matches!(segment, "" | "." | "..")))
}

/// The lexical normal form of an absolute path.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(segment) => normal.push(segment),
            Component::ParentDir => {
                normal.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    normal
}
