//! `on HOST`: the machine on which something stands, or is done.

use crate::ast;
use crate::check::Checker;
use crate::check::scope::Scope;
use crate::check::types::with_article;
use crate::check::value::typed;
use crate::diagnostic::Diagnostic;
use crate::model::{Expr, ExprKind};
use crate::source::Span;
use crate::types::Type;

impl Checker<'_> {
    /// The machine that a name speaks of: an input of type `host`, the host of a service's member, or what a
    /// parameter stands for. `None` is this machine, and that of a name that means nothing, which is told.
    pub(crate) fn host(&mut self, scope: Option<&Scope>, host: Option<&ast::Name>) -> Option<Expr> {
        let host = host.filter(|host| host.value != "local")?;
        let Some(local) = scope.and_then(|scope| scope.local(&host.value)) else {
            return self.named_host(host);
        };
        match (local.expr.kind.clone(), &local.expr.ty) {
            (ExprKind::Service(name), _) => self.named_host(&ast::Name::new(name, host.span)),
            (ExprKind::Input(name), Type::Host) => Some(self.known_host(name, host.span)),
            (ExprKind::Field(list, place), Type::Host) => match list.kind {
                // Of a list: it is known where the list is.
                ExprKind::Input(input) => Some(self.known_element(&input, &place, host.span)),
                _ => None,
            },
            // A procedure is looked at by itself before anybody calls it.
            (ExprKind::Parameter(_), Type::Host | Type::Service) | (_, Type::Unknown) => None,
            (_, ty) => {
                self.report(no_host(
                    host,
                    ty,
                    "give it an input of type `host`, a service or a member",
                ));
                None
            }
        }
    }

    fn named_host(&mut self, host: &ast::Name) -> Option<Expr> {
        let (first, member) = match host.value.split_once('.') {
            Some((service, member)) => (service, Some(member)),
            None => (host.value.as_str(), None),
        };
        let list = self.inputs.iter().find(|input| input.name == first);
        let of_list = list.is_some_and(|input| input.ty == Type::list(Type::Host));
        if of_list && let Some(place) = member.filter(|place| place.parse::<u64>().is_ok()) {
            return Some(self.known_element(first, place, host.span));
        }
        if self.symbols[0].services.place(first).is_some() {
            return self.host_of_member(first, member, host.span);
        }
        if member.is_some() {
            let message = format!("there is no service `{first}` here");
            self.report(
                Diagnostic::error("unknown-name", host.span, message)
                    .help("`on S.m` is the host of the member m of the service S"),
            );
            return None;
        }
        let input = self.inputs.iter().find(|input| input.name == host.value);
        match input.map(|input| input.ty.clone()) {
            Some(Type::Host) => Some(self.known_host(host.value.clone(), host.span)),
            Some(Type::Unknown) => None,
            Some(ty) => {
                self.report(no_host(
                    host,
                    &ty,
                    "let the input have the type `host`, or write `on local`",
                ));
                None
            }
            None => {
                let message = format!("there is no host `{}` here", host.value);
                let finding = Diagnostic::error("unknown-name", host.span, message);
                let help = format!(
                    "name it among the inputs: `{} : host`; this machine is `on local`",
                    host.value
                );
                self.report(finding.help(help));
                None
            }
        }
    }

    fn known_host(&mut self, input: String, span: Span) -> Expr {
        self.hosts.insert(input.clone());
        typed(ExprKind::Input(input), Type::Host, span)
    }

    /// An element of a list of hosts that steps are done for.
    fn known_element(&mut self, input: &str, place: &str, span: Span) -> Expr {
        self.hosts.insert(format!("{input}.{place}"));
        let list = typed(ExprKind::Input(input.to_owned()), Type::list(Type::Host), span);
        typed(ExprKind::Field(Box::new(list), place.to_owned()), Type::Host, span)
    }

    /// The host that a member says; that of a service is the one on which all of its members are.
    fn host_of_member(&mut self, service: &str, member: Option<&str>, span: Span) -> Option<Expr> {
        let member = member.filter(|member| *member != service);
        if let Some(member) = member.filter(|member| !self.has_member(service, member)) {
            self.report(no_member(service, member, span));
            return None;
        }
        let declared = self.symbols[0].services.get(service)?;
        let lists = declared.item.clauses.iter().filter_map(|clause| match clause {
            ast::ServiceClause::Members(members, _) => Some(members),
            _ => None,
        });
        let meant = lists
            .flatten()
            .filter(|known| member.is_none_or(|member| known.name.value == member));
        let mut hosts: Vec<Option<&ast::Name>> = meant.map(|known| known.host.as_ref()).collect();
        hosts.dedup_by_key(|host| host.map(|host| host.value.as_str()));
        match hosts.as_slice() {
            // What such a member says of its host is looked at where it stands.
            [Some(host)] if host.value != "local" && !host.value.contains('.') => {
                let mut inputs = self.inputs.iter();
                let is_host = inputs.any(|input| input.name == host.value && input.ty == Type::Host);
                is_host.then(|| self.known_host(host.value.clone(), span))
            }
            [] | [_] => None,
            _ => {
                let message = format!("the members of `{service}` are on several hosts");
                let finding = Diagnostic::error("wrong-type", span, message);
                self.report(finding.help(format!("say which one is meant: `on {service}.MEMBER`")));
                None
            }
        }
    }
}

fn no_host(host: &ast::Name, ty: &Type, help: &str) -> Diagnostic {
    let message = format!("a host is wanted here, and `{}` is {}", host.value, with_article(ty));
    Diagnostic::error("wrong-type", host.span, message).help(help)
}

/// That a service has no member of this name.
pub(crate) fn no_member(service: &str, member: &str, span: Span) -> Diagnostic {
    let message = format!("the service `{service}` has no member `{member}`");
    let finding = Diagnostic::error("unknown-name", span, message);
    finding.help(format!(
        "a service without `members` is its own only member: `{service}`, or `{service}.{service}`"
    ))
}
