//! The checked runbook: only what is well-formed and typed, with every name resolved.
//!
//! Procedures are inlined, so a block is a flat list of statements; `retry`, `budget` and
//! `on failure` have moved to what they speak of. Every statement has a key that is stable over
//! attempts and resumes: `cutover/3`, `undo:cutover/3/1`, `rollback:previous_release/2`,
//! `park:safe/1`, `symptom:upgrade_window/2/1`, `hold:drained/take`.
//! Expressions carry their type. Units: everything named `_ms` is milliseconds.

use std::sync::Arc;

use crate::effect::{Cancel, Repeat, Resource, Touch};
use crate::source::Span;
use crate::types::Type;

pub use crate::ast::{BinaryOperator, Test};

/// A checked runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Its name.
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// Documentation.
    pub doc: String,
    /// `version`.
    pub version: Option<String>,
    /// `owner`.
    pub owner: Option<String>,
    /// `affects`.
    pub affects: Option<String>,
    /// `window … keep …`.
    pub window: Option<Window>,
    /// `on failure`; [`Disposition::Unwind`] unless said.
    pub on_failure: Disposition,
    /// `on interrupt`; as `on failure` unless said.
    pub on_interrupt: Disposition,
    /// Inputs, in order.
    pub inputs: Vec<Input>,
    /// Services, in order.
    pub services: Vec<Service>,
    /// Protected states, in order.
    pub states: Vec<ProtectedState>,
    /// Anchors, in order.
    pub anchors: Vec<Anchor>,
    /// Holds, in order.
    pub holds: Vec<Hold>,
    /// Steps, in order of the text; [`Step::after`] counts in this list.
    pub steps: Vec<Step>,
    /// Ways back with a name.
    pub rollbacks: Vec<Rollback>,
    /// Safe places to stop.
    pub parks: Vec<Park>,
    /// Symptom tables.
    pub tables: Vec<SymptomTable>,
    /// Scenarios, kept for rehearsals.
    pub scenarios: Vec<Scenario>,
    /// Questions of this file and of its modules that anything uses, by qualified name.
    pub questions: Vec<Question>,
    /// All names bound by statements; a [`BindingId`] counts in this list.
    pub bindings: Vec<Binding>,
}

/// The window of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The whole window.
    pub window_ms: u64,
    /// What of it is held back for the way back.
    pub keep_ms: u64,
    /// Where it is said.
    pub span: Span,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// The branch of this name where it applies, else unwind.
    Rollback(String),
    /// The undos of what was started, last first.
    Unwind,
    /// The safe place of this name.
    Park(String),
    /// Stop and wait to be resumed.
    Pause,
    /// Go on, with the reason.
    Continue(String),
}

/// An input.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Documentation.
    pub doc: String,
    /// Its type.
    pub ty: Type,
    /// `at most N` of a list.
    pub at_most: Option<u64>,
    /// Its default; may use earlier inputs.
    pub default: Option<Expr>,
    /// Where a secret comes from.
    pub secret: Option<SecretSource>,
    /// Where it stands.
    pub span: Span,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretSource {
    /// A variable of the environment.
    Env(String),
    /// A file; an expression of type path.
    File(Expr),
    /// A prompt.
    Prompt,
    /// What a command prints; an expression of type `list of text`.
    Command(Expr),
}

/// A service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// Documentation.
    pub doc: String,
    /// What it is.
    pub runs: Runs,
    /// Where its release is pinned.
    pub pinned_by: Option<Resource<Expr>>,
    /// The protected states it writes.
    pub writes: Vec<Writes>,
    /// The ingress that carries its traffic.
    pub behind: Option<Resource<Expr>>,
    /// What being well means.
    pub well: Option<Check>,
    /// How it is at the start.
    pub begins: Begins,
    /// How many members may write at once (default 1).
    pub writers_at_most: u64,
    /// How many members must have traffic (default 0).
    pub serving_at_least: u64,
    /// Mounts that are left out of protection on purpose, each with the reason.
    pub ignores: Vec<(StatePart, String)>,
    /// Where it stands.
    pub span: Span,
}

