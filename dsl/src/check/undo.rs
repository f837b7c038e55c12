//! What stands beside an action to take it back.

use crate::ast::{self, UndoKind};
use crate::check::Checker;
use crate::check::block::Builder;
use crate::check::scope::Scope;
use crate::diagnostic::Diagnostic;
use crate::model::{Undo, UndoBody};

impl<'a> Checker<'a> {
    /// The way back of the action with this key; what calls around it say replaces its own.
    pub(crate) fn undo(
        &mut self,
        scope: &mut Scope,
        builder: &mut Builder,
        written: Option<&'a ast::Undo>,
        key: &str,
    ) -> Option<Undo> {
        if !builder.kind.has_undos() {
            // A procedure that serves both ways brings its undos along; on the way back they mean nothing.
            if let (Some(undo), false) = (written, scope.is_closed) {
                let message = format!("{} nothing has an undo of its own", builder.kind.words());
                let finding = Diagnostic::error("misplaced-statement", undo.span, message);
                self.report(finding.help("leave it out; a way back is not taken back"));
            }
            return None;
        }
        if let Some(because) = &builder.around.no_undo {
            return Some(Undo::No(because.clone()));
        }
        if builder.around.group.is_some() {
            return None;
        }
        match &written?.kind {
            UndoKind::None(because) => Some(Undo::No(because.value.clone())),
            UndoKind::Body { .. } => self.undo_body(scope, builder, written?, key).map(Undo::Body),
        }
    }

    /// The statements of an undo; it sees what was bound before its action.
    pub(crate) fn undo_body(
        &mut self,
        scope: &mut Scope,
        builder: &Builder,
        written: &'a ast::Undo,
        key: &str,
    ) -> Option<UndoBody> {
        let UndoKind::Body { body, within, host } = &written.kind else {
            return None;
        };
        let within_ms = if let Some(within) = within {
            within.value
        } else {
            let message = "this undo does not say how long it may take";
            let finding = Diagnostic::error("missing-clause", written.span, message);
            self.report(finding.help("add `within …`: its time counts into the way back"));
            0
        };
        if body.is_empty() {
            let finding = Diagnostic::error("missing-clause", written.span, "this undo does nothing");
            self.report(finding.help("say `no undo because \"…\"` where nothing has to be taken back"));
        }
        let key = format!("undo:{key}");
        let mut inner = builder.undo(&key);
        let mark = scope.mark();
        let pinned = scope.pinned.clone();
        let around = scope.host.clone();
        if host.is_some() {
            scope.host = self.host(Some(scope), host.as_ref());
        }
        self.statements(scope, &mut inner, body);
        scope.host = around;
        scope.reset(mark);
        scope.pinned = pinned;
        Some(UndoBody {
            key,
            body: inner.finish(),
            within_ms,
            span: written.span,
        })
    }
}
