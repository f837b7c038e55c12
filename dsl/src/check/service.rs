//! Services and protected states: what the change is about, fixed by the inputs.

use std::collections::BTreeMap;

use crate::ast::{self, ServiceClause};
use crate::catalogue::Sink;
use crate::check::Checker;
use crate::check::arguments::Wanted;
use crate::check::links::Node;
use crate::check::names::{Declared, duplicate};
use crate::check::scope::{Scope, Values};
use crate::check::steps::{heading, title};
use crate::check::suggest::suggest;
use crate::check::types::is_unknown;
use crate::check::value::{typed, unknown};
use crate::diagnostic::Diagnostic;
use crate::effect::{Resource, ResourceKind};
use crate::model::{Check, Expr, ExprKind, Literal, ProtectedState, Service};
use crate::service_kind::{STOP_SIGNALS, ServiceKind};
use crate::source::Span;
use crate::topology::{self, Begins, Excepted, Member, MemberId, Runs, Writes};
use crate::types::Type;

impl<'a> Checker<'a> {
    /// Checks every service, in order.
    pub(crate) fn check_services(&mut self) -> Vec<Service> {
        let mut found = Vec::new();
        for place in 0..self.symbols[0].services.list.len() {
            let declared = self.symbols[0].services.list[place];
            let (service, known) = self.service(declared);
            self.topology.services.insert(service.name.clone(), known);
            self.services.insert(service.name.clone(), service.clone());
            found.push(service);
        }
        found
    }

    fn service(&mut self, declared: Declared<'a, ast::Service>) -> (Service, topology::Service<Expr>) {
        let item = declared.item;
        let scope = Scope::fixed(0, "a service");
        let mut service = Service {
            name: item.name.value.clone(),
            title: title(item.title.as_ref(), &item.name),
            doc: declared.doc.to_owned(),
            well: None,
            span: heading(&item.name, item.title.as_ref()),
        };
        let mut plain = Member::new(Runs::new(ServiceKind::Process, unknown(declared.span)), Begins::Running);
        let mut known = topology::Service::of(BTreeMap::new());
        let mut seen = Vec::new();
        let mut members = None;
        for clause in &item.clauses {
            if once(clause).is_some_and(|(word, span)| !self.is_first(&mut seen, word, span)) {
                continue;
            }
            match clause {
                ServiceClause::Well(check) => service.well = Some(self.well(check, &service.title)),
                ServiceClause::Runs(call) => plain.runs = self.runs(&scope, call).unwrap_or(plain.runs),
                ServiceClause::PinnedBy(call) => plain.pinned_by = self.fixed_resource(&scope, call),
                ServiceClause::Begins(word) => plain.begins = self.how(word, "begins").unwrap_or(plain.begins),
                ServiceClause::Ends(word) => plain.ends = self.how(word, "ends"),
                ServiceClause::Members(list, span) => members = Some((list, *span)),
                other => self.service_clause(&scope, other, &mut known),
            }
        }
        let runs = seen.iter().find(|(word, _)| *word == "runs").map(|(_, span)| *span);
        match (members, runs) {
            (Some((list, span)), runs) => {
                if let Some(runs) = runs {
                    let message = "a service with `members` runs as these, and as nothing beside them";
                    let finding = Diagnostic::error("duplicate-clause", runs, message);
                    self.report(finding.related(span, "its members are here"));
                }
                known.members = self.members(&scope, &service.name, list, &plain);
                self.expect_enough(&known, &service.name, span);
            }
            (None, runs) => {
                if runs.is_none() {
                    let message = format!("the service `{}` does not say what it is", service.name);
                    let finding = Diagnostic::error("missing-clause", declared.span, message);
                    self.report(finding.help("add `runs process(\"name\")`, `container(\"name\")`, `compose(project, name: \"name\")` or `unit(\"name\")`"));
                }
                known.members.insert(MemberId::only(&service.name), plain);
            }
        }
        (service, known)
    }

    /// The members of a service; what they do not say of themselves the service says for all.
    fn members(
        &mut self,
        scope: &Scope,
        service: &str,
        list: &'a [ast::Member],
        plain: &Member<Expr>,
    ) -> BTreeMap<MemberId, Member<Expr>> {
        let mut found: BTreeMap<MemberId, Member<Expr>> = BTreeMap::new();
        let mut names: BTreeMap<&str, Span> = BTreeMap::new();
        for written in list {
            if let Some(first) = names.insert(&written.name.value, written.name.span) {
                let finding = duplicate(&written.name.value, "member", first, written.name.span);
                self.report(finding);
            }
            let mut member = plain.clone();
            member.host = self.host(None, written.host.as_ref());
            member.runs = self.runs(scope, &written.runs).unwrap_or(member.runs);
            if let Some(pin) = &written.pinned_by {
                member.pinned_by = self.fixed_resource(scope, pin);
            }
            if let Some(begins) = &written.begins {
                member.begins = self.how(begins, "begins").unwrap_or(member.begins);
            }
            if let Some(ends) = &written.ends {
                member.ends = self.how(ends, "ends").or(member.ends);
            }
            let host = member.host.as_ref();
            member.pinned_by = member.pinned_by.map(|pin| pin.placed(host).into_owned());
            found.insert(MemberId::of(service, &written.name.value), member);
        }
        found
    }

