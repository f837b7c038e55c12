//! The names that a file declares, each kind in a name space of its own.

use std::collections::BTreeMap;

use crate::ast::{self, ItemKind};
use crate::check::ModuleText;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// An item with what stands around it.
#[derive(Debug)]
pub(crate) struct Declared<'a, T> {
    /// Its `///` lines.
    pub(crate) doc: &'a str,
    pub(crate) item: &'a T,
    /// Its name, or the whole item.
    pub(crate) span: Span,
}

impl<T> Clone for Declared<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Declared<'_, T> {}

/// The items of one kind, in order, and by name.
#[derive(Debug)]
pub(crate) struct Table<'a, T> {
    /// In order of the text.
    pub(crate) list: Vec<Declared<'a, T>>,
    places: BTreeMap<&'a str, usize>,
}

impl<T> Default for Table<'_, T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            places: BTreeMap::new(),
        }
    }
}

impl<'a, T> Table<'a, T> {
    /// The place of this name in the list.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The item of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Declared<'a, T>> {
        self.place(name).map(|place| self.list[place])
    }

    /// All names, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.places.keys().copied()
    }

    fn add(&mut self, doc: &'a str, name: &'a ast::Name, item: &'a T, what: &str, diagnostics: &mut Diagnostics) {
        if let Some(known) = self.places.get(name.value.as_str()) {
            // The second is looked at too; by its name only the first is found.
            diagnostics.push(duplicate(&name.value, what, self.list[*known].span, name.span));
        } else {
            self.places.insert(&name.value, self.list.len());
        }
        self.list.push(Declared {
            doc,
            item,
            span: name.span,
        });
    }
}

/// Everything that one file declares.
#[derive(Debug, Default)]
pub(crate) struct Symbols<'a> {
    /// How it is called from the runbook: empty for the runbook itself, else `openclaw.`.
    pub(crate) prefix: String,
    /// The local names of the modules it uses.
    pub(crate) uses: BTreeMap<&'a str, usize>,
    /// Names whose module could not be loaded: told already.
    pub(crate) missing: &'a [String],
    /// The folder that it lies in.
    pub(crate) folder: Option<&'a str>,
    pub(crate) headers: Vec<Declared<'a, ast::Header>>,
    pub(crate) inputs: Table<'a, ast::Input>,
    pub(crate) services: Table<'a, ast::Service>,
    pub(crate) states: Table<'a, ast::Protect>,
    pub(crate) anchors: Table<'a, ast::Anchor>,
    pub(crate) holds: Table<'a, ast::Hold>,
    pub(crate) steps: Table<'a, ast::Step>,
    pub(crate) rollbacks: Table<'a, ast::Rollback>,
    pub(crate) parks: Table<'a, ast::Park>,
    pub(crate) watches: Table<'a, ast::Watch>,
    pub(crate) tables: Table<'a, ast::Symptoms>,
    pub(crate) scenarios: Vec<Declared<'a, ast::Scenario>>,
    pub(crate) questions: Table<'a, ast::Question>,
    pub(crate) procedures: Table<'a, ast::Procedure>,
    pub(crate) types: Table<'a, ast::TypeDecl>,
    pub(crate) functions: Table<'a, ast::Function>,
    /// Steps inside what could not be written out: known, so that their names are no further mistakes.
    pub(crate) left_out_steps: Vec<&'a str>,
}

