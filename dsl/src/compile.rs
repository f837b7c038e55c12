//! The whole way from text to a checked and proved runbook, with everything that was found on it.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::sync::Arc;

use crate::allow::{allowances, set_aside};
use crate::ast::File;
use crate::catalogue::Catalogue;
use crate::check::check;
use crate::check::unused::check as unused;
use crate::choice::{Chosen, choices};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Subject, listed};
use crate::load::{Loaded, load};
use crate::model::{Runbook, SetAside, Variant};
use crate::program::Program;
use crate::prove::prove;
use crate::source::{SourceMap, Sources, Span};
use crate::time::{Times, times};
use crate::unroll::{Lengths, unroll};

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
/// [`Sources::relative`] would give it. What does steps for each element of an input is compiled for every length
/// that the input may have; what is found is that of all of them, the runbook that of the longest.
pub fn compile(name: &str, text: &str, sources: &dyn Sources, catalogue: &Catalogue) -> Compiled {
    let mut diagnostics = Diagnostics::default();
    let loaded = load(name, text, sources, &mut diagnostics);
    let lengths = Lengths::each_of(&loaded.modules[0].file);
    compiled(loaded, &diagnostics, catalogue, &lengths)
}

/// The same with the lengths that lists have that are inputs.
pub fn compile_for(
    name: &str,
    text: &str,
    sources: &dyn Sources,
    (catalogue, lengths): (&Catalogue, &Lengths),
) -> Compiled {
    let mut diagnostics = Diagnostics::default();
    let loaded = load(name, text, sources, &mut diagnostics);
    compiled(loaded, &diagnostics, catalogue, slice::from_ref(lengths))
}

/// Makes the runbooks of every length, of which the last is the longest. What is wrong at one place is told once, as it
/// is in the longest where it is wrong.
fn compiled(mut loaded: Loaded, diagnostics: &Diagnostics, catalogue: &Catalogue, lengths: &[Lengths]) -> Compiled {
    let written = loaded.modules[0].file.clone();
    let mut found = Diagnostics::default();
    let mut longest = None;
    for lengths in lengths.iter().rev() {
        let mut diagnostics = diagnostics.clone();
        let root = &mut loaded.modules[0].file;
        root.clone_from(&written);
        unroll(root, lengths, &mut diagnostics);
        let told = Told::of(&loaded, &diagnostics);
        let chosen = choices(&loaded, &mut diagnostics);
        let allowances = allowances(loaded.modules.iter().map(|module| &module.file));
        let context = Context {
            loaded: &loaded,
            catalogue,
            told,
            allowances: &allowances,
            lists: lengths.0.keys().cloned().collect(),
            diagnostics: &diagnostics,
        };
        let made: Vec<Made> = chosen.iter().map(|chosen| context.make(chosen)).collect();
        found.extend(together(&chosen, &made));
        // Where nothing can be chosen, there is no runbook that could tell it.
        found.extend(diagnostics);
        longest.get_or_insert((chosen, made, allowances));
    }
    let (chosen, mut made, allowances) = longest.unwrap_or_default();
    let found = set_aside(&allowances, &found);
    let variants: Vec<Variant> = chosen
        .into_iter()
        .zip(&made)
        .filter_map(|(chosen, made)| made.variant(chosen))
        .collect();
    let Made { runbook, times, .. } = if made.is_empty() {
        Made::default()
    } else {
        made.swap_remove(0)
    };
    let runbook = runbook.map(|mut runbook| {
        if variants.len() > 1 {
            Arc::make_mut(&mut runbook).variants = variants;
        }
        runbook
    });
    let outcome = match runbook {
        Some(runbook) if found.has_errors() => Outcome::Partial(runbook),
        Some(runbook) => Outcome::Whole(runbook),
        None => Outcome::Nothing,
    };
    Compiled {
        sources: loaded.sources,
        outcome,
        diagnostics: found.into_sorted(),
        times,
    }
}

