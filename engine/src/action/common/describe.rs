//! Writes signatures down shortly: a builder with the usual values already in it.
//!
//! Every action names what differs from the usual; what is usual stands in [`read`] and [`change`].

use backstay_dsl::catalogue::{Parameter, Pattern, Settle, Signature, Sink};
use backstay_dsl::effect::{Cancel, Effect, Repeat, Resource, ResourceKind};
use backstay_dsl::types::Type;

/// How long a read may take where the text does not say, in milliseconds.
const READ_LIMIT_MS: u64 = 10_000;
/// How long a change may take where the text does not say, in milliseconds.
const CHANGE_LIMIT_MS: u64 = 60_000;

/// A signature in the making.
pub(crate) struct Describe(Signature);

/// A question to the world: gives a value, changes nothing.
pub(crate) fn read(family: &'static str, name: &'static str, doc: &'static str) -> Describe {
    Describe(Signature {
        family,
        name,
        doc,
        example: "",
        parameters: Vec::new(),
        result: Type::Nothing,
        effects: Vec::new(),
        declares_effects: false,
        leaves_traces: false,
        limit_ms: READ_LIMIT_MS,
        repeat: Repeat::Read,
        settle: Settle::NotNeeded,
        is_partial: false,
        cancel: Cancel::Kill,
        is_carried_out: true,
    })
}

/// A change that may be repeated, settles itself and ends within a second when asked to.
pub(crate) fn change(family: &'static str, name: &'static str, doc: &'static str) -> Describe {
    let Describe(signature) = read(family, name, doc);
    Describe(Signature {
        limit_ms: CHANGE_LIMIT_MS,
        repeat: Repeat::Convergent,
        settle: Settle::Action,
        cancel: Cancel::Grace { ms: 1000 },
        ..signature
    })
}

impl Describe {
    /// A parameter that must be given.
    pub(crate) fn needs(self, name: &'static str, ty: Type, doc: &'static str) -> Self {
        self.parameter(name, ty, true, doc)
    }

    /// A parameter that may be left out.
    pub(crate) fn takes(self, name: &'static str, ty: Type, doc: &'static str) -> Self {
        self.parameter(name, ty, false, doc)
    }

    fn parameter(mut self, name: &'static str, ty: Type, required: bool, doc: &'static str) -> Self {
        self.0.parameters.push(Parameter {
            name,
            ty,
            required,
            sink: None,
            is_limit: false,
            is_key: false,
            choices: &[],
            doc,
        });
        self
    }

    /// The last parameter says how long one attempt may take.
    pub(crate) fn bounding(mut self) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.is_limit = true;
        }
        self
    }

    /// The last parameter, where it is given, makes the action one that may be repeated by its key.
    pub(crate) fn keying(mut self) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.is_key = true;
        }
        self
    }

    /// The last parameter takes one of these texts.
    pub(crate) fn one_of(mut self, choices: &'static [&'static str]) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.choices = choices;
        }
        self
    }

    /// Where the value of the last parameter goes.
    pub(crate) fn into(mut self, sink: Sink) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.sink = Some(sink);
        }
        self
    }

    /// The program and its words.
    pub(crate) fn argv(self) -> Self {
        let doc = "The program and its words, one by one. Never a secret: everybody can read them.";
        self.needs("argv", Type::list(Type::Text), doc).into(Sink::Argv)
    }

    /// Variables of a program.
    pub(crate) fn env(self, doc: &'static str) -> Self {
        self.takes("env", Type::Map(Box::new(Type::Text)), doc).into(Sink::Env)
    }

    /// The file with the authorities that are trusted.
    pub(crate) fn ca(self) -> Self {
        let doc = "A file with the authorities (PEM) that alone are trusted; those of the system where it is not said.";
        self.takes("ca", Type::Path, doc)
    }

    pub(crate) fn gives(mut self, ty: Type) -> Self {
        self.0.result = ty;
        self
    }

    pub(crate) fn effects(mut self, effect: Effect<Pattern>) -> Self {
        self.0.effects.push(effect);
        self
    }

    /// The text declares what it touches.
    pub(crate) fn declares_effects(mut self) -> Self {
        self.0.declares_effects = true;
        self
    }

    /// It makes something and removes it again.
    pub(crate) fn leaves_traces(mut self) -> Self {
        self.0.leaves_traces = true;
        self
    }

    /// May stop half-way.
    pub(crate) fn partial(mut self) -> Self {
        self.0.is_partial = true;
        self
    }

    pub(crate) fn repeat(mut self, repeat: Repeat) -> Self {
        self.0.repeat = repeat;
        self
    }

    /// How an unknown outcome is decided.
    pub(crate) fn settle(mut self, settle: Settle) -> Self {
        self.0.settle = settle;
        self
    }

    /// What turning back may do while it runs.
    pub(crate) fn cancel(mut self, cancel: Cancel) -> Self {
        self.0.cancel = cancel;
        self
    }

    /// The longest one attempt may take, in milliseconds.
    pub(crate) fn limit_ms(mut self, limit_ms: u64) -> Self {
        self.0.limit_ms = limit_ms;
        self
    }

    /// Statements of a step that show it at work. They stand in the runbook that `tests/language/actions.rs` keeps for all.
    pub(crate) fn example(mut self, statements: &'static str) -> Self {
        self.0.example = statements;
        self
    }

    pub(crate) fn done(self) -> Signature {
        self.0
    }
}

/// A resource whose one key is an argument.
pub(crate) fn of(kind: ResourceKind, parameter: &'static str) -> Resource<Pattern> {
    Resource::new(kind, Pattern::Parameter(parameter))
}

/// The setting of a file: `key(file, key)`.
pub(crate) fn setting(file: &'static str, key: &'static str) -> Resource<Pattern> {
    Resource::keyed(
        ResourceKind::Key,
        vec![Pattern::Parameter(file), Pattern::Parameter(key)],
    )
}