    /// What a service promises of its members, they keep at the start.
    fn expect_enough(&mut self, service: &topology::Service<Expr>, name: &str, span: Span) {
        let running = service
            .members
            .values()
            .filter(|member| member.begins == Begins::Running);
        let running = running.count() as u64;
        let (problem, help) = if service.members.is_empty() {
            (
                format!("the service `{name}` has no member"),
                "name at least one: `a: process(\"a\")`".to_owned(),
            )
        } else if !service.writes.is_empty() && running > service.writers_at_most {
            (
                format!(
                    "{running} members of `{name}` run at the start and write, and it has `writers at most {}`",
                    service.writers_at_most
                ),
                format!("add `writers at most {running}`, or let members `begins stopped`"),
            )
        } else if running < service.serving_at_least {
            (
                format!(
                    "{running} members of `{name}` run at the start, and it promises `serving at least {}`",
                    service.serving_at_least
                ),
                "promise less, or let more of them begin running".to_owned(),
            )
        } else {
            return;
        };
        self.report(Diagnostic::error("missing-clause", span, problem).help(help));
    }

    fn service_clause(&mut self, scope: &Scope, clause: &'a ServiceClause, service: &mut topology::Service<Expr>) {
        match clause {
            ServiceClause::Runs(_)
            | ServiceClause::PinnedBy(_)
            | ServiceClause::Begins(_)
            | ServiceClause::Ends(_)
            | ServiceClause::Members(..)
            | ServiceClause::Well(_)
            // The reason is for whoever approves: `crate::allow`.
            | ServiceClause::Mixed(_) => {}
            ServiceClause::Behind(call) => service.behind = self.fixed_resource(scope, call),
            ServiceClause::Writes { state, unmigrated } => {
                if service.is_writer(&state.value) {
                    let message = format!("`writes {}` is said twice", state.value);
                    self.error("duplicate-clause", state.span, message);
                } else if self.symbols[0].states.place(&state.value).is_some() {
                    service.writes.push(Writes {
                        state: state.value.clone(),
                        migrates: unmigrated.is_none(),
                    });
                } else {
                    let message = format!("there is no protected state `{}`", state.value);
                    let finding = Diagnostic::error("unknown-name", state.span, message);
                    let known: Vec<&str> = self.symbols[0].states.names().collect();
                    self.report(suggest(finding, state.span, &state.value, known, "protected state"));
                }
            }
            ServiceClause::Writers(most) => match u64::try_from(most.value) {
                Ok(most) if most > 0 => service.writers_at_most = most,
                _ => self.error("wrong-type", most.span, "a number above zero is wanted"),
            },
            ServiceClause::Serving(least) => match u64::try_from(least.value) {
                Ok(least) => service.serving_at_least = least,
                Err(_) => self.error("wrong-type", least.span, "a number from zero on is wanted"),
            },
            ServiceClause::OneRelease(_) => service.has_one_release = true,
            ServiceClause::Ignores { part, .. } => service.ignores.extend(self.state_part(part)),
        }
    }

    /// How a service `begins` or `ends`.
    fn how(&mut self, word: &ast::Name, clause: &str) -> Option<Begins> {
        match word.value.as_str() {
            "running" => return Some(Begins::Running),
            "stopped" => return Some(Begins::Stopped),
            "absent" => return Some(Begins::Absent),
            "standby" => return Some(Begins::Standby),
            other => {
                let message = format!("a service {clause} running, standby, stopped or absent, not `{other}`");
                let finding = Diagnostic::error("unknown-name", word.span, message);
                let known = ["running", "standby", "stopped", "absent"];
                self.report(suggest(finding, word.span, other, known, "word"));
            }
        }
        None
    }

