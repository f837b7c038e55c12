//! The syntax tree: what was written, with places, without meaning.
//!
//! Statements and items that did not parse are absent (a diagnostic tells of each).

mod expression;
mod statement;
mod topology;

use crate::source::{Span, Spanned};

pub use expression::*;
pub use statement::*;
pub use topology::*;

/// A name with its place.
pub type Name = Spanned<String>;

/// A text literal with its place; escapes and indentation are already worked out.
pub type Text = Spanned<String>;

/// One source file: a runbook or a module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct File {
    pub uses: Vec<Use>,
    /// Everything else, in order.
    pub items: Vec<Item>,
    /// What the tree says nothing of, for whoever writes the text anew.
    pub trivia: Trivia,
}

/// Comments and blank lines of a file, both in order of the text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trivia {
    /// Each `#` comment, to the last character before the end of its line. `///` is documentation.
    pub comments: Vec<Span>,
    /// The first byte of each line that holds nothing; lines within a text are none.
    pub blank_lines: Vec<u32>,
}

/// `use std.x.y as name`, `use "./file.runbook" as name`, `use std.x.{a, b} by INPUT as name`,
/// `use "./{a, b}.runbook" by INPUT as name`.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    pub module: ModulePath,
    /// `by INPUT`.
    pub by: Option<Name>,
    pub name: Name,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ModulePath {
    /// `std.x.y`, without `std`.
    Standard(Vec<Name>),
    /// A file beside this one.
    File(Text),
    /// `std.x.{a, b}`, `"./{a, b}.runbook"`: each with the word in the braces.
    Choice(Vec<(Name, ModulePath)>),
}

/// A top-level item with its documentation (`///` lines, joined).
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Documentation; empty where there is none.
    pub doc: String,
    /// Rules that are set aside for what stands before its braces.
    pub allows: Vec<Allow>,
    pub kind: ItemKind,
    pub span: Span,
}

/// `allow SLUG because "…"`: a rule that is set aside for what it stands before.
#[derive(Debug, Clone, PartialEq)]
pub struct Allow {
    pub slug: Name,
    pub because: Text,
    pub span: Span,
}

/// What kinds of items there are.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// `runbook ID "title" { … }`; the braces may be missing.
    Runbook(Header),
    Inputs(Vec<Input>),
    /// `service ID "title" { … }`.
    Service(Service),
    /// `protect ID "title" { … }`.
    Protect(Protect),
    /// `anchor ID = E`.
    Anchor(Anchor),
    /// `hold ID "title" { … }`.
    Hold(Hold),
    /// `step ID "title" … { … }`.
    Step(Step),
    /// `for each x in xs one at a time { step … }`.
    ForEach(ForEach),
    /// `rollback ID "title" { … }`.
    Rollback(Rollback),
    /// `park ID "title" { … }`.
    Park(Park),
    /// `symptoms ID "title" for a, b { … }`.
    Symptoms(Symptoms),
    /// `watch ID "title" from A until B { check E every D }`.
    Watch(Watch),
    /// `scenario "title" { … }`.
    Scenario(Scenario),
    /// `question ID(params) -> type { … }`.
    Question(Question),
    /// `procedure ID(params) { … }`.
    Procedure(Procedure),
    /// `type ID { field: type … }`.
    TypeDecl(TypeDecl),
    /// `fn ID(params) -> type rhai """…"""`.
    Function(Function),
}

/// The header of a runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub name: Name,
    pub title: Option<Text>,
    /// Its clauses, in order as written.
    pub clauses: Vec<HeaderClause>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum HeaderClause {
    /// `version "1.0.0"`.
    Version(Text),
    Owner(Text),
    Affects(Text),
    /// `label E`.
    Label(Expr),
    /// `window W keep K for the way back`: both in milliseconds.
    Window {
        window: Spanned<u64>,
        /// What is held back for the way back.
        keep: Spanned<u64>,
    },
    /// `require E else "…"`, for the whole run.
    Require {
        condition: Expr,
        otherwise: Text,
    },
    OnFailure(Disposition),
    OnInterrupt(Disposition),
    Allow(Allow),
}

/// What happens next when something fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Disposition {
    pub kind: DispositionKind,
    pub span: Span,
}

