//! Services, protected state, anchors, holds.

use pest::iterators::Pair;

use super::super::Rule;
use super::{Builder, ClauseOrder, Head};
use crate::ast::{Anchor, Hold, HoldAction, Member, Protect, ProtectPart, Protected, Service, ServiceClause};
use crate::source::Spanned;

impl Builder<'_, '_> {
    pub(super) fn service(&mut self, pair: Pair<'_, Rule>) -> Option<Service> {
        let Head { name, title, rest, .. } = self.head(pair)?;
        let clauses = rest.into_iter().filter_map(|part| self.service_clause(part)).collect();
        Some(Service { name, title, clauses })
    }

    fn service_clause(&mut self, pair: Pair<'_, Rule>) -> Option<ServiceClause> {
        let span = self.span(&pair);
        Some(match pair.as_rule() {
            Rule::runs => ServiceClause::Runs(self.call(Self::only(pair)?)?),
            Rule::pinned_by => ServiceClause::PinnedBy(self.call(Self::only(pair)?)?),
            Rule::behind => ServiceClause::Behind(self.call(Self::only(pair)?)?),
            Rule::writes => {
                let mut parts = pair.into_inner();
                let state = self.word(&parts.next()?);
                let because = parts.next().and_then(Self::only);
                let unmigrated = because.and_then(|because| self.inner_text(because));
                ServiceClause::Writes { state, unmigrated }
            }
            Rule::well => ServiceClause::Well(self.check(pair)?),
            Rule::begins => ServiceClause::Begins(self.inner_word(pair)?),
            Rule::ends => ServiceClause::Ends(self.inner_word(pair)?),
            Rule::members => {
                let members = pair.into_inner().filter(|part| part.as_rule() == Rule::member);
                ServiceClause::Members(members.filter_map(|member| self.member(member)).collect(), span)
            }
            Rule::writers => ServiceClause::Writers(self.bound(pair)?),
            Rule::serving => ServiceClause::Serving(self.bound(pair)?),
            Rule::one_release => ServiceClause::OneRelease(span),
            Rule::mixed => ServiceClause::Mixed(self.inner_text(Self::only(pair)?)?),
            Rule::ignores => {
                let mut parts = pair.into_inner();
                let part = self.part(parts.next()?)?;
                let because = self.inner_text(parts.next()?)?;
                ServiceClause::Ignores { part, because }
            }
            _ => return None,
        })
    }

    fn member(&mut self, pair: Pair<'_, Rule>) -> Option<Member> {
        let (mut name, mut runs, mut host, mut pinned_by) = (None, None, None, None);
        let (mut begins, mut ends) = (None, None);
        let form = "NAME: RUNS on HOST pinned by R begins stopped ends running";
        let mut order = ClauseOrder::new(&["on", "pinned by", "begins", "ends"], form);
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::name => name = Some(self.word(&part)),
                Rule::call => runs = self.call(part),
                Rule::on_host => {
                    let value = self.host(part);
                    order.once(self, (0, span), &mut host, value);
                }
                Rule::pinned_by => {
                    let value = Self::only(part).and_then(|call| self.call(call));
                    order.once(self, (1, span), &mut pinned_by, value);
                }
                Rule::begins => {
                    let value = self.inner_word(part);
                    order.once(self, (2, span), &mut begins, value);
                }
                Rule::ends => {
                    let value = self.inner_word(part);
                    order.once(self, (3, span), &mut ends, value);
                }
                _ => {}
            }
        }
        Some(Member {
            name: name?,
            runs: runs?,
            host,
            pinned_by,
            begins,
            ends,
        })
    }

    /// The number in `writers at most N` and `serving at least N`.
    fn bound(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<i64>> {
        let count = Self::only(Self::only(pair)?)?;
        Some(self.integer(&count))
    }

    pub(super) fn protect(&mut self, pair: Pair<'_, Rule>) -> Option<Protect> {
        let Head {
            name,
            title,
            host,
            rest,
        } = self.head(pair)?;
        Some(Protect {
            name,
            title,
            host,
            parts: rest.into_iter().filter_map(|part| self.protected(part)).collect(),
        })
    }

    fn protected(&mut self, pair: Pair<'_, Rule>) -> Option<Protected> {
        let mut parts = pair.into_inner();
        let part = self.part(parts.next()?)?;
        let places = parts.next().into_iter().flat_map(Pair::into_inner);
        let except = places.map(|place| self.text(&place)).collect();
        Some(Protected { part, except })
    }

    fn part(&mut self, pair: Pair<'_, Rule>) -> Option<ProtectPart> {
        let mut parts = pair.into_inner();
        let kind = self.word(&parts.next()?);
        let value = self.expression(parts.next()?)?;
        Some(ProtectPart { kind, value })
    }

    /// `anchor ID = E`.
    pub(super) fn anchor(&mut self, pair: Pair<'_, Rule>) -> Option<Anchor> {
        let mut name = None;
        let mut host = None;
        let mut value = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.value_name(&part)),
                Rule::on_host => host = self.host(part),
                Rule::expression => value = self.expression(part),
                _ => {}
            }
        }
        Some(Anchor {
            name: name?,
            host,
            value: value?,
        })
    }

    pub(super) fn hold(&mut self, pair: Pair<'_, Rule>) -> Option<Hold> {
        let Head {
            name,
            title,
            host,
            rest,
        } = self.head(pair)?;
        let (mut take, mut release) = (None, None);
        for part in rest {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::hold_take => {
                    let action = self.hold_action(part);
                    self.once(&mut take, action, span, "`take`");
                }
                Rule::hold_release => {
                    let action = self.hold_action(part);
                    self.once(&mut release, action, span, "`release`");
                }
                _ => {}
            }
        }
        Some(Hold {
            name,
            title,
            host,
            take,
            release,
        })
    }

    fn hold_action(&mut self, pair: Pair<'_, Rule>) -> Option<HoldAction> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner();
        let call = self.call(parts.next()?)?;
        let within = parts.next().and_then(|within| self.inner_duration(within));
        Some(HoldAction { call, within, span })
    }
}
