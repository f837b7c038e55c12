//! A small catalogue, and the checker called on texts: for unit tests.

use crate::catalogue::{Catalogue, Parameter, Pattern, Settle, Signature, Sink};
use crate::check::{ModuleText, check};
use crate::diagnostic::Diagnostics;
use crate::effect::{Cancel, Effect, Repeat, Resource, ResourceKind};
use crate::model::{Expr, Runbook, Statement, StatementKind, Undo};
use crate::parse::parse;
use crate::source::SourceMap;
use crate::types::Type;

/// What the checker made of texts.
pub(super) struct Checked {
    pub(super) runbook: Option<Runbook>,
    /// `slug: text at the place` for each finding, by place.
    pub(super) found: Vec<String>,
    /// The messages and helps of each finding, by place.
    pub(super) words: Vec<String>,
}

/// Checks a runbook with modules; each uses, by its `use` lines, those of the list by name.
pub(super) fn check_texts(text: &str, modules: &[(&str, &str)]) -> Checked {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let texts: Vec<(&str, &str)> = std::iter::once(("runbook", text))
        .chain(modules.iter().copied())
        .collect();
    let files: Vec<_> = texts
        .iter()
        .map(|(name, text)| parse(sources.add(*name, *text), text, &mut diagnostics))
        .collect();
    let uses: Vec<Vec<(String, usize)>> = files
        .iter()
        .map(|file| {
            let used = file.uses.iter().map(|used| used.name.value.clone());
            used.filter_map(|name| {
                let place = texts.iter().position(|(known, _)| *known == name)?;
                Some((name, place))
            })
            .collect()
        })
        .collect();
    let missing: Vec<String> = Vec::new();
    let modules: Vec<ModuleText<'_>> = files
        .iter()
        .zip(&uses)
        .map(|(file, uses)| ModuleText {
            file,
            uses,
            missing: &missing,
        })
        .collect();
    let catalogue = catalogue();
    let runbook = check(&modules, &catalogue, &mut diagnostics);
    let sorted = diagnostics.into_sorted();
    let words = sorted.iter().map(|finding| {
        let helps: Vec<&str> = finding.help.iter().map(|help| help.message.as_str()).collect();
        format!("{} | {}", finding.message, helps.join(" | "))
    });
    Checked {
        runbook,
        words: words.collect(),
        found: sorted
            .iter()
            .map(|finding| format!("{}: {}", finding.slug, sources.text(finding.span)))
            .collect(),
    }
}

/// Checks a text that must be right.
pub(super) fn right(text: &str) -> Runbook {
    let checked = check_texts(text, &[]);
    assert_eq!(checked.found, Vec::<String>::new(), "{:#?}", checked.words);
    let runbook = checked.runbook.expect("a runbook");
    assert_no_unknown(&runbook);
    runbook
}

/// What is found in a text, by place.
pub(super) fn found(text: &str) -> Vec<String> {
    check_texts(text, &[]).found
}

/// Every expression of a checked runbook has a type.
pub(super) fn assert_no_unknown(runbook: &Runbook) {
    let known = |expr: &Expr| {
        for part in crate::walk::deep(expr) {
            assert!(!crate::check::types::is_unknown(&part.ty), "{part:?}");
        }
    };
    let program = crate::program::Program::new(std::sync::Arc::new(runbook.clone()));
    for (_, statement) in program.statements() {
        crate::walk::expressions(statement).into_iter().for_each(known);
    }
    runbook
        .bindings
        .iter()
        .for_each(|binding| assert!(!crate::check::types::is_unknown(&binding.ty), "{binding:?}"));
}

/// The keys of statements, undos after their statement.
pub(super) fn keys(statements: &[Statement]) -> Vec<String> {
    let mut found = Vec::new();
    for statement in statements {
        found.push(statement.key.clone());
        if let StatementKind::Do(action) = &statement.kind
            && let Some(Undo::Body(undo)) = &action.undo
        {
            found.extend(keys(&undo.body.statements));
        }
    }
    found
}

/// The small catalogue.
pub(super) fn catalogue() -> Catalogue {
    let made = reads().into_iter().chain(changes());
    Catalogue::new(made.map(|made| made.0))
}

fn setting() -> Resource<Pattern> {
    let key = [Pattern::Parameter("file"), Pattern::Parameter("key")];
    Resource::keyed(ResourceKind::Key, key.to_vec())
}