/// What a service is.
#[derive(Debug, Clone, PartialEq)]
pub enum Runs {
    /// A process with this mark.
    Process(Expr),
    /// A container of this name.
    Container(Expr),
    /// A service of a Compose project: the project's folder, the service's name.
    Compose(Expr, Expr),
    /// A unit of the service manager.
    Unit(Expr),
}

/// A state that a service writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writes {
    /// The protected state.
    pub state: String,
    /// Why a new release does not migrate it; without a reason it is assumed to.
    pub unmigrated: Option<String>,
}

/// How a service is at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// It runs.
    Running,
    /// It is installed and stopped.
    Stopped,
    /// It is not there.
    Absent,
}

/// Protected state.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtectedState {
    /// Its name.
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// Documentation.
    pub doc: String,
    /// Its parts.
    pub parts: Vec<StatePart>,
    /// Where it stands.
    pub span: Span,
}

/// A part of protected state. The expressions use inputs only.
#[derive(Debug, Clone, PartialEq)]
pub enum StatePart {
    /// A directory with all that is in it.
    Path(Expr),
    /// A container volume.
    Volume(Expr),
    /// One file.
    File(Expr),
}

/// A named question about production.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    /// Its name.
    pub name: String,
    /// Documentation.
    pub doc: String,
    /// The question.
    pub value: Expr,
    /// Where it stands.
    pub span: Span,
}

/// A temporary state.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// Its name.
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// Documentation.
    pub doc: String,
    /// Takes it: exactly the statements of one `do` (several where it is a procedure).
    pub take: Block,
    /// The longest that taking may take.
    pub take_within_ms: u64,
    /// Releases it.
    pub release: Block,
    /// The longest that releasing may take.
    pub release_within_ms: u64,
    /// Where it stands.
    pub span: Span,
}

/// Statements in order, with the undos that belong to several of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Block {
    /// The statements.
    pub statements: Vec<Statement>,
    /// Undos of whole procedures; [`Statement::group`] counts in this list.
    pub groups: Vec<UndoBody>,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// Documentation.
    pub doc: String,
    /// The steps it waits for directly, as places in [`Runbook::steps`], ascending. What follows
    /// from the others is left out, so a plain chain has one entry each.
    pub after: Vec<usize>,
    /// Whether it runs before the window starts.
    pub before_window: bool,
    /// Its budget; always there where the runbook has a window.
    pub budget_ms: Option<u64>,
    /// Its statements.
    pub body: Block,
    /// What its failure leads to; the runbook's unless said.
    pub on_failure: Disposition,
    /// Where it stands: from `step` to the end of its title.
    pub span: Span,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Its stable key.
    pub key: String,
    /// What it is.
    pub kind: StatementKind,
    /// The undo of the procedure it was inlined from, where that was given one: counts in
    /// [`Block::groups`]. It replaces the statement's own undo.
    pub group: Option<usize>,
    /// Where it stands.
    pub span: Span,
    /// The calls of procedures through which it came here, outermost first.
    pub calls: Vec<Span>,
}

/// The kinds of statements.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// A guard.
    Require {
        /// What must hold.
        condition: Expr,
        /// What to do where it does not.
        otherwise: String,
    },
    /// Already done?
    SkipWhen {
        /// When it is.
        condition: Expr,
        /// Why.
        because: String,
    },
    /// Wanted here?
    OnlyWhen {
        /// When it is.
        condition: Expr,
        /// Why.
        because: String,
    },
    /// Names a value; only reads.
    Let {
        /// The name.
        binding: BindingId,
        /// The value.
        value: Expr,
    },
    /// Performs an action.
    Do(Box<Do>),
    /// Evidence that must hold.
    Check(Check),
    /// A person answers.
    Ask(Ask),
    /// Takes the hold of this name.
    Take(String),
    /// Releases the hold of this name.
    Release(String),
    /// Values for the front page: a label and a value each.
    Record(Vec<(String, Expr)>),
    /// Time that has to pass.
    Wait {
        /// How long.
        duration_ms: u64,
        /// Why.
        because: String,
    },
    /// The point of no return.
    Commits {
        /// Why.
        because: String,
    },
    /// Runs the older undos (in a rollback branch only).
    Unwind,
}