/// What each of the runbooks of a text is made of.
struct Context<'a> {
    loaded: &'a Loaded,
    catalogue: &'a Catalogue,
    told: Told,
    allowances: &'a [SetAside],
    /// The inputs whose elements steps are done for.
    lists: Vec<String>,
    /// What was found before.
    diagnostics: &'a Diagnostics,
}

/// One of the runbooks of a text, with everything that was found.
#[derive(Default)]
struct Made {
    runbook: Option<Arc<Runbook>>,
    times: Times,
    diagnostics: Diagnostics,
}

impl Made {
    fn variant(&self, chosen: Chosen) -> Option<Variant> {
        let runbook = Arc::clone(self.runbook.as_ref()?);
        let chosen = chosen.words;
        Some(Variant { chosen, runbook })
    }
}

impl Context<'_> {
    fn make(&self, chosen: &Chosen) -> Made {
        let mut diagnostics = self.diagnostics.clone();
        let mut found = Diagnostics::default();
        let nothing = File::default();
        let sources = &self.loaded.sources;
        let checked = check(
            &chosen.modules(self.loaded, &nothing),
            (self.catalogue, sources),
            &mut found,
        );
        let checked = checked.map(|mut runbook| {
            runbook.set_aside = self.allowances.to_vec();
            runbook.lists.clone_from(&self.lists);
            Arc::new(runbook)
        });
        for finding in found.iter().filter(|finding| !self.told.covers(finding, sources)) {
            diagnostics.push(finding.clone());
        }
        // Beside an error, what is used is not known.
        let root = self.loaded.modules.first();
        if let Some(root) = root.filter(|_| checked.is_some() && !diagnostics.has_errors()) {
            unused(&root.file, &mut diagnostics);
        }
        // What could be understood is proved too, so that all mistakes are told in one run.
        let sums = checked.as_ref().map_or_else(Times::default, |checked| {
            let program = Program::new(Arc::clone(checked));
            let sums = times(checked, program.step_order());
            prove(&program, sources, self.catalogue, &sums, &mut diagnostics);
            sums
        });
        Made {
            runbook: checked,
            times: sums,
            diagnostics,
        }
    }
}

/// Everything that was found in any of the runbooks, each once. What is not found in all says in which it is.
fn together(chosen: &[Chosen], made: &[Made]) -> Diagnostics {
    let mut all = Diagnostics::default();
    let mut known: BTreeMap<(&str, Span, &str), Vec<usize>> = BTreeMap::new();
    for (place, made) in made.iter().enumerate() {
        for finding in made.diagnostics.iter() {
            let message = finding.message.as_str();
            known
                .entry((finding.slug, finding.span, message))
                .or_default()
                .push(place);
        }
    }
    for (place, one) in made.iter().enumerate() {
        for finding in one.diagnostics.iter() {
            let places = &known[&(finding.slug, finding.span, finding.message.as_str())];
            if places[0] != place {
                continue;
            }
            all.push(if places.len() == made.len() {
                finding.clone()
            } else {
                let words = places.iter().map(|place| in_words(&chosen[*place]));
                let words: Vec<String> = words.collect();
                finding
                    .clone()
                    .help(format!("so it is where {}", listed(&words, ", and where ")))
            });
        }
    }
    all
}

fn in_words(chosen: &Chosen) -> String {
    let words = chosen.words.iter();
    let words: Vec<String> = words.map(|(input, word)| format!("`{input}` is “{word}”")).collect();
    words.join(" and ")
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
        for finding in diagnostics.iter().filter(|finding| finding.severity == Severity::Error) {
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
            // What was left out of a line that could not be read changes what the rest of it is.
            "wrong-type" | "missing-argument" => self.is_on_told_line(finding.span, sources),
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

    fn is_on_told_line(&self, place: Span, sources: &SourceMap) -> bool {
        let line = |span: Span| sources.start(span).line;
        self.places
            .iter()
            .any(|told| told.source == place.source && line(*told) == line(place))
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