fn reads() -> Vec<Made> {
    let verdict = Type::record("Verdict", &[("ok", Type::Bool), ("entries", Type::Int)]);
    let reply = Type::record(
        "Reply",
        &[("ok", Type::Bool), ("status", Type::Int), ("body", Type::Text)],
    );
    let printed = [
        ("ok", Type::Bool),
        ("status", Type::Int),
        ("stdout", Type::Text),
        ("stderr", Type::Text),
    ];
    vec![
        read("fs", "key", Type::Text)
            .takes("file", Type::Path)
            .takes("key", Type::Text)
            .effects(Effect::ValueOf(setting())),
        read("fs", "size", Type::Size).takes("path", Type::Path),
        read("fs", "free", Type::Size).takes("path", Type::Path),
        read("fs", "target", Type::Path)
            .takes("link", Type::Path)
            .effects(Effect::ValueOf(of(ResourceKind::Link, "link"))),
        read("fs", "find", Type::Optional(Box::new(Type::Path))).takes("name", Type::Text),
        read("fs", "read", Type::Text).takes("file", Type::Path),
        read("http", "get", reply)
            .takes("url", Type::Url)
            .may_take("headers", Type::Map(Box::new(Type::Text)))
            .sink(Sink::Header),
        read("backup", "verify", verdict)
            .takes("backup", Type::Backup)
            .effects(Effect::Proves(of(ResourceKind::Backup, "backup"))),
        read("exec", "read", Type::record("ReadResult", &printed)).command(),
    ]
}

fn changes() -> Vec<Made> {
    vec![
        change("fs", "edit_key")
            .takes("file", Type::Path)
            .takes("key", Type::Text)
            .takes("to", Type::Text)
            .effects(Effect::Sets {
                resource: setting(),
                to: Some(Pattern::Parameter("to")),
            }),
        change("fs", "install")
            .takes("file", Type::Path)
            .takes("content", Type::Text)
            .sink(Sink::File),
        change("fs", "link")
            .takes("at", Type::Path)
            .takes("to", Type::Path)
            .effects(Effect::Sets {
                resource: of(ResourceKind::Link, "at"),
                to: Some(Pattern::Parameter("to")),
            }),
        change("http", "listen").takes("port", Type::Port),
        change("backup", "create")
            .takes("state", Type::State)
            .takes("to", Type::Path)
            .gives(Type::Backup)
            .effects(Effect::Captures {
                state: of(ResourceKind::State, "state"),
                backup: Resource::new(ResourceKind::Backup, Pattern::Result),
            }),
        change("backup", "restore")
            .takes("backup", Type::Backup)
            .effects(Effect::Restores(of(ResourceKind::Backup, "backup"))),
        change("image", "pull")
            .takes("image", Type::Image { pinned: true })
            .effects(Effect::Adds(of(ResourceKind::Image, "image"))),
        change("process", "start")
            .takes("service", Type::Service)
            .takes("argv", Type::list(Type::Text))
            .sink(Sink::Argv)
            .may_take("with", Type::Image { pinned: false })
            .effects(Effect::Starts {
                member: of(ResourceKind::Service, "service"),
                with: Some(Pattern::Parameter("with")),
            }),
        change("process", "stop")
            .takes("service", Type::Service)
            .effects(Effect::Stops(of(ResourceKind::Service, "service"))),
        change("exec", "run").command().once(),
        change("notify", "file")
            .takes("message", Type::Text)
            .sink(Sink::Message)
            .effects(Effect::Tells(Pattern::Text("file"))),
    ]
}

struct Made(Signature);

fn of(kind: ResourceKind, parameter: &'static str) -> Resource<Pattern> {
    Resource::new(kind, Pattern::Parameter(parameter))
}

fn read(family: &'static str, name: &'static str, result: Type) -> Made {
    Made(Signature {
        family,
        name,
        doc: "",
        parameters: Vec::new(),
        result,
        effects: Vec::new(),
        declares_effects: false,
        leaves_traces: name == "verify",
        limit_ms: 10_000,
        repeat: Repeat::Read,
        settle: Settle::NotNeeded,
        is_partial: false,
        cancel: Cancel::Kill,
    })
}

fn change(family: &'static str, name: &'static str) -> Made {
    let Made(signature) = read(family, name, Type::Nothing);
    Made(Signature {
        limit_ms: 60_000,
        repeat: Repeat::Convergent,
        settle: Settle::Action,
        ..signature
    })
}

impl Made {
    fn parameter(mut self, name: &'static str, ty: Type, required: bool) -> Self {
        self.0.parameters.push(Parameter {
            name,
            ty,
            required,
            sink: None,
            doc: "",
        });
        self
    }

    fn takes(self, name: &'static str, ty: Type) -> Self {
        self.parameter(name, ty, true)
    }

    fn may_take(self, name: &'static str, ty: Type) -> Self {
        self.parameter(name, ty, false)
    }

    fn sink(mut self, sink: Sink) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.sink = Some(sink);
        }
        self
    }

    fn command(mut self) -> Self {
        self.0.declares_effects = true;
        self.takes("argv", Type::list(Type::Text))
            .sink(Sink::Argv)
            .may_take("env", Type::Map(Box::new(Type::Text)))
            .sink(Sink::Env)
    }

    fn gives(mut self, result: Type) -> Self {
        self.0.result = result;
        self
    }

    fn once(mut self) -> Self {
        self.0.repeat = Repeat::Once;
        self.0.settle = Settle::Person;
        self.0.cancel = Cancel::Grace { ms: 10_000 };
        self
    }

    fn effects(mut self, effect: Effect<Pattern>) -> Self {
        self.0.effects.push(effect);
        self
    }
}