/// An action to perform.
#[derive(Debug, Clone, PartialEq)]
pub struct Do {
    /// `"title":`.
    pub title: Option<String>,
    /// The action.
    pub call: ActionCall,
    /// The longest one attempt may take: `within`, else the action's own limit.
    pub within_ms: u64,
    /// `as x`.
    pub binding: Option<BindingId>,
    /// Why a backup may be made while the writer runs.
    pub live: Option<String>,
    /// `retry N every D`, written before it.
    pub retry: Option<Retry>,
    /// Its way back.
    pub undo: Option<Undo>,
}

/// Further tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many.
    pub times: u64,
    /// The time between them.
    pub every_ms: u64,
}

/// The way back of one action.
#[derive(Debug, Clone, PartialEq)]
pub enum Undo {
    /// Statements.
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
    /// Where it stands.
    pub span: Span,
}

/// A call of an action of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionCall {
    /// `family.name`.
    pub action: String,
    /// The arguments that were given, by name, in the order of the signature.
    pub arguments: Vec<(String, Expr)>,
    /// What it touches and how it behaves: the signature's, or as declared in the text.
    pub effects: Effects,
    /// Where it stands.
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

/// The effects of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// What it touches. Keys may hold [`ExprKind::Result`].
    pub touches: Vec<Touch<Expr>>,
    /// How it repeats.
    pub repeat: Repeat,
    /// How an unknown outcome is decided.
    pub settle: Settle,
    /// Whether it may stop half-way.
    pub is_partial: bool,
    /// What turning back may do while it runs.
    pub cancel: Cancel,
    /// The longest one attempt may take where the text has no `within`.
    pub limit_ms: u64,
    /// Whether it is a read that can leave marks.
    pub leaves_traces: bool,
    /// What it answers in a healthy rehearsal (`healthy E`).
    pub healthy: Option<Box<Expr>>,
}

impl Effects {
    /// Whether any touch changes production.
    pub fn is_changing(&self) -> bool {
        self.touches.iter().any(Touch::is_changing)
    }

    /// Whether this is only a message to people, whose failure fails no step.
    pub fn is_message(&self) -> bool {
        !self.touches.is_empty() && self.touches.iter().all(|touch| matches!(touch, Touch::Tells(_)))
    }
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
    /// By a person.
    Person,
}

/// Evidence that must hold, or what being well means.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its label.
    pub label: String,
    /// What must hold.
    pub condition: Expr,
    /// Without `every`, bounds the one evaluation; with it, the whole poll.
    pub within_ms: u64,
    /// Time between two evaluations of a poll.
    pub every_ms: Option<u64>,
    /// The service whose `well` this is (`check S is well`).
    pub service: Option<String>,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The prompt.
    pub prompt: String,
    /// Whether the answer is yes or no (else a text).
    pub confirm: bool,
    /// `as x`.
    pub binding: Option<BindingId>,
    /// What silence leads to; `None` is turning back.
    pub on_silence: Option<Disposition>,
}

/// A way back with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollback {
    /// Its name.
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// Documentation.
    pub doc: String,
    /// From the first intent in this step (a place in [`Runbook::steps`]) …
    pub from: usize,
    /// … until the `commits` of this step or, without one, its start.
    pub until: usize,
    /// Its budget.
    pub budget_ms: Option<u64>,
    /// Its statements.
    pub body: Block,
    /// Where it stands.
    pub span: Span,
}

/// A safe place to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Park {
    /// Its name.
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// Its budget.
    pub budget_ms: Option<u64>,
    /// Its statements.
    pub body: Block,
    /// Where it stands.
    pub span: Span,
}

/// A symptom table.
#[derive(Debug, Clone, PartialEq)]
pub struct SymptomTable {
    /// Its name.
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// The steps it is for, as places in [`Runbook::steps`].
    pub steps: Vec<usize>,
    /// Its rows, from the top; the last is `anything else`.
    pub rows: Vec<SymptomRow>,
    /// Where it stands.
    pub span: Span,
}

