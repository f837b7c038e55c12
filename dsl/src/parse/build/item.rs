//! Top-level items: modules, header, inputs, steps, ways back, questions and the like.

use pest::iterators::Pair;

use super::super::Rule;
use super::{Builder, ClauseOrder, Head};
use crate::ast::{
    Allow, ForEach, Function, Header, HeaderClause, Input, ItemKind, ModulePath, Name, Park, Procedure, Question,
    Rollback, SecretSource, Step, Text, TypeDecl, Use, Watch,
};
use crate::diagnostic::Diagnostic;
use crate::source::Spanned;

const STEP_FORM: &str = "step ID \"title\" on HOST after a, b before window { … }";

impl Builder<'_, '_> {
    /// Any item but `use`.
    pub(super) fn item(&mut self, pair: Pair<'_, Rule>) -> Option<ItemKind> {
        Some(match pair.as_rule() {
            Rule::step => ItemKind::Step(self.step(pair)?),
            Rule::runbook => ItemKind::Runbook(self.header(pair)?),
            Rule::inputs => ItemKind::Inputs(pair.into_inner().filter_map(|input| self.input(input)).collect()),
            Rule::service => ItemKind::Service(self.service(pair)?),
            Rule::protect => ItemKind::Protect(self.protect(pair)?),
            Rule::anchor => ItemKind::Anchor(self.anchor(pair)?),
            Rule::hold => ItemKind::Hold(self.hold(pair)?),
            Rule::for_each => ItemKind::ForEach(self.for_each(pair)?),
            Rule::rollback => ItemKind::Rollback(self.rollback(pair)?),
            Rule::park => ItemKind::Park(self.park(pair)?),
            Rule::watch => ItemKind::Watch(self.watch(pair)?),
            Rule::symptoms => ItemKind::Symptoms(self.symptoms(pair)?),
            Rule::scenario => ItemKind::Scenario(self.scenario(pair)?),
            Rule::question => ItemKind::Question(self.question(pair)?),
            Rule::procedure => ItemKind::Procedure(self.procedure(pair)?),
            Rule::type_declaration => ItemKind::TypeDecl(self.type_declaration(pair)?),
            Rule::function => ItemKind::Function(self.function(pair)?),
            _ => return None,
        })
    }

