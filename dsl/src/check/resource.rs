//! Resources as written: `tree(p)`, `key(file, "NAME")`, a service, a state, a question that names one.

use crate::ast;
use crate::check::Checker;
use crate::check::arguments::Wanted;
use crate::check::scope::Scope;
use crate::check::types::{is_unknown, with_article};
use crate::check::value::unknown;
use crate::diagnostic::Diagnostic;
use crate::effect::{Resource, ResourceKind};
use crate::model::{Expr, ExprKind};
use crate::types::Type;

/// The keys of each kind: a name and a type.
fn keys(kind: ResourceKind) -> &'static [(&'static str, Type)] {
    match kind {
        ResourceKind::File | ResourceKind::Tree | ResourceKind::Link | ResourceKind::Backup => &[("path", Type::Path)],
        ResourceKind::Key => &[("file", Type::Path), ("name", Type::Text)],
        ResourceKind::Image => &[("reference", Type::Image { pinned: false })],
        ResourceKind::Member => &[("service", Type::Service), ("name", Type::Text)],
        ResourceKind::Service => &[("service", Type::Service)],
        ResourceKind::Endpoint => &[("url", Type::Url)],
        ResourceKind::Port => &[("number", Type::Port)],
        ResourceKind::State => &[("state", Type::State)],
        ResourceKind::Package
        | ResourceKind::Volume
        | ResourceKind::Container
        | ResourceKind::Ingress
        | ResourceKind::Unit
        | ResourceKind::External => &[("name", Type::Text)],
    }
}

impl<'a> Checker<'a> {
    /// A call that names a resource.
    pub(crate) fn resource_call(
        &mut self,
        scope: &Scope,
        kind: ResourceKind,
        call: &'a ast::Call,
    ) -> Option<Resource<Expr>> {
        let keys = keys(kind);
        let wanted: Vec<Wanted> = keys
            .iter()
            .map(|(name, ty)| Wanted {
                name: (*name).to_owned(),
                ty: ty.clone(),
                required: true,
                sink: None,
            })
            .collect();
        let mut found: Vec<Option<Expr>> = vec![None; keys.len()];
        for (position, argument) in call.arguments.iter().enumerate() {
            let value = self.argument_expr(argument)?;
            let place = match &argument.name {
                Some(name) => keys.iter().position(|(known, _)| *known == name.value),
                None => Some(position).filter(|position| *position < keys.len()),
            };
            let Some(place) = place else {
                let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
                let message = format!("`{kind}` is written `{kind}({})`", names.join(", "));
                self.error("unknown-argument", value.span, message);
                return None;
            };
            found[place] = Some(self.argument(scope, value, &wanted[place]));
        }
        let given: Vec<Expr> = found.into_iter().flatten().collect();
        if given.len() < keys.len() {
            let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
            let message = format!("`{kind}` is written `{kind}({})`", names.join(", "));
            self.error("missing-argument", call.span, message);
            return None;
        }
        if given.iter().any(|key| is_unknown(&key.ty)) {
            return None;
        }
        Some(Resource::keyed(kind, given).placed(scope.host.as_ref()).into_owned())
    }

    /// What a word of a block of effects speaks of; `wanted` says where to look a plain name up first.
    pub(crate) fn operand(&mut self, scope: &Scope, written: &'a ast::Expr, wanted: &Type) -> Option<Resource<Expr>> {
        let found = self.expr(scope, written, Some(wanted));
        self.resource_of(found)
    }

    /// The resource that an expression is.
    pub(crate) fn resource_of(&mut self, found: Expr) -> Option<Resource<Expr>> {
        match (&found.ty, &found.kind) {
            (Type::Unknown, _) => None,
            (Type::Service, _) => Some(Resource::new(ResourceKind::Service, found)),
            (Type::State, _) => Some(Resource::new(ResourceKind::State, found)),
            (Type::Backup, _) => Some(Resource::new(ResourceKind::Backup, found)),
            (Type::Resource, ExprKind::Resource(resource)) => Some((**resource).clone()),
            (Type::Resource, ExprKind::Parameter(_)) => Some(Resource::new(ResourceKind::External, found)),
            (Type::Resource, _) => {
                let message = "which resource this is must be fixed before the change starts";
                let finding = Diagnostic::error("value-not-available", found.span, message);
                self.report(finding.help("let the question give a resource of fixed values: `give ingress(name)`"));
                None
            }
            (other, _) => {
                let message = format!("this is no resource but {}", with_article(other));
                let finding = Diagnostic::error("wrong-type", found.span, message);
                self.report(finding.help(
                    "name a service, a protected state, or a resource: `tree(path)`, `file(path)`, `key(file, \"NAME\")`, `unit(\"name\")`, `external(\"name\")`",
                ));
                None
            }
        }
    }

    /// The resource that a call names, for the clauses of a service.
    pub(crate) fn fixed_resource(&mut self, scope: &Scope, call: &'a ast::Call) -> Option<Resource<Expr>> {
        let found = self.call(scope, call, call.span);
        if is_unknown(&found.ty) {
            return None;
        }
        let found = if found.ty == Type::Resource {
            found
        } else {
            self.error(
                "wrong-type",
                call.span,
                "a resource is wanted here, such as `link(path)` or `ingress(\"name\")`",
            );
            unknown(call.span)
        };
        self.resource_of(found)
    }
}
