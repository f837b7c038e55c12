//! From syntax trees and the catalogue to the checked [`Runbook`]: names, types, which values are surely
//! there, procedures written out, effects of every call.
//!
//! Invariants: without an error no expression of the result has the type [`Type::Unknown`]; every
//! mistake is told once, at the place where it can be mended; all work is linear in the statements that
//! come out. Absent on purpose: whether the change is safe (that is `prove`) and its sums of time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ast::File;
use crate::catalogue::Catalogue;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::WrittenOrder;
use crate::model::{self, Binding, BindingId, Runbook};
use crate::source::{SourceMap, Span};
use crate::topology::Topology;
use crate::types::Type;

mod action;
mod anchor;
mod arguments;
mod block;
mod built_in;
mod callee;
mod declared;
mod effects;
mod expression;
mod function;
mod habits;
mod header;
mod hold;
mod host;
mod inline;
mod input;
mod is;
mod links;
mod names;
mod operator;
mod patience;
mod pattern;
pub(crate) mod pure;
mod question;
mod resource;
mod scenario;
mod scope;
mod service;
mod statement;
mod steps;
mod suggest;
mod table;
mod types;
mod undo;
pub(crate) mod unused;
pub(crate) mod uses;
mod value;
mod watch;
mod way_back;

use names::Symbols;
use scope::Refinable;

/// The most statements of a runbook, procedures written out.
pub const STATEMENTS_MAX: usize = 100_000;

/// After so many findings nothing more is looked for: nobody reads on.
pub const FINDINGS_MAX: usize = 500;

/// Procedures call one another, and anchors ask one another, at most so deep.
pub const DEPTH_MAX: usize = 64;

/// The bound of one evaluation where a `check` says none, in milliseconds.
pub(crate) const EVALUATION_MS: u64 = 10_000;

/// One file to check.
#[derive(Debug, Clone, Copy)]
pub struct ModuleText<'a> {
    /// What was read from it.
    pub file: &'a File,
    /// The modules it uses: the local name, and the place in the list of files.
    pub uses: &'a [(String, usize)],
    /// Names whose module could not be loaded, which was told already.
    pub missing: &'a [String],
    /// What `here` stands for in it.
    pub folder: Option<&'a str>,
}

/// Checks a runbook, the first of `modules`, with all modules that it uses.
///
/// `None` where there is no runbook: the first file is a module by itself. Where an error was found it is
/// what could be understood of the runbook; it can be proved, and must not be run.
pub fn check<'a>(
    modules: &'a [ModuleText<'a>],
    (catalogue, sources): (&'a Catalogue, &'a SourceMap),
    diagnostics: &mut Diagnostics,
) -> Option<Runbook> {
    let mut found = Diagnostics::default();
    let root = modules.first()?;
    let is_runbook = is_runbook(root.file);
    let symbols = modules
        .iter()
        .enumerate()
        .map(|(index, module)| Symbols::collect(module, index == 0 && is_runbook, &mut found))
        .collect();
    let mut checker = Checker::new(symbols, (catalogue, sources), found);
    for module in modules {
        checker.refuse_built_in_names(module.file);
    }
    checker.first_item = root.file.items.first().map_or_else(Span::default, |item| item.span);
    checker.name_modules();
    let runbook = checker.runbook(is_runbook);
    checker.check_patterns();
    diagnostics.extend(checker.found);
    runbook.filter(|_| is_runbook)
}

/// Whether a file is a runbook: it has a header, or what only a runbook can hold. One that holds nothing is
/// no module either: whoever wrote it is told how to begin.
fn is_runbook(file: &File) -> bool {
    use crate::ast::ItemKind;
    file.items.is_empty()
        || file.items.iter().any(|item| {
            !matches!(
                item.kind,
                ItemKind::Question(_) | ItemKind::Procedure(_) | ItemKind::TypeDecl(_) | ItemKind::Function(_)
            )
        })
}

/// A name that a statement of a step binds.
#[derive(Debug)]
struct StepValue {
    step: usize,
    span: Span,
    /// Known once the step was checked.
    binding: Option<BindingId>,
}

/// Why the values of a step are not surely there for others, even when it is done.
#[derive(Debug, Clone, Copy)]
struct MayBindNothing {
    span: Span,
    because: &'static str,
}

/// Everything that is known while a runbook is checked.
struct Checker<'a> {
    symbols: Vec<Symbols<'a>>,
    catalogue: &'a Catalogue,
    sources: &'a SourceMap,
    found: Diagnostics,
    /// The first item of the runbook: where a missing header is told.
    first_item: Span,
    record_types: BTreeMap<(usize, usize), Option<Type>>,
    inputs: Vec<model::Input>,
    /// Type and question of each anchor that was looked at; `None` while it is.
    anchors: BTreeMap<String, Option<model::Anchor>>,
    /// How many of them are being looked at: each asks the next.
    anchors_open: usize,
    services: BTreeMap<String, model::Service>,
    /// The inputs that name machines on which something stands.
    hosts: BTreeSet<String>,
    topology: Topology<model::Expr>,
    questions: BTreeMap<(usize, usize), model::Question>,
    /// Each function, without its script where that cannot be read.
    functions: BTreeMap<(usize, usize), Option<Arc<model::Function>>>,
    links: links::Links,
    bindings: Vec<Binding>,
    order: WrittenOrder,
    values: BTreeMap<String, StepValue>,
    may_bind_nothing: BTreeMap<usize, MayBindNothing>,
    pinned_by_steps: BTreeMap<Refinable, Vec<usize>>,
    statements: usize,
    /// The sum over all patterns, see `pattern.rs`.
    patterns_weigh: u64,
    patterns: pattern::Patterns,
    told: usize,
    /// How many warnings of habits were told.
    warned: usize,
    /// Too many statements, or enough findings: nothing more is looked into.
    has_enough: bool,
}

