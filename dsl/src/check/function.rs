//! Functions of the text: computation in another language, held to the types that it declares.

use std::sync::Arc;

use crate::ast;
use crate::check::Checker;
use crate::check::scope::Scope;
use crate::check::types::{is_unknown, with_article};
use crate::check::value::{typed, unknown};
use crate::diagnostic::Diagnostic;
use crate::model::{Computation, Expr, ExprKind, Function};
use crate::script::{SCRIPT_BYTES_MAX, Script, ScriptError};
use crate::source::{Columns, Span};
use crate::types::Type;

impl<'a> Checker<'a> {
    /// Checks every function of every file.
    pub(crate) fn check_functions(&mut self) {
        for module in 0..self.symbols.len() {
            for place in 0..self.symbols[module].functions.list.len() {
                self.function(module, place);
            }
        }
    }

    /// A function, read when it is first asked for: inputs come before all and may use it.
    fn function(&mut self, module: usize, place: usize) -> Option<Arc<Function>> {
        if let Some(known) = self.functions.get(&(module, place)) {
            return known.clone();
        }
        let declared = self.symbols[module].functions.list[place].item;
        let mut scope = Scope::body(module);
        let parameters = self.bind_parameters(&mut scope, &declared.parameters);
        for ((_, ty), written) in parameters.iter().zip(&declared.parameters) {
            self.refuse_in_function(ty, written.ty.span, "take");
        }
        let result = self.resolve_type(module, &declared.result);
        self.refuse_in_function(&result, declared.result.span, "give");
        let names = parameters.iter().map(|(name, _)| name.clone()).collect();
        let name = format!("{}{}", self.symbols[module].prefix, declared.name.value);
        let function = self.script(&declared.script, names).map(|script| {
            let starts = declared.script.lines.iter();
            let position = |at: &u32| {
                self.sources
                    .position(declared.name.span.source, *at, Columns::Characters)
            };
            Arc::new(Function {
                name,
                parameters,
                result,
                script,
                lines: starts.map(position).collect(),
                span: declared.name.span,
            })
        });
        self.functions.insert((module, place), function.clone());
        function
    }

    /// Only data goes through a script: what is secret would come out as text that anybody may see.
    fn refuse_in_function(&mut self, ty: &Type, span: Span, does: &str) {
        let is_data = match ty {
            Type::List(inner) | Type::Map(inner) | Type::Optional(inner) => {
                return self.refuse_in_function(&inner.clone(), span, does);
            }
            Type::Secret | Type::Backup | Type::Service | Type::State | Type::Resource => false,
            _ => true,
        };
        if !is_data {
            let message = format!(
                "a function cannot {does} {}: it computes with plain values",
                with_article(ty)
            );
            let finding = Diagnostic::error("wrong-type", span, message);
            self.report(match ty {
                Type::Secret => finding.help("a secret goes only into a parameter that takes secrets, as it is"),
                _ => finding.help("let it have a text or a number, and name the thing itself in the call around it"),
            });
        }
    }

    /// Reads a script; what is wrong with it is told at its own places.
    fn script(&mut self, written: &ast::Script, parameters: Vec<String>) -> Option<Script> {
        if written.lines.is_empty() {
            // That it is written otherwise was told.
            return None;
        }
        let text = &written.text.value;
        if text.len() > SCRIPT_BYTES_MAX {
            let message = format!("a script of {} bytes; the longest has {SCRIPT_BYTES_MAX}", text.len());
            self.error("too-large", written.text.span, message);
            return None;
        }
        match Script::new(text, parameters) {
            Ok(script) => Some(script),
            Err(errors) => {
                for error in errors {
                    let span = place_of(written, &error);
                    let finding = Diagnostic::error("wrong-script", span, error.message);
                    self.report(match error.help {
                        Some(help) => finding.help(help),
                        None => finding,
                    });
                }
                None
            }
        }
    }

    /// A function that is called.
    pub(crate) fn function_call(&mut self, scope: &Scope, module: usize, place: usize, call: &'a ast::Call) -> Expr {
        let declared = self.symbols[module].functions.list[place].item;
        let arguments = self.bound_arguments(scope, module, &declared.parameters, call);
        let Some(function) = self.function(module, place) else {
            return unknown(call.span);
        };
        if arguments.iter().any(|argument| is_unknown(&argument.ty)) {
            return typed(unknown(call.span).kind, function.result.clone(), call.span);
        }
        let result = function.result.clone();
        let function = Computation::Script(function);
        typed(ExprKind::Computed { function, arguments }, result, call.span)
    }
}

/// The word in the text at which a script is wrong; the whole script where Rhai does not say.
fn place_of(written: &ast::Script, error: &ScriptError) -> Span {
    let whole = written.text.span;
    let Some((line, column)) = error.at else {
        return whole;
    };
    let (Some(start), Some(text)) = (
        written.lines.get(line - 1),
        written.text.value.split('\n').nth(line - 1),
    ) else {
        return whole;
    };
    let at = text
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(text.len(), |(at, _)| at);
    let is_word = |one: char| one.is_alphanumeric() || one == '_';
    let rest = text[at..].split(|one| !is_word(one)).next().unwrap_or_default();
    let length = match (rest.len(), text[at..].chars().next()) {
        (0, Some(one)) => one.len_utf8(),
        (length, _) => length,
    };
    let offset = |value: usize| start + u32::try_from(value).unwrap_or(0);
    Span::new(whole.source, offset(at), offset(at + length))
}
