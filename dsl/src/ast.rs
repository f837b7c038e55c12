//! The syntax tree: what was written, with places, without meaning.
//!
//! Statements and items that did not parse are absent (a diagnostic tells of each).

use crate::source::{Span, Spanned};

/// A name with its place.
pub type Name = Spanned<String>;

/// A text literal with its place; escapes and indentation are already worked out.
pub type Text = Spanned<String>;

/// One source file: a runbook or a module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct File {
    /// `use …`, in order.
    pub uses: Vec<Use>,
    /// Everything else, in order.
    pub items: Vec<Item>,
}

/// `use std.x.y as name`, `use "./file.runbook" as name`, `use std.x.{a, b} by INPUT as name`.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// What is used.
    pub module: ModulePath,
    /// `by INPUT`.
    pub by: Option<Name>,
    /// `as name`.
    pub name: Name,
    /// The whole line.
    pub span: Span,
}

/// Which module.
#[derive(Debug, Clone, PartialEq)]
pub enum ModulePath {
    /// `std.x.y`, without `std`.
    Standard(Vec<Name>),
    /// `std.x.{a, b}`: the path, then the choices.
    StandardChoice(Vec<Name>, Vec<Name>),
    /// A file beside this one.
    File(Text),
}

/// A top-level item with its documentation (`///` lines, joined).
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Documentation; empty where there is none.
    pub doc: String,
    /// The item.
    pub kind: ItemKind,
    /// The whole item.
    pub span: Span,
}

/// What kinds of items there are.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// `runbook ID "title" { … }`; the braces may be missing.
    Runbook(Header),
    /// `inputs { … }`.
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
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Option<Text>,
    /// Its clauses, in order as written.
    pub clauses: Vec<HeaderClause>,
}

/// One clause of the header.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderClause {
    /// `version "1.0.0"`.
    Version(Text),
    /// `owner "…"`.
    Owner(Text),
    /// `affects "…"`.
    Affects(Text),
    /// `window W keep K for the way back`: both in milliseconds.
    Window {
        /// The whole window.
        window: Spanned<u64>,
        /// What is held back for the way back.
        keep: Spanned<u64>,
    },
    /// `on failure …`.
    OnFailure(Disposition),
    /// `on interrupt …`.
    OnInterrupt(Disposition),
}

/// What happens next when something fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Disposition {
    /// Which way.
    pub kind: DispositionKind,
    /// Where it is said.
    pub span: Span,
}

/// The ways that can be named.
#[derive(Debug, Clone, PartialEq)]
pub enum DispositionKind {
    /// `rollback R`.
    Rollback(Name),
    /// `unwind`.
    Unwind,
    /// `park P`.
    Park(Name),
    /// `pause`.
    Pause,
    /// `continue because "…"`.
    Continue(Text),
    /// `turn back` (answer to silence).
    TurnBack,
}

/// One input.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Documentation.
    pub doc: String,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// `= E`.
    pub default: Option<Expr>,
    /// `from env NAME` and the like; only for secrets.
    pub source: Option<SecretSource>,
    /// The whole line.
    pub span: Span,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretSource {
    /// `from env NAME`.
    Env(Name),
    /// `from file PATH` (an expression of type path or a text literal).
    File(Expr),
    /// `from prompt`.
    Prompt,
    /// `from command [argv]`.
    Command(Expr),
}

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeExpr {
    /// Its form.
    pub kind: TypeExprKind,
    /// Where it stands.
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
    /// `map of T`.
    Map(Box<TypeExpr>),
    /// `optional T`.
    Optional(Box<TypeExpr>),
}

/// A service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Option<Text>,
    /// Its clauses, in order as written.
    pub clauses: Vec<ServiceClause>,
}

/// One clause of a service.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceClause {
    /// `runs process("name")` and the like: a call.
    Runs(Call),
    /// `pinned by key(file, "NAME")`, `pinned by link(path)`: a resource written as a call.
    PinnedBy(Call),
    /// `writes S`, `writes S unmigrated because "…"`.
    Writes {
        /// The protected state.
        state: Name,
        /// The reason why a new release does not migrate it.
        unmigrated: Option<Text>,
    },
    /// `behind ingress.site("…")`.
    Behind(Call),
    /// `well "label": E within D every D`.
    Well(Check),
    /// `begins running | stopped | absent` (or a member's name).
    Begins(Name),
    /// `members { … }`.
    Members(Span),
    /// `writers at most N`.
    Writers(Spanned<i64>),
    /// `serving at least N`.
    Serving(Spanned<i64>),
    /// `ignores path | volume | file E because "…"`: a mount that is not protected, on purpose.
    Ignores {
        /// What is ignored.
        part: ProtectPart,
        /// Why.
        because: Text,
    },
}

