//! What the tests of the language share: the real catalogue, texts in memory, findings in words.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use backstay_dsl::catalogue::Catalogue;
use backstay_dsl::compile::{Compiled, compile};
use backstay_dsl::diagnostic::{Diagnostic, Severity};
use backstay_dsl::source::Sources;

static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(backstay::action::catalogue);

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below a folder of the repository whose name ends like this, in order.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut work = vec![root().join(folder)];
    while let Some(path) = work.pop() {
        if path.is_dir() {
            work.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_str().is_some_and(|path| path.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The name of a file below the root.
pub(crate) fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Modules beside a runbook, by their file names, `std.…` for one that is shipped; below a folder where the runbook is a real file.
#[derive(Default)]
pub(crate) struct Beside {
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) folder: Option<PathBuf>,
}

impl Beside {
    /// The modules of a folder of `tests/`.
    pub(crate) fn of_tests(folder: &str) -> Self {
        Self {
            folder: Some(root().join("tests").join(folder)),
            ..Self::default()
        }
    }

    /// A file of the folder.
    pub(crate) fn text(&self, name: &str) -> String {
        let path = self.folder.as_deref().unwrap().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Sources for Beside {
    fn relative(&self, from: &str, path: &str) -> Result<(String, String), String> {
        if let Some(folder) = &self.folder {
            let base = Path::new(from).parent().map_or_else(PathBuf::new, Path::to_path_buf);
            let name = base.join(path.trim_start_matches("./"));
            let text = fs::read_to_string(folder.join(&name)).map_err(|error| error.to_string())?;
            return Ok((name.display().to_string(), text));
        }
        let name = path.trim_start_matches("./").to_owned();
        match self.texts.get(&name) {
            Some(text) => Ok((name, text.clone())),
            None => Err(format!("there is no file {name}")),
        }
    }

    fn standard(&self, path: &[String]) -> Option<String> {
        if let Some(text) = self.texts.get(&format!("std.{}", path.join("."))) {
            return Some(text.clone());
        }
        let file = root()
            .join("stdlib-runbooks")
            .join(path.join("/"))
            .with_extension("runbook");
        fs::read_to_string(file).ok()
    }

    fn standard_names(&self) -> Vec<String> {
        let modules = files("stdlib-runbooks", ".runbook");
        let names = modules
            .iter()
            .map(|path| name(path).replace("stdlib-runbooks/", "std/"));
        let shipped = names.map(|name| name.trim_end_matches(".runbook").replace('/', "."));
        let given = self.texts.keys().filter(|name| name.starts_with("std."));
        shipped.chain(given.cloned()).collect()
    }
}

/// Compiles a text with the real catalogue.
pub(crate) fn compiled(name: &str, text: &str, beside: &Beside) -> Compiled {
    compile(name, text, beside, &CATALOGUE)
}

/// A finding as `file:line: severity: [slug] message`.
pub(crate) fn words(compiled: &Compiled, found: &Diagnostic) -> String {
    let at = compiled.sources.start(found.span);
    let file = compiled
        .sources
        .get(found.span.source)
        .map_or("?", |source| &source.name);
    let severity = severity(found);
    format!(
        "{file}:{}:{}: {severity}: [{}] {}",
        at.line, at.column, found.slug, found.message
    )
}

pub(crate) fn severity(found: &Diagnostic) -> &'static str {
    match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// All findings, one a line.
pub(crate) fn all_words(compiled: &Compiled) -> String {
    let found = compiled
        .diagnostics
        .iter()
        .map(|found| format!("    {}", words(compiled, found)));
    found.collect::<Vec<_>>().join("\n")
}
