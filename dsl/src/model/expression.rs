//! Typed expressions, calls with their effects, questions, bindings.

use std::sync::Arc;

use crate::ast::{BinaryOperator, Test};
use crate::built_in::BuiltIn;
use crate::effect::{Cancel, Effect, Repeat, Resource};
use crate::script::Script;
use crate::source::{Position, Span};
use crate::types::Type;

/// A call of an action of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionCall {
    /// `family.name`.
    pub action: String,
    /// The arguments that were given, by name, in the order of the signature.
    pub arguments: Vec<(String, Expr)>,
    /// What it touches and how it behaves: the signature's, or as declared in the text.
    pub effects: Effects,
    pub span: Span,
}

impl ActionCall {
    /// The argument of this name; `None` where it was not given.
    pub fn argument(&self, name: &str) -> Option<&Expr> {
        self.arguments
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// What it touches. Keys may hold [`ExprKind::Result`].
    pub list: Vec<Effect<Expr>>,
    pub repeat: Repeat,
    /// How an unknown outcome is decided.
    pub settle: Settle,
    /// Whether it may stop half-way.
    pub is_partial: bool,
    /// What turning back may do while it runs.
    pub cancel: Cancel,
    /// The longest one attempt may take where the text has no `within`.
    pub limit_ms: u64,
    pub limit_by: LimitBy,
    /// Whether it is a read that can leave marks.
    pub leaves_traces: bool,
    /// What it answers in a healthy rehearsal (`healthy E`).
    pub healthy: Option<Box<Expr>>,
}

impl Effects {
    /// Whether any effect changes production.
    pub fn is_changing(&self) -> bool {
        self.list.iter().any(Effect::is_changing)
    }

    /// Whether this is only a message to people, whose failure fails no step.
    pub fn is_message(&self) -> bool {
        !self.list.is_empty() && self.list.iter().all(|effect| matches!(effect, Effect::Tells(_)))
    }
}

/// Who says how long one attempt may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitBy {
    /// The action, for want of anything else: a `within` around it may say more.
    Action,
    /// The text: `effects: { limit 20s }`.
    Text,
    /// The argument of this name.
    Argument(String),
}

/// How an unknown outcome is decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Settle {
    /// There is nothing to decide.
    NotNeeded,
    /// By the action's own question.
    Action,
    /// By a question of the text: it was done when this holds.
    Question(Box<Expr>),
    Person,
}

/// A question of this file or of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Its qualified name: `openclaw.ready`; within the file itself just its name.
    pub name: String,
    pub parameters: Vec<(String, Type)>,
    /// What it gives; text that is given is parsed as this type.
    pub result: Type,
    /// Names bound on the way, in order.
    pub lets: Vec<(String, Expr)>,
    pub give: Expr,
    pub span: Span,
}

/// A function of this file or of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its qualified name.
    pub name: String,
    pub parameters: Vec<(String, Type)>,
    /// What it gives: anything else is no answer.
    pub result: Type,
    pub script: Script,
    /// Where each line of the script begins in its file.
    pub lines: Vec<Position>,
    pub span: Span,
}

impl Function {
    /// A place of the script in its file.
    pub fn position(&self, line: usize, column: usize) -> Option<Position> {
        let start = self.lines.get(line.checked_sub(1)?)?;
        Some(Position {
            line: start.line,
            column: start.column + column.saturating_sub(1),
        })
    }
}

/// What computes a value from others.
#[derive(Debug, Clone, PartialEq)]
pub enum Computation {
    /// A function of the text.
    Script(Arc<Function>),
    /// A function of the language.
    BuiltIn(BuiltIn),
}

impl Computation {
    /// As it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Script(function) => &function.name,
            Self::BuiltIn(function) => function.name(),
        }
    }
}

/// A name bound by a statement: a place in [`crate::model::Runbook::bindings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindingId(pub u32);

/// What a [`BindingId`] stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The name as written; a hidden one begins with `#`.
    pub name: String,
    pub ty: Type,
    pub span: Span,
}

impl Binding {
    /// What readers are shown: of a hidden name what it stands for.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.name.trim_start_matches('#')
    }
}

/// A typed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub ty: Type,
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Literal(Literal),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{K: v}`.
    Map(Vec<(String, Expr)>),
    Input(String),
    /// A name bound by a statement.
    Binding(BindingId),
    /// A parameter of the question around it.
    Parameter(String),
    /// A name bound by `let` in the question around it.
    Local(String),
    /// An anchor, asked now or as recorded at the start.
    Anchor {
        name: String,
        at_start: bool,
    },
    Service(String),
    State(String),
    /// A resource: `ingress("site")`.
    Resource(Box<Resource<Expr>>),
    /// A field of a record.
    Field(Box<Expr>, String),
    /// A read of the catalogue.
    Read(Arc<ActionCall>),
    /// A question of the text, by qualified name, with its arguments by name.
    Question {
        /// Its qualified name; a key of [`crate::model::Runbook::questions`].
        name: String,
        /// The arguments, in the order of its parameters.
        arguments: Vec<Expr>,
        /// The machine on which it is asked, where that is another one.
        host: Option<Box<Expr>>,
    },
    /// A function, with its arguments in the order of its parameters.
    Computed {
        function: Computation,
        arguments: Vec<Expr>,
    },
    /// `a op b`.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// `e is [not] …`.
    Is {
        subject: Box<Expr>,
        test: Test,
        /// `is not`.
        negated: bool,
    },
    Default(Box<Expr>, Box<Expr>),
    /// In the effects of a call: its result, or a field of it.
    Result(Option<String>),
}

/// A fixed value. A text literal has already become what is wanted where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    Text(String),
    Bool(bool),
    Int(i64),
    /// Milliseconds.
    Duration(u64),
    /// Bytes.
    Size(u64),
    /// `sha256:…`.
    Digest(String),
    Image(String),
    /// `name=version`.
    Package(String),
    /// A path, as written (`~` is not expanded here).
    Path(String),
    Url(String),
    Host(String),
    Version(String),
    Port(u16),
}
