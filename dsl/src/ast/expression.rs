//! Expressions, calls, and effects as declared in the text.

use crate::ast::Name;
use crate::source::{Span, Spanned};

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Text(String),
    /// `true`, `false`.
    Bool(bool),
    /// `42`.
    Int(i64),
    /// `30s`, in milliseconds.
    Duration(u64),
    /// `2GiB`, in bytes.
    Size(u64),
    /// `sha256:…`, whole.
    Digest(String),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{K: v}`; keys are words or texts.
    Map(Vec<(Name, Expr)>),
    Name(String),
    /// `e.field`. `a.b` before a call is the callee's path and no field.
    Field(Box<Expr>, Name),
    /// `path(args)`.
    Call(Box<Call>),
    AtStart(Box<Expr>),
    /// `a op b`.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// `e is [not] ok|present|pinned|well`.
    Is {
        subject: Box<Expr>,
        test: Test,
        /// `is not`.
        negated: bool,
    },
    Default(Box<Expr>, Box<Expr>),
}

/// Operators between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Contains,
    Matches,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// How tightly what stands between values binds, loosest first.
pub(crate) mod binding {
    pub(crate) const NOT: u8 = 2;
    pub(crate) const COMPARISON: u8 = 3;
    pub(crate) const DEFAULT: u8 = 4;
    /// `.field` and `at start`.
    pub(crate) const FIELD: u8 = 7;
}

impl BinaryOperator {
    /// Each in the order of its declaration, with how it is written and how tightly it binds.
    pub(crate) const ALL: [(Self, &'static str, u8); 14] = [
        (Self::Or, "or", 0),
        (Self::And, "and", 1),
        (Self::Equal, "==", binding::COMPARISON),
        (Self::NotEqual, "!=", binding::COMPARISON),
        (Self::Less, "<", binding::COMPARISON),
        (Self::LessEqual, "<=", binding::COMPARISON),
        (Self::Greater, ">", binding::COMPARISON),
        (Self::GreaterEqual, ">=", binding::COMPARISON),
        (Self::Contains, "contains", binding::COMPARISON),
        (Self::Matches, "matches", binding::COMPARISON),
        (Self::Add, "+", 5),
        (Self::Subtract, "-", 5),
        (Self::Multiply, "*", 6),
        (Self::Divide, "/", 6),
    ];

    pub(crate) fn binding(self) -> u8 {
        Self::ALL[self as usize].2
    }

    /// How it is written.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// The tests after `is`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// `is ok`: the field `ok` of a record.
    Ok,
    /// `is present`: an optional has a value.
    Present,
    /// `is pinned`: an image or package carries a digest or exact version.
    Pinned,
    /// `is well`: the service's own question holds.
    Well,
    /// `is answered`: what is asked has an answer, whatever it is.
    Answered,
}

impl Test {
    /// Each in the order of its declaration, with how it is written.
    pub(crate) const ALL: [(Self, &'static str); 5] = [
        (Self::Ok, "ok"),
        (Self::Present, "present"),
        (Self::Pinned, "pinned"),
        (Self::Well, "well"),
        (Self::Answered, "answered"),
    ];

    /// How it is written.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// `path(arguments)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `fs.link` is two names; a question or procedure of this file is one.
    pub path: Vec<Name>,
    pub arguments: Vec<Argument>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// `name:`; only the first may go without.
    pub name: Option<Name>,
    /// Its value; `effects: { … }` is not an expression.
    pub value: ArgumentValue,
}

/// What an argument may be.
#[derive(Debug, Clone, PartialEq)]
pub enum ArgumentValue {
    Expr(Expr),
    /// `effects: { … }` or `effects: nothing`.
    Effects(Effects),
}

/// Effects as declared in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// The words, in order; empty for `nothing`.
    pub words: Vec<EffectWord>,
    pub is_nothing: bool,
    pub span: Span,
}

/// One word of a block of effects.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectWord {
    pub kind: EffectWordKind,
    pub span: Span,
}

/// The words of a block of effects.
#[derive(Debug, Clone, PartialEq)]
pub enum EffectWordKind {
    /// `reads R`, `edits R`, `stops S` and the other effects; `sets R to P`, `starts M with P`,
    /// `captures S as b` carry a second operand. Operands are expressions: a name (service, state),
    /// or a call that names a resource: `tree(p)`, `key(file, "NAME")`.
    Effect {
        word: Name,
        operand: Expr,
        /// `to P`, `with P`, `as b`.
        second: Option<Expr>,
    },
    /// `repeat read|convergent|keyed|once`.
    Repeat(Name),
    /// `settle QUESTION | person`.
    Settle(Expr),
    /// `partial yes|no`.
    Partial(Name),
    /// `cancel kill | never | grace D`.
    Cancel(Name, Option<Spanned<u64>>),
    /// `limit D`, milliseconds.
    Limit(Spanned<u64>),
    /// `traces may | none`.
    Traces(Name),
    /// `healthy E`: says what a question answers in a healthy rehearsal.
    Healthy(Expr),
}
