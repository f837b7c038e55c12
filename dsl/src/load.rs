//! Reads a runbook and, through [`Sources`], every module that it uses: each once, no cycles, no
//! more than the limits. Of `use … by` every choice is loaded. Absent: what the modules mean.

use crate::ast::{File, ModulePath, Name, Use};
use crate::diagnostic::{Diagnostic, Diagnostics, listed};
use crate::parse::{TEXT_BYTES_MAX, parse};
use crate::source::{SourceId, SourceMap, Sources, Span};
use crate::suggest::closest;

/// Modules may use modules this deep; the runbook itself is level 0.
pub const USE_DEPTH_MAX: usize = 8;

/// A runbook and its modules are at most so many files.
pub const FILES_MAX: usize = 64;

/// A runbook and its modules are at most so many bytes together: 16 MiB.
pub const BYTES_MAX: usize = TEXT_BYTES_MAX;

/// A runbook with its modules.
#[derive(Debug, Default)]
pub struct Loaded {
    pub sources: SourceMap,
    /// The runbook is number 0, its modules follow in the order in which they were met.
    pub modules: Vec<Module>,
}

/// One parsed file.
#[derive(Debug)]
pub struct Module {
    /// Its text in [`Loaded::sources`].
    pub source: SourceId,
    /// Its own name: `std/openclaw/compose`, or what [`Sources::relative`] calls it.
    pub name: String,
    /// The folder that it lies in, as its name says: what `here` stands for. Nothing that is shipped has one.
    pub folder: Option<String>,
    pub file: File,
    /// The modules it uses: the name it gives them, and their place in [`Loaded::modules`].
    pub uses: Vec<(String, usize)>,
    /// The modules of which an input chooses one.
    pub choices: Vec<Choice>,
    /// Names whose module could not be loaded; told already, so that nothing said with them needs
    /// to be told again.
    pub missing: Vec<String>,
}

/// `use std.x.{a, b} by INPUT as name`.
#[derive(Debug)]
pub struct Choice {
    /// The name that the chosen module is given.
    pub name: Name,
    pub input: Name,
    /// The words that the input may be, each with the place of its module in [`Loaded::modules`].
    pub of: Vec<(Name, usize)>,
}

/// Parses a runbook and loads its modules. `name` is the runbook's own name, as
/// [`Sources::relative`] would give it; every problem becomes a diagnostic.
pub fn load(name: &str, text: &str, sources: &dyn Sources, diagnostics: &mut Diagnostics) -> Loaded {
    let mut loader = Loader {
        sources,
        diagnostics,
        loaded: Loaded::default(),
        bytes: text.len(),
        chain: Vec::new(),
        is_full: false,
    };
    loader.module(name.to_owned(), text, false);
    loader.loaded
}

struct Loader<'a> {
    sources: &'a dyn Sources,
    diagnostics: &'a mut Diagnostics,
    loaded: Loaded,
    bytes: usize,
    /// The modules being loaded, outermost first: each uses the next.
    chain: Vec<usize>,
    /// Whether it was told that there are too many files, or too much text.
    is_full: bool,
}

/// The folder of a file, by its name alone.
fn folder_of(name: &str) -> String {
    match name.rsplit_once('/') {
        None => ".".to_owned(),
        Some(("", _)) => "/".to_owned(),
        // `~` would be a home folder.
        Some((folder, _)) if folder.starts_with('~') => format!("./{folder}"),
        Some((folder, _)) => folder.to_owned(),
    }
}

