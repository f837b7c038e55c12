//! `unused`: what is declared in a runbook and spoken of nowhere in its file. A name counts as used wherever it
//! occurs, so nothing that is used is ever told.

use std::collections::BTreeSet;

use crate::ast::{
    File, HeaderClause, ItemKind, Name, Parameter, Scenario, SecretSource, ServiceClause, Statement, StatementKind,
    UndoKind,
};
use crate::check::uses::{Use, in_call, in_expr, in_host, names_in};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// So many are told of one runbook; nobody reads on.
const TOLD_MAX: usize = 100;

/// Every name that a file speaks of.
#[derive(Default)]
struct Names<'a> {
    values: BTreeSet<&'a str>,
    /// The first names of what is called: a module, or a question or procedure of the file.
    callees: BTreeSet<&'a str>,
    holds: BTreeSet<&'a str>,
    types: BTreeSet<&'a str>,
}

/// Tells of what a runbook declares and does not use.
pub(crate) fn check(file: &File, found: &mut Diagnostics) {
    let names = Names::of(file);
    let mut told = 0;
    let mut tell = |what: &str, name: &Name| {
        told += 1;
        if told > TOLD_MAX {
            return;
        }
        let message = format!("nothing uses the {what} `{}`", name.value);
        let help = "use it, or take it out; perhaps its name is written otherwise elsewhere";
        found.push(Diagnostic::warning("unused", name.span, message).help(help));
    };
    for line in &file.uses {
        let name = line.name.value.as_str();
        if !names.callees.contains(name) && !names.types.contains(name) {
            tell("module", &line.name);
        }
    }
    for item in &file.items {
        let body = match &item.kind {
            ItemKind::Inputs(inputs) => {
                let unused = inputs
                    .iter()
                    .filter(|input| !names.values.contains(input.name.value.as_str()));
                unused.for_each(|input| tell("input", &input.name));
                continue;
            }
            ItemKind::Question(question) => {
                if !names.callees.contains(question.name.value.as_str()) {
                    tell("question", &question.name);
                }
                &question.body
            }
            ItemKind::Procedure(procedure) => {
                if !names.callees.contains(procedure.name.value.as_str()) {
                    tell("procedure", &procedure.name);
                }
                &procedure.body
            }
            ItemKind::Function(function) => {
                if !names.callees.contains(function.name.value.as_str()) {
                    tell("function", &function.name);
                }
                continue;
            }
            ItemKind::Hold(hold) => {
                if !names.holds.contains(hold.name.value.as_str()) {
                    tell("hold", &hold.name);
                }
                continue;
            }
            ItemKind::Step(step) => &step.body,
            ItemKind::Rollback(branch) => &branch.body,
            ItemKind::Park(park) => &park.body,
            _ => continue,
        };
        bound_in(body, &mut |name| {
            if !names.values.contains(name.value.as_str()) {
                tell("value", name);
            }
        });
    }
}

/// Calls `found` for every name that statements bind, undos included.
fn bound_in<'a>(list: &'a [Statement], found: &mut impl FnMut(&'a Name)) {
    for statement in list {
        match &statement.kind {
            StatementKind::Let { name, .. } => found(name),
            StatementKind::Ask(ask) => ask.name.iter().for_each(&mut *found),
            StatementKind::Do(action) => {
                action.name.iter().for_each(&mut *found);
                if let Some(UndoKind::Body { body, .. }) = action.undo.as_ref().map(|undo| &undo.kind) {
                    bound_in(body, found);
                }
            }
            _ => {}
        }
    }
}

impl<'a> Names<'a> {
    fn of(file: &'a File) -> Self {
        let mut names = Self::default();
        let choosing = file.uses.iter().filter_map(|line| line.by.as_ref());
        names.values.extend(choosing.map(|input| input.value.as_str()));
        for item in &file.items {
            names.item(&item.kind);
        }
        names
    }

    fn found(&mut self) -> impl FnMut(Use<'a>) {
        |used| match used {
            Use::Value(name) => {
                self.values.insert(name);
            }
            Use::Hold(name) => {
                self.holds.insert(name);
            }
            Use::Callee(path) => {
                self.callees.extend(path.first().map(|name| name.value.as_str()));
            }
        }
    }

