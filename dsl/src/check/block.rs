//! A list of checked statements while it grows: keys, undos of whole procedures, what stands around.

use crate::check::Checker;
use crate::check::STATEMENTS_MAX;
use crate::check::scope::{Refinable, Scope};
use crate::diagnostic::Diagnostic;
use crate::model::{Block, Disposition, Expr, Statement, StatementKind, UndoBody};
use crate::source::Span;
use crate::types::Type;

/// What a list of statements is for; decides which statements it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Step,
    Procedure,
    Undo,
    Rollback,
    Park,
    Row,
    Hold,
}

impl BodyKind {
    /// The place in words: `in a step`.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Step => "in a step",
            Self::Procedure => "in a procedure",
            Self::Undo => "in an undo",
            Self::Rollback => "in a way back",
            Self::Park => "in a safe place to stop",
            Self::Row => "in what a symptom's row does first",
            Self::Hold => "in a hold",
        }
    }

    /// Whether its actions are taken back by undos; elsewhere an undo of an undo would be one.
    pub(crate) fn has_undos(self) -> bool {
        matches!(self, Self::Step | Self::Procedure | Self::Row)
    }
}

/// What a call of a procedure says about every statement of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    /// `within`, milliseconds: the least of all calls around.
    pub(crate) within_ms: Option<u64>,
    /// The undo that replaces those inside: its place in [`Block::groups`].
    pub(crate) group: Option<usize>,
    /// `no undo because`, which replaces those inside.
    pub(crate) no_undo: Option<String>,
    /// The title of the call, for actions that have none.
    pub(crate) title: Option<String>,
}

/// A block that grows.
#[derive(Debug)]
pub(crate) struct Builder {
    pub(crate) kind: BodyKind,
    /// Whether procedures are written out; not where a procedure is only looked at by itself.
    pub(crate) expands: bool,
    /// Whether it runs before the window, where nothing may change.
    pub(crate) is_before_window: bool,
    /// Whether something was done already: a guard comes too late then.
    pub(crate) has_acted: bool,
    /// What calls of procedures around say.
    pub(crate) around: Around,
    /// `budget`, milliseconds.
    pub(crate) budget_ms: Option<u64>,
    pub(crate) on_failure: Option<(Disposition, Span)>,
    /// What guards proved to be pinned.
    pub(crate) pinned: Vec<Refinable>,
    /// The statement of the text that is looked at.
    pub(crate) written: Span,
    prefix: String,
    block: Block,
    /// `commits`, until the statement that it stands before is there.
    commits: Option<Statement>,
}

impl Builder {
    /// Whether no statement stands in it yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.block.statements.is_empty()
    }

    /// An empty block whose keys begin with `prefix`.
    pub(crate) fn new(kind: BodyKind, prefix: impl Into<String>) -> Self {
        Self {
            kind,
            expands: true,
            is_before_window: false,
            has_acted: false,
            around: Around::default(),
            budget_ms: None,
            on_failure: None,
            pinned: Vec::new(),
            written: Span::default(),
            prefix: prefix.into(),
            block: Block::default(),
            commits: None,
        }
    }

    /// A block for the undo of an action of this one.
    pub(crate) fn undo(&self, key: &str) -> Self {
        let mut inner = Self::new(BodyKind::Undo, key);
        inner.expands = self.expands;
        inner.written = self.written;
        inner
    }

    /// The key of the next statement. A `commits` that waits comes first.
    pub(crate) fn next_key(&mut self) -> String {
        self.place_commits();
        self.key()
    }

    fn key(&self) -> String {
        format!("{}/{}", self.prefix, self.block.statements.len() + 1)
    }

    fn place_commits(&mut self) {
        if let Some(mut commits) = self.commits.take() {
            commits.key = self.key();
            self.block.statements.push(commits);
        }
    }

    /// Adds the undo of a whole procedure.
    pub(crate) fn add_group(&mut self, undo: UndoBody) -> usize {
        self.block.groups.push(undo);
        self.block.groups.len() - 1
    }

    pub(crate) fn finish(&mut self) -> Block {
        self.place_commits();
        std::mem::take(&mut self.block)
    }
}

impl Checker<'_> {
    /// Adds a statement.
    pub(crate) fn push(&mut self, scope: &Scope, builder: &mut Builder, kind: StatementKind, span: Span) {
        builder.place_commits();
        let statement = self.new_statement(scope, builder, kind, span);
        builder.block.statements.push(statement);
    }

    /// Adds the point of no return; it keeps directly before the statement that comes next.
    pub(crate) fn push_commits(&mut self, scope: &Scope, builder: &mut Builder, because: String, span: Span) {
        builder.place_commits();
        let statement = self.new_statement(scope, builder, StatementKind::Commits { because }, span);
        builder.commits = Some(statement);
    }

    /// Names a value that an action or procedure is given, so that it is asked for once.
    pub(crate) fn push_hidden(&mut self, scope: &Scope, builder: &mut Builder, name: &str, value: Expr) -> Expr {
        let (ty, span) = (value.ty.clone(), value.span);
        let binding = self.new_binding(format!("#{name}"), ty.clone(), span);
        let kind = StatementKind::Let { binding, value };
        let statement = self.new_statement(scope, builder, kind, span);
        builder.block.statements.push(statement);
        Expr {
            kind: crate::model::ExprKind::Binding(binding),
            ty,
            span,
        }
    }

    fn new_statement(&mut self, scope: &Scope, builder: &Builder, kind: StatementKind, span: Span) -> Statement {
        self.count(scope, span);
        Statement {
            key: builder.key(),
            kind,
            group: builder.around.group,
            span,
            written: builder.written,
            calls: scope.calls.clone(),
        }
    }

    /// Counts a statement, or a call that is written out; tells of the one that is too many.
    pub(crate) fn count(&mut self, scope: &Scope, span: Span) {
        self.statements += 1;
        if self.statements > STATEMENTS_MAX && !self.has_enough {
            self.has_enough = true;
            let place = scope.calls.first().copied().unwrap_or(span);
            let message =
                format!("the runbook has more than {STATEMENTS_MAX} statements once its procedures are written out");
            let finding = Diagnostic::error("too-many-statements", place, message);
            self.report(finding.help("split it into several runbooks"));
        }
    }

    /// A new name that a statement binds.
    pub(crate) fn new_binding(&mut self, name: String, ty: Type, span: Span) -> crate::model::BindingId {
        let id = u32::try_from(self.bindings.len()).unwrap_or(u32::MAX);
        self.bindings.push(crate::model::Binding { name, ty, span });
        crate::model::BindingId(id)
    }
}