impl<'a> Checker<'a> {
    fn new(
        symbols: Vec<Symbols<'a>>,
        (catalogue, sources): (&'a Catalogue, &'a SourceMap),
        found: Diagnostics,
    ) -> Self {
        Self {
            symbols,
            catalogue,
            sources,
            found,
            first_item: Span::default(),
            record_types: BTreeMap::new(),
            inputs: Vec::new(),
            anchors: BTreeMap::new(),
            anchors_open: 0,
            services: BTreeMap::new(),
            hosts: BTreeSet::new(),
            topology: Topology::default(),
            questions: BTreeMap::new(),
            functions: BTreeMap::new(),
            links: links::Links::default(),
            bindings: Vec::new(),
            order: WrittenOrder::new(Vec::new()),
            values: BTreeMap::new(),
            may_bind_nothing: BTreeMap::new(),
            pinned_by_steps: BTreeMap::new(),
            statements: 0,
            patterns_weigh: 0,
            patterns: pattern::Patterns::default(),
            told: 0,
            warned: 0,
            has_enough: false,
        }
    }

    fn report(&mut self, finding: Diagnostic) {
        self.told += 1;
        self.has_enough |= self.told >= FINDINGS_MAX;
        if self.told <= FINDINGS_MAX {
            self.found.push(finding);
        }
    }

    fn error(&mut self, slug: &'static str, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::error(slug, span, message));
    }

    /// Whether a clause that may stand once has not been said yet; else it is told.
    fn is_first(&mut self, seen: &mut Vec<(&'static str, Span)>, word: &'static str, span: Span) -> bool {
        let first = seen.iter().find(|(known, _)| *known == word).map(|(_, first)| *first);
        if let Some(first) = first {
            let finding = Diagnostic::error("duplicate-clause", span, format!("`{word}` is said twice"));
            self.report(finding.related(first, "the first is here"));
        } else {
            seen.push((word, span));
        }
        first.is_none()
    }

    /// Gives each module the name by which its questions are known: the shortest way from the runbook.
    fn name_modules(&mut self) {
        let mut named: BTreeSet<usize> = BTreeSet::from([0]);
        let mut open = std::collections::VecDeque::from([0]);
        while let Some(module) = open.pop_front() {
            let uses: Vec<(&str, usize)> = self.symbols[module]
                .uses
                .iter()
                .map(|(name, used)| (*name, *used))
                .collect();
            for (name, used) in uses {
                if named.insert(used) {
                    self.symbols[used].prefix = format!("{}{name}.", self.symbols[module].prefix);
                    open.push_back(used);
                }
            }
        }
    }

    fn runbook(&mut self, is_runbook: bool) -> Option<Runbook> {
        self.check_type_declarations();
        self.check_inputs();
        self.prepare_steps();
        self.check_functions();
        self.check_questions();
        self.check_procedures();
        let anchors = self.check_anchors();
        let states = self.check_states();
        let services = self.check_services();
        self.refuse_recursion();
        if !is_runbook {
            return None;
        }
        let mut runbook = self.header();
        runbook.holds = self.check_holds();
        runbook.steps = self.check_steps(&runbook);
        runbook.rollbacks = self.check_rollbacks(runbook.window.is_some());
        runbook.watches = self.check_watches();
        runbook.tables = self.check_tables(runbook.window.is_some());
        runbook.parks = self.check_parks(&runbook);
        runbook.scenarios = self.check_scenarios();
        runbook.anchors = anchors;
        runbook.states = states;
        runbook.services = services;
        runbook.topology = std::mem::take(&mut self.topology);
        runbook.questions = self.used_questions();
        runbook.hosts = std::mem::take(&mut self.hosts).into_iter().collect();
        runbook.inputs = std::mem::take(&mut self.inputs);
        runbook.bindings = std::mem::take(&mut self.bindings);
        Some(runbook)
    }

    /// Names by which something of the language or the catalogue would be hidden: what a reader takes for the
    /// built-in would be something else.
    fn refuse_built_in_names(&mut self, file: &'a File) {
        use crate::ast::ItemKind;
        let is_word = |name: &str| name == "text" || crate::effect::ResourceKind::from_word(name).is_some();
        let is_family = |name: &str| {
            name == "std"
                || crate::built_in::is_family(name)
                || self.catalogue.iter().any(|action| action.family == name)
        };
        let aliases = file.uses.iter().map(|used| &used.name);
        let families = aliases.filter(|name| is_family(&name.value));
        let hidden = families.map(|name| (name, "a family of actions"));
        let items = file.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Question(question) => Some((&question.name, is_word(&question.name.value))),
            ItemKind::Procedure(procedure) => Some((&procedure.name, is_word(&procedure.name.value))),
            ItemKind::Function(function) => Some((&function.name, is_word(&function.name.value))),
            ItemKind::TypeDecl(declared) => Some((&declared.name, types::is_word(&declared.name.value))),
            _ => None,
        });
        let items = items.filter(|(_, is_hidden)| *is_hidden);
        let hidden: Vec<_> = hidden
            .chain(items.map(|(name, _)| (name, "a word of the language")))
            .collect();
        for (name, what) in hidden {
            let message = format!("`{}` is {what}, which this would hide", name.value);
            let help = format!("choose another name, such as `my_{}`", name.value);
            self.report(Diagnostic::error("reserved-name", name.span, message).help(help));
        }
    }
}