    fn runs(&mut self, scope: &Scope, call: &'a ast::Call) -> Option<Runs<Expr>> {
        let name = call.path.first().filter(|_| call.path.len() == 1);
        let Some(kind) = name.and_then(|name| ServiceKind::from_word(&name.value)) else {
            let written = crate::check::callee::dotted(&call.path);
            let span = call.path.first().map_or(call.span, |name| name.span);
            let finding = Diagnostic::error("unknown-name", span, format!("a service is no `{written}`"));
            let known = ServiceKind::all().map(ServiceKind::word);
            self.report(suggest(finding, span, &written, known, "kind of service"));
            return None;
        };
        let parameters = runs_parameters(kind);
        let matched = self.match_arguments(call, &parameters, false);
        let mut names = Vec::new();
        let mut known_by = BTreeMap::new();
        for (parameter, value) in parameters.iter().zip(matched.values) {
            match (parameter.name.as_str(), value) {
                (_, Some(value)) if parameter.required => names.push(self.argument(scope, value, parameter)),
                (_, None) if parameter.required => return None,
                (_, None) => {}
                ("stop", Some(value)) => known_by.extend(self.how_to_stop(scope, value)),
                ("arguments", Some(value)) => {
                    known_by.insert("arguments", self.words(scope, value, parameter));
                }
                (name, Some(value)) => {
                    let found = self.argument(scope, value, parameter);
                    let word = kind.known_by().iter().find(|(word, _)| *word == name);
                    known_by.extend(word.map(|(word, _)| (*word, vec![found])));
                }
            }
        }
        let mut runs = Runs::with(kind, names)?;
        runs.known_by = known_by;
        Some(runs)
    }

    /// `stop: QUIT`, or a command.
    fn how_to_stop(&mut self, scope: &Scope, written: &'a ast::Expr) -> Option<(&'static str, Vec<Expr>)> {
        if let ast::ExprKind::Name(name) = &written.kind {
            if STOP_SIGNALS.contains(&name.as_str()) {
                let signal = ExprKind::Literal(Literal::Text(name.clone()));
                return Some(("stop", vec![typed(signal, Type::Text, written.span)]));
            }
            let message =
                format!("a service is asked to stop by a signal or a command, and `{name}` is no such signal");
            let finding = Diagnostic::error("unknown-name", written.span, message);
            let known = STOP_SIGNALS.iter().copied();
            self.report(suggest(finding, written.span, name, known, "signal"));
            return None;
        }
        let command = wanted("stop", Type::list(Type::Text), false);
        Some(("stop_command", self.words(scope, written, &command)))
    }

    /// Words that are written out.
    fn words(&mut self, scope: &Scope, written: &'a ast::Expr, parameter: &Wanted) -> Vec<Expr> {
        let found = self.argument(scope, written, parameter);
        match found.kind {
            ExprKind::List(words) => words,
            _ if is_unknown(&found.ty) => Vec::new(),
            _ => {
                let message = format!("`{}` takes words that are written out here: [\"…\", …]", parameter.name);
                self.error("wrong-type", written.span, message);
                Vec::new()
            }
        }
    }

    fn well(&mut self, written: &'a ast::Check, title: &str) -> Check {
        self.expect_bound(written);
        if let Some(soaks) = &written.soaks {
            let message = "being well is asked at one moment, and `for` asks whether something stays so";
            let finding = Diagnostic::error("misplaced-statement", soaks.span, message);
            self.report(finding.help("leave it out here, and say it in a step: `check \"…\": E for 10m every 30s`"));
        }
        if let Some(unless) = &written.unless {
            let message = "being well is asked at one moment, and `unless` ends a check that goes on";
            let finding = Diagnostic::error("misplaced-statement", unless.span, message);
            self.report(finding.help("leave it out here, and say it in the step: `check SERVICE is well unless E`"));
        }
        let before = self.links.enter(Node::Well);
        let mut scope = Scope::new(0, Values::None("being well is asked at any time, before any step too"));
        scope.is_closed = true;
        scope.no_start = Some("being well is asked before anything is recorded");
        let condition = self.condition(&scope, &written.condition, "`well`");
        self.links.leave(before);
        Check {
            label: written
                .label
                .as_ref()
                .map_or_else(|| format!("{title} is well"), |label| label.value.clone()),
            within_ms: written
                .within
                .as_ref()
                .map_or_else(|| self.usual_within_ms(&condition), |within| within.value),
            condition,
            every_ms: written
                .every
                .as_ref()
                .filter(|_| written.soaks.is_none())
                .map(|every| every.value),
            misses: None,
            unless: None,
            service: None,
        }
    }

