//! Anchors: named questions about production. One may use another, so each is looked at when needed.

use crate::check::links::Node;
use crate::check::scope::{Scope, Values};
use crate::check::types::with_article;
use crate::check::{Checker, DEPTH_MAX};
use crate::diagnostic::Diagnostic;
use crate::model;
use crate::source::Span;
use crate::types::Type;

impl Checker<'_> {
    /// Checks every anchor, in order.
    pub(crate) fn check_anchors(&mut self) -> Vec<model::Anchor> {
        let names: Vec<String> = self.symbols[0]
            .anchors
            .list
            .iter()
            .map(|anchor| anchor.item.name.value.clone())
            .collect();
        for name in &names {
            self.look_at_anchor(name);
        }
        names
            .iter()
            .filter_map(|name| self.anchors.get(name).cloned().flatten())
            .collect()
    }

    /// The type of what an anchor answers; unknown for one that asks itself (that is told elsewhere).
    pub(crate) fn anchor_type(&mut self, name: &str, span: Span) -> Type {
        self.links.uses(Node::Anchor(name.to_owned()), span);
        self.look_at_anchor(name);
        match self.anchors.get(name) {
            Some(Some(anchor)) => anchor.value.ty.clone(),
            _ => Type::Unknown,
        }
    }

    fn look_at_anchor(&mut self, name: &str) {
        let Some(declared) = self.symbols[0].anchors.get(name) else {
            return;
        };
        if self.anchors.contains_key(name) {
            return;
        }
        if self.anchors_open >= DEPTH_MAX {
            let message = format!("anchors ask one another more than {DEPTH_MAX} deep");
            self.report(
                Diagnostic::error("too-deep", declared.span, message).help("ask production itself in some of them"),
            );
            return;
        }
        self.anchors_open += 1;
        self.anchors.insert(name.to_owned(), None);
        let before = self.links.enter(Node::Anchor(name.to_owned()));
        let mut scope = Scope::new(0, Values::None("an anchor is asked at any time, before any step too"));
        scope.is_closed = true;
        scope.host = self.host(None, declared.item.host.as_ref());
        scope.no_start = Some("an anchor asks how things are now");
        let value = self.expr(&scope, &declared.item.value, None);
        self.links.leave(before);
        self.anchors_open -= 1;
        if matches!(
            value.ty,
            Type::Secret | Type::Nothing | Type::Service | Type::State | Type::Resource
        ) {
            let message = format!("an anchor answers a question; this is {}", with_article(&value.ty));
            self.error("wrong-type", value.span, message);
        }
        let anchor = model::Anchor {
            name: name.to_owned(),
            doc: declared.doc.to_owned(),
            value,
            span: declared.span,
        };
        self.anchors.insert(name.to_owned(), Some(anchor));
    }
}