    fn item(&mut self, item: &'a ItemKind) {
        match item {
            ItemKind::Runbook(header) => {
                for clause in &header.clauses {
                    if let HeaderClause::Require { condition: value, .. } | HeaderClause::Label(value) = clause {
                        in_expr(value, &mut self.found());
                    }
                }
            }
            ItemKind::Inputs(inputs) => {
                for input in inputs {
                    self.written_type(&input.ty);
                    input
                        .default
                        .iter()
                        .for_each(|default| in_expr(default, &mut self.found()));
                    if let Some(SecretSource::File(from) | SecretSource::Command(from)) = &input.source {
                        in_expr(from, &mut self.found());
                    }
                }
            }
            ItemKind::Service(service) => service.clauses.iter().for_each(|clause| self.service(clause)),
            ItemKind::Protect(state) => {
                in_host(state.host.as_ref(), &mut self.found());
                let parts = state.parts.iter();
                parts.for_each(|part| in_expr(&part.part.value, &mut self.found()));
            }
            ItemKind::Anchor(anchor) => {
                in_host(anchor.host.as_ref(), &mut self.found());
                in_expr(&anchor.value, &mut self.found());
            }
            ItemKind::Hold(hold) => {
                in_host(hold.host.as_ref(), &mut self.found());
                let sides = hold.take.iter().chain(&hold.release);
                sides.for_each(|side| in_call(&side.call, &mut self.found()));
            }
            ItemKind::Step(step) => {
                in_host(step.host.as_ref(), &mut self.found());
                self.body(&step.body);
            }
            ItemKind::ForEach(each) => {
                in_expr(&each.list, &mut self.found());
                for (_, step) in &each.steps {
                    in_host(step.host.as_ref(), &mut self.found());
                    self.body(&step.body);
                }
            }
            ItemKind::Rollback(branch) => self.body(&branch.body),
            ItemKind::Park(park) => self.body(&park.body),
            ItemKind::Watch(watch) => {
                let asked = watch.checks.iter().map(|check| &check.condition);
                asked.for_each(|asked| in_expr(asked, &mut self.found()));
            }
            ItemKind::Symptoms(table) => {
                for row in &table.rows {
                    row.seen.iter().for_each(|seen| in_expr(seen, &mut self.found()));
                    row.first.iter().for_each(|first| self.body(first));
                }
            }
            ItemKind::Scenario(scenario) => self.scenario(scenario),
            other => self.definition(other),
        }
    }

    /// What a module may hold too.
    fn definition(&mut self, item: &'a ItemKind) {
        match item {
            ItemKind::Question(question) => {
                self.parameters(&question.parameters);
                self.written_type(&question.result);
                self.body(&question.body);
            }
            ItemKind::Procedure(procedure) => {
                self.parameters(&procedure.parameters);
                self.body(&procedure.body);
            }
            ItemKind::TypeDecl(declared) => declared.fields.iter().for_each(|(_, ty)| self.written_type(ty)),
            ItemKind::Function(function) => {
                self.parameters(&function.parameters);
                self.written_type(&function.result);
            }
            _ => {}
        }
    }

    fn parameters(&mut self, parameters: &'a [Parameter]) {
        for parameter in parameters {
            self.written_type(&parameter.ty);
        }
    }

    fn scenario(&mut self, scenario: &'a Scenario) {
        for inject in &scenario.injects {
            for (path, value) in &inject.answers {
                self.found()(Use::Callee(path));
                in_expr(value, &mut self.found());
            }
            let until = inject.until.iter();
            until.for_each(|path| self.found()(Use::Callee(path)));
        }
    }

    fn body(&mut self, list: &'a [Statement]) {
        names_in(list, &mut self.found());
    }

    fn service(&mut self, clause: &'a ServiceClause) {
        match clause {
            ServiceClause::Runs(call) | ServiceClause::PinnedBy(call) | ServiceClause::Behind(call) => {
                in_call(call, &mut self.found());
            }
            ServiceClause::Well(check) => in_expr(&check.condition, &mut self.found()),
            ServiceClause::Ignores { part, .. } => in_expr(&part.value, &mut self.found()),
            ServiceClause::Members(members, _) => {
                for member in members {
                    in_call(&member.runs, &mut self.found());
                    member.pinned_by.iter().for_each(|pin| in_call(pin, &mut self.found()));
                    in_host(member.host.as_ref(), &mut self.found());
                }
            }
            ServiceClause::Writes { .. }
            | ServiceClause::Begins(_)
            | ServiceClause::Ends(_)
            | ServiceClause::Writers(_)
            | ServiceClause::Serving(_)
            | ServiceClause::OneRelease(_)
            | ServiceClause::Mixed(_) => {}
        }
    }

    fn written_type(&mut self, ty: &'a crate::ast::TypeExpr) {
        use crate::ast::TypeExprKind as Kind;
        match &ty.kind {
            Kind::Named(path) => self.types.extend(path.first().map(|name| name.value.as_str())),
            Kind::Pinned(_) => {}
            Kind::List(inner, _) | Kind::Map(inner) | Kind::Optional(inner) => self.written_type(inner),
        }
    }
}
