//! `on HOST`: where something stands. Everything runs on this machine, so nothing else can be carried out.

use crate::ast;
use crate::check::Checker;
use crate::check::names::not_supported;
use crate::check::types::with_article;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::types::Type;

impl Checker<'_> {
    /// Refuses a host that is not this machine: `local`, or that of a service or of its member.
    pub(crate) fn expect_here(&mut self, host: Option<&ast::Name>) {
        let Some(host) = host.filter(|host| host.value != "local") else {
            return;
        };
        let (first, member) = match host.value.split_once('.') {
            Some((service, member)) => (service, Some(member)),
            None => (host.value.as_str(), None),
        };
        if self.symbols[0].services.place(first).is_some() {
            if let Some(member) = member.filter(|member| *member != first && !self.has_member(first, member)) {
                self.report(no_member(first, member, host.span));
            }
            return;
        }
        if member.is_some() {
            let message = format!("there is no service `{first}` here");
            self.report(
                Diagnostic::error("unknown-name", host.span, message)
                    .help("`on S.m` is the host of the member m of the service S"),
            );
            return;
        }
        let input = self.inputs.iter().find(|input| input.name == host.value);
        match input.map(|input| &input.ty) {
            Some(ty) if !matches!(ty, Type::Host | Type::Unknown) => {
                let message = format!("a host is wanted here, and `{}` is {}", host.value, with_article(ty));
                let finding = Diagnostic::error("wrong-type", host.span, message);
                self.report(finding.help("let the input have the type `host`, or write `on local`"));
            }
            _ => {
                let finding = not_supported(host.span, "`on HOST` for another machine");
                self.report(finding.help("everything runs on this machine: `on local`"));
            }
        }
    }
}

/// That a service has no member of this name.
pub(crate) fn no_member(service: &str, member: &str, span: Span) -> Diagnostic {
    let message = format!("the service `{service}` has no member `{member}`");
    let finding = Diagnostic::error("unknown-name", span, message);
    finding.help(format!(
        "a service without `members` is its own only member: `{service}`, or `{service}.{service}`"
    ))
}
