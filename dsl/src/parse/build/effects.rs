//! Effects as declared in the text.

use pest::iterators::Pair;

use super::super::Rule;
use super::Builder;
use crate::ast::{EffectWord, EffectWordKind, Effects};

impl Builder<'_, '_> {
    /// `{ reads R  repeat convergent }` or `nothing`.
    pub(super) fn effects(&mut self, pair: Pair<'_, Rule>) -> Effects {
        let span = self.span(&pair);
        let is_nothing = |pair: &Pair<'_, Rule>| pair.as_rule() == Rule::nothing;
        if is_nothing(&pair) {
            return Effects {
                words: Vec::new(),
                is_nothing: true,
                span,
            };
        }
        let parts: Vec<Pair<'_, Rule>> = pair.into_inner().collect();
        Effects {
            is_nothing: parts.iter().any(is_nothing),
            words: parts.into_iter().filter_map(|part| self.effect_word(part)).collect(),
            span,
        }
    }

    fn effect_word(&mut self, pair: Pair<'_, Rule>) -> Option<EffectWord> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::effect => {
                let mut parts = pair.into_inner();
                let word = self.word(&parts.next()?);
                let operand = self.expression(parts.next()?)?;
                let second = parts.next().and_then(|second| self.only_expression(second));
                EffectWordKind::Effect { word, operand, second }
            }
            Rule::repeat => EffectWordKind::Repeat(self.inner_word(pair)?),
            Rule::settle => EffectWordKind::Settle(self.only_expression(pair)?),
            Rule::partial => EffectWordKind::Partial(self.inner_word(pair)?),
            Rule::cancel => {
                let how = Self::only(pair)?;
                if how.as_rule() == Rule::cancel_grace {
                    let mut word = self.word(&how);
                    "grace".clone_into(&mut word.value);
                    EffectWordKind::Cancel(word, self.inner_duration(how))
                } else {
                    EffectWordKind::Cancel(self.word(&how), None)
                }
            }
            Rule::limit => EffectWordKind::Limit(self.inner_duration(pair)?),
            Rule::traces => EffectWordKind::Traces(self.inner_word(pair)?),
            Rule::healthy => EffectWordKind::Healthy(self.only_expression(pair)?),
            _ => return None,
        };
        Some(EffectWord { kind, span })
    }
}
