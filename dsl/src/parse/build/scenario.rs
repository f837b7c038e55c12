//! Symptom tables and scenarios.

use pest::iterators::Pair;

use super::super::Rule;
use super::{Builder, ClauseOrder, Head};
use crate::ast::{Inject, Scenario, Symptom, Symptoms};
use crate::diagnostic::Diagnostic;

const ROW_ORDER: [&str; 6] = ["seen when", "suspect", "budget", "first", "again", "otherwise"];
const ROW_FORM: &str = "seen when E  suspect \"…\"  budget D  first { … }  again at most N  otherwise …";

impl Builder<'_, '_> {
    pub(super) fn symptoms(&mut self, pair: Pair<'_, Rule>) -> Option<Symptoms> {
        let Head { name, title, rest, .. } = self.head(pair)?;
        let (mut steps, mut rows) = (Vec::new(), Vec::new());
        for part in rest {
            match part.as_rule() {
                Rule::for_steps => steps = part.into_inner().map(|step| self.word(&step)).collect(),
                Rule::symptom => rows.push(self.symptom(part)),
                _ => {}
            }
        }
        Some(Symptoms {
            name,
            title,
            steps,
            rows,
        })
    }

    fn symptom(&mut self, pair: Pair<'_, Rule>) -> Symptom {
        let mut row = Symptom {
            title: None,
            seen: None,
            suspect: None,
            budget: None,
            first: None,
            again: None,
            otherwise: None,
            span: self.span(&pair),
        };
        let mut order = ClauseOrder::new(&ROW_ORDER, ROW_FORM);
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::string => row.title = Some(self.words(&part)),
                Rule::seen => {
                    let value = Self::only(part).and_then(|when| self.only_expression(when));
                    order.once(self, (0, span), &mut row.seen, value);
                }
                Rule::suspect => {
                    let value = self.inner_text(part);
                    order.once(self, (1, span), &mut row.suspect, value);
                }
                Rule::budget => {
                    let value = self.inner_duration(part);
                    order.once(self, (2, span), &mut row.budget, value);
                }
                Rule::first => {
                    let value = Self::only(part).map(|block| self.block(block));
                    order.once(self, (3, span), &mut row.first, value);
                }
                Rule::again => {
                    let count = Self::only(part).and_then(Self::only);
                    let value = count.map(|count| self.integer(&count));
                    order.once(self, (4, span), &mut row.again, value);
                }
                Rule::otherwise => {
                    let value = self.inner_disposition(part);
                    order.once(self, (5, span), &mut row.otherwise, value);
                }
                _ => {}
            }
        }
        row
    }

    pub(super) fn scenario(&mut self, pair: Pair<'_, Rule>) -> Option<Scenario> {
        let mut title = None;
        let mut injects = Vec::new();
        let (mut expect_symptom, mut expect_end) = (None, None);
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::string => title = Some(self.words(&part)),
                Rule::inject => injects.extend(self.inject(part)),
                Rule::expect_symptom => {
                    let value = self.inner_text(part);
                    self.once(&mut expect_symptom, value, span, "`expect symptom`");
                }
                Rule::expect_end => {
                    let value = self.inner_word(part);
                    self.once(&mut expect_end, value, span, "`expect end`");
                }
                _ => {}
            }
        }
        Some(Scenario {
            title: title?,
            injects,
            expect_symptom,
            expect_end,
        })
    }

    fn inject(&mut self, pair: Pair<'_, Rule>) -> Option<Inject> {
        let span = self.span(&pair);
        let mut step = None;
        let mut see = None;
        let mut answers = Vec::new();
        let mut until = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => step = Some(self.word(&part)),
                Rule::players_see => see = self.inner_text(part),
                Rule::answers => {
                    for answer in part.into_inner() {
                        let mut parts = answer.into_inner().filter(|part| part.as_rule() != Rule::equals);
                        let path = self.path(&parts.next()?);
                        answers.push((path, self.expression(parts.next()?)?));
                    }
                }
                Rule::until_action => until = Self::only(part).map(|path| self.path(&path)),
                _ => {}
            }
        }
        if see.is_none() && answers.is_empty() {
            let message = "this inject neither shows the players something nor forces an answer";
            self.error(Diagnostic::error("syntax", span, message).help("add `players see \"…\"` or `where a.b = V`"));
        }
        Some(Inject {
            step: step?,
            see,
            answers,
            until,
            span,
        })
    }
}
