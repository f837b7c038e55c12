//! `mixed-targets`: two members that run at the start and claim one port or one pid file. What is said of the one
//! would be seen of the other.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::prove::Case;
use crate::topology::Begins;

/// What two cannot have at once, and what people call it.
const CLAIMS: [(&str, &str); 2] = [("port", "port"), ("pid_file", "pid file")];

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    let members: Vec<_> = case.topology.members().collect();
    for (at, (id, member, _)) in members.iter().enumerate() {
        for (other_id, other, _) in &members[..at] {
            if member.begins != Begins::Running || other.begins != Begins::Running || member.host != other.host {
                continue;
            }
            let claims = |word: &str| member.runs.known_by.get(word).zip(other.runs.known_by.get(word));
            let shared = CLAIMS
                .iter()
                .find(|(word, _)| claims(word).is_some_and(|(one, two)| one == two));
            let Some((_, what)) = shared else { continue };
            let services = [id.service(), other_id.service()].map(|name| case.runbook.service(name));
            let [Some(service), Some(other)] = services else {
                continue;
            };
            let (first, second) = if other.span <= service.span {
                (other, service)
            } else {
                (service, other)
            };
            let message = format!("{other_id} and {id} both run at the start and have one {what}");
            let found = Diagnostic::warning("mixed-targets", second.span, message);
            let found = found.help(format!(
                "say the {what} that each of them has, or how one of them begins"
            ));
            diagnostics.push(if first.span == second.span {
                found
            } else {
                found.cause(first.span, "the other is declared here")
            });
        }
    }
}
