//! Evaluation: expressions of the text become values, with three results.
//!
//! A question gives a value or is unanswered, with a reason; `and` and `or` are Kleene's, `not unanswered`
//! is unanswered. Reads go through [`Environment::read`]; nothing here looks at a disk or a clock, and
//! nothing here panics: an overflow or a value that does not fit is a reason for having no answer.

mod built_in;
mod computed;
mod describe;
mod ground;
mod notes;
mod operators;
mod patience;
mod places;
mod recorded;
mod text;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use backstay_dsl::literal;
use backstay_dsl::model::{
    ActionCall, BinaryOperator, BindingId, Computation, Expr, ExprKind, Question, Runbook, Test,
};
use backstay_dsl::types::Type;
use backstay_dsl::walk::Asking;

use crate::action::GroundCall;
use crate::redact::Redactor;
use crate::value::{Answer, Unanswered, Value};

use notes::Notes;

pub use describe::{describe, shown};
pub use ground::GroundEffect;
pub(crate) use ground::field;
pub use patience::Patience;
pub use places::Places;
pub(crate) use recorded::Recorded;
pub use text::{from_json, parse_as};

/// What an expression may speak of.
#[async_trait]
pub trait Environment: Send + Sync {
    /// Where paths are taken from.
    fn places(&self) -> &Places;

    /// Takes the run's secrets out of evidence.
    fn redactor(&self) -> &Redactor;

    fn input(&self, name: &str) -> Option<Value>;

    /// The value of a name bound by a statement, or why it is not known; `None` where nothing is known of it.
    fn binding(&self, id: BindingId) -> Option<Answer>;

    /// The recorded answer of an anchor.
    fn anchor_at_start(&self, name: &str) -> Option<Answer>;

    /// What a call is, where it was worked out once for all because it is always the same.
    fn constant(&self, _call: &ActionCall) -> Option<Arc<GroundCall>> {
        None
    }

    /// Asks a read of the catalogue, which may take this long, in milliseconds.
    async fn read(&self, call: &ActionCall, ground: &GroundCall, limit_ms: u64) -> Answer;
}

/// An answer with what was seen on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    pub answer: Answer,
    /// One line: `http.get(…).status == 200: 503`. The values in it are scrubbed, the reasons are not.
    pub evidence: String,
}

/// Works out expressions of one runbook.
pub struct Evaluator<'a> {
    runbook: &'a Runbook,
    environment: &'a dyn Environment,
    /// `None`: nobody reads what was seen on the way.
    notes: Option<Notes<'a>>,
    asked: AtomicU32,
    patience: Patience,
}

/// At most so many questions of the text and anchors are asked in one evaluation: questions that ask each other twice
/// double with every level.
const QUESTIONS_MAX: u32 = 10_000;

/// The parameters and local names of the question that is being worked out.
#[derive(Default)]
pub(crate) struct Frame {
    names: BTreeMap<String, Answer>,
    is_inner: bool,
    /// The machine on which the question is asked, where that is another one: an input.
    host: Option<Expr>,
}

type Pending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

impl<'a> Evaluator<'a> {
    /// An evaluator over one runbook and what its expressions may speak of.
    pub fn new(runbook: &'a Runbook, environment: &'a dyn Environment) -> Self {
        Self {
            runbook,
            environment,
            notes: Some(Notes::new(runbook, environment.redactor())),
            asked: AtomicU32::new(0),
            patience: Patience::Own,
        }
    }