impl Loader<'_> {
    /// Parses a text and loads what it uses; gives its place.
    fn module(&mut self, name: String, text: &str, is_shipped: bool) -> usize {
        let source = self.loaded.sources.add(name.clone(), text);
        let file = parse(source, text, self.diagnostics);
        let uses: Vec<Use> = file.uses.clone();
        let place = self.loaded.modules.len();
        self.loaded.modules.push(Module {
            source,
            folder: (!is_shipped).then(|| folder_of(&name)),
            name,
            file,
            uses: Vec::new(),
            choices: Vec::new(),
            missing: Vec::new(),
        });
        self.chain.push(place);
        for line in uses {
            let local = line.name.value.clone();
            let is_there = match (&line.module, &line.by) {
                (ModulePath::Choice(of), Some(input)) => self.choice(place, &line, of, input),
                (ModulePath::Choice(_), None) | (_, Some(_)) => {
                    let message = "a choice of modules has several in braces, and the input that chooses";
                    let help =
                        "write `use std.x.{a, b} by INPUT as name` or `use \"./{a, b}.runbook\" by INPUT as name`";
                    self.tell(Diagnostic::error("syntax", line.span, message).help(help));
                    false
                }
                (path, None) => {
                    let target = self.used(place, path, line.span);
                    self.loaded.modules[place]
                        .uses
                        .extend(target.map(|target| (local.clone(), target)));
                    target.is_some()
                }
            };
            if !is_there {
                self.loaded.modules[place].missing.push(local);
            }
        }
        self.chain.pop();
        place
    }

    /// Loads each of the modules of which an input chooses one; whether all are there.
    fn choice(&mut self, from: usize, line: &Use, paths: &[(Name, ModulePath)], input: &Name) -> bool {
        if from != 0 {
            let message = "a module knows no inputs, so nothing could choose here";
            let finding = Diagnostic::error("misplaced-statement", line.span, message);
            self.tell(finding.help("choose in the runbook, and give what is needed as an argument"));
            return false;
        }
        let mut of: Vec<(Name, usize)> = Vec::new();
        for (word, path) in paths {
            if of.iter().any(|(known, _)| known.value == word.value) {
                let message = format!("`{}` stands here twice", word.value);
                self.tell(Diagnostic::error("duplicate-name", word.span, message).help("leave one of them"));
                return false;
            }
            let Some(module) = self.used(from, path, line.span) else {
                return false;
            };
            of.push((word.clone(), module));
        }
        let (name, input) = (line.name.clone(), input.clone());
        self.loaded.modules[from].choices.push(Choice { name, input, of });
        true
    }

    /// The place of a module that is used; `None` where it cannot be loaded.
    fn used(&mut self, from: usize, path: &ModulePath, span: Span) -> Option<usize> {
        let (name, text) = match path {
            ModulePath::Standard(path) => self.standard(path, span)?,
            ModulePath::File(path) => self.relative(from, &path.value, path.span)?,
            // One in another cannot be written.
            ModulePath::Choice(_) => return None,
        };
        if let Some(known) = self.loaded.modules.iter().position(|module| module.name == name) {
            if self.chain.contains(&known) {
                self.cycle(known, span);
                return None;
            }
            return Some(known);
        }
        let is_shipped = matches!(path, ModulePath::Standard(_));
        self.within_limits(&text, span)
            .then(|| self.module(name, &text, is_shipped))
    }

    fn standard(&mut self, path: &[Name], span: Span) -> Option<(String, String)> {
        let words: Vec<String> = path.iter().map(|name| name.value.clone()).collect();
        if let Some(text) = self.sources.standard(&words) {
            return Some((format!("std/{}", words.join("/")), text));
        }
        let written = format!("std.{}", words.join("."));
        let mut diagnostic = Diagnostic::error("unknown-module", span, format!("there is no module `{written}`"));
        let names = self.sources.standard_names();
        let path_span = match (path.first(), path.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => span,
        };
        let is_whole = (path_span.end - path_span.start) as usize == words.join(".").len();
        if let Some(nearest) = closest(&written, names.iter().map(String::as_str)).filter(|_| is_whole) {
            let replacement = nearest.strip_prefix("std.").unwrap_or(nearest);
            diagnostic = diagnostic.suggest(format!("did you mean `{nearest}`?"), path_span, replacement);
        } else if names.is_empty() {
            diagnostic = diagnostic.help("no modules are shipped here; `use \"./file.runbook\" as name` takes a file");
        } else {
            diagnostic = diagnostic.help(format!("there are {}", listed(&names, ", ")));
        }
        self.tell(diagnostic);
        None
    }

    fn relative(&mut self, from: usize, path: &str, span: Span) -> Option<(String, String)> {
        if path.contains("://") {
            let message = "a module is a file beside the runbook; nothing is fetched from elsewhere";
            let help = "copy it into the runbook's folder: `use \"./file.runbook\" as name`";
            self.tell(Diagnostic::error("unknown-module", span, message).help(help));
            return None;
        }
        let is_within = |found: &Diagnostic| {
            let at = found.span;
            at.source == span.source && span.start <= at.start && at.end <= span.end
        };
        if self.diagnostics.iter().any(is_within) {
            // What is written was not read, so nothing is said of what it would name.
            return None;
        }
        match self.sources.relative(&self.loaded.modules[from].name, path) {
            Ok(found) => Some(found),
            Err(reason) => {
                self.tell(
                    Diagnostic::error(
                        "unknown-module",
                        span,
                        format!("the module \"{path}\" cannot be used: {reason}"),
                    )
                    .help("the path is relative to the file that uses it and stays within the runbook's folder"),
                );
                None
            }
        }
    }

    fn cycle(&mut self, known: usize, span: Span) {
        let start = self.chain.iter().position(|module| *module == known).unwrap_or(0);
        let mut names: Vec<&str> = self.chain[start..]
            .iter()
            .map(|module| self.loaded.modules[*module].name.as_str())
            .collect();
        names.push(&self.loaded.modules[known].name);
        let message = format!("modules use each other in a circle: {}", listed(&names, " → "));
        self.tell(
            Diagnostic::error("import-cycle", span, message)
                .label("this closes the circle")
                .help("move what both need into a module that uses neither"),
        );
    }

    fn within_limits(&mut self, text: &str, span: Span) -> bool {
        let diagnostic = if self.chain.len() > USE_DEPTH_MAX {
            let message = format!("modules are used more than {USE_DEPTH_MAX} levels deep here");
            Diagnostic::error("too-deep", span, message).help("let the runbook use this module itself")
        } else if self.loaded.modules.len() >= FILES_MAX {
            let message = format!("a runbook and its modules are at most {FILES_MAX} files");
            Diagnostic::error("too-large", span, message).help("put several modules into one file")
        } else if self.bytes + text.len() > BYTES_MAX {
            let message = "a runbook and its modules are at most 16 MiB together";
            Diagnostic::error("too-large", span, message).help("leave out modules that are not needed")
        } else {
            self.bytes += text.len();
            return true;
        };
        if diagnostic.slug == "too-deep" || !std::mem::replace(&mut self.is_full, true) {
            self.tell(diagnostic);
        }
        false
    }

    fn tell(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}
