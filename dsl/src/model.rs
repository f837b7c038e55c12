//! The checked runbook: only what is well-formed and typed, with every name resolved.
//!
//! Procedures are inlined, so a block is a flat list of statements; `retry`, `budget` and
//! `on failure` have moved to what they speak of. Every statement has a key that is stable over
//! attempts and resumes: `cutover/3`, `undo:cutover/3/1`, `rollback:previous_release/2`,
//! `park:safe/1`, `symptom:upgrade_window/2/1`, `hold:drained/take`.
//! Expressions carry their type. Units: everything named `_ms` is milliseconds.

mod expression;
mod host;
mod statement;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::source::Span;
use crate::topology::Topology;
use crate::types::Type;

pub use crate::ast::{BinaryOperator, Test};
pub use expression::*;
pub use statement::*;

/// A checked runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    pub doc: String,
    pub version: Option<String>,
    pub owner: Option<String>,
    pub affects: Option<String>,
    /// Which of several this is: a text of fixed values and inputs.
    pub label: Option<Expr>,
    /// `window … keep …`.
    pub window: Option<Window>,
    /// What has to hold for the whole run, asked directly before the first step that may change anything.
    pub requires: Vec<Requirement>,
    /// `on failure`; [`Disposition::Unwind`] unless said.
    pub on_failure: Disposition,
    /// `on interrupt`; as `on failure` unless said.
    pub on_interrupt: Disposition,
    pub inputs: Vec<Input>,
    pub services: Vec<Service>,
    pub states: Vec<ProtectedState>,
    /// What these services and states are. The expressions use inputs only.
    pub topology: Topology<Expr>,
    pub anchors: Vec<Anchor>,
    pub holds: Vec<Hold>,
    /// Steps, in order of the text; [`Step::after`] counts in this list.
    pub steps: Vec<Step>,
    /// Ways back with a name.
    pub rollbacks: Vec<Rollback>,
    pub parks: Vec<Park>,
    pub watches: Vec<Watch>,
    pub tables: Vec<SymptomTable>,
    /// Scenarios, kept for rehearsals.
    pub scenarios: Vec<Scenario>,
    /// Questions of this file and of its modules that anything uses, by qualified name.
    pub questions: Vec<Question>,
    /// Rules that the text sets aside, in its order.
    pub set_aside: Vec<SetAside>,
    /// The inputs whose elements steps are done for.
    pub lists: Vec<String>,
    /// The inputs that name the machines on which something stands; `webs.1` of a list.
    pub hosts: Vec<String>,
    /// All names bound by statements; a [`BindingId`] counts in this list.
    pub bindings: Vec<Binding>,
    /// The runbooks that the text is, one for each choice of its modules; empty where nothing is chosen.
    pub variants: Vec<Variant>,
}

/// What a text is where its inputs choose so.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Each input that chooses, with the word that it has to be.
    pub chosen: BTreeMap<String, String>,
    pub runbook: Arc<Runbook>,
}

impl Runbook {
    /// A runbook of this name with nothing in it: unwinds on failure and interrupt.
    pub fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: name.to_owned(),
            doc: String::new(),
            version: None,
            owner: None,
            affects: None,
            label: None,
            window: None,
            requires: Vec::new(),
            on_failure: Disposition::Unwind,
            on_interrupt: Disposition::Unwind,
            inputs: Vec::new(),
            services: Vec::new(),
            states: Vec::new(),
            topology: Topology::default(),
            anchors: Vec::new(),
            holds: Vec::new(),
            steps: Vec::new(),
            rollbacks: Vec::new(),
            parks: Vec::new(),
            watches: Vec::new(),
            tables: Vec::new(),
            scenarios: Vec::new(),
            questions: Vec::new(),
            lists: Vec::new(),
            hosts: Vec::new(),
            set_aside: Vec::new(),
            bindings: Vec::new(),
            variants: Vec::new(),
        }
    }

    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    pub fn watch(&self, name: &str) -> Option<&Watch> {
        self.watches.iter().find(|watch| watch.name == name)
    }

    /// The rows of all symptom tables.
    pub fn rows(&self) -> impl Iterator<Item = &SymptomRow> {
        self.tables.iter().flat_map(|table| &table.rows)
    }

    /// Every disposition, with the steps in which it is met; `None` where any step may meet it.
    pub fn dispositions(&self) -> Vec<(&Disposition, Option<Vec<usize>>)> {
        let mut found = vec![(&self.on_failure, None), (&self.on_interrupt, None)];
        for (place, step) in self.steps.iter().enumerate() {
            // Those without a word of their own have the runbook's.
            if step.on_failure != self.on_failure {
                found.push((&step.on_failure, Some(vec![place])));
            }
            let silences = step.body.statements.iter().filter_map(Statement::on_silence);
            found.extend(silences.map(|way| (way, Some(vec![place]))));
        }
        for table in &self.tables {
            found.extend(table.rows.iter().map(|row| (&row.otherwise, Some(table.steps.clone()))));
        }
        found
    }
}

/// A rule that is set aside at one place, for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    pub slug: String,
    pub because: String,
    pub span: Span,
    /// What it is set aside for: findings that begin here.
    pub covers: Span,
    /// Whether a clause of an action says so (`live because`), and no `allow`.
    pub is_clause: bool,
}

