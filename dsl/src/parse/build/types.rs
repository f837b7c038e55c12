//! Types as written, and parameters.

use pest::iterators::Pair;

use super::super::Rule;
use super::Builder;
use crate::ast::{Name, Parameter, TypeExpr, TypeExprKind};
use crate::diagnostic::Diagnostic;

/// `list of list of …` may be written so often in one type.
const WRAPPERS_MAX: usize = 8;

impl Builder<'_, '_> {
    /// `list of pinned image at most 3` and the like; `at most` belongs to the outermost list.
    pub(super) fn type_written(&mut self, pair: Pair<'_, Rule>) -> Option<TypeExpr> {
        let whole = self.span(&pair);
        let mut wrappers = Vec::new();
        let mut base = None;
        let mut at_most = None;
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::list_of | Rule::map_of | Rule::optional_of => wrappers.push((part.as_rule(), span)),
                Rule::pinned => {
                    let name = self.inner_word(part)?;
                    base = Some(TypeExpr {
                        kind: TypeExprKind::Pinned(name),
                        span,
                    });
                }
                Rule::secret_text => {
                    let secret = Name {
                        value: "secret".to_owned(),
                        span,
                    };
                    base = Some(TypeExpr {
                        kind: TypeExprKind::Named(vec![secret]),
                        span,
                    });
                }
                Rule::named_type => {
                    let names = part.into_inner().map(|name| self.word(&name)).collect();
                    base = Some(TypeExpr {
                        kind: TypeExprKind::Named(names),
                        span,
                    });
                }
                Rule::at_most => {
                    let count = Self::only(part)?;
                    at_most = Some(self.integer(&count));
                }
                _ => {}
            }
        }
        if wrappers.len() > WRAPPERS_MAX {
            self.error(Diagnostic::error("too-deep", whole, "this type is nested too deeply"));
            wrappers.truncate(WRAPPERS_MAX);
        }
        let outermost_list = wrappers.iter().position(|(rule, _)| *rule == Rule::list_of);
        if let (Some(count), None) = (&at_most, outermost_list) {
            let message = "`at most` bounds a list, and this type is none";
            self.error(Diagnostic::error("syntax", count.span, message).help("write `list of text at most 3`"));
        }
        let mut built = base?;
        for (place, (rule, span)) in wrappers.into_iter().enumerate().rev() {
            let span = span.to(built.span);
            let inner = Box::new(built);
            let bound = at_most.as_ref().filter(|_| Some(place) == outermost_list);
            let kind = match rule {
                Rule::list_of => TypeExprKind::List(inner, bound.map(|count| count.value)),
                Rule::map_of => TypeExprKind::Map(inner),
                _ => TypeExprKind::Optional(inner),
            };
            built = TypeExpr { kind, span };
        }
        built.span = whole;
        Some(built)
    }

    /// `(a: text, b: int = 3)`.
    pub(super) fn parameters(&mut self, pair: Pair<'_, Rule>) -> Vec<Parameter> {
        pair.into_inner().filter_map(|part| self.parameter(part)).collect()
    }

    fn parameter(&mut self, pair: Pair<'_, Rule>) -> Option<Parameter> {
        let mut name = None;
        let mut ty = None;
        let mut default = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.value_name(&part)),
                Rule::type_written => ty = self.type_written(part),
                Rule::default_value => default = self.only_expression(part),
                _ => {}
            }
        }
        Some(Parameter {
            name: name?,
            ty: ty?,
            default,
        })
    }
}
