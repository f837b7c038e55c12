//! Procedures are written out where they are called, with the arguments in place of the parameters.

use crate::ast::{self, UndoKind};
use crate::check::action::DoParts;
use crate::check::block::{Around, BodyKind, Builder};
use crate::check::links::Node;
use crate::check::pure::is_pure;
use crate::check::scope::Scope;
use crate::check::types::is_unknown;
use crate::check::{Checker, DEPTH_MAX};
use crate::diagnostic::Diagnostic;
use crate::types::Type;
use crate::walk;

/// The largest argument, in parts of its expression, that is put in the place of a parameter as it stands; a
/// larger one gets a name, so that a chain of calls cannot make it grow beyond all bounds.
const SUBSTITUTED_MAX: usize = 32;

impl<'a> Checker<'a> {
    /// Looks at every procedure by itself, called or not.
    pub(crate) fn check_procedures(&mut self) {
        for module in 0..self.symbols.len() {
            for place in 0..self.symbols[module].procedures.list.len() {
                let declared = self.symbols[module].procedures.list[place].item;
                let before = self.links.enter(Node::Procedure(module, place));
                let mut scope = Scope::body(module);
                self.bind_parameters(&mut scope, &declared.parameters);
                let mut builder = Builder::new(BodyKind::Procedure, "procedure");
                builder.expands = false;
                self.statements(&mut scope, &mut builder, &declared.body);
                self.links.leave(before);
            }
        }
        // What was built is thrown away: it counts for nothing, and its names are nobody's.
        self.statements = 0;
        self.bindings.clear();
    }

    /// Writes a procedure out.
    pub(crate) fn inline(
        &mut self,
        scope: &mut Scope,
        builder: &mut Builder,
        module: usize,
        place: usize,
        parts: DoParts<'a>,
    ) {
        let declared = self.symbols[module].procedures.list[place].item;
        let node = Node::Procedure(module, place);
        if let Some(live) = parts.live {
            self.not_a_backup(&declared.name.value, live.span);
        }
        self.links.uses(node.clone(), parts.call.span);
        if let Some(name) = parts.name {
            let message = format!("a procedure gives no value that could be called `{}`", name.value);
            let finding = Diagnostic::error("wrong-type", name.span, message);
            self.report(finding.help("ask for the value afterwards: `let x = …`"));
            self.bind(scope, builder, name, Type::Unknown);
        }
        let arguments = self.bound_arguments(scope, module, &declared.parameters, parts.call);
        let mut inner = Scope::body(module);
        inner.values = scope.values.clone();
        inner.no_start = scope.no_start;
        inner.pinned.clone_from(&scope.pinned);
        inner.host.clone_from(&scope.host);
        inner.calls.clone_from(&scope.calls);
        inner.calls.push(parts.call.span);
        for (parameter, value) in declared.parameters.iter().zip(arguments) {
            let name = &parameter.name.value;
            let is_short = walk::deep(&value).len() <= SUBSTITUTED_MAX;
            let value = if is_unknown(&value.ty) || (is_short && is_pure(&value)) {
                value
            } else {
                self.refuse_traces(&value, "an argument");
                self.push_hidden(scope, builder, name, value)
            };
            inner.bind(name, value, parameter.name.span);
        }
        let outer = self.enter_call(scope, builder, parts);
        let pinned = builder.pinned.len();
        self.count(scope, parts.call.span);
        if builder.expands && !self.has_enough && !self.links.is_recursive(&node) && !self.is_too_deep(scope, parts) {
            self.statements(&mut inner, builder, &declared.body);
        }
        builder.has_acted = true;
        builder.around = outer;
        scope.pinned.extend(builder.pinned[pinned..].iter().cloned());
    }

    fn is_too_deep(&mut self, scope: &Scope, parts: DoParts<'a>) -> bool {
        let is_over = scope.calls.len() >= DEPTH_MAX;
        if is_over {
            let message = format!("procedures call one another more than {DEPTH_MAX} deep");
            let place = scope.calls.first().copied().unwrap_or(parts.call.span);
            self.report(Diagnostic::error("too-deep", place, message).help("write some of them out"));
        }
        is_over
    }

    /// Puts what the call says around the statements to come; gives back what was around before.
    fn enter_call(&mut self, scope: &mut Scope, builder: &mut Builder, parts: DoParts<'a>) -> Around {
        let outer = builder.around.clone();
        let mut around = outer.clone();
        if let Some(within_ms) = parts.within_ms {
            around.within_ms = Some(outer.within_ms.map_or(within_ms, |known| known.min(within_ms)));
        }
        if let Some(title) = parts.title {
            around.title = Some(title.value.clone());
        }
        let is_replaced = outer.group.is_some() || outer.no_undo.is_some();
        match parts.undo.map(|undo| (&undo.kind, undo)) {
            Some((_, undo)) if !builder.kind.has_undos() || is_replaced => {
                let key = builder.next_key();
                self.undo(scope, builder, Some(undo), &key);
            }
            Some((UndoKind::None(because), _)) => around.no_undo = Some(because.value.clone()),
            Some((UndoKind::Body { .. }, undo)) => {
                let key = builder.next_key();
                if let Some(body) = self.undo_body(scope, builder, undo, &key) {
                    around.group = Some(builder.add_group(body));
                }
            }
            None => {}
        }
        builder.around = around;
        outer
    }

    /// A procedure by the path of a scenario: its name as the runbook knows it.
    pub(crate) fn procedure_name(&self, module: usize, place: usize) -> String {
        let symbols = &self.symbols[module];
        format!("{}{}", symbols.prefix, symbols.procedures.list[place].item.name.value)
    }
}

/// What a `do` with only a call looks like: the two sides of a hold.
pub(crate) fn bare(written: &ast::HoldAction) -> DoParts<'_> {
    DoParts {
        title: None,
        call: &written.call,
        within_ms: written.within.as_ref().map(|within| within.value),
        name: None,
        live: None,
        undo: None,
        span: written.span,
    }
}