/// `protect ID "title" { path E  volume E  file E }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Protect {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Option<Text>,
    /// `on HOST`.
    pub host: Option<Name>,
    /// Its parts.
    pub parts: Vec<ProtectPart>,
}

/// One part of protected state.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtectPart {
    /// `path`, `volume` or `file`.
    pub kind: Name,
    /// Which one.
    pub value: Expr,
}

/// `anchor ID = E`.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    /// Its name.
    pub name: Name,
    /// `on HOST`.
    pub host: Option<Name>,
    /// The question.
    pub value: Expr,
}

/// `hold ID "title" { take A within D  release A within D }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Option<Text>,
    /// `on HOST`.
    pub host: Option<Name>,
    /// `take A within D`.
    pub take: Option<HoldAction>,
    /// `release A within D`.
    pub release: Option<HoldAction>,
}

/// One side of a hold.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldAction {
    /// What is done.
    pub call: Call,
    /// `within D`, milliseconds; compulsory (its absence is a diagnostic of the checker).
    pub within: Option<Spanned<u64>>,
    /// The whole clause.
    pub span: Span,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Option<Text>,
    /// `on HOST`.
    pub host: Option<Name>,
    /// `after a, b`; `Some(vec![])` is `after nothing`; `None` is every step above.
    pub after: Option<Vec<Name>>,
    /// `before window`.
    pub before_window: bool,
    /// Its statements.
    pub body: Vec<Statement>,
}

/// `for each x in xs one at a time { step … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct ForEach {
    /// The name bound to each element.
    pub variable: Name,
    /// The list.
    pub list: Expr,
    /// The steps inside, with their documentation.
    pub steps: Vec<(String, Step)>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// The whole statement.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// `budget D`, milliseconds.
    Budget(Spanned<u64>),
    /// `require E else "…"`.
    Require {
        /// The guard.
        condition: Expr,
        /// What to do where it does not hold.
        otherwise: Text,
    },
    /// `skip when E because "…"`.
    SkipWhen {
        /// When it is already done.
        condition: Expr,
        /// Why that is so.
        because: Text,
    },
    /// `only when E because "…"`.
    OnlyWhen {
        /// When it is wanted.
        condition: Expr,
        /// Why.
        because: Text,
    },
    /// `let x = E`.
    Let {
        /// The name.
        name: Name,
        /// The value.
        value: Expr,
    },
    /// `give E` (questions only).
    Give(Expr),
    /// `do …`.
    Do(Box<Do>),
    /// `check …`.
    Check(Check),
    /// `ask …`.
    Ask(Ask),
    /// `take H`.
    Take(Name),
    /// `release H`.
    Release(Name),
    /// `record x, y`: names, or names with fields.
    Record(Vec<Expr>),
    /// `wait D because "…"`, milliseconds.
    Wait {
        /// How long.
        duration_ms: Spanned<u64>,
        /// Why.
        because: Option<Text>,
    },
    /// `retry N every D`.
    Retry {
        /// How many further tries.
        times: Spanned<i64>,
        /// Milliseconds between them.
        every_ms: Spanned<u64>,
    },
    /// `commits "…"`.
    Commits(Text),
    /// `on failure …`.
    OnFailure(Disposition),
    /// `unwind` (in a rollback branch).
    Unwind,
    /// `allow SLUG because "…"`.
    Allow {
        /// The rule.
        slug: Name,
        /// Why.
        because: Text,
    },
}

/// `do ["title":] A within D as x live because "…" undo B within D`.
#[derive(Debug, Clone, PartialEq)]
pub struct Do {
    /// `"title":`.
    pub title: Option<Text>,
    /// The action or procedure.
    pub call: Call,
    /// `within D`, milliseconds.
    pub within: Option<Spanned<u64>>,
    /// `as x`.
    pub name: Option<Name>,
    /// `live because "…"`.
    pub live: Option<Text>,
    /// Its way back.
    pub undo: Option<Undo>,
}

/// The undo of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    /// What is done.
    pub kind: UndoKind,
    /// Where it stands.
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

/// `check "label": E within D every D`, `check S is well`, and the `well` of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// `"label":`.
    pub label: Option<Text>,
    /// What must hold.
    pub condition: Expr,
    /// `within D`, milliseconds.
    pub within: Option<Spanned<u64>>,
    /// `every D`, milliseconds.
    pub every: Option<Spanned<u64>>,
    /// The whole statement.
    pub span: Span,
}

/// `ask "…" confirm | text as x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The prompt.
    pub prompt: Text,
    /// Whether the answer is a confirmation (else a text).
    pub confirm: bool,
    /// `as x`.
    pub name: Option<Name>,
    /// `by two people`.
    pub by_two: Option<Span>,
    /// `on silence …`.
    pub on_silence: Option<Disposition>,
}