impl SetAside {
    /// Whether it is for what this rule finds at a place.
    pub fn is_for(&self, slug: &str, place: Span) -> bool {
        let covers = self.covers;
        let is_within = covers.start <= place.start && place.start < covers.end;
        self.slug == slug && covers.source == place.source && is_within
    }
}

/// The window of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub window_ms: u64,
    /// What of it is held back for the way back.
    pub keep_ms: u64,
    pub span: Span,
}

/// `require E else "…"` of the header.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    pub condition: Expr,
    /// What to do where it does not hold.
    pub otherwise: String,
}

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

impl Disposition {
    /// Whether the run leaves the way forward by it.
    pub fn leads_back(&self) -> bool {
        !matches!(self, Self::Continue(_) | Self::Pause)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    pub name: String,
    pub doc: String,
    pub ty: Type,
    /// `at most N` of a list.
    pub at_most: Option<u64>,
    /// Its default; may use earlier inputs.
    pub default: Option<Expr>,
    /// Where a secret comes from.
    pub secret: Option<SecretSource>,
    pub span: Span,
    /// Where its type is written.
    pub ty_span: Span,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretSource {
    /// A variable of the environment.
    Env(String),
    /// A file; an expression of type path.
    File(Expr),
    /// A prompt, perhaps with words of its own.
    Prompt(Option<String>),
    /// What a command prints; an expression of type `list of text`.
    Command(Expr),
}

/// What the text says of a service to people, and when it is well; what it is stands in [`Runbook::topology`].
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub name: String,
    /// The name where none is written.
    pub title: String,
    pub doc: String,
    pub well: Option<Check>,
    pub span: Span,
}

/// What the text says of a protected state to people; its parts stand in [`Runbook::topology`].
#[derive(Debug, Clone, PartialEq)]
pub struct ProtectedState {
    pub name: String,
    /// The name where none is written.
    pub title: String,
    pub doc: String,
    pub span: Span,
}

/// A named question about production.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    pub name: String,
    pub doc: String,
    pub value: Expr,
    pub span: Span,
}

/// A temporary state.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    pub doc: String,
    /// Takes it: exactly the statements of one `do` (several where it is a procedure).
    pub take: Block,
    /// The longest that taking may take.
    pub take_within_ms: u64,
    pub release: Block,
    /// The longest that releasing may take.
    pub release_within_ms: u64,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    pub doc: String,
    /// The steps it waits for directly, as places in [`Runbook::steps`], ascending. What follows
    /// from the others is left out, so a plain chain has one entry each.
    pub after: Vec<usize>,
    /// Whether it runs before the window starts.
    pub before_window: bool,
    /// Its budget; always there where the runbook has a window.
    pub budget_ms: Option<u64>,
    pub body: Block,
    /// What its failure leads to; the runbook's unless said.
    pub on_failure: Disposition,
    /// Where it stands: from `step` to the end of its title.
    pub span: Span,
}

/// A way back with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollback {
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    pub doc: String,
    /// From the first intent in this step (a place in [`Runbook::steps`]) …
    pub from: usize,
    /// … until the `commits` of this step or, without one, its end; of a last step, the end of the way forward.
    pub until: usize,
    /// Where both are named.
    pub named: (Span, Span),
    pub budget_ms: Option<u64>,
    pub body: Block,
    pub span: Span,
}

/// A safe place to stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Park {
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    pub budget_ms: Option<u64>,
    pub body: Block,
    pub span: Span,
}

/// What must hold all the while: asked again and again over a stretch of the change, beside its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    pub doc: String,
    /// From the first intent in this step (a place in [`Runbook::steps`]), or its end where it has none …
    pub from: usize,
    /// … to the end of this step.
    pub until: usize,
    pub label: String,
    pub condition: Expr,
    pub every_ms: u64,
    /// How often in a row it may fail to hold, or have no answer.
    pub misses: u64,
    /// The service whose `well` this is (`check S is well`).
    pub service: Option<String>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SymptomTable {
    pub name: String,
    /// Its title; the name where none is written.
    pub title: String,
    /// The steps it is for, as places in [`Runbook::steps`].
    pub steps: Vec<usize>,
    /// Its rows, from the top; the last is `anything else`.
    pub rows: Vec<SymptomRow>,
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
    pub suspect: String,
    pub budget_ms: Option<u64>,
    /// What to do first.
    pub first: Option<Block>,
    /// How often it may be taken again in one run; `None`: whenever its evidence is newer.
    pub again: Option<u64>,
    pub otherwise: Disposition,
    pub span: Span,
}

/// A scenario, kept for rehearsals.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub title: String,
    pub injects: Vec<Inject>,
    /// The row that is expected to be chosen.
    pub expect_symptom: Option<String>,
    pub expect_end: Option<String>,
}

/// Something that the players of a scenario see.
#[derive(Debug, Clone, PartialEq)]
pub struct Inject {
    /// The step, as a place in [`Runbook::steps`].
    pub step: usize,
    pub see: String,
    /// Answers forced in the simulated world: the qualified name of a question, and its value.
    pub answers: Vec<(String, Expr)>,
    /// Until this action or procedure was performed (qualified name).
    pub until: Option<String>,
}
