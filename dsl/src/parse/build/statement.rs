//! Statements, dispositions and ways back of single actions.

use pest::iterators::Pair;

use super::super::Rule;
use super::{Builder, ClauseOrder};
use crate::ast::{
    Argument, ArgumentValue, Ask, Call, Check, Disposition, DispositionKind, Do, Expr, ExprKind, Statement,
    StatementKind, Text, Undo, UndoKind,
};
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};

const DO_ORDER: [&str; 4] = ["within", "as", "live because", "undo"];
const DO_FORM: &str = "do \"title\": ACTION within D as x live because \"…\" undo B within D";

const CHECK_ORDER: [&str; 5] = ["within", "for", "every", "at most", "unless"];
const CHECK_FORM: &str =
    "check \"label\": E within D every D unless E` or `check \"label\": E for D every D at most N misses unless E";

impl Builder<'_, '_> {
    /// The statements between braces.
    pub(super) fn block(&mut self, pair: Pair<'_, Rule>) -> Vec<Statement> {
        pair.into_inner().filter_map(|part| self.statement(part)).collect()
    }

    pub(super) fn statement(&mut self, pair: Pair<'_, Rule>) -> Option<Statement> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::do_action => StatementKind::Do(Box::new(self.do_action(pair)?)),
            Rule::check => StatementKind::Check(self.check(pair)?),
            Rule::budget => StatementKind::Budget(self.inner_duration(pair)?),
            Rule::let_value => {
                let mut parts = pair.into_inner().filter(|part| part.as_rule() != Rule::equals);
                StatementKind::Let {
                    name: self.value_name(&parts.next()?),
                    value: self.expression(parts.next()?)?,
                }
            }
            Rule::record => {
                let values: Vec<Expr> = pair.into_inner().filter_map(|part| self.expression(part)).collect();
                StatementKind::Record(values)
            }
            Rule::require => {
                let mut parts = pair.into_inner();
                StatementKind::Require {
                    condition: self.expression(parts.next()?)?,
                    otherwise: self.inner_text(parts.next()?)?,
                }
            }
            Rule::skip_when => {
                let (condition, because) = self.when_because(pair)?;
                StatementKind::SkipWhen { condition, because }
            }
            Rule::only_when => {
                let (condition, because) = self.when_because(pair)?;
                StatementKind::OnlyWhen { condition, because }
            }
            Rule::ask => StatementKind::Ask(self.ask(pair)?),
            Rule::take => StatementKind::Take(self.inner_word(pair)?),
            Rule::release => StatementKind::Release(self.inner_word(pair)?),
            Rule::wait => {
                let mut parts = pair.into_inner();
                let duration_ms = self.duration(&parts.next()?);
                let because = parts.next().and_then(|because| self.inner_text(because));
                StatementKind::Wait { duration_ms, because }
            }
            Rule::retry => {
                let mut parts = pair.into_inner();
                let times = self.integer(&parts.next()?);
                let every_ms = self.inner_duration(parts.next()?)?;
                StatementKind::Retry { times, every_ms }
            }
            Rule::commits => StatementKind::Commits(self.inner_text(pair)?),
            Rule::on_failure => StatementKind::OnFailure(self.inner_disposition(pair)?),
            Rule::unwind => StatementKind::Unwind,
            Rule::keep_failed => StatementKind::KeepFailed(Box::new(self.keep_failed(pair)?)),
            Rule::give => StatementKind::Give(self.only_expression(pair)?),
            Rule::allow => StatementKind::Allow(self.allow(pair)?),
            _ => return None,
        };
        Some(Statement { kind, span })
    }

    /// The duration inside a rule such as `within D`.
    pub(super) fn inner_duration(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<u64>> {
        let bounds = matches!(
            pair.as_rule(),
            Rule::within | Rule::soaks | Rule::every | Rule::budget | Rule::limit
        );
        let inner = Self::only(pair)?;
        Some(if bounds {
            self.positive_duration(&inner)
        } else {
            self.duration(&inner)
        })
    }

    fn when_because(&mut self, pair: Pair<'_, Rule>) -> Option<(Expr, Text)> {
        let mut parts = pair.into_inner();
        let condition = self.only_expression(parts.next()?)?;
        let because = self.inner_text(parts.next()?)?;
        Some((condition, because))
    }

    fn do_action(&mut self, pair: Pair<'_, Rule>) -> Option<Do> {
        let mut title = None;
        let mut call = None;
        let (mut within, mut name, mut live, mut undo) = (None, None, None, None);
        let mut order = ClauseOrder::new(&DO_ORDER, DO_FORM);
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::label => title = self.inner_text(part),
                Rule::call => call = self.call(part),
                Rule::within => {
                    let value = self.inner_duration(part);
                    order.once(self, (0, span), &mut within, value);
                }
                Rule::as_name => {
                    let value = self.as_name(part);
                    order.once(self, (1, span), &mut name, value);
                }
                Rule::live => {
                    let value = Self::only(part).and_then(|because| self.inner_text(because));
                    order.once(self, (2, span), &mut live, value);
                }
                Rule::undo => {
                    let value = self.undo(part);
                    order.once(self, (3, span), &mut undo, value);
                }
                Rule::no_undo => {
                    let because = Self::only(part).and_then(|because| self.inner_text(because));
                    let value = because.map(|because| Undo {
                        kind: UndoKind::None(because),
                        span,
                    });
                    order.once(self, (3, span), &mut undo, value);
                }
                _ => {}
            }
        }
        Some(Do {
            title,
            call: call?,
            within,
            name,
            live,
            undo,
        })
    }

    pub(super) fn as_name(&mut self, pair: Pair<'_, Rule>) -> Option<crate::ast::Name> {
        let inner = Self::only(pair)?;
        Some(self.value_name(&inner))
    }

    fn undo(&mut self, pair: Pair<'_, Rule>) -> Option<Undo> {
        let span = self.span(&pair);
        let mut body = Vec::new();
        let (mut within, mut host, mut title) = (None, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::on_host => host = self.host(part),
                Rule::label => title = self.inner_text(part),
                Rule::block => body = self.block(part),
                Rule::call => {
                    let span = self.span(&part);
                    let action = Do {
                        title: title.take(),
                        call: self.call(part)?,
                        within: None,
                        name: None,
                        live: None,
                        undo: None,
                    };
                    body.push(Statement {
                        kind: StatementKind::Do(Box::new(action)),
                        span,
                    });
                }
                Rule::within => within = self.inner_duration(part),
                _ => {}
            }
        }
        Some(Undo {
            kind: UndoKind::Body { body, within, host },
            span,
        })
    }

    /// `check …` and `well …`: the parts are the same.
    pub(super) fn check(&mut self, pair: Pair<'_, Rule>) -> Option<Check> {
        let span = self.span(&pair);
        let mut label = None;
        let mut condition = None;
        let (mut within, mut soaks, mut every, mut misses, mut unless) = (None, None, None, None, None);
        let mut order = ClauseOrder::new(&CHECK_ORDER, CHECK_FORM);
        for part in pair.into_inner() {
            let part_span = self.span(&part);
            match part.as_rule() {
                Rule::label => label = self.inner_text(part),
                Rule::expression => condition = self.expression(part),
                Rule::within => {
                    let value = self.inner_duration(part);
                    order.once(self, (0, part_span), &mut within, value);
                }
                Rule::soaks => {
                    let value = self.inner_duration(part);
                    order.once(self, (1, part_span), &mut soaks, value);
                }
                Rule::every => {
                    let value = self.inner_duration(part);
                    order.once(self, (2, part_span), &mut every, value);
                }
                Rule::misses => {
                    let value = Self::only(part).map(|number| self.integer(&number));
                    order.once(self, (3, part_span), &mut misses, value);
                }
                Rule::unless => {
                    let value = self.only_expression(part);
                    order.once(self, (4, part_span), &mut unless, value);
                }
                _ => {}
            }
        }
        Some(Check {
            label,
            condition: condition?,
            within,
            soaks,
            every,
            misses,
            unless,
            span,
        })
    }

    /// `keep failed "…"`: an action of the catalogue with one argument.
    fn keep_failed(&mut self, pair: Pair<'_, Rule>) -> Option<Do> {
        let span = self.span(&pair);
        let what = self.inner_text(pair)?;
        let value = Expr {
            kind: ExprKind::Text(what.value),
            span: what.span,
        };
        let named = |name: &str| Spanned::new(name.to_owned(), span);
        Some(Do {
            title: None,
            call: Call {
                path: vec![named("backup"), named("keep_failed")],
                arguments: vec![Argument {
                    name: None,
                    value: ArgumentValue::Expr(value),
                }],
                span,
            },
            within: None,
            name: None,
            live: None,
            undo: None,
        })
    }

    /// What a person is asked; where it is a text and nothing else, one that says something.
    fn prompt(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let mut inner = pair.clone().into_inner();
        if let (Some(text), None) = (inner.next().filter(|part| part.as_rule() == Rule::string), inner.next()) {
            self.words(&text);
        }
        self.expression(pair)
    }

    fn ask(&mut self, pair: Pair<'_, Rule>) -> Option<Ask> {
        let whole = self.span(&pair);
        let mut prompt = None;
        let mut confirm = true;
        let (mut name, mut of, mut by_two, mut on_silence) = (None, None, None, None);
        let form = "ask \"…\" text as x of \"ROLE\" by two people on silence park P";
        let mut order = ClauseOrder::new(&["as", "of", "by two people", "on silence"], form);
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::expression => prompt = self.prompt(part),
                Rule::ask_kind => confirm = part.as_str() == "confirm",
                Rule::as_name => {
                    let value = self.as_name(part);
                    order.once(self, (0, span), &mut name, value);
                }
                Rule::of_role => {
                    let value = self.inner_text(part);
                    order.once(self, (1, span), &mut of, value);
                }
                Rule::by_two => {
                    order.once(self, (2, span), &mut by_two, Some(span));
                }
                Rule::on_silence => {
                    let value = self.inner_disposition(part);
                    order.once(self, (3, span), &mut on_silence, value);
                }
                _ => {}
            }
        }
        if !confirm && name.is_none() {
            let message = "the answer of a question that asks for a text needs a name";
            self.error(Diagnostic::error("syntax", whole, message).help("write `ask \"…\" text as answer`"));
        }
        Some(Ask {
            prompt: prompt?,
            confirm,
            name,
            of,
            by_two,
            on_silence,
        })
    }

    /// The disposition inside a rule such as `on failure …`.
    pub(super) fn inner_disposition(&mut self, pair: Pair<'_, Rule>) -> Option<Disposition> {
        let pair = Self::only(pair)?;
        let span: Span = self.span(&pair);
        let way = Self::only(pair)?;
        let kind = match way.as_rule() {
            Rule::to_rollback => DispositionKind::Rollback(self.inner_word(way)?),
            Rule::to_unwind => DispositionKind::Unwind,
            Rule::to_park => DispositionKind::Park(self.inner_word(way)?),
            Rule::to_pause => DispositionKind::Pause,
            Rule::to_continue => {
                let because = Self::only(way)?;
                DispositionKind::Continue(self.inner_text(because)?)
            }
            Rule::to_turn_back => DispositionKind::TurnBack,
            _ => return None,
        };
        Some(Disposition { kind, span })
    }
}