impl<'a> Symbols<'a> {
    /// What can be called here, for suggestions.
    pub(crate) fn callables(&self) -> Vec<&'a str> {
        let asked = self.questions.names().chain(self.procedures.names());
        asked.chain(self.functions.names()).collect()
    }

    /// Collects what a file declares; tells of duplicate and reserved names, and of items that have no
    /// place in a module.
    pub(crate) fn collect(module: &ModuleText<'a>, is_runbook: bool, diagnostics: &mut Diagnostics) -> Self {
        let mut symbols = Self {
            missing: module.missing,
            folder: module.folder,
            ..Self::default()
        };
        for (name, index) in module.uses {
            symbols.uses.entry(name).or_insert(*index);
        }
        let mut named: BTreeMap<&str, Span> = BTreeMap::new();
        for line in &module.file.uses {
            if let Some(first) = named.get(line.name.value.as_str()) {
                diagnostics.push(duplicate(&line.name.value, "module", *first, line.name.span));
            } else {
                named.insert(&line.name.value, line.name.span);
            }
        }
        for item in &module.file.items {
            if !is_runbook {
                refuse_in_module(item, diagnostics);
            }
            symbols.add(item, diagnostics);
        }
        symbols.find_duplicates_across(diagnostics);
        symbols
    }

    fn add(&mut self, item: &'a ast::Item, found: &mut Diagnostics) {
        let doc = item.doc.as_str();
        match &item.kind {
            ItemKind::Runbook(header) => self.add_header(doc, header, found),
            ItemKind::Inputs(inputs) => {
                for input in inputs {
                    self.inputs.add(&input.doc, &input.name, input, "input", found);
                }
            }
            ItemKind::Service(service) => self.services.add(doc, &service.name, service, "service", found),
            ItemKind::Protect(state) => self.states.add(doc, &state.name, state, "protected state", found),
            ItemKind::Anchor(anchor) => {
                self.anchors.add(doc, &anchor.name, anchor, "anchor", found);
            }
            ItemKind::Hold(hold) => self.holds.add(doc, &hold.name, hold, "hold", found),
            ItemKind::Step(step) => {
                self.steps.add(doc, &step.name, step, "step", found);
            }
            ItemKind::ForEach(each) => {
                self.left_out_steps
                    .extend(each.steps.iter().map(|(_, step)| step.name.value.as_str()));
            }
            ItemKind::Rollback(branch) => self.rollbacks.add(doc, &branch.name, branch, "way back", found),
            ItemKind::Park(park) => self.parks.add(doc, &park.name, park, "safe place", found),
            ItemKind::Watch(watch) => self.watches.add(doc, &watch.name, watch, "watch", found),
            ItemKind::Symptoms(table) => self.tables.add(doc, &table.name, table, "symptom table", found),
            ItemKind::Scenario(scenario) => self.scenarios.push(Declared {
                doc,
                item: scenario,
                span: scenario.title.span,
            }),
            ItemKind::Question(question) => self.questions.add(doc, &question.name, question, "question", found),
            ItemKind::Procedure(procedure) => {
                self.procedures.add(doc, &procedure.name, procedure, "procedure", found);
            }
            ItemKind::TypeDecl(declared) => self.types.add(doc, &declared.name, declared, "type", found),
            ItemKind::Function(function) => {
                self.functions.add(doc, &function.name, function, "function", found);
            }
        }
    }

    fn add_header(&mut self, doc: &'a str, header: &'a ast::Header, found: &mut Diagnostics) {
        if let Some(first) = self.headers.first() {
            found.push(
                Diagnostic::error("duplicate-clause", header.name.span, "a file holds one `runbook`")
                    .related(first.span, "the first is here"),
            );
        }
        self.headers.push(Declared {
            doc,
            item: header,
            span: header.name.span,
        });
    }

    /// Names that share a name space although they are different kinds of items.
    fn find_duplicates_across(&self, found: &mut Diagnostics) {
        for anchor in &self.anchors.list {
            let name = anchor.item.name.value.as_str();
            if let Some(input) = self.inputs.place(name) {
                found.push(duplicate(name, "value", self.inputs.list[input].span, anchor.span));
            }
        }
        for park in &self.parks.list {
            let name = park.item.name.value.as_str();
            if let Some(branch) = self.rollbacks.place(name) {
                found.push(duplicate(name, "way back", self.rollbacks.list[branch].span, park.span));
            }
        }
        for procedure in &self.procedures.list {
            let name = procedure.item.name.value.as_str();
            if let Some(question) = self.questions.get(name) {
                found.push(duplicate(name, "question or procedure", question.span, procedure.span));
            }
        }
        for function in &self.functions.list {
            let name = function.item.name.value.as_str();
            let question = self.questions.get(name).map(|question| question.span);
            if let Some(first) = question.or_else(|| self.procedures.get(name).map(|procedure| procedure.span)) {
                found.push(duplicate(name, "question, procedure or function", first, function.span));
            }
        }
    }
}

/// The finding that a name is declared twice.
pub(crate) fn duplicate(name: &str, what: &str, first: Span, second: Span) -> Diagnostic {
    let (first, second) = if first <= second {
        (first, second)
    } else {
        (second, first)
    };
    Diagnostic::error(
        "duplicate-name",
        second,
        format!("there are two of the {what} `{name}`"),
    )
    .label("the second")
    .related(first, "the first is here")
    .help("give one of them another name")
}

fn refuse_in_module(item: &ast::Item, found: &mut Diagnostics) {
    let what = match &item.kind {
        ItemKind::Question(_) | ItemKind::Procedure(_) | ItemKind::TypeDecl(_) | ItemKind::Function(_) => return,
        ItemKind::Runbook(_) => "a runbook's header",
        ItemKind::Inputs(_) => "inputs",
        ItemKind::Service(_) => "a service",
        ItemKind::Protect(_) => "protected state",
        ItemKind::Anchor(_) => "an anchor",
        ItemKind::Hold(_) => "a hold",
        ItemKind::Step(_) | ItemKind::ForEach(_) => "a step",
        ItemKind::Rollback(_) | ItemKind::Park(_) => "a way back",
        ItemKind::Watch(_) => "a watch",
        ItemKind::Symptoms(_) => "a symptom table",
        ItemKind::Scenario(_) => "a scenario",
    };
    found.push(
        Diagnostic::error("misplaced-statement", item.span, format!("a module cannot hold {what}"))
            .help("a module holds questions, procedures, functions and types; what belongs to one change stands in the runbook"),
    );
}
