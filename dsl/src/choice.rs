//! `use … by INPUT`: the modules of which an input chooses one. A text with such lines is several runbooks, one for
//! each choice; each is checked and proved by itself. Here is which they are, and that a choice is one: the modules
//! offer the same, and the input can be each of their words and nothing else that is known.

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{ExprKind, File, Input, ItemKind, Name, Parameter, SecretSource, TypeExpr, TypeExprKind};
use crate::check::ModuleText;
use crate::check::uses::{Use, in_expr};
use crate::diagnostic::{Diagnostic, Diagnostics, listed};
use crate::load::{Choice, Loaded};
use crate::source::Span;
use crate::suggest::closest;

/// A text is at most so many runbooks: each is proved by itself.
const VARIANTS_MAX: usize = 16;

/// One of the runbooks that a text is.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// Each input that chooses, with its word.
    pub(crate) words: BTreeMap<String, String>,
    /// What the runbook uses so: the name of each module, and its place.
    uses: Vec<(String, usize)>,
}

impl Chosen {
    /// The files that there are when this is chosen; in place of what is not used stands a file with nothing in it.
    pub(crate) fn modules<'l>(&'l self, loaded: &'l Loaded, nothing: &'l File) -> Vec<ModuleText<'l>> {
        let mut reached = BTreeSet::new();
        let mut open = vec![0];
        while let Some(place) = open.pop() {
            if reached.insert(place) {
                let uses = if place == 0 {
                    &self.uses
                } else {
                    &loaded.modules[place].uses
                };
                open.extend(uses.iter().map(|(_, used)| *used));
            }
        }
        let texts = loaded.modules.iter().enumerate().map(|(place, module)| ModuleText {
            file: if reached.contains(&place) {
                &module.file
            } else {
                nothing
            },
            uses: if place == 0 { &self.uses } else { &module.uses },
            missing: &module.missing,
            folder: module.folder.as_deref(),
        });
        texts.collect()
    }
}

/// The runbooks that a text is: one where nothing is chosen. Tells what is wrong with its choices.
pub(crate) fn choices(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Vec<Chosen> {
    let Some(root) = loaded.modules.first() else {
        return Vec::new();
    };
    let mut all = vec![Chosen {
        uses: root.uses.clone(),
        ..Chosen::default()
    }];
    for choice in &root.choices {
        look_at_input(loaded, choice, diagnostics);
        agree(loaded, choice, diagnostics);
        let input = &choice.input.value;
        let mut next = Vec::new();
        for chosen in all {
            for (word, module) in &choice.of {
                // An input that chooses twice chooses the same.
                if chosen.words.get(input).is_none_or(|known| *known == word.value) {
                    let mut words = chosen.words.clone();
                    words.insert(input.clone(), word.value.clone());
                    let mut uses = chosen.uses.clone();
                    uses.push((choice.name.value.clone(), *module));
                    next.push(Chosen { words, uses });
                }
            }
        }
        all = next;
        if all.len() > VARIANTS_MAX {
            let message = format!("with this the choices of modules make more than {VARIANTS_MAX} different runbooks");
            let finding = Diagnostic::error("too-large", choice.input.span, message);
            diagnostics.push(finding.help("choose less, or split the change into several runbooks"));
            all.truncate(1);
            return all;
        }
    }
    let earlier = |input: &str| root.choices.iter().find(|choice| choice.input.value == input);
    for choice in &root.choices {
        let first = earlier(&choice.input.value).unwrap_or(choice);
        if words_of(first) != words_of(choice) {
            let message = format!("`{}` chooses among other words above", choice.input.value);
            let finding = Diagnostic::error("exports-differ", choice.name.span, message);
            diagnostics.push(
                finding
                    .related(first.name.span, "here")
                    .help("let both have the same words in braces"),
            );
        }
    }
    all
}

fn words_of(choice: &Choice) -> BTreeSet<&str> {
    choice.of.iter().map(|(word, _)| word.value.as_str()).collect()
}

/// The input is a text that can be each of the words, and is fixed before anything of the modules is asked.
fn look_at_input(loaded: &Loaded, choice: &Choice, diagnostics: &mut Diagnostics) {
    let root = &loaded.modules[0].file;
    let is_function = |name: &str| {
        let modules = choice
            .of
            .iter()
            .map(|(_, module)| offered(&loaded.modules[*module].file));
        modules
            .into_iter()
            .any(|offered| offered.contains_key(&("function", name)))
    };
    let inputs = || {
        let all = root.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Inputs(inputs) => Some(inputs),
            _ => None,
        });
        all.flatten()
    };
    let words = || {
        let words: Vec<String> = choice.of.iter().map(|(word, _)| format!("`{}`", word.value)).collect();
        listed(&words, ", ")
    };
    // What asks production is refused in any input.
    for input in inputs() {
        for [module, function] in asked_by(input) {
            let (span, calls) = (module.span, &module.value);
            if *calls == choice.name.value && is_function(&function.value) {
                let message = format!("`{calls}` is chosen by an input, so no input can be worked out with it");
                diagnostics.push(Diagnostic::error("value-not-available", span, message));
            }
        }
    }
    let name = &choice.input;
    let Some(input) = inputs().find(|input| input.name.value == name.value) else {
        let finding = Diagnostic::error("unknown-name", name.span, format!("there is no input `{}`", name.value));
        let near = closest(&name.value, inputs().map(|input| input.name.value.as_str()));
        diagnostics.push(match near {
            Some(near) => finding.suggest(format!("did you mean `{near}`?"), name.span, near),
            None => finding.help(format!(
                "declare it: `inputs {{ {} : text }}`; it is one of {}",
                name.value,
                words()
            )),
        });
        return;
    };
    if !matches!(&input.ty.kind, TypeExprKind::Named(path) if path.len() == 1 && path[0].value == "text") {
        let message = format!("an input that chooses a module is a `text`: one of {}", words());
        diagnostics.push(Diagnostic::error("wrong-type", input.ty.span, message));
    }
    if let Some(default) = &input.default
        && let ExprKind::Text(written) = &default.kind
        && !words_of(choice).contains(written.as_str())
    {
        let message = format!("“{written}” chooses no module: it has to be one of {}", words());
        let finding = Diagnostic::error("wrong-type", default.span, message);
        diagnostics.push(finding.related(name.span, "it chooses here"));
    }
}

