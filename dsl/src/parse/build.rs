//! From pest's pairs to the syntax tree. The grammar guarantees the form, so what is missing here
//! is missing in the text; orders and literals that the grammar leaves open are judged here.

mod effects;
mod expression;
mod item;
mod literal;
mod scenario;
mod service;
mod statement;
mod types;

use pest::iterators::{Pair, Pairs};

use super::Rule;
use super::report::Report;
use crate::ast::{Item, Name, Text, Use};
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};

pub(super) use item::documentation;

/// The longest name of an item: runs and backups are named by it, and the names of files end somewhere.
const NAME_CHARACTERS_MAX: usize = 100;

/// What an item of the file became.
#[expect(
    clippy::large_enum_variant,
    reason = "one value at a time, moved into the file at once"
)]
pub(super) enum Built {
    Use(Use),
    Item(Item),
}

/// Builds one item.
pub(super) struct Builder<'r, 'd> {
    /// Where the text given to pest begins in the source.
    base: usize,
    report: &'r mut Report<'d>,
    depth_told: bool,
}

impl<'r, 'd> Builder<'r, 'd> {
    /// A builder for an item whose text begins at byte `base` of the source.
    pub(super) fn new(base: usize, report: &'r mut Report<'d>) -> Self {
        Self {
            base,
            report,
            depth_told: false,
        }
    }

    /// Builds what pest found; `None` where an error makes the whole item useless.
    pub(super) fn build(&mut self, pairs: Pairs<'_, Rule>, doc: String) -> Option<Built> {
        let mut allows = Vec::new();
        let mut pairs = pairs.into_iter();
        let pair = loop {
            let pair = pairs.next()?;
            if pair.as_rule() != Rule::allow {
                break pair;
            }
            allows.extend(self.allow(pair));
        };
        if pair.as_rule() == Rule::use_line {
            return self.use_line(pair).map(Built::Use);
        }
        let span = self.span(&pair);
        let kind = self.item(pair)?;
        Some(Built::Item(Item {
            doc,
            allows,
            kind,
            span,
        }))
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        self.report.span(self.base + span.start(), self.base + span.end())
    }

    fn error(&mut self, diagnostic: Diagnostic) {
        self.report.push(diagnostic);
    }

    /// Any word, as it stands.
    fn word(&self, pair: &Pair<'_, Rule>) -> Name {
        Spanned::new(pair.as_str().to_owned(), self.span(pair))
    }

    /// A word that names a value: the words of expressions are refused.
    fn value_name(&mut self, pair: &Pair<'_, Rule>) -> Name {
        self.name_unless(pair, "value", RESERVED)
    }

    /// A word that names a value, a step or a host: a few words mean something else there.
    fn name_unless(&mut self, pair: &Pair<'_, Rule>, what: &str, reserved: &[&str]) -> Name {
        let name = self.word(pair);
        if reserved.contains(&name.value.as_str()) {
            let word = &name.value;
            let message = format!("`{word}` is a word of the language and cannot name a {what}");
            let help = format!("choose another name, such as `{word}_{what}`");
            self.error(Diagnostic::error("reserved-name", name.span, message).help(help));
        }
        name
    }

    /// The name of an item, which may become that of a file.
    fn item_name(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let name = self.word(pair);
        let length = name.value.chars().count();
        if length > NAME_CHARACTERS_MAX {
            let message = format!("a name of {length} characters; the longest has {NAME_CHARACTERS_MAX}");
            self.error(
                Diagnostic::error("too-large", name.span, message)
                    .help("choose a shorter one, and say the rest in its title"),
            );
        }
        name
    }

    /// The name, the title and the host of an item, and the rest of it.
    fn head<'i>(&mut self, pair: Pair<'i, Rule>) -> Option<Head<'i>> {
        let (mut name, mut title, mut host, mut rest) = (None, None, None, Vec::new());
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.item_name(&part)),
                Rule::string => title = Some(self.words(&part)),
                Rule::on_host => host = self.host(part),
                _ => rest.push(part),
            }
        }
        Some(Head {
            name: name?,
            title,
            host,
            rest,
        })
    }

    /// The first child of a rule that holds a single name, text or the like.
    fn only(pair: Pair<'_, Rule>) -> Option<Pair<'_, Rule>> {
        pair.into_inner().next()
    }

    /// The text inside a rule such as `because "…"`.
    fn inner_text(&mut self, pair: Pair<'_, Rule>) -> Option<Text> {
        let inner = Self::only(pair)?;
        Some(self.words(&inner))
    }

    /// The name inside a rule such as `from A`.
    fn inner_word(&mut self, pair: Pair<'_, Rule>) -> Option<Name> {
        let inner = Self::only(pair)?;
        Some(self.word(&inner))
    }

    /// `on HOST`.
    fn host(&mut self, pair: Pair<'_, Rule>) -> Option<Name> {
        let inner = Self::only(pair)?;
        Some(self.name_unless(&inner, "host", &["failure", "interrupt", "silence"]))
    }

    /// Sets a clause that may stand once; a second one is an error.
    fn once<T>(&mut self, slot: &mut Option<T>, value: Option<T>, span: Span, what: &str) {
        if slot.is_some() {
            self.error(
                Diagnostic::error("duplicate-clause", span, format!("{what} stands here a second time"))
                    .help("leave one of them"),
            );
        } else {
            *slot = value;
        }
    }
}

/// What most items begin with.
struct Head<'i> {
    name: Name,
    title: Option<Text>,
    host: Option<Name>,
    rest: Vec<Pair<'i, Rule>>,
}

/// Holds clauses to their order: the right order is part of the message.
struct ClauseOrder {
    reached: usize,
    names: &'static [&'static str],
    form: &'static str,
}

impl ClauseOrder {
    fn new(names: &'static [&'static str], form: &'static str) -> Self {
        Self {
            reached: 0,
            names,
            form,
        }
    }

    /// Sets the clause with this place in the order; a second one is an error.
    fn once<T>(
        &mut self,
        builder: &mut Builder<'_, '_>,
        (place, span): (usize, Span),
        slot: &mut Option<T>,
        value: Option<T>,
    ) {
        let name = self.names.get(place).copied().unwrap_or_default();
        if place < self.reached {
            let later = self.names.get(self.reached).copied().unwrap_or_default();
            builder.error(
                Diagnostic::error("clause-order", span, format!("`{name}` stands before `{later}`"))
                    .help(format!("the order is: `{}`", self.form)),
            );
        }
        self.reached = self.reached.max(place);
        builder.once(slot, value, span, &format!("`{name}`"));
    }
}

/// Words of expressions: no value can have such a name.
pub(super) const RESERVED: &[&str] = &[
    "and", "or", "not", "is", "at", "as", "on", "undo", "within", "every", "until", "because", "default", "contains",
    "matches", "true", "false",
];
