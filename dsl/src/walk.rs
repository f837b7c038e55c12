//! Ways through the expressions of a checked runbook; [`crate::program`] has its blocks and statements.

use std::sync::Arc;

use crate::effect::Effect;
use crate::model::{ActionCall, Expr, ExprKind, Question, Runbook, Statement, StatementKind};

/// The expressions of one statement itself (not of its undo), the arguments of its call included.
pub fn expressions(statement: &Statement) -> Vec<&Expr> {
    match &statement.kind {
        StatementKind::Require { condition, .. }
        | StatementKind::SkipWhen { condition, .. }
        | StatementKind::OnlyWhen { condition, .. } => vec![condition],
        StatementKind::Let { value, .. } => vec![value],
        StatementKind::Do(action) => action.call.arguments.iter().map(|(_, value)| value).collect(),
        StatementKind::Check(check) => std::iter::once(&check.condition).chain(&check.unless).collect(),
        StatementKind::Record(values) => values.iter().map(|(_, value)| value).collect(),
        StatementKind::Ask(ask) => vec![&ask.prompt],
        StatementKind::Take(_)
        | StatementKind::Release(_)
        | StatementKind::Wait { .. }
        | StatementKind::Commits { .. }
        | StatementKind::Unwind => Vec::new(),
    }
}

/// The expressions directly inside one.
pub fn children(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Literal(_)
        | ExprKind::Input(_)
        | ExprKind::Binding(_)
        | ExprKind::Parameter(_)
        | ExprKind::Local(_)
        | ExprKind::Anchor { .. }
        | ExprKind::Service(_)
        | ExprKind::State(_)
        | ExprKind::Result(_) => Vec::new(),
        ExprKind::List(elements) => elements.iter().collect(),
        ExprKind::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
        ExprKind::Resource(resource) => resource.key.iter().collect(),
        ExprKind::Field(inner, _) | ExprKind::Not(inner) => vec![inner],
        ExprKind::Is { subject, .. } => vec![subject],
        ExprKind::Read(call) => call.arguments.iter().map(|(_, value)| value).collect(),
        ExprKind::Question { arguments, .. } | ExprKind::Computed { arguments, .. } => arguments.iter().collect(),
        ExprKind::Binary(_, left, right) | ExprKind::Default(left, right) => vec![left, right],
    }
}

/// An expression and everything inside it, from the outside in.
pub fn deep(expr: &Expr) -> Vec<&Expr> {
    let mut found = vec![expr];
    let mut at = 0;
    while let Some(expr) = found.get(at) {
        let inner = children(expr);
        found.extend(inner);
        at += 1;
    }
    found
}

/// The calls that an expression itself asks, from the outside in.
pub fn reads(expr: &Expr) -> impl Iterator<Item = &ActionCall> {
    deep(expr).into_iter().filter_map(|part| match &part.kind {
        ExprKind::Read(call) => Some(&**call),
        _ => None,
    })
}

/// The expressions that stand in no statement: of the header, services, anchors, watches, rows and questions.
pub fn asked(runbook: &Runbook) -> impl Iterator<Item = &Expr> {
    let wells = runbook.services.iter().filter_map(|service| service.well.as_ref());
    let anchors = runbook.anchors.iter().map(|anchor| &anchor.value);
    let required = runbook.requires.iter().map(|required| &required.condition);
    let watched = runbook.watches.iter().map(|watch| &watch.condition);
    let seen = runbook.rows().filter_map(|row| row.seen.as_ref());
    let questions = runbook.questions.iter();
    let answers = questions.flat_map(|question| question.lets.iter().map(|(_, value)| value).chain([&question.give]));
    wells
        .map(|well| &well.condition)
        .chain(required)
        .chain(anchors)
        .chain(watched)
        .chain(seen)
        .chain(answers)
}

/// So many expressions are looked at for what one reads: questions that ask each other twice double with every
/// level.
const READS_MAX: usize = 10_000;

/// What an expression reads, questions and anchors seen through. `N` is what the names around an expression stand
/// for; only the caller knows what a question is asked with.
pub struct Reads<'a, N> {
    runbook: &'a Runbook,
    work: Vec<(&'a Expr, Arc<N>)>,
    looked_at: usize,
}

/// What [`Reads`] has come to.
pub enum Read<'a, N> {
    /// That it looks at something, or proves a backup.
    Effect(&'a Effect<Expr>, Arc<N>),
    /// A question that is asked; [`Reads::enter`] goes on inside of it.
    Question(Asking<'a>, Arc<N>),
}

/// A question with its arguments, and the machine on which it is asked, where that is another one.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    pub question: &'a Question,
    pub arguments: &'a [Expr],
    pub host: Option<&'a Expr>,
}

impl<'a, N: Default> Reads<'a, N> {
    pub fn new(runbook: &'a Runbook, expr: &'a Expr) -> Self {
        Self {
            runbook,
            work: vec![(expr, Arc::default())],
            looked_at: 0,
        }
    }

    /// What stands at the next expressions that ask anything; `None` at the end, or when enough was looked at.
    pub fn advance(&mut self) -> Option<Vec<Read<'a, N>>> {
        let (expr, names) = self.work.pop().filter(|_| self.looked_at < READS_MAX)?;
        self.looked_at += 1;
        let children = children(expr).into_iter();
        self.work.extend(children.map(|child| (child, Arc::clone(&names))));
        Some(match &expr.kind {
            ExprKind::Read(call) => {
                let effects = call.effects.list.iter();
                let met = effects.filter(|effect| effect.is_observing() || matches!(effect, Effect::Proves(_)));
                met.map(|effect| Read::Effect(effect, Arc::clone(&names))).collect()
            }
            ExprKind::Question { name, arguments, host } => {
                let question = self.runbook.questions.iter().find(|question| question.name == *name);
                let asked = question.map(|question| {
                    let host = host.as_deref();
                    let asking = Asking {
                        question,
                        arguments,
                        host,
                    };
                    Read::Question(asking, names)
                });
                asked.into_iter().collect()
            }
            ExprKind::Anchor { name, at_start: false } => {
                let anchor = self.runbook.anchors.iter().find(|anchor| anchor.name == *name);
                self.work.extend(anchor.map(|anchor| (&anchor.value, Arc::default())));
                Vec::new()
            }
            _ => Vec::new(),
        })
    }

    /// Goes on inside of a question, where names stand for this.
    pub fn enter(&mut self, question: &'a Question, names: N) {
        let names = Arc::new(names);
        let lets = question.lets.iter().map(|(_, value)| value);
        self.work
            .extend(lets.chain([&question.give]).map(|expr| (expr, Arc::clone(&names))));
    }
}