/// What of modules an input is worked out with.
fn asked_by(input: &Input) -> Vec<[&Name; 2]> {
    let mut found = Vec::new();
    let source = match &input.source {
        Some(SecretSource::File(expr) | SecretSource::Command(expr)) => Some(expr),
        _ => None,
    };
    for expr in input.default.iter().chain(source) {
        in_expr(expr, &mut |used| {
            if let Use::Callee([module, called]) = used {
                found.push([module, called]);
            }
        });
    }
    found
}

/// What a module offers: of what kind, under which name, in which form, and where.
type Offered<'a> = BTreeMap<(&'static str, &'a str), (String, Span)>;

/// Tells where modules of one choice do not offer the same.
fn agree(loaded: &Loaded, choice: &Choice, diagnostics: &mut Diagnostics) {
    let offers = |module: usize| offered(&loaded.modules[module].file);
    let Some(((first_word, first), others)) = choice.of.split_first() else {
        return;
    };
    let first = offers(*first);
    for (word, module) in others {
        let other = offers(*module);
        let names: BTreeSet<_> = first.keys().chain(other.keys()).collect();
        for (kind, name) in names {
            let sides = (first.get(&(*kind, *name)), other.get(&(*kind, *name)));
            let missing = |in_word: &str, of_word: &str, at: Span| {
                let message = format!("`{of_word}` has the {kind} `{name}`, and `{in_word}` does not");
                let help = format!("add it to `{in_word}` in the same form, or take it out of `{of_word}`");
                Diagnostic::error("exports-differ", at, message).help(help)
            };
            let finding = match sides {
                (Some((form, at)), Some((other_form, other_at))) if form != other_form => {
                    let (one, other) = (&first_word.value, &word.value);
                    let message = format!("the {kind} `{name}` is `{form}` in `{one}` and `{other_form}` in `{other}`");
                    Diagnostic::error("exports-differ", *other_at, message)
                        .related(*at, "the other is here")
                        .help("give both the same parameters and types: the runbook is written for either")
                }
                (Some((_, at)), None) => missing(&word.value, &first_word.value, *at),
                (None, Some((_, at))) => missing(&first_word.value, &word.value, *at),
                _ => continue,
            };
            diagnostics.push(finding.related(word.span, "one of these is chosen here"));
        }
    }
}

fn offered(file: &File) -> Offered<'_> {
    let mut found = Offered::new();
    for item in &file.items {
        let (kind, name, form) = match &item.kind {
            ItemKind::Question(question) => {
                let form = format!("{} -> {}", parameters(&question.parameters), written(&question.result));
                ("question", &question.name, form)
            }
            ItemKind::Function(function) => {
                let form = format!("{} -> {}", parameters(&function.parameters), written(&function.result));
                ("function", &function.name, form)
            }
            ItemKind::Procedure(procedure) => ("procedure", &procedure.name, parameters(&procedure.parameters)),
            ItemKind::TypeDecl(declared) => {
                let fields = declared
                    .fields
                    .iter()
                    .map(|(name, ty)| format!("{}: {}", name.value, written(ty)));
                let fields: Vec<String> = fields.collect();
                ("type", &declared.name, format!("{{ {} }}", fields.join("  ")))
            }
            _ => continue,
        };
        found.insert((kind, name.value.as_str()), (form, name.span));
    }
    found
}

fn parameters(parameters: &[Parameter]) -> String {
    let parameters: Vec<String> = parameters
        .iter()
        .map(|parameter| {
            let default = if parameter.default.is_some() { " = …" } else { "" };
            format!("{}: {}{default}", parameter.name.value, written(&parameter.ty))
        })
        .collect();
    format!("({})", parameters.join(", "))
}

/// A type as it is written; one of another module by its own name alone, since each calls modules as it likes.
fn written(ty: &TypeExpr) -> String {
    match &ty.kind {
        TypeExprKind::Named(path) => path.last().map_or_else(String::new, |name| name.value.clone()),
        TypeExprKind::Pinned(name) => format!("pinned {}", name.value),
        TypeExprKind::List(inner, None) => format!("list of {}", written(inner)),
        TypeExprKind::List(inner, Some(most)) => format!("list of {} at most {most}", written(inner)),
        TypeExprKind::Map(inner) => format!("map of {}", written(inner)),
        TypeExprKind::Optional(inner) => format!("optional {}", written(inner)),
    }
}