/// The ways that can be named.
#[derive(Debug, Clone, PartialEq)]
pub enum DispositionKind {
    Rollback(Name),
    Unwind,
    Park(Name),
    Pause,
    Continue(Text),
    /// `turn back` (answer to silence).
    TurnBack,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    pub doc: String,
    pub name: Name,
    pub ty: TypeExpr,
    /// `= E`.
    pub default: Option<Expr>,
    /// `from env NAME` and the like; only for secrets.
    pub source: Option<SecretSource>,
    pub span: Span,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretSource {
    /// `from env NAME`.
    Env(Name),
    /// `from file PATH` (an expression of type path or a text literal).
    File(Expr),
    /// `from prompt ["words"]`.
    Prompt(Option<Text>),
    /// `from command [argv]`.
    Command(Expr),
}

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeExpr {
    pub kind: TypeExprKind,
    pub span: Span,
}

/// The forms of a type.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeExprKind {
    /// `text`, `int`, a declared type, or `module.Type` (two names).
    Named(Vec<Name>),
    /// `pinned image`, `pinned package`.
    Pinned(Name),
    /// `list of T`, perhaps `at most N`.
    List(Box<TypeExpr>, Option<i64>),
    Map(Box<TypeExpr>),
    Optional(Box<TypeExpr>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub name: Name,
    pub title: Option<Text>,
    /// `on HOST`.
    pub host: Option<Name>,
    /// `after a, b`; `Some(vec![])` is `after nothing`; `None` is every step above.
    pub after: Option<Vec<Name>>,
    pub before_window: bool,
    pub body: Vec<Statement>,
}

/// `for each x in xs one at a time { step … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct ForEach {
    /// The name bound to each element.
    pub variable: Name,
    pub list: Expr,
    /// The steps inside, with their documentation.
    pub steps: Vec<(String, Step)>,
}

/// `rollback ID "title" { applies from A until B  budget D  … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollback {
    pub name: Name,
    pub title: Option<Text>,
    /// `applies from A until B`; compulsory (its absence is a diagnostic of the checker).
    pub applies: Option<(Name, Name)>,
    pub body: Vec<Statement>,
}

/// `park ID "title" { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Park {
    pub name: Name,
    pub title: Option<Text>,
    pub body: Vec<Statement>,
}

/// `watch ID "title" from A until B { check "label": E every D at most N misses }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    pub name: Name,
    pub title: Option<Text>,
    pub from: Name,
    pub until: Name,
    /// One; any other number is a diagnostic of the checker.
    pub checks: Vec<Check>,
}

/// A symptom table.
#[derive(Debug, Clone, PartialEq)]
pub struct Symptoms {
    pub name: Name,
    pub title: Option<Text>,
    /// `for a, b`.
    pub steps: Vec<Name>,
    pub rows: Vec<Symptom>,
}

/// One row of a symptom table.
#[derive(Debug, Clone, PartialEq)]
pub struct Symptom {
    /// Its title; `None` is `anything else`.
    pub title: Option<Text>,
    /// `seen when E`.
    pub seen: Option<Expr>,
    pub suspect: Option<Text>,
    /// `budget D`, milliseconds.
    pub budget: Option<Spanned<u64>>,
    pub first: Option<Vec<Statement>>,
    /// `again at most N`.
    pub again: Option<Spanned<i64>>,
    pub otherwise: Option<Disposition>,
    pub span: Span,
}

/// `scenario "title" { … }`: parsed, resolved, kept for rehearsals.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub title: Text,
    pub injects: Vec<Inject>,
    pub expect_symptom: Option<Text>,
    pub expect_end: Option<Name>,
}

/// `at STEP players see "…" where a.b = V, … until ACTION`.
#[derive(Debug, Clone, PartialEq)]
pub struct Inject {
    pub step: Name,
    /// What the players are shown.
    pub see: Option<Text>,
    /// Answers forced in the simulated world: the question's dotted name and its value.
    pub answers: Vec<(Vec<Name>, Expr)>,
    /// `until family.action`: until this was performed.
    pub until: Option<Vec<Name>>,
    pub span: Span,
}

/// A parameter of a question, procedure or function.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    pub name: Name,
    pub ty: TypeExpr,
    /// `= E`.
    pub default: Option<Expr>,
}

/// `question ID(params) -> type { … give E }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub result: TypeExpr,
    pub body: Vec<Statement>,
}

/// `procedure ID(params) { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Procedure {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub body: Vec<Statement>,
}

/// `type ID { field: type … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeDecl {
    pub name: Name,
    pub fields: Vec<(Name, TypeExpr)>,
}

/// `fn ID(params) -> type rhai """…"""`.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub result: TypeExpr,
    pub script: Script,
}

/// A text of another language, with the place of each of its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pub text: Text,
    /// Where each line of the text begins, what indents all of them left out.
    pub lines: Vec<u32>,
}
