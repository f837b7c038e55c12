//! Statements: what stands in the body of a step, a way back, a procedure.

use crate::ast::{Allow, Call, Disposition, Expr, Name, Text};
use crate::source::{Span, Spanned};

#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub kind: StatementKind,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// `budget D`, milliseconds.
    Budget(Spanned<u64>),
    /// `require E else "…"`.
    Require {
        condition: Expr,
        /// What to do where it does not hold.
        otherwise: Text,
    },
    SkipWhen {
        /// When it is already done.
        condition: Expr,
        because: Text,
    },
    OnlyWhen {
        condition: Expr,
        because: Text,
    },
    /// `let x = E`.
    Let {
        name: Name,
        value: Expr,
    },
    /// `give E` (questions only).
    Give(Expr),
    Do(Box<Do>),
    Check(Check),
    Ask(Ask),
    Take(Name),
    Release(Name),
    /// `record x, y`: names, or names with fields.
    Record(Vec<Expr>),
    /// `wait D because "…"`, milliseconds.
    Wait {
        duration_ms: Spanned<u64>,
        because: Option<Text>,
    },
    /// `retry N every D`.
    Retry {
        times: Spanned<i64>,
        /// Milliseconds between them.
        every_ms: Spanned<u64>,
    },
    Commits(Text),
    OnFailure(Disposition),
    /// `unwind` (in a rollback branch).
    Unwind,
    /// `keep failed "…"` (first in a rollback branch): the action that it stands for.
    KeepFailed(Box<Do>),
    Allow(Allow),
}

/// `do ["title":] A within D as x live because "…" undo B within D`.
#[derive(Debug, Clone, PartialEq)]
pub struct Do {
    /// `"title":`.
    pub title: Option<Text>,
    pub call: Call,
    /// `within D`, milliseconds.
    pub within: Option<Spanned<u64>>,
    /// `as x`.
    pub name: Option<Name>,
    pub live: Option<Text>,
    pub undo: Option<Undo>,
}

/// The undo of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    pub kind: UndoKind,
    pub span: Span,
}

/// The forms of an undo.
#[derive(Debug, Clone, PartialEq)]
pub enum UndoKind {
    /// `undo A within D`, or `undo { … } within D`; `host` is `on HOST`.
    Body {
        /// Its statements: one `do` for the short form.
        body: Vec<Statement>,
        /// Milliseconds; compulsory (its absence is a diagnostic of the checker).
        within: Option<Spanned<u64>>,
        /// `on HOST`.
        host: Option<Name>,
    },
    /// `no undo because "…"`.
    None(Text),
}

/// `check "label": E within D every D`, `check "label": E for D every D at most N misses`, `check S is well`, and the
/// `well` of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// `"label":`.
    pub label: Option<Text>,
    pub condition: Expr,
    /// `within D`, milliseconds.
    pub within: Option<Spanned<u64>>,
    /// `for D`, milliseconds.
    pub soaks: Option<Spanned<u64>>,
    /// `every D`, milliseconds.
    pub every: Option<Spanned<u64>>,
    /// `at most N misses`.
    pub misses: Option<Spanned<i64>>,
    /// `unless E`.
    pub unless: Option<Expr>,
    pub span: Span,
}

/// `ask "…" confirm | text as x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    pub prompt: Expr,
    /// Whether the answer is a confirmation (else a text).
    pub confirm: bool,
    /// `as x`.
    pub name: Option<Name>,
    /// `of "ROLE"`.
    pub of: Option<Text>,
    /// `by two people`.
    pub by_two: Option<Span>,
    pub on_silence: Option<Disposition>,
}
