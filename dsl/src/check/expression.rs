//! Types of expressions: each comes out typed, or as unknown with a finding.

use crate::ast::{self, ArgumentValue};
use crate::check::Checker;
use crate::check::host::no_member;
use crate::check::scope::Scope;
use crate::check::suggest::suggest;
use crate::check::types::{assignable, is_unknown, with_article};
use crate::check::value::{typed, unknown};
use crate::diagnostic::Diagnostic;
use crate::effect::{Resource, ResourceKind};
use crate::literal;
use crate::model::{Expr, ExprKind, Literal};
use crate::source::Span;
use crate::topology::MemberId;
use crate::types::Type;

impl<'a> Checker<'a> {
    /// An expression, wherever it stands; a literal takes the type that is wanted.
    pub(crate) fn expr(&mut self, scope: &Scope, written: &'a ast::Expr, wanted: Option<&Type>) -> Expr {
        let span = written.span;
        if self.has_enough {
            return unknown(span);
        }
        let wanted = match wanted {
            Some(Type::Optional(inner)) => Some(inner.as_ref()),
            other => other,
        };
        match &written.kind {
            ast::ExprKind::Text(text) => self.text(text, span, wanted),
            ast::ExprKind::Bool(value) => typed(ExprKind::Literal(Literal::Bool(*value)), Type::Bool, span),
            ast::ExprKind::Int(value) => self.int(*value, span, wanted),
            ast::ExprKind::Duration(ms) => typed(ExprKind::Literal(Literal::Duration(*ms)), Type::Duration, span),
            ast::ExprKind::Size(bytes) => typed(ExprKind::Literal(Literal::Size(*bytes)), Type::Size, span),
            ast::ExprKind::Digest(text) => self.text(text, span, Some(&Type::Digest)),
            ast::ExprKind::List(list) => self.list(scope, list, span, wanted),
            ast::ExprKind::Map(entries) => self.map(scope, entries, span, wanted),
            ast::ExprKind::Name(name) => self.name(scope, name, span, wanted),
            ast::ExprKind::Field(inner, field) => self.field(scope, inner, field, span),
            ast::ExprKind::Call(call) => self.call(scope, call, span),
            ast::ExprKind::AtStart(inner) => self.at_start(scope, inner, span),
            ast::ExprKind::Binary(operator, left, right) => self.binary(scope, *operator, left, right, span),
            ast::ExprKind::Not(inner) => {
                let inner = self.expect(scope, inner, &Type::Bool, "`not`");
                typed(ExprKind::Not(Box::new(inner)), Type::Bool, span)
            }
            ast::ExprKind::Is { subject, test, negated } => self.is(scope, subject, *test, *negated, span),
            ast::ExprKind::Default(value, other) => self.default(scope, value, other, span),
        }
    }

    /// An expression that must have a type; `place` begins the sentence of the finding.
    pub(crate) fn expect(&mut self, scope: &Scope, written: &'a ast::Expr, wanted: &Type, place: &str) -> Expr {
        let found = self.expr(scope, written, Some(wanted));
        self.expect_type(found, wanted, place)
    }

    /// The same for an expression that was worked out already.
    pub(crate) fn expect_type(&mut self, found: Expr, wanted: &Type, place: &str) -> Expr {
        if is_unknown(&found.ty) || is_unknown(wanted) || assignable(wanted, &found.ty) {
            return found;
        }
        if *wanted == Type::Resource && matches!(found.ty, Type::Service | Type::State) {
            let span = found.span;
            let kind = match found.ty {
                Type::State => ResourceKind::State,
                _ => ResourceKind::Service,
            };
            return typed(
                ExprKind::Resource(Box::new(Resource::new(kind, found))),
                Type::Resource,
                span,
            );
        }
        if found.ty == Type::Secret {
            self.report(secret_exposed(found.span, place));
            return unknown(found.span);
        }
        let floats = matches!(
            (wanted, &found.ty),
            (Type::Image { pinned: true }, Type::Image { .. }) | (Type::Package { pinned: true }, Type::Package { .. })
        );
        let slug = if floats { "floating-image" } else { "wrong-type" };
        let message = format!(
            "{place} takes {}, and this is {}",
            with_article(wanted),
            with_article(&found.ty)
        );
        let mut finding = Diagnostic::error(slug, found.span, message);
        if let (true, ExprKind::Anchor { name, at_start: false }) = (floats, &found.kind) {
            finding = finding.help(format!(
                "`{name}` is asked anew each time; take its answer first: `let old = {name}`, then ask that `old is pinned`"
            ));
        }
        if let (true, ExprKind::Input(name)) = (floats, &found.kind)
            && let Some(input) = self.symbols[0].inputs.place(name)
        {
            let declared = &self.symbols[0].inputs.list[input].item.ty;
            finding = finding.suggest("let nothing else be given", declared.span, wanted.to_string());
        }
        if let Some(help) = help_for_literal(wanted, &found).or_else(|| help_for(wanted, &found.ty)) {
            finding = finding.help(help);
        }
        self.report(finding);
        unknown(found.span)
    }