    /// Checks every protected state, in order.
    pub(crate) fn check_states(&mut self) -> Vec<ProtectedState> {
        let mut found = Vec::new();
        for place in 0..self.symbols[0].states.list.len() {
            let Declared { doc, item, span } = self.symbols[0].states.list[place];
            let host = self.host(None, item.host.as_ref());
            if item.parts.is_empty() {
                let message = format!("the protected state `{}` has no parts", item.name.value);
                let finding = Diagnostic::error("missing-clause", span, message);
                self.report(finding.help("name what has to survive: `path …`, `volume …`, `file …`"));
            }
            let (mut parts, mut excepted) = (Vec::new(), Vec::new());
            for written in &item.parts {
                if let Some(part) = self.state_part(&written.part) {
                    let places = self.excepted(written).into_iter();
                    excepted.extend(places.map(|path| Excepted {
                        part: parts.len(),
                        path,
                    }));
                    parts.push(part.placed(host.as_ref()).into_owned());
                }
            }
            self.topology.states.insert(item.name.value.clone(), parts);
            if !excepted.is_empty() {
                self.topology.excepted.insert(item.name.value.clone(), excepted);
            }
            found.push(ProtectedState {
                name: item.name.value.clone(),
                title: title(item.title.as_ref(), &item.name),
                doc: doc.to_owned(),
                span: heading(&item.name, item.title.as_ref()),
            });
        }
        found
    }

    /// What is excepted from a part; a place within another goes without saying.
    fn excepted(&mut self, written: &ast::Protected) -> Vec<String> {
        let mut places: Vec<&str> = Vec::new();
        for except in &written.except {
            let is_name = |name: &str| !name.is_empty() && name != "." && name != "..";
            let message = if written.part.kind.value == "file" {
                "a file holds no places that could be left out".to_owned()
            } else if !except.value.split('/').all(is_name) {
                format!("`{}` is no place within it", except.value)
            } else {
                places.push(&except.value);
                continue;
            };
            let finding = Diagnostic::error("wrong-type", except.span, message);
            self.report(finding.help(
                "say how the place is called within the part that it stands behind: `path state except \"cache\", \"var/log\"`",
            ));
        }
        let is_within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        let outermost = places.iter().enumerate().filter(|(at, place)| {
            !places[..*at].contains(place) && !places.iter().any(|outer| is_within(place, outer))
        });
        outermost.map(|(_, place)| (*place).to_owned()).collect()
    }

    fn state_part(&mut self, part: &'a ast::ProtectPart) -> Option<Resource<Expr>> {
        let scope = Scope::fixed(0, "what is protected");
        let ty = if part.kind.value == "volume" {
            Type::Text
        } else {
            Type::Path
        };
        let place = format!("`{}`", part.kind.value);
        let value = self.expect(&scope, &part.value, &ty, &place);
        match part.kind.value.as_str() {
            "path" => Some(Resource::new(ResourceKind::Tree, value)),
            "volume" => Some(Resource::new(ResourceKind::Volume, value)),
            "file" => Some(Resource::new(ResourceKind::File, value)),
            other => {
                let finding = Diagnostic::error(
                    "unknown-name",
                    part.kind.span,
                    format!("what is protected has no part `{other}`"),
                );
                let known = ["path", "volume", "file"];
                self.report(suggest(finding, part.kind.span, other, known, "part"));
                None
            }
        }
    }
}

/// Everything that may stand in the brackets behind a kind of service.
fn runs_parameters(kind: ServiceKind) -> Vec<Wanted> {
    let names = kind
        .parameters()
        .iter()
        .map(|(name, ty)| wanted(name, ty.clone(), true));
    let known_by = kind.known_by().iter().map(|(name, ty)| wanted(name, ty.clone(), false));
    let words = ["arguments", "stop"].map(|name| wanted(name, Type::list(Type::Text), false));
    let words = words.into_iter().filter(|_| kind.has_command_line());
    names.chain(known_by).chain(words).collect()
}

fn wanted(name: &str, ty: Type, required: bool) -> Wanted {
    Wanted {
        name: name.to_owned(),
        sink: matches!(ty, Type::List(_)).then_some(Sink::Argv),
        ty,
        required,
    }
}

/// The word of a clause that is said once.
fn once(clause: &ServiceClause) -> Option<(&'static str, Span)> {
    Some(match clause {
        ServiceClause::Runs(call) => ("runs", call.span),
        ServiceClause::PinnedBy(call) => ("pinned by", call.span),
        ServiceClause::Behind(call) => ("behind", call.span),
        ServiceClause::Well(check) => ("well", check.span),
        ServiceClause::Begins(word) => ("begins", word.span),
        ServiceClause::Ends(word) => ("ends", word.span),
        ServiceClause::Members(_, span) => ("members", *span),
        ServiceClause::Writers(most) => ("writers", most.span),
        ServiceClause::Serving(least) => ("serving", least.span),
        // One says the contrary of the other.
        ServiceClause::OneRelease(span) => ("one release in front` or `mixed because", *span),
        ServiceClause::Mixed(because) => ("one release in front` or `mixed because", because.span),
        ServiceClause::Writes { .. } | ServiceClause::Ignores { .. } => return None,
    })
}
