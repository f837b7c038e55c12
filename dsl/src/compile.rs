//! The whole way from text to a checked and proved runbook, with everything that was found on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::check::{ModuleText, check};
use crate::diagnostic::{Diagnostic, Diagnostics, Subject};
use crate::load::{Loaded, load};
use crate::model::Runbook;
use crate::program::Program;
use crate::prove::prove;
use crate::source::{SourceMap, Sources, Span};
use crate::time::{Times, times};

/// What became of a text.
#[derive(Debug)]
pub struct Compiled {
    /// The text and those of its modules.
    pub sources: SourceMap,
    /// How much of the runbook was understood.
    pub outcome: Outcome,
    /// Everything that was found, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The sums of time of what was understood; empty without a runbook.
    pub times: Times,
}

/// How much of a runbook there is.
#[derive(Debug)]
pub enum Outcome {
    /// All of it, checked and proved: it may be run.
    Whole(Arc<Runbook>),
    /// What could be understood of a text with errors: to be shown, never to be run.
    Partial(Arc<Runbook>),
    /// The text is a module, perhaps with errors.
    Nothing,
}

/// Compiles a runbook, or a module by itself. `name` is its own name, as
/// [`Sources::relative`] would give it.
pub fn compile(name: &str, text: &str, sources: &dyn Sources, catalogue: &Catalogue) -> Compiled {
    let mut diagnostics = Diagnostics::default();
    let loaded = load(name, text, sources, &mut diagnostics);
    let told = Told::of(&loaded, &diagnostics);
    let mut found = Diagnostics::default();
    let checked = {
        let modules: Vec<ModuleText<'_>> = loaded
            .modules
            .iter()
            .map(|module| ModuleText {
                file: &module.file,
                uses: &module.uses,
                missing: &module.missing,
            })
            .collect();
        check(&modules, catalogue, &mut found).map(Arc::new)
    };
    for finding in found.iter().filter(|finding| !told.covers(finding, &loaded.sources)) {
        diagnostics.push(finding.clone());
    }
    // What could be understood is proved too, so that all mistakes are told in one run.
    let sums = checked.as_ref().map_or_else(Times::default, |checked| {
        let program = Program::new(Arc::clone(checked));
        let sums = times(checked, program.step_order());
        prove(&program, catalogue, &sums, &mut diagnostics);
        sums
    });
    let outcome = match checked {
        Some(runbook) if diagnostics.has_errors() => Outcome::Partial(runbook),
        Some(runbook) => Outcome::Whole(runbook),
        None => Outcome::Nothing,
    };
    Compiled {
        sources: loaded.sources,
        outcome,
        diagnostics: diagnostics.into_sorted(),
        times: sums,
    }
}

/// What mistakes of form have told already: a statement that could not be read declares nothing, and
/// what would be said of that is no second mistake.
struct Told {
    /// Words on the lines that could not be read.
    words: BTreeSet<String>,
    places: Vec<Span>,
    is_any: bool,
}

impl Told {
    fn of(loaded: &Loaded, diagnostics: &Diagnostics) -> Self {
        let mut words = BTreeSet::new();
        let mut places = Vec::new();
        for finding in diagnostics.iter() {
            places.push(finding.span);
            let Some(source) = loaded.sources.get(finding.span.source) else {
                continue;
            };
            let from = source
                .text
                .get(..finding.span.start as usize)
                .and_then(|before| before.rfind('\n'))
                .map_or(0, |at| at + 1);
            let to = source
                .text
                .get(finding.span.end as usize..)
                .and_then(|after| after.find('\n'))
                .map_or(source.text.len(), |at| finding.span.end as usize + at);
            let line = source.text.get(from..to).unwrap_or("");
            let is_word = |one: char| one.is_alphanumeric() || one == '_';
            words.extend(line.split(|one: char| !is_word(one)).map(str::to_owned));
        }
        Self {
            words,
            places,
            is_any: diagnostics.has_errors(),
        }
    }

