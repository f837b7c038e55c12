//! What expressions say of production: which resources they read, whose value they are, which backups they prove.
//! Questions and anchors are seen through.

use std::collections::BTreeSet;

use crate::effect::{Effect, Resource};
use crate::model::{Expr, ExprKind, Question, Runbook};
use crate::term::Term;
use crate::term::normal::{Around, DEPTH_MAX, Normal};
use crate::walk::{Read, Reads};

/// Sees through the expressions of one runbook.
#[derive(Clone, Copy)]
pub(crate) struct Readings<'n, 'a> {
    runbook: &'a Runbook,
    normal: &'n Normal<'a>,
}

impl<'n, 'a> Readings<'n, 'a> {
    pub(crate) fn new(runbook: &'a Runbook, normal: &'n Normal<'a>) -> Self {
        Self { runbook, normal }
    }

    /// The resources that an expression reads, each once.
    pub(crate) fn read(self, expr: &'a Expr) -> Vec<Resource<Term>> {
        self.met(expr, |effect| effect.resource().filter(|_| effect.is_observing()))
    }

    /// The backups that it proves, each once.
    pub(crate) fn proved(self, expr: &'a Expr) -> Vec<Resource<Term>> {
        self.met(expr, |effect| match effect {
            Effect::Proves(backup) => Some(backup),
            _ => None,
        })
    }

    fn met<F>(self, expr: &'a Expr, wanted: F) -> Vec<Resource<Term>>
    where
        F: Fn(&Effect<Expr>) -> Option<&Resource<Expr>>,
    {
        let mut found = BTreeSet::new();
        let mut reads = Reads::new(self.runbook, expr);
        while let Some(met) = reads.advance() {
            for read in met {
                match read {
                    Read::Effect(effect, around) => {
                        found.extend(wanted(effect).map(|resource| self.normal.look(resource, &around)));
                    }
                    Read::Question(asking, around) => {
                        reads.enter(asking.question, self.normal.names_of(asking, &around));
                    }
                }
            }
        }
        found.into_iter().collect()
    }

    /// The normal form of a value.
    pub(crate) fn value(self, expr: &Expr) -> Term {
        self.normal.value(expr)
    }

    /// The resource whose value an expression is: setting it to that value puts it back.
    pub(crate) fn value_of(self, expr: &'a Expr) -> Option<Resource<Term>> {
        self.value_in(expr, None, &Around::default(), 0)
    }

    fn value_in(
        self,
        expr: &'a Expr,
        within: Option<&'a Question>,
        around: &Around,
        depth: usize,
    ) -> Option<Resource<Term>> {
        if depth >= DEPTH_MAX {
            return None;
        }
        match &expr.kind {
            ExprKind::Read(call) => call.effects.list.iter().find_map(|effect| match effect {
                Effect::ValueOf(resource) => Some(self.normal.look(resource, around)),
                _ => None,
            }),
            // What a program that was asked says.
            ExprKind::Field(inner, field) if field == "stdout" && matches!(inner.kind, ExprKind::Read(_)) => {
                self.value_in(inner, within, around, depth + 1)
            }
            ExprKind::Anchor { name, at_start: false } => {
                let anchor = self.runbook.anchors.iter().find(|anchor| anchor.name == *name)?;
                self.value_in(&anchor.value, None, &Around::default(), depth + 1)
            }
            ExprKind::Question { .. } => {
                let asking = self.normal.asking(expr)?;
                let inner = self.normal.names_of(asking, around);
                self.value_in(&asking.question.give, Some(asking.question), &inner, depth + 1)
            }
            ExprKind::Local(name) => {
                let (_, value) = within?.lets.iter().find(|(known, _)| known == name)?;
                self.value_in(value, within, around, depth + 1)
            }
            _ => None,
        }
    }
}
