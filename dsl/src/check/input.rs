//! Inputs: types, defaults over earlier inputs, where secrets come from.

use crate::ast::{self, SecretSource as Written, TypeExprKind};
use crate::check::Checker;
use crate::check::scope::Scope;
use crate::check::types::{is_unknown, with_article};
use crate::diagnostic::Diagnostic;
use crate::model::{Expr, ExprKind, Input, SecretSource};
use crate::types::Type;

impl<'a> Checker<'a> {
    /// Checks the inputs in order; each knows those above it.
    pub(crate) fn check_inputs(&mut self) {
        for place in 0..self.symbols[0].inputs.list.len() {
            let declared = self.symbols[0].inputs.list[place].item;
            let input = self.one_input(declared);
            self.inputs.push(input);
        }
    }

    fn one_input(&mut self, declared: &'a ast::Input) -> Input {
        let mut ty = self.resolve_type(0, &declared.ty);
        if !is_unknown(&ty) && !may_be_given(&ty) {
            let message = format!("nobody can give {} from outside", with_article(&ty));
            let finding = Diagnostic::error("wrong-type", declared.ty.span, message);
            self.report(finding.help("take a text, a number, a path, an address, an image … or a list of these"));
            // What follows from it is no second mistake.
            ty = Type::Unknown;
        }
        let scope = Scope::fixed(0, "the default of an input");
        let place = format!("the input `{}`", declared.name.value);
        let default = match &declared.default {
            Some(default) if ty == Type::Secret => {
                let finding = Diagnostic::error("secret-exposed", default.span, "a secret has no default");
                self.report(finding.help("say where it comes from: `from env NAME`"));
                None
            }
            Some(default) => {
                let found = self.expect(&scope, default, &ty, &place);
                self.expect_few(declared, &found);
                Some(found).filter(|found| !is_unknown(&found.ty))
            }
            None => None,
        };
        Input {
            name: declared.name.value.clone(),
            doc: declared.doc.clone(),
            at_most: self.at_most(&declared.ty),
            default,
            secret: self.secret_source(declared, &ty),
            ty,
            span: declared.name.span,
            ty_span: declared.ty.span,
        }
    }

    /// A default keeps to the bound of its list.
    fn expect_few(&mut self, declared: &ast::Input, default: &Expr) {
        let (TypeExprKind::List(_, Some(most)), ExprKind::List(elements)) = (&declared.ty.kind, &default.kind) else {
            return;
        };
        if u64::try_from(*most).is_ok_and(|most| most > 0 && elements.len() as u64 > most) {
            let count = elements.len();
            let message = format!(
                "`{}` takes at most {most} elements, and these are {count}",
                declared.name.value
            );
            self.error("wrong-type", default.span, message);
        }
    }

    fn at_most(&mut self, ty: &ast::TypeExpr) -> Option<u64> {
        let TypeExprKind::List(_, Some(most)) = &ty.kind else {
            return None;
        };
        let most = u64::try_from(*most).ok().filter(|most| *most > 0);
        if most.is_none() {
            self.error("wrong-type", ty.span, "`at most` takes a number above zero");
        }
        most
    }

    fn secret_source(&mut self, declared: &'a ast::Input, ty: &Type) -> Option<SecretSource> {
        match (&declared.source, ty) {
            (None, Type::Secret) => {
                let message = format!("the secret `{}` does not say where it comes from", declared.name.value);
                let finding = Diagnostic::error("missing-clause", declared.name.span, message);
                self.report(
                    finding.help("add `from env NAME`, `from file PATH`, `from prompt` or `from command [argv]`"),
                );
                None
            }
            (Some(_), other) if *other != Type::Secret => {
                if !is_unknown(other) {
                    let message = "only a secret says where it comes from";
                    let finding = Diagnostic::error("misplaced-statement", declared.span, message);
                    self.report(finding.help("make it `secret`, or leave `from …` out"));
                }
                None
            }
            (None, _) => None,
            (Some(source), _) => {
                let scope = Scope::fixed(0, "where a secret comes from");
                Some(match source {
                    Written::Env(name) => SecretSource::Env(name.value.clone()),
                    Written::File(path) => SecretSource::File(self.expect(&scope, path, &Type::Path, "`from file`")),
                    Written::Prompt(words) => SecretSource::Prompt(words.as_ref().map(|words| words.value.clone())),
                    Written::Command(argv) => {
                        let ty = Type::list(Type::Text);
                        SecretSource::Command(self.expect(&scope, argv, &ty, "`from command`"))
                    }
                })
            }
        }
    }
}

/// Whether a value of this type can be given from outside.
fn may_be_given(ty: &Type) -> bool {
    match ty {
        Type::List(inner) | Type::Map(inner) | Type::Optional(inner) => **inner != Type::Secret && may_be_given(inner),
        Type::Record(_)
        | Type::Backup
        | Type::Service
        | Type::State
        | Type::Resource
        | Type::Nothing
        | Type::Unknown => false,
        _ => true,
    }
}