    /// The same, with as much time for each question as is left for all of them.
    #[must_use]
    pub fn patient(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The same without evidence, where nobody reads it.
    #[must_use]
    pub fn without_notes(self) -> Self {
        Self { notes: None, ..self }
    }

    /// Where paths are taken from.
    pub fn places(&self) -> &Places {
        self.environment.places()
    }

    /// Whether evidence is worked out.
    pub fn takes_notes(&self) -> bool {
        self.notes.is_some()
    }

    /// The answer of an expression, with evidence.
    pub async fn evaluate(&self, expr: &Expr) -> Evaluation {
        let answer = self.value(expr).await;
        let notes = self.notes.as_ref();
        let evidence = notes.map(|notes| notes.take(expr, &answer)).unwrap_or_default();
        Evaluation { answer, evidence }
    }

    /// The value of an expression, without evidence.
    pub async fn value(&self, expr: &Expr) -> Answer {
        self.asked.store(0, Ordering::Relaxed);
        self.answer(expr, &Frame::default()).await
    }

    /// Counts a question; refuses the one too many.
    fn count_question(&self) -> Result<(), Unanswered> {
        if self.asked.fetch_add(1, Ordering::Relaxed) < QUESTIONS_MAX {
            Ok(())
        } else {
            Err(Unanswered::new(format!(
                "more than {QUESTIONS_MAX} questions for one answer"
            )))
        }
    }

    /// The notes, outside of questions and anchors.
    fn notes(&self, frame: &Frame) -> Option<&Notes<'a>> {
        self.notes.as_ref().filter(|_| !frame.is_inner)
    }

    pub(crate) async fn answer(&self, expr: &Expr, frame: &Frame) -> Answer {
        match self.leaf(expr, frame) {
            Some(answer) => answer,
            None => self.compound(expr, frame).await,
        }
    }

    /// The answer of an expression that has no other in it; `None` for any other.
    fn leaf(&self, expr: &Expr, frame: &Frame) -> Option<Answer> {
        Some(match &expr.kind {
            ExprKind::Literal(literal) => text::written(literal, self.environment.places()).map_err(Unanswered::new),
            ExprKind::Input(name) => self.environment.input(name).ok_or_else(|| not_known(name)),
            ExprKind::Binding(id) => self.environment.binding(*id).unwrap_or_else(|| {
                let binding = self.runbook.bindings.get(id.0 as usize);
                Err(not_known(binding.map_or("value", |binding| binding.shown())))
            }),
            ExprKind::Parameter(name) | ExprKind::Local(name) => {
                frame.names.get(name).cloned().unwrap_or_else(|| Err(not_known(name)))
            }
            ExprKind::Service(name) => Ok(Value::Service(name.clone())),
            ExprKind::State(name) => Ok(Value::State(name.clone())),
            ExprKind::Result(_) => Err(Unanswered::new("the result is not known yet")),
            _ => return None,
        })
    }