    /// A guard: true or false, with a help for what is nearly one.
    pub(crate) fn condition(&mut self, scope: &Scope, written: &'a ast::Expr, place: &str) -> Expr {
        self.expect(scope, written, &Type::Bool, place)
    }

    fn text(&mut self, text: &str, span: Span, wanted: Option<&Type>) -> Expr {
        if wanted == Some(&Type::Secret) {
            self.report(
                Diagnostic::error("secret-exposed", span, "a secret cannot be written in a runbook")
                    .help("make it an input: `name : secret from env NAME`"),
            );
            return unknown(span);
        }
        let ty = match wanted {
            Some(ty) if literal::is_written_as_text(ty) => ty.clone(),
            _ => Type::Text,
        };
        match literal::parse(text, &ty) {
            Ok(literal) => {
                let ty = match literal {
                    Literal::Image(ref image) => Type::Image {
                        pinned: literal::is_pinned_image(image),
                    },
                    Literal::Package(ref package) => Type::Package {
                        pinned: literal::is_pinned_package(package),
                    },
                    _ => ty,
                };
                typed(ExprKind::Literal(literal), ty, span)
            }
            Err(reason) => {
                let (loose, how) = match &ty {
                    Type::Image { pinned: true } => (Some(Type::Image { pinned: false }), DIGEST),
                    Type::Package { pinned: true } => (Some(Type::Package { pinned: false }), VERSION),
                    _ => (None, ""),
                };
                // What is an image or a package, and not pinned.
                let floats = loose.is_some_and(|loose| literal::parse(text, &loose).is_ok());
                let slug = if floats { "floating-image" } else { "wrong-type" };
                let finding = Diagnostic::error(slug, span, format!("this is not {}: {reason}", with_article(&ty)));
                self.report(if floats { finding.help(how) } else { finding });
                unknown(span)
            }
        }
    }

    fn int(&mut self, value: i64, span: Span, wanted: Option<&Type>) -> Expr {
        if wanted != Some(&Type::Port) {
            return typed(ExprKind::Literal(Literal::Int(value)), Type::Int, span);
        }
        match u16::try_from(value) {
            Ok(port) if port > 0 => typed(ExprKind::Literal(Literal::Port(port)), Type::Port, span),
            _ => {
                self.error("wrong-type", span, "a port is a number from 1 to 65535");
                unknown(span)
            }
        }
    }

    fn list(&mut self, scope: &Scope, list: &'a [ast::Expr], span: Span, wanted: Option<&Type>) -> Expr {
        let element = match wanted {
            Some(Type::List(element)) => Some(element.as_ref().clone()),
            _ => None,
        };
        let mut common = element.clone();
        let mut elements = Vec::with_capacity(list.len());
        for one in list {
            let found = match &common {
                Some(ty) => {
                    let ty = ty.clone();
                    self.expect(scope, one, &ty, "an element of this list")
                }
                None => self.expr(scope, one, None),
            };
            if common.is_none() && !is_unknown(&found.ty) {
                common = Some(found.ty.clone());
            }
            elements.push(found);
        }
        let Some(ty) = common else {
            if list.is_empty() {
                self.error(
                    "wrong-type",
                    span,
                    "nothing here says what this empty list is a list of",
                );
            }
            return unknown(span);
        };
        typed(ExprKind::List(elements), Type::list(ty), span)
    }

    fn map(&mut self, scope: &Scope, entries: &'a [(ast::Name, ast::Expr)], span: Span, wanted: Option<&Type>) -> Expr {
        match wanted {
            Some(Type::Record(record)) => {
                let record = record.clone();
                self.record(scope, entries, span, &record)
            }
            Some(Type::Map(element)) => {
                let mut found = Vec::with_capacity(entries.len());
                self.refuse_second_keys(entries);
                for (key, value) in entries {
                    let value = self.expect(scope, value, element, &format!("`{}`", key.value));
                    found.push((key.value.clone(), value));
                }
                typed(ExprKind::Map(found), Type::Map(element.clone()), span)
            }
            _ => {
                let message =
                    "`{…}` stands only as an argument that takes a map, or as the record that a question gives";
                self.error("wrong-type", span, message);
                unknown(span)
            }
        }
    }

