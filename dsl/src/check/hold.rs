//! Holds: how each is taken and released, whenever that is.

use crate::ast;
use crate::check::Checker;
use crate::check::block::{BodyKind, Builder};
use crate::check::inline::bare;
use crate::check::names::Declared;
use crate::check::scope::{Scope, Values};
use crate::check::steps::{heading, title};
use crate::diagnostic::Diagnostic;
use crate::model::{Block, Expr, Hold};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// Checks every hold, in order.
    pub(crate) fn check_holds(&mut self) -> Vec<Hold> {
        let mut found = Vec::new();
        for place in 0..self.symbols[0].holds.list.len() {
            let Declared { doc, item, span } = self.symbols[0].holds.list[place];
            let name = item.name.value.as_str();
            let host = self.host(None, item.host.as_ref());
            let (take, take_within_ms) = self.side((name, "take"), item.take.as_ref(), host.as_ref(), span);
            let (release, release_within_ms) = self.side((name, "release"), item.release.as_ref(), host.as_ref(), span);
            found.push(Hold {
                name: name.to_owned(),
                title: title(item.title.as_ref(), &item.name),
                doc: doc.to_owned(),
                take,
                take_within_ms,
                release,
                release_within_ms,
                span: heading(&item.name, item.title.as_ref()),
            });
        }
        found
    }

    fn side(
        &mut self,
        (hold, word): (&str, &str),
        written: Option<&'a ast::HoldAction>,
        host: Option<&Expr>,
        span: Span,
    ) -> (Block, u64) {
        let Some(written) = written else {
            let finding = Diagnostic::error(
                "missing-clause",
                span,
                format!("the hold `{hold}` does not say `{word}`"),
            );
            self.report(finding.help(format!("add `{word} … within …`")));
            return (Block::default(), 0);
        };
        if written.within.is_none() {
            let message = format!("`{word}` does not say how long it may take");
            let finding = Diagnostic::error("missing-clause", written.span, message);
            self.report(finding.help("add `within …`: its time counts into the way back"));
        }
        let mut scope = Scope::new(
            0,
            Values::None("a hold may be released at any time; only inputs and anchors are there then"),
        );
        scope.host = host.cloned();
        let mut builder = Builder::new(BodyKind::Hold, format!("hold:{hold}/{word}"));
        self.perform(&mut scope, &mut builder, bare(written), None);
        (
            builder.finish(),
            written.within.as_ref().map_or(0, |within| within.value),
        )
    }
}