    /// What nests deeply has a future of its own: one of them all would take much of the stack at every level.
    fn compound<'b>(&'b self, expr: &'b Expr, frame: &'b Frame) -> Pending<'b> {
        match &expr.kind {
            ExprKind::List(values) => Box::pin(self.list(values, frame)),
            ExprKind::Map(pairs) => Box::pin(self.map(pairs, frame)),
            ExprKind::Anchor { name, at_start } => Box::pin(self.anchor(name, *at_start)),
            ExprKind::Question { name, arguments, host } => {
                Box::pin(self.question(name, arguments, host.as_deref(), frame))
            }
            ExprKind::Computed { function, arguments } => Box::pin(self.computed(function, arguments, frame)),
            ExprKind::Binary(operator, left, right) => Box::pin(self.binary(expr, *operator, left, right, frame)),
            _ => self.single(expr, frame),
        }
    }

    fn single<'b>(&'b self, expr: &'b Expr, frame: &'b Frame) -> Pending<'b> {
        Box::pin(async move {
            match &expr.kind {
                ExprKind::Resource(resource) => self.resource_in(resource, frame).await.map(Value::Resource),
                ExprKind::Field(subject, name) => {
                    let value = self.answer(subject, frame).await?;
                    field(&value, name).ok_or_else(|| Unanswered::new(format!("there is no field `{name}`")))
                }
                ExprKind::Read(call) => {
                    let ground = self.ground_in(call, frame).await?;
                    let limit_ms = self.patience.limit_ms(call, &ground);
                    self.environment.read(call, &ground, limit_ms).await
                }
                ExprKind::Not(subject) => match self.answer(subject, frame).await? {
                    Value::Bool(value) => Ok(Value::Bool(!value)),
                    _ => Err(Unanswered::new("`not` takes true or false")),
                },
                ExprKind::Is { subject, test, negated } => {
                    let holds = self.is(expr, subject, *test, frame).await?;
                    Ok(Value::Bool(holds != *negated))
                }
                ExprKind::Default(left, right) => match self.answer(left, frame).await? {
                    Value::Absent => self.answer(right, frame).await,
                    value => Ok(value),
                },
                _ => Err(Unanswered::new("it has no value")),
            }
        })
    }

    async fn computed(&self, function: &Computation, arguments: &[Expr], frame: &Frame) -> Answer {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.answer(argument, frame).await?);
        }
        match function {
            Computation::Script(function) => computed::call(function, values, self.places()),
            Computation::BuiltIn(function) => built_in::call(*function, &values, self.places()),
        }
    }

    async fn list(&self, exprs: &[Expr], frame: &Frame) -> Answer {
        let mut values = Vec::with_capacity(exprs.len());
        for expr in exprs {
            values.push(self.answer(expr, frame).await?);
        }
        Ok(Value::List(values))
    }

    async fn map(&self, pairs: &[(String, Expr)], frame: &Frame) -> Answer {
        let mut values = BTreeMap::new();
        for (key, expr) in pairs {
            values.insert(key.clone(), self.answer(expr, frame).await?);
        }
        Ok(Value::Map(values))
    }

    async fn anchor(&self, name: &str, at_start: bool) -> Answer {
        if at_start {
            return self
                .environment
                .anchor_at_start(name)
                .unwrap_or_else(|| Err(Unanswered::new(format!("`{name}` was not recorded at the start"))));
        }
        self.count_question()?;
        let anchor = self.runbook.anchors.iter().find(|anchor| anchor.name == name);
        let inner = Frame {
            is_inner: true,
            ..Frame::default()
        };
        match anchor {
            Some(anchor) => self.answer(&anchor.value, &inner).await,
            None => Err(not_known(name)),
        }
    }

    async fn question(&self, name: &str, arguments: &[Expr], host: Option<&Expr>, frame: &Frame) -> Answer {
        let question = self.named(name).ok_or_else(|| not_known(name))?;
        self.count_question()?;
        let asking = Asking {
            question,
            arguments,
            host,
        };
        let inner = self.inside(asking, frame).await;
        let given = self.answer(&question.give, &inner).await?;
        self.give(question, given)
    }

    fn named(&self, name: &str) -> Option<&Question> {
        self.runbook.questions.iter().find(|question| question.name == name)
    }

    /// What the names inside of a question stand for.
    async fn inside(&self, asking: Asking<'_>, frame: &Frame) -> Frame {
        let question = asking.question;
        let mut inner = Frame {
            is_inner: true,
            host: asking.host.or(frame.host.as_ref()).cloned(),
            ..Frame::default()
        };
        for ((parameter, _), argument) in question.parameters.iter().zip(asking.arguments) {
            let answer = self.answer(argument, frame).await;
            inner.names.insert(parameter.clone(), answer);
        }
        for (local, expr) in &question.lets {
            let answer = self.answer(expr, &inner).await;
            inner.names.insert(local.clone(), answer);
        }
        inner
    }

    /// Text that a question gives becomes the type that it declares, by the rules of inputs.
    fn give(&self, question: &Question, given: Value) -> Answer {
        match (&question.result, given) {
            (Type::Text | Type::Unknown, value) => Ok(value),
            (wanted, Value::Text(text)) => parse_as(wanted, text.trim(), self.environment.places()).map_err(|reason| {
                let name = &question.name;
                Unanswered::new(format!("`{name}` gave no {wanted} but “{}”: {reason}", text.trim()))
            }),
            (_, value) => Ok(value),
        }
    }

    async fn binary(&self, expr: &Expr, operator: BinaryOperator, left: &Expr, right: &Expr, frame: &Frame) -> Answer {
        if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
            return self.kleene(operator == BinaryOperator::Or, left, right, frame).await;
        }
        let left = self.answer(left, frame).await;
        let is_arithmetic = matches!(
            operator,
            BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Multiply | BinaryOperator::Divide
        );
        let right = match &left {
            Ok(_) => self.answer(right, frame).await,
            Err(unanswered) => Err(unanswered.clone()),
        };
        if let Some(notes) = self.notes(frame).filter(|_| !is_arithmetic) {
            notes.compared(expr, operator, &left, &right);
        }
        operators::apply(operator, &left?, &right?)
    }

    /// `or` where `decisive`, else `and`: one side may decide alone, also when the other has no answer.
    async fn kleene(&self, decisive: bool, left: &Expr, right: &Expr, frame: &Frame) -> Answer {
        let first = self.part(left, frame).await;
        if first == Ok(decisive) {
            return Ok(Value::Bool(decisive));
        }
        let second = self.part(right, frame).await;
        match (first, second) {
            (_, Ok(value)) if value == decisive => Ok(Value::Bool(decisive)),
            (Err(unanswered), _) | (_, Err(unanswered)) => Err(unanswered),
            _ => Ok(Value::Bool(!decisive)),
        }
    }

    /// One side of `and` or `or`; what nothing in it notes is noted as a whole.
    async fn part(&self, expr: &Expr, frame: &Frame) -> Result<bool, Unanswered> {
        let noted = self.notes(frame).map(Notes::count);
        let truth = self.truth(expr, frame).await;
        if let Some(notes) = self.notes(frame).filter(|notes| Some(notes.count()) == noted) {
            notes.note(expr, &truth.clone().map(Value::Bool));
        }
        truth
    }

    async fn truth(&self, expr: &Expr, frame: &Frame) -> Result<bool, Unanswered> {
        match self.answer(expr, frame).await? {
            Value::Bool(value) => Ok(value),
            _ => Err(Unanswered::new("true or false is wanted here")),
        }
    }

    async fn is(&self, expr: &Expr, subject: &Expr, test: Test, frame: &Frame) -> Result<bool, Unanswered> {
        let answer = self.answer(subject, frame).await;
        if test == Test::Well {
            return self.well(&answer?).await;
        }
        if let Some(notes) = self.notes(frame) {
            notes.note(expr, &answer);
        }
        if test == Test::Answered {
            return match answer {
                Err(unanswered) if unanswered.is_open => Err(unanswered),
                answer => Ok(answer.is_ok()),
            };
        }
        match (test, answer?) {
            (Test::Present, value) => Ok(value != Value::Absent),
            (Test::Pinned, Value::Image(image)) => Ok(literal::is_pinned_image(&image)),
            (Test::Pinned, Value::Package(package)) => Ok(literal::is_pinned_package(&package)),
            (Test::Ok, value) => match field(&value, "ok") {
                Some(Value::Bool(ok)) => Ok(ok),
                _ => Err(Unanswered::new("`is ok` needs a field `ok` of type bool")),
            },
            _ => Err(Unanswered::new("this value cannot be asked that")),
        }
    }

    async fn well(&self, subject: &Value) -> Result<bool, Unanswered> {
        let Value::Service(name) = subject else {
            return Err(Unanswered::new("`is well` is asked of a service"));
        };
        let service = self.runbook.service(name);
        match service.and_then(|service| service.well.as_ref()) {
            Some(check) => self.truth(&check.condition, &Frame::default()).await,
            None => Err(Unanswered::new(format!(
                "the service `{name}` does not say what being well means"
            ))),
        }
    }
}

fn not_known(name: &str) -> Unanswered {
    Unanswered::new(format!("`{name}` is not known"))
}

#[cfg(test)]
mod tests;