    /// `{ok: …, status: …}` where a record is given: every field once, none besides.
    fn record(
        &mut self,
        scope: &Scope,
        entries: &'a [(ast::Name, ast::Expr)],
        span: Span,
        record: &std::sync::Arc<crate::types::RecordType>,
    ) -> Expr {
        let mut found: Vec<(String, Expr)> = Vec::with_capacity(entries.len());
        self.refuse_second_keys(entries);
        for (key, value) in entries {
            let Some(ty) = record.field(&key.value).cloned() else {
                self.report_unknown_field(key, record);
                continue;
            };
            let value = self.expect(scope, value, &ty, &format!("the field `{}`", key.value));
            found.push((key.value.clone(), value));
        }
        for (name, ty) in &record.fields {
            if !found.iter().any(|(known, _)| known == name) && !matches!(ty, Type::Optional(_)) {
                let message = format!("the field `{name}` of `{}` is missing", record.name);
                self.error("missing-argument", span, message);
            }
        }
        typed(ExprKind::Map(found), Type::Record(record.clone()), span)
    }

    /// Tells of keys of a map that are given twice.
    pub(crate) fn refuse_second_keys(&mut self, entries: &[(ast::Name, ast::Expr)]) {
        let mut seen = std::collections::BTreeSet::new();
        for (key, _) in entries {
            if !seen.insert(key.value.as_str()) {
                let message = format!("`{}` is given twice", key.value);
                self.error("duplicate-clause", key.span, message);
            }
        }
    }

    fn field(&mut self, scope: &Scope, inner: &'a ast::Expr, field: &'a ast::Name, span: Span) -> Expr {
        let found = self.expr(scope, inner, None);
        match &found.ty {
            Type::Unknown => unknown(span),
            Type::Record(record) => {
                if let Some(ty) = record.field(&field.value).cloned() {
                    return typed(ExprKind::Field(Box::new(found), field.value.clone()), ty, span);
                }
                self.report_unknown_field(field, record);
                unknown(span)
            }
            // An element of a list that steps are done for: no text can say it.
            Type::List(element) if field.value.parse::<u64>().is_ok() => {
                let ty = (**element).clone();
                typed(ExprKind::Field(Box::new(found), field.value.clone()), ty, span)
            }
            Type::Optional(_) => {
                let message = format!("this may be absent, so it has no field `{}` yet", field.value);
                let finding = Diagnostic::error("unknown-field", field.span, message);
                self.report(finding.help("say what holds where it is absent: `… default …`"));
                unknown(span)
            }
            Type::Service => match &found.kind {
                ExprKind::Service(service) if *service == field.value => Expr { span, ..found },
                ExprKind::Service(service) if self.has_member(service, &field.value) => {
                    let member = MemberId::of(service, &field.value).as_str().to_owned();
                    typed(ExprKind::Service(member), Type::Service, span)
                }
                ExprKind::Service(service) => {
                    self.report(no_member(service, &field.value, field.span));
                    unknown(span)
                }
                _ => {
                    let message = "which service this is a member of is not known here";
                    let finding = Diagnostic::error("unknown-field", field.span, message);
                    self.report(finding.help("let the parameter be a `member`, and give it `SERVICE.MEMBER`"));
                    unknown(span)
                }
            },
            other => {
                let message = format!("{} has no fields", with_article(other));
                self.error("unknown-field", field.span, message);
                unknown(span)
            }
        }
    }

    /// Whether a service says that it has this member.
    pub(crate) fn has_member(&self, service: &str, member: &str) -> bool {
        let declared = self.symbols[0].services.get(service);
        let mut clauses = declared.iter().flat_map(|declared| &declared.item.clauses);
        clauses.any(|clause| match clause {
            ast::ServiceClause::Members(members, _) => members.iter().any(|known| known.name.value == member),
            _ => false,
        })
    }

    fn report_unknown_field(&mut self, field: &ast::Name, record: &crate::types::RecordType) {
        let message = format!("`{}` has no field `{}`", record.name, field.value);
        let known = record.fields.iter().map(|(name, _)| name.as_str());
        let finding = Diagnostic::error("unknown-field", field.span, message);
        self.report(suggest(finding, field.span, &field.value, known, "field"));
    }