/// A row of a symptom table.
#[derive(Debug, Clone, PartialEq)]
pub struct SymptomRow {
    /// Its key: `symptom:upgrade_window/1`.
    pub key: String,
    /// Its title: `anything else` for the last.
    pub title: String,
    /// When it is seen; `None` for `anything else`.
    pub seen: Option<Expr>,
    /// What to suspect.
    pub suspect: String,
    /// Its budget.
    pub budget_ms: Option<u64>,
    /// What to do first.
    pub first: Option<Block>,
    /// What to do otherwise.
    pub otherwise: Disposition,
    /// Where it stands.
    pub span: Span,
}

/// A scenario, kept for rehearsals.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its title.
    pub title: String,
    /// Its injects.
    pub injects: Vec<Inject>,
    /// The row that is expected to be chosen.
    pub expect_symptom: Option<String>,
    /// The end that is expected.
    pub expect_end: Option<String>,
}

/// Something that the players of a scenario see.
#[derive(Debug, Clone, PartialEq)]
pub struct Inject {
    /// The step, as a place in [`Runbook::steps`].
    pub step: usize,
    /// What they see.
    pub see: String,
    /// Answers forced in the simulated world: the qualified name of a question, and its value.
    pub answers: Vec<(String, Expr)>,
    /// Until this action or procedure was performed (qualified name).
    pub until: Option<String>,
}

/// A question of this file or of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Its qualified name: `openclaw.ready`; within the file itself just its name.
    pub name: String,
    /// Its parameters.
    pub parameters: Vec<(String, Type)>,
    /// What it gives; text that is given is parsed as this type.
    pub result: Type,
    /// Names bound on the way, in order.
    pub lets: Vec<(String, Expr)>,
    /// What it gives.
    pub give: Expr,
    /// Where it stands.
    pub span: Span,
}

/// A name bound by a statement: a place in [`Runbook::bindings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindingId(pub u32);

/// What a [`BindingId`] stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The name as written; a hidden one begins with `#`.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Where it is bound.
    pub span: Span,
}

/// A typed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Type,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A fixed value.
    Literal(Literal),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{K: v}`.
    Map(Vec<(String, Expr)>),
    /// An input.
    Input(String),
    /// A name bound by a statement.
    Binding(BindingId),
    /// A parameter of the question around it.
    Parameter(String),
    /// A name bound by `let` in the question around it.
    Local(String),
    /// An anchor, asked now or as recorded at the start.
    Anchor {
        /// Its name.
        name: String,
        /// `at start`.
        at_start: bool,
    },
    /// A service.
    Service(String),
    /// A protected state.
    State(String),
    /// A resource: `ingress("site")`.
    Resource(Box<Resource<Expr>>),
    /// A field of a record.
    Field(Box<Expr>, String),
    /// A read of the catalogue.
    Read(Arc<ActionCall>),
    /// A question of the text, by qualified name, with its arguments by name.
    Question {
        /// Its qualified name; a key of [`Runbook::questions`].
        name: String,
        /// The arguments, in the order of its parameters.
        arguments: Vec<Expr>,
    },
    /// `a op b`.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    /// `not e`.
    Not(Box<Expr>),
    /// `e is [not] …`.
    Is {
        /// What is asked about.
        subject: Box<Expr>,
        /// Which test.
        test: Test,
        /// `is not`.
        negated: bool,
    },
    /// `e default d`.
    Default(Box<Expr>, Box<Expr>),
    /// In the effects of a call: its result, or a field of it.
    Result(Option<String>),
}

/// A fixed value. A text literal has already become what is wanted where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// Text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Milliseconds.
    Duration(u64),
    /// Bytes.
    Size(u64),
    /// `sha256:…`.
    Digest(String),
    /// An image reference.
    Image(String),
    /// `name=version`.
    Package(String),
    /// A path, as written (`~` is not expanded here).
    Path(String),
    /// An address.
    Url(String),
    /// The name of a host.
    Host(String),
    /// A port.
    Port(u16),
}
