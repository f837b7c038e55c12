//! Texts of runbooks that are held in memory or lie in the repository.

use std::path::PathBuf;

use backstay_dsl::source::Sources;

/// No modules.
pub(crate) struct Alone;

impl Sources for Alone {
    fn relative(&self, _from: &str, path: &str) -> Result<(String, String), String> {
        Err(format!("there is no {path}"))
    }

    fn standard(&self, _path: &[String]) -> Option<String> {
        None
    }

    fn standard_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Modules of one folder of the repository.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// A folder of `tests/`.
    pub(crate) fn of_tests(name: &str) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        Self(root.join("../tests").join(name))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let path = self.0.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Sources for Folder {
    fn relative(&self, _from: &str, path: &str) -> Result<(String, String), String> {
        let name = path.trim_start_matches("./").to_owned();
        let text = self.text(&name);
        Ok((name, text))
    }

    fn standard(&self, _path: &[String]) -> Option<String> {
        None
    }

    fn standard_names(&self) -> Vec<String> {
        Vec::new()
    }
}