    fn at_start(&mut self, scope: &Scope, inner: &'a ast::Expr, span: Span) -> Expr {
        let found = self.expr(scope, inner, None);
        let ExprKind::Anchor { name, .. } = found.kind else {
            if !is_unknown(&found.ty) {
                let finding = Diagnostic::error("wrong-type", span, "only an anchor has a recorded answer `at start`");
                self.report(finding.help("declare it: `anchor NAME = …`"));
            }
            return unknown(span);
        };
        if let Some(why) = scope.no_start {
            let message = format!("the answer of `{name}` at the start is not recorded yet");
            self.report(Diagnostic::error("value-not-available", span, message).help(why));
            return unknown(span);
        }
        let found = typed(ExprKind::Anchor { name, at_start: true }, found.ty, span);
        self.refined(scope, found)
    }

    fn default(&mut self, scope: &Scope, value: &'a ast::Expr, other: &'a ast::Expr, span: Span) -> Expr {
        let found = self.expr(scope, value, None);
        match found.ty.clone() {
            Type::Unknown => {
                self.expr(scope, other, None);
                unknown(span)
            }
            Type::Optional(inner) => {
                let other = self.expect(scope, other, &inner, "`default`");
                typed(ExprKind::Default(Box::new(found), Box::new(other)), *inner, span)
            }
            ty => {
                let message = format!("`default` is for what may be absent, and this is always there ({ty})");
                self.report(Diagnostic::error("wrong-type", found.span, message).help("leave `default` out"));
                unknown(span)
            }
        }
    }

    /// The value of an argument that is an expression; a block of effects is none.
    pub(crate) fn argument_expr(&mut self, argument: &'a ast::Argument) -> Option<&'a ast::Expr> {
        match &argument.value {
            ArgumentValue::Expr(expr) => Some(expr),
            ArgumentValue::Effects(effects) => {
                let message = "only an action that declares its effects in the text takes a block of effects";
                self.error("unknown-argument", effects.span, message);
                None
            }
        }
    }
}

const DIGEST: &str = "`docker pull NAME:TAG` prints the digest; write `NAME@sha256:…`";
const VERSION: &str = "write the one version that was tried, such as `NAME=1.2.3`";

/// The finding that a secret would be seen.
pub(crate) fn secret_exposed(span: Span, place: &str) -> Diagnostic {
    Diagnostic::error("secret-exposed", span, format!("{place} would show a secret"))
        .help("a secret goes to standard input, an environment, a header, a body, or into a file by `fs.install`")
}

/// What is said of a text that is written where something else is wanted.
fn help_for_literal(wanted: &Type, found: &Expr) -> Option<String> {
    let ExprKind::Literal(Literal::Text(text)) = &found.kind else {
        return None;
    };
    Some(match wanted {
        Type::Bool if text == "true" || text == "false" => format!("write it without quotes: `{text}`"),
        Type::Int | Type::Port if text.parse::<i64>().is_ok() => format!("write it without quotes: `{text}`"),
        Type::Duration | Type::Size if crate::units::read(text).is_ok() => format!("write it without quotes: `{text}`"),
        Type::Service => {
            "a service is declared, `service NAME { runs … }`, and named by that name without quotes".to_owned()
        }
        Type::State => {
            "protected state is declared, `protect NAME { … }`, and named by that name without quotes".to_owned()
        }
        Type::List(element) if **element == Type::Text => {
            let words: Vec<String> = text.split_whitespace().map(|word| format!("\"{word}\"")).collect();
            format!("write the words one by one: `[{}]`", words.join(", "))
        }
        _ => return None,
    })
}

fn help_for(wanted: &Type, found: &Type) -> Option<String> {
    match (wanted, found) {
        (_, Type::Optional(inner)) if assignable(wanted, inner) => {
            Some("it may be absent; say what holds then: `… default …`, or ask `… is present`".to_owned())
        }
        (Type::Bool, Type::Record(record)) if record.field("ok") == Some(&Type::Bool) => {
            Some("write `… is ok`".to_owned())
        }
        (Type::Bool, Type::Text) => Some("compare it: `x == \"…\"`; behind a label stands a `:`".to_owned()),
        (Type::Bool, Type::Service) => Some("write `… is well`".to_owned()),
        (Type::Image { pinned: true } | Type::Package { pinned: true }, Type::Image { .. } | Type::Package { .. }) => {
            Some("`require … is pinned else \"…\"` before makes it one".to_owned())
        }
        (Type::Path, Type::Text) => Some("a text is no path; join it to one: `folder / name`".to_owned()),
        (Type::Text, Type::Int) => Some("a number is not text; write it in quotes if it is fixed".to_owned()),
        (Type::Duration | Type::Size, Type::Int) => Some("write its unit: `30s`, `5m`, `2GiB`".to_owned()),
        _ if literal::is_written_as_text(wanted) && *found == Type::Text => Some(format!(
            "only a text written here becomes {}; else let the input or question have that type",
            with_article(wanted)
        )),
        _ => None,
    }
}