/// `rollback ID "title" { applies from A until B  budget D  … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollback {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Option<Text>,
    /// `applies from A until B`; compulsory (its absence is a diagnostic of the checker).
    pub applies: Option<(Name, Name)>,
    /// Its statements.
    pub body: Vec<Statement>,
}

/// `park ID "title" { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Park {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Option<Text>,
    /// Its statements.
    pub body: Vec<Statement>,
}

/// A symptom table.
#[derive(Debug, Clone, PartialEq)]
pub struct Symptoms {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: Option<Text>,
    /// `for a, b`.
    pub steps: Vec<Name>,
    /// Its rows.
    pub rows: Vec<Symptom>,
}

/// One row of a symptom table.
#[derive(Debug, Clone, PartialEq)]
pub struct Symptom {
    /// Its title; `None` is `anything else`.
    pub title: Option<Text>,
    /// `seen when E`.
    pub seen: Option<Expr>,
    /// `suspect "…"`.
    pub suspect: Option<Text>,
    /// `budget D`, milliseconds.
    pub budget: Option<Spanned<u64>>,
    /// `first { … }`.
    pub first: Option<Vec<Statement>>,
    /// `otherwise …`.
    pub otherwise: Option<Disposition>,
    /// The whole row.
    pub span: Span,
}

/// `scenario "title" { … }`: parsed, resolved, kept for rehearsals.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its title.
    pub title: Text,
    /// Its injects.
    pub injects: Vec<Inject>,
    /// `expect symptom "…"`.
    pub expect_symptom: Option<Text>,
    /// `expect end WORD`.
    pub expect_end: Option<Name>,
}

/// `at STEP players see "…" where a.b = V, … until ACTION`.
#[derive(Debug, Clone, PartialEq)]
pub struct Inject {
    /// The step.
    pub step: Name,
    /// What the players are shown.
    pub see: Option<Text>,
    /// Answers forced in the simulated world: the question's dotted name and its value.
    pub answers: Vec<(Vec<Name>, Expr)>,
    /// `until family.action`: until this was performed.
    pub until: Option<Vec<Name>>,
    /// The whole inject.
    pub span: Span,
}

/// A parameter of a question, procedure or function.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// `= E`.
    pub default: Option<Expr>,
}

/// `question ID(params) -> type { … give E }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// What it gives.
    pub result: TypeExpr,
    /// Its statements.
    pub body: Vec<Statement>,
}

/// `procedure ID(params) { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Procedure {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Its statements.
    pub body: Vec<Statement>,
}

/// `type ID { field: type … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeDecl {
    /// Its name.
    pub name: Name,
    /// Its fields.
    pub fields: Vec<(Name, TypeExpr)>,
}

/// `fn ID(params) -> type rhai """…"""`.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// What it gives.
    pub result: TypeExpr,
    /// Its text.
    pub body: Text,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `"…"`.
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
    /// `name`.
    Name(String),
    /// `e.field`. `a.b` before a call is the callee's path and no field.
    Field(Box<Expr>, Name),
    /// `path(args)`.
    Call(Box<Call>),
    /// `e at start`.
    AtStart(Box<Expr>),
    /// `a op b`.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    /// `not e`.
    Not(Box<Expr>),
    /// `e is [not] ok|present|pinned|well`.
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
}

/// Operators between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `contains`.
    Contains,
    /// `matches`.
    Matches,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
}

impl BinaryOperator {
    /// How it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Contains => "contains",
            Self::Matches => "matches",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
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
}

/// `path(arguments)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `fs.link` is two names; a question or procedure of this file is one.
    pub path: Vec<Name>,
    /// The arguments, in order.
    pub arguments: Vec<Argument>,
    /// The whole call.
    pub span: Span,
}

/// One argument.
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
    /// A value.
    Expr(Expr),
    /// `effects: { … }` or `effects: nothing`.
    Effects(Effects),
}

/// Effects as declared in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// The words, in order; empty for `nothing`.
    pub words: Vec<EffectWord>,
    /// The whole block.
    pub span: Span,
}

/// One word of a block of effects.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectWord {
    /// What it says.
    pub kind: EffectWordKind,
    /// Where it stands.
    pub span: Span,
}

/// The words of a block of effects.
#[derive(Debug, Clone, PartialEq)]
pub enum EffectWordKind {
    /// `reads R`, `edits R`, `stops S` and the other touches; `sets R to P`, `starts M with P`,
    /// `captures S as b` carry a second operand. Operands are expressions: a name (service, state),
    /// or a call that names a resource: `tree(p)`, `key(file, "NAME")`.
    Touch {
        /// The word.
        word: Name,
        /// The resource.
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