    pub(super) fn use_line(&mut self, pair: Pair<'_, Rule>) -> Option<Use> {
        let span = self.span(&pair);
        let (mut module, mut by, mut name) = (None, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::string => module = Some(file_path(self.text(&part))),
                Rule::standard => {
                    let mut names = Vec::new();
                    let mut choices: Option<Vec<Name>> = None;
                    for inner in part.into_inner() {
                        if inner.as_rule() == Rule::choice {
                            choices = Some(inner.into_inner().map(|name| self.word(&name)).collect());
                        } else {
                            names.push(self.word(&inner));
                        }
                    }
                    module = Some(match choices {
                        Some(choices) => ModulePath::Choice(
                            choices
                                .into_iter()
                                .map(|choice| {
                                    let path = names.iter().chain([&choice]).cloned().collect();
                                    (choice, ModulePath::Standard(path))
                                })
                                .collect(),
                        ),
                        None => ModulePath::Standard(names),
                    });
                }
                Rule::by => by = self.inner_word(part),
                Rule::as_name => name = self.as_name(part),
                _ => {}
            }
        }
        Some(Use {
            module: module?,
            by,
            name: name?,
            span,
        })
    }

    fn header(&mut self, pair: Pair<'_, Rule>) -> Option<Header> {
        let Head { name, title, rest, .. } = self.head(pair)?;
        let clauses = rest.into_iter().filter_map(|part| self.header_clause(part)).collect();
        Some(Header { name, title, clauses })
    }

    fn header_clause(&mut self, pair: Pair<'_, Rule>) -> Option<HeaderClause> {
        Some(match pair.as_rule() {
            Rule::version => HeaderClause::Version(self.inner_text(pair)?),
            Rule::owner => HeaderClause::Owner(self.inner_text(pair)?),
            Rule::affects => HeaderClause::Affects(self.inner_text(pair)?),
            Rule::instance => HeaderClause::Label(self.only_expression(pair)?),
            Rule::window => {
                let mut parts = pair.into_inner();
                let window = self.positive_duration(&parts.next()?);
                let keep = self.inner_duration(parts.next()?)?;
                HeaderClause::Window { window, keep }
            }
            Rule::require => {
                let mut parts = pair.into_inner();
                HeaderClause::Require {
                    condition: self.expression(parts.next()?)?,
                    otherwise: self.inner_text(parts.next()?)?,
                }
            }
            Rule::on_failure => HeaderClause::OnFailure(self.inner_disposition(pair)?),
            Rule::on_interrupt => HeaderClause::OnInterrupt(self.inner_disposition(pair)?),
            Rule::allow => HeaderClause::Allow(self.allow(pair)?),
            _ => return None,
        })
    }

    /// `allow SLUG because "…"`.
    pub(super) fn allow(&mut self, pair: Pair<'_, Rule>) -> Option<Allow> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner();
        let slug = self.word(&parts.next()?);
        let because = self.inner_text(parts.next()?)?;
        Some(Allow { slug, because, span })
    }

    fn input(&mut self, pair: Pair<'_, Rule>) -> Option<Input> {
        let mut doc = Vec::new();
        let (mut name, mut ty, mut default, mut source) = (None, None, None, None);
        let mut span = self.span(&pair);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::doc => doc.push(documentation(part.as_str())),
                Rule::name => {
                    span.start = self.span(&part).start;
                    name = Some(self.value_name(&part));
                }
                Rule::type_written => ty = self.type_written(part),
                Rule::default_value => default = self.only_expression(part),
                Rule::secret_source => source = self.secret_source(part),
                _ => {}
            }
        }
        Some(Input {
            doc: doc.join("\n"),
            name: name?,
            ty: ty?,
            default,
            source,
            span,
        })
    }

    fn secret_source(&mut self, pair: Pair<'_, Rule>) -> Option<SecretSource> {
        let way = Self::only(pair)?;
        Some(match way.as_rule() {
            Rule::from_env => SecretSource::Env(self.inner_word(way)?),
            Rule::from_file => SecretSource::File(self.only_expression(way)?),
            Rule::from_prompt => SecretSource::Prompt(way.into_inner().next().map(|words| self.words(&words))),
            Rule::from_command => SecretSource::Command(self.only_expression(way)?),
            _ => return None,
        })
    }

    fn step(&mut self, pair: Pair<'_, Rule>) -> Option<Step> {
        let mut name = None;
        let (mut title, mut host, mut after, mut before) = (None, None, None, None);
        let mut body = Vec::new();
        let mut order = ClauseOrder::new(&["on", "after", "before window"], STEP_FORM);
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::name => name = Some(self.name_unless(&part, "step", &["start", "nothing"])),
                Rule::string => title = Some(self.words(&part)),
                Rule::on_host => {
                    let value = self.host(part);
                    order.once(self, (0, span), &mut host, value);
                }
                Rule::after => {
                    let names = self.after(part);
                    order.once(self, (1, span), &mut after, Some(names));
                }
                Rule::before_window => {
                    order.once(self, (2, span), &mut before, Some(()));
                }
                Rule::block => body = self.block(part),
                _ => {}
            }
        }
        Some(Step {
            name: name?,
            title,
            host,
            after,
            before_window: before.is_some(),
            body,
        })
    }

    /// The steps of `after a, b`; `after nothing` is no step.
    fn after(&mut self, pair: Pair<'_, Rule>) -> Vec<Name> {
        let mut names: Vec<_> = pair.into_inner().map(|name| self.word(&name)).collect();
        if let Some(nothing) = names.iter().find(|name| name.value == "nothing") {
            if names.len() > 1 {
                let message = "`nothing` stands alone after `after`";
                let span = nothing.span;
                self.error(Diagnostic::error("syntax", span, message).help("name the steps, or write `after nothing`"));
            }
            names.retain(|name| name.value != "nothing");
        }
        names
    }

    fn for_each(&mut self, pair: Pair<'_, Rule>) -> Option<ForEach> {
        let (mut variable, mut list) = (None, None);
        let mut steps = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => variable = Some(self.value_name(&part)),
                Rule::in_list => list = self.only_expression(part),
                Rule::documented_step => {
                    let mut doc = Vec::new();
                    for inner in part.into_inner() {
                        if inner.as_rule() == Rule::doc {
                            doc.push(documentation(inner.as_str()));
                        } else if let Some(step) = self.step(inner) {
                            steps.push((doc.join("\n"), step));
                        }
                    }
                }
                _ => {}
            }
        }
        Some(ForEach {
            variable: variable?,
            list: list?,
            steps,
        })
    }

    fn rollback(&mut self, pair: Pair<'_, Rule>) -> Option<Rollback> {
        let Head { name, title, rest, .. } = self.head(pair)?;
        let (mut applies, mut body) = (None, Vec::new());
        for part in rest {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::applies => {
                    if !body.is_empty() {
                        let message = "`applies` stands before everything else in a `rollback`";
                        self.error(
                            Diagnostic::error("clause-order", span, message)
                                .help("the order is: `applies from A until B`, `budget D`, then the statements"),
                        );
                    }
                    let mut ends = part.into_inner();
                    let from = self.inner_word(ends.next()?)?;
                    let until = self.inner_word(ends.next()?)?;
                    self.once(&mut applies, Some((from, until)), span, "`applies`");
                }
                _ => body.extend(self.statement(part)),
            }
        }
        Some(Rollback {
            name,
            title,
            applies,
            body,
        })
    }

    fn park(&mut self, pair: Pair<'_, Rule>) -> Option<Park> {
        let Head { name, title, rest, .. } = self.head(pair)?;
        let body = self.block(rest.into_iter().next()?);
        Some(Park { name, title, body })
    }

    fn watch(&mut self, pair: Pair<'_, Rule>) -> Option<Watch> {
        let Head { name, title, rest, .. } = self.head(pair)?;
        let (mut from, mut until, mut checks) = (None, None, Vec::new());
        for part in rest {
            match part.as_rule() {
                Rule::from_step => from = self.inner_word(part),
                Rule::until_step => until = self.inner_word(part),
                Rule::check => checks.extend(self.check(part)),
                _ => {}
            }
        }
        Some(Watch {
            name,
            title,
            from: from?,
            until: until?,
            checks,
        })
    }

    fn question(&mut self, pair: Pair<'_, Rule>) -> Option<Question> {
        let mut parts = pair.into_inner();
        let name = self.word(&parts.next()?);
        let parameters = self.parameters(parts.next()?);
        let result = self.type_written(Self::only(parts.next()?)?)?;
        let body = self.block(parts.next()?);
        Some(Question {
            name,
            parameters,
            result,
            body,
        })
    }

    fn procedure(&mut self, pair: Pair<'_, Rule>) -> Option<Procedure> {
        let mut parts = pair.into_inner();
        let name = self.word(&parts.next()?);
        let parameters = self.parameters(parts.next()?);
        let body = self.block(parts.next()?);
        Some(Procedure { name, parameters, body })
    }

    fn type_declaration(&mut self, pair: Pair<'_, Rule>) -> Option<TypeDecl> {
        let mut parts = pair.into_inner();
        let name = self.word(&parts.next()?);
        let mut fields = Vec::new();
        for field in parts.filter(|part| part.as_rule() == Rule::type_field) {
            let mut inner = field.into_inner().filter(|part| part.as_rule() != Rule::colon);
            let field_name = self.word(&inner.next()?);
            fields.push((field_name, self.type_written(inner.next()?)?));
        }
        Some(TypeDecl { name, fields })
    }

    fn function(&mut self, pair: Pair<'_, Rule>) -> Option<Function> {
        let mut parts = pair.into_inner();
        let name = self.word(&parts.next()?);
        let parameters = self.parameters(parts.next()?);
        let result = self.type_written(Self::only(parts.next()?)?)?;
        let script = self.script(&Self::only(parts.next()?)?);
        Some(Function {
            name,
            parameters,
            result,
            script,
        })
    }
}

/// A file, or one of several: `"./{a, b}.runbook"`.
fn file_path(written: Text) -> ModulePath {
    let parts = written.value.split_once('{').and_then(|(before, rest)| {
        let (choices, after) = rest.split_once('}')?;
        Some((before, choices, after))
    });
    let Some((before, choices, after)) = parts else {
        return ModulePath::File(written);
    };
    let choices = choices.split(',').map(|choice| {
        let choice = choice.trim();
        let path = Spanned::new(format!("{before}{choice}{after}"), written.span);
        (Spanned::new(choice.to_owned(), written.span), ModulePath::File(path))
    });
    ModulePath::Choice(choices.collect())
}

/// A line of documentation without its marks.
pub(in super::super) fn documentation(line: &str) -> &str {
    let line = line.strip_prefix("///").unwrap_or(line).trim_end();
    line.strip_prefix(' ').unwrap_or(line)
}
