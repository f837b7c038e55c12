//! Blocks and statements, with their undos.

use crate::model::{ActionCall, BindingId, Disposition, Expr};
use crate::source::Span;

/// Statements in order, with the undos that belong to several of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Block {
    pub statements: Vec<Statement>,
    /// Undos of whole procedures; [`Statement::group`] counts in this list.
    pub groups: Vec<UndoBody>,
}

impl Block {
    /// The place of its point of no return; `None` where it has none.
    pub fn commits(&self) -> Option<usize> {
        let is_commit = |statement: &Statement| matches!(statement.kind, StatementKind::Commits { .. });
        self.statements.iter().position(is_commit)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub key: String,
    pub kind: StatementKind,
    /// The undo of the procedure it was inlined from, where that was given one: counts in
    /// [`Block::groups`]. It replaces the statement's own undo.
    pub group: Option<usize>,
    pub span: Span,
    /// All that is written of it, or of the statement through which it came here.
    pub written: Span,
    /// The calls of procedures through which it came here, outermost first.
    pub calls: Vec<Span>,
}

impl Statement {
    /// Its action, where it has one.
    pub fn action(&self) -> Option<&Do> {
        match &self.kind {
            StatementKind::Do(action) => Some(action),
            _ => None,
        }
    }

    /// What it asks a person, where it does.
    pub fn prompt(&self) -> Option<&Expr> {
        match &self.kind {
            StatementKind::Ask(ask) => Some(&ask.prompt),
            _ => None,
        }
    }

    /// Where it leads when a person is silent, where it says so.
    pub fn on_silence(&self) -> Option<&Disposition> {
        match &self.kind {
            StatementKind::Ask(ask) => ask.on_silence.as_ref(),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    Require {
        condition: Expr,
        /// What to do where it does not.
        otherwise: String,
    },
    SkipWhen {
        condition: Expr,
        because: String,
    },
    OnlyWhen {
        condition: Expr,
        because: String,
    },
    /// Names a value; only reads.
    Let {
        binding: BindingId,
        value: Expr,
    },
    Do(Box<Do>),
    Check(Check),
    Ask(Ask),
    /// Takes the hold of this name.
    Take(String),
    /// Releases the hold of this name.
    Release(String),
    /// Values for the front page: a label and a value each.
    Record(Vec<(String, Expr)>),
    /// Time that has to pass.
    Wait {
        duration_ms: u64,
        because: String,
    },
    /// The point of no return.
    Commits {
        because: String,
    },
    /// Runs the older undos (in a rollback branch only).
    Unwind,
}

impl StatementKind {
    /// Whether the symptom tables of its step are asked when it fails: what acts, and what is checked.
    pub fn has_symptoms(&self) -> bool {
        matches!(self, Self::Do(_) | Self::Check(_) | Self::Take(_) | Self::Release(_))
    }
}

/// An action to perform.
#[derive(Debug, Clone, PartialEq)]
pub struct Do {
    /// `"title":`.
    pub title: Option<String>,
    pub call: ActionCall,
    /// The longest one attempt may take: `within`, else the action's own limit.
    pub within_ms: u64,
    /// `as x`.
    pub binding: Option<BindingId>,
    /// Why a backup may be made while the writer runs.
    pub live: Option<String>,
    /// `retry N every D`, written before it.
    pub retry: Option<Retry>,
    pub undo: Option<Undo>,
}

/// Further tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    pub times: u64,
    pub every_ms: u64,
}

/// The way back of one action.
#[derive(Debug, Clone, PartialEq)]
pub enum Undo {
    Body(UndoBody),
    /// None, with the reason.
    No(String),
}

/// The statements of an undo, and their time.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoBody {
    /// Its key: `undo:cutover/3`.
    pub key: String,
    /// The statements; their keys begin with the key above.
    pub body: Block,
    /// The longest it may take.
    pub within_ms: u64,
    pub span: Span,
}

/// Evidence that must hold, or what being well means.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub label: String,
    pub condition: Expr,
    /// Without `every`, bounds the one evaluation; with it, the whole poll; of a soak, how long it has to hold.
    pub within_ms: u64,
    /// Time between two evaluations of a poll or soak.
    pub every_ms: Option<u64>,
    /// Of a soak (`for D`), how often it may fail to hold, or have no answer; `None` where it has to hold once.
    pub misses: Option<u64>,
    /// What ends it at once where it holds: it has failed then.
    pub unless: Option<Expr>,
    /// The service whose `well` this is (`check S is well`).
    pub service: Option<String>,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// What is asked: a text of what is known by then.
    pub prompt: Expr,
    /// Whether the answer is yes or no (else a text).
    pub confirm: bool,
    /// `as x`.
    pub binding: Option<BindingId>,
    /// Who is to answer, as people know them.
    pub of: Option<String>,
    /// Whether two people have to say the same.
    pub by_two: bool,
    /// What silence leads to; `None` is turning back.
    pub on_silence: Option<Disposition>,
}