    fn covers(&self, finding: &Diagnostic, sources: &SourceMap) -> bool {
        if !self.is_any {
            return false;
        }
        match finding.slug {
            "unknown-name" | "unknown-step" | "unknown-action" | "unknown-type" | "value-not-available" => {
                self.words.contains(sources.text(finding.span))
            }
            "no-steps" => true,
            "missing-clause" | "missing-budget" => {
                let text = sources.text(finding.span);
                let first = text.split(|one: char| !(one.is_alphanumeric() || one == '_')).next();
                first.is_some_and(|first| self.words.contains(first))
                    || finding.subject == Subject::Header
                    || self.is_broken(finding.span, sources)
            }
            _ => false,
        }
    }

    /// Whether something could not be read between a place and the next line that is not indented: what
    /// is missing there may be what was written wrongly.
    fn is_broken(&self, place: Span, sources: &SourceMap) -> bool {
        let text = sources.get(place.source).map_or("", |source| source.text.as_str());
        let from = place.end as usize;
        let rest = text.get(from..).unwrap_or("");
        let next = rest.match_indices('\n').find(|(at, _)| {
            let first = rest[at + 1..].chars().next();
            first.is_some_and(|first| first.is_alphabetic() || first == '/')
        });
        let until = next.map_or(text.len(), |(at, _)| from + at);
        self.places
            .iter()
            .any(|told| told.source == place.source && told.start >= place.start && (told.start as usize) < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoModules;

    impl Sources for NoModules {
        fn relative(&self, _: &str, path: &str) -> Result<(String, String), String> {
            Err(format!("there is no {path}"))
        }

        fn standard(&self, _: &[String]) -> Option<String> {
            None
        }

        fn standard_names(&self) -> Vec<String> {
            Vec::new()
        }
    }

    fn slugs(text: &str) -> Vec<&'static str> {
        let compiled = compile("a.runbook", text, &NoModules, &Catalogue::default());
        compiled.diagnostics.iter().map(|finding| finding.slug).collect()
    }

    #[test]
    fn mistakes_of_form_and_of_meaning_are_told_in_one_run_each_once() {
        let text = "runbook r \"R\"\nstep a \"A\" {\n  let x = )\n  let y = x + z\n}\nstep b \"B\" { record y, q }\n";
        assert_eq!(slugs(text), ["syntax", "unknown-name", "unknown-name"]);
        let header = slugs("runbook r \"R {\n}\nstep a \"A\" { let x = 1 }\n");
        assert!(header.iter().all(|slug| *slug == "syntax"), "{header:?}");
        assert_eq!(
            slugs(
                "use \"./gone.runbook\" as gone\nrunbook r \"R\"\nstep a \"A\" { let x = gone.now()  do gone.act() }\n"
            ),
            ["unknown-module"]
        );
    }

    #[test]
    fn what_was_misspelt_is_not_missing_too() {
        let window = "runbook r \"R\" {\n  window 10m keep 3m for the way back\n}\n";
        let text = format!("{window}step a \"A\" {{\n  bugdet 1m\n}}\nstep b \"B\" {{\n  record r\n}}\n");
        assert_eq!(slugs(&text), ["unknown-statement", "missing-budget", "unknown-name"]);
    }

    #[test]
    fn a_module_by_itself_compiles_to_no_runbook() {
        let compiled = compile(
            "m.runbook",
            "question q() -> int { give 1 }\n",
            &NoModules,
            &Catalogue::default(),
        );
        assert!(compiled.diagnostics.is_empty() && matches!(compiled.outcome, Outcome::Nothing));
    }

    #[test]
    fn of_a_text_with_errors_what_was_understood_is_kept() {
        let text =
            "runbook r \"R\"\nstep a \"A\" {\n  bugdet 1m\n}\nstep b \"B\" { record y }\nstep c \"C\" { let z = 1 }\n";
        let compiled = compile("a.runbook", text, &NoModules, &Catalogue::default());
        let Outcome::Partial(runbook) = compiled.outcome else {
            panic!("{:?}", compiled.outcome);
        };
        assert_eq!(
            runbook.steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert_eq!(runbook.steps[2].body.statements.len(), 1);
    }
}
