//! What a piece of work saw, as a record. The driver and the rehearsal's walk make their records here, so
//! that both say the same of the same.
//!
//! Absent on purpose: time, waiting and limits; those belong to whoever carries the work out.

use backstay_dsl::model::{Do, Expr, Settle, Statement, StatementKind, SymptomRow};
use backstay_dsl::print;

use crate::action::{Evidence, GroundCall, Outcome, Settled};
use crate::eval::{Evaluation, Evaluator};
use crate::event::{
    AnchorTime, EffectKey, EvaluationKind, EvaluationResult, Event, Intent, IntentWay, OutcomeRecord, OutcomeResult,
    SettledBy, Verdict, WorkKey,
};
use crate::plan::Plan;
use crate::plan::undo::NotNew;
use crate::value::{Answer, RecordedValue, Unanswered, Value};
use crate::world::{PersonAnswer, PersonQuestion, PersonWants};

/// The longest value that is recorded, in bytes of its JSON.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// The longest line of evidence, in characters.
const EVIDENCE_CHARACTERS_MAX: usize = 2000;
/// The longest words of a program that are recorded together, in characters.
const ARGV_CHARACTERS_MAX: usize = 16 << 10;
/// A scalar of so many bytes is within [`VALUE_BYTES_MAX`] however it is escaped.
const SHORT_BYTES: usize = 8 << 10;

/// Why an attempt cannot be settled by its action.
pub(crate) const OTHER_ARGUMENTS: &str = "its arguments are not those of the attempt any more";

/// Makes the records of one run.
#[derive(Clone)]
pub(crate) struct Records<'run> {
    pub(crate) plan: &'run Plan,
}

/// How an evaluation came out, before it is recorded.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) what: EvaluationKind,
    pub(crate) label: String,
    pub(crate) result: EvaluationResult,
    pub(crate) evidence: String,
    pub(crate) polls: u32,
    /// Whether it is not asked again, whatever time is left.
    pub(crate) is_final: bool,
    pub(crate) values: Vec<(String, RecordedValue)>,
}

/// What became of an unknown attempt, who says so, what was seen, and the value.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    pub(crate) verdict: Verdict,
    pub(crate) by: SettledBy,
    pub(crate) evidence: String,
    pub(crate) value: Option<RecordedValue>,
}

impl Decided {
    pub(crate) fn new(verdict: Verdict, by: SettledBy, evidence: impl Into<String>) -> Self {
        Self {
            verdict,
            by,
            evidence: evidence.into(),
            value: None,
        }
    }

    pub(crate) fn undecidable(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Undecidable, SettledBy::Action, evidence)
    }

    /// What needs no asking: an action that only looks was not done, and of others only a person can tell.
    pub(crate) fn at_once(action: &Do) -> Self {
        match action.call.effects.settle {
            Settle::NotNeeded => Self::new(Verdict::NotDone, SettledBy::Action, "it only looks"),
            _ if action.call.effects.repeat.is_safe() => {
                Self::undecidable("nothing here can tell; it may be done again")
            }
            _ => Self::undecidable("only a person can tell"),
        }
    }

    /// Whether a person has to say: nobody can tell, and it must not simply be done again.
    pub(crate) fn is_for_person(&self, action: &Do) -> bool {
        self.verdict == Verdict::Undecidable && !action.call.effects.repeat.is_safe()
    }

    /// By the answer to the question that an action is settled by.
    pub(crate) fn by_question(evaluation: Evaluation) -> Self {
        let verdict = match evaluation.answer {
            Ok(Value::Bool(true)) => Verdict::Done,
            Ok(Value::Bool(false)) => Verdict::NotDone,
            _ => Verdict::Undecidable,
        };
        Self::new(verdict, SettledBy::Question, evaluation.evidence)
    }
}

impl Seen {
    /// The answer to a condition.
    pub(crate) fn judged(what: EvaluationKind, label: &str, evaluation: Evaluation, polls: u32) -> Self {
        let mut evidence = evaluation.evidence;
        let result = match evaluation.answer {
            Ok(Value::Bool(true)) => EvaluationResult::Holds,
            Ok(Value::Bool(false)) => EvaluationResult::DoesNotHold,
            Ok(_) => EvaluationResult::Unanswered,
            Err(unanswered) => {
                if !evidence.contains(&unanswered.reason) {
                    evidence = format!("{evidence}; {}", unanswered.reason);
                }
                EvaluationResult::Unanswered
            }
        };
        Self {
            polls,
            ..Self::line(what, label, result, evidence)
        }
    }

    /// The same where `unless` was asked too: it has failed for good where that holds.
    pub(crate) fn ended_by(self, unless: &Evaluation) -> Self {
        match unless.answer {
            Ok(Value::Bool(true)) => Self {
                result: EvaluationResult::DoesNotHold,
                evidence: format!("it is in vain, because {}; {}", unless.evidence, self.evidence),
                is_final: true,
                ..self
            },
            _ => self,
        }
    }

    /// That an action is not begun, because its undo would remove what is there.
    pub(crate) fn not_new(action: &Do, why: &NotNew) -> Self {
        let (what, result) = (EvaluationKind::Undo, EvaluationResult::DoesNotHold);
        Self::line(what, title(action), result, why.in_words())
    }

    pub(crate) fn line(what: EvaluationKind, label: &str, result: EvaluationResult, evidence: String) -> Self {
        Self {
            what,
            label: label.to_owned(),
            result,
            evidence,
            polls: 1,
            is_final: false,
            values: Vec::new(),
        }
    }
}

impl Records<'_> {
    /// A line of evidence without secrets, bounded.
    pub(crate) fn evidence(&self, text: &str) -> String {
        self.plan.redactor.shortened(text, EVIDENCE_CHARACTERS_MAX)
    }

    /// A value as it is recorded. What is too long, or would not be the same without its secrets, is
    /// refused with a reason: a resumed run never sees `***` as data.
    pub(crate) fn recorded(&self, value: &Value) -> Result<RecordedValue, String> {
        let recorded = RecordedValue::from(value);
        if self.plan.redactor.is_idle() && is_short(value) {
            return Ok(recorded);
        }
        let json = serde_json::to_string(&recorded).map_err(|error| error.to_string())?;
        if json.len() > VALUE_BYTES_MAX {
            return Err(format!(
                "the value is longer than {} KiB; values that are kept must be short",
                VALUE_BYTES_MAX >> 10
            ));
        }
        if self.holds_secret(value) || self.plan.redactor.finds(json.as_bytes()) {
            return Err("the value holds a secret, so it cannot be kept for later statements".to_owned());
        }
        Ok(recorded)
    }

    fn holds_secret(&self, value: &Value) -> bool {
        match value {
            Value::List(values) => values.iter().any(|value| self.holds_secret(value)),
            Value::Map(pairs) | Value::Record(pairs) => pairs
                .iter()
                .any(|(key, value)| self.plan.redactor.finds(key.as_bytes()) || self.holds_secret(value)),
            plain => self.plan.redactor.finds(plain.canonical().as_bytes()),
        }
    }

    /// Evaluates a guard, a name or a record once; `None` for a statement that is none of these.
    pub(crate) async fn evaluate(&self, evaluator: &Evaluator<'_>, statement: &Statement) -> Option<Seen> {
        let (what, label, condition) = match &statement.kind {
            StatementKind::Require { condition, otherwise } => (EvaluationKind::Require, otherwise, condition),
            StatementKind::SkipWhen { condition, because } => (EvaluationKind::SkipWhen, because, condition),
            StatementKind::OnlyWhen { condition, because } => (EvaluationKind::OnlyWhen, because, condition),
            StatementKind::Let { binding, value } => {
                let binding = self.plan.runbook.bindings.get(binding.0 as usize);
                let name = binding.map_or("", |binding| binding.shown());
                let pairs = std::iter::once((name, value));
                return Some(self.named(evaluator, EvaluationKind::Let, name, pairs).await);
            }
            StatementKind::Record(pairs) => {
                let pairs = pairs.iter().map(|(label, value)| (label.as_str(), value));
                return Some(self.named(evaluator, EvaluationKind::Record, "record", pairs).await);
            }
            _ => return None,
        };
        Some(Seen::judged(what, label, evaluator.evaluate(condition).await, 1))
    }

    /// Evaluates the `seen when` of a row.
    pub(crate) async fn row(&self, evaluator: &Evaluator<'_>, row: &SymptomRow) -> Seen {
        let what = EvaluationKind::Row;
        let Some(condition) = &row.seen else {
            let evidence = "no row above was seen".to_owned();
            let seen = Seen::line(what, &row.title, EvaluationResult::Holds, evidence);
            return Seen { polls: 0, ..seen };
        };
        let mut seen = Seen::judged(what, &row.title, evaluator.evaluate(condition).await, 1);
        if seen.result == EvaluationResult::Unanswered {
            seen.evidence = format!("could not be asked: {}", seen.evidence);
        }
        seen
    }

    async fn named<'a>(
        &self,
        evaluator: &Evaluator<'_>,
        what: EvaluationKind,
        label: &str,
        pairs: impl Iterator<Item = (&'a str, &'a Expr)>,
    ) -> Seen {
        let mut seen = Seen::line(what, label, EvaluationResult::Holds, String::new());
        seen.values.reserve_exact(pairs.size_hint().0);
        let mut evidence = Vec::new();
        for (name, expr) in pairs {
            let answer = evaluator.value(expr).await;
            let recorded = answer.and_then(|value| {
                let recorded = self.recorded(&value).map_err(Unanswered::new)?;
                if evaluator.takes_notes() {
                    evidence.push(format!("{name} = {}", crate::eval::shown(&self.plan.redactor, &value)));
                }
                Ok(recorded)
            });
            match recorded {
                Ok(recorded) => seen.values.push((name.to_owned(), recorded)),
                Err(unanswered) => {
                    let evidence = format!("{}: {}", name.trim_start_matches('#'), unanswered.reason);
                    return Seen::line(what, label, EvaluationResult::Unanswered, evidence);
                }
            }
        }
        seen.evidence = evidence.join("; ");
        seen
    }

    pub(crate) fn evaluated(&self, key: &WorkKey, seen: Seen, ms: u64) -> Event {
        Event::Evaluated {
            key: key.clone(),
            label: seen.label,
            what: seen.what,
            result: seen.result,
            evidence: self.evidence(&seen.evidence),
            polls: seen.polls,
            values: seen.values,
            ms,
        }
    }

    /// An action whose arguments cannot be worked out: it is not begun.
    pub(crate) fn no_arguments(&self, key: &WorkKey, action: &Do, reason: String, ms: u64) -> Event {
        let (what, result) = (EvaluationKind::Arguments, EvaluationResult::Unanswered);
        self.evaluated(key, Seen::line(what, title(action), result, reason), ms)
    }

    pub(crate) fn intent(&self, action: &Do, call: &GroundCall, given: Begun<'_>) -> Event {
        let scrubbed = |key: &String| EffectKey::Known(self.evidence(key));
        let of_result = |key: &EffectKey| match key {
            EffectKey::Known(key) => scrubbed(key),
            EffectKey::OfResult => EffectKey::OfResult,
        };
        let known = call.effects.iter().map(|effect| effect.map(&mut { scrubbed }));
        let effects = known.chain(call.of_result.iter().map(|effect| effect.map(&mut { of_result })));
        Event::Intent(Box::new(Intent {
            key: given.key.to_owned(),
            n: given.n,
            action: action.call.action.clone(),
            title: title(action).to_owned(),
            effects: effects.collect(),
            argv: self.argv(call),
            changing: action.call.effects.is_changing(),
            repeat: action.call.effects.repeat,
            mac: given.mac,
            limit_ms: given.limit_ms,
            way: given.way,
        }))
    }

    /// What a program is called with, without secrets and bounded.
    fn argv(&self, call: &GroundCall) -> Vec<String> {
        let mut left = ARGV_CHARACTERS_MAX;
        let mut argv = Vec::new();
        for word in call.arguments.argv() {
            if left == 0 {
                argv.push("…".to_owned());
                break;
            }
            let word = self.plan.redactor.shortened(&word, left);
            left = left.saturating_sub(word.chars().count().max(1));
            argv.push(word);
        }
        argv
    }

    /// The outcome of an attempt. A value is recorded where a later statement needs it, or where it names
    /// what was made.
    pub(crate) fn outcome(
        &self,
        action: &Do,
        call: &GroundCall,
        outcome: Outcome,
        (key, n, ms): (&str, u32, u64),
    ) -> OutcomeRecord {
        let (mut result, evidence) = match outcome {
            Outcome::Done(evidence) => (OutcomeResult::Ok, evidence),
            Outcome::Failed(evidence) => (OutcomeResult::Failed, evidence),
            Outcome::Unknown(evidence) => (OutcomeResult::Unknown, evidence),
        };
        let mut summary = self.evidence(&evidence.summary);
        let mut value = None;
        let is_named = action.binding.is_some() || !call.of_result.is_empty();
        if let (OutcomeResult::Ok, true, Some(given)) = (result, is_named, &evidence.value) {
            match self.recorded(given) {
                Ok(recorded) => value = Some(recorded),
                Err(reason) if action.binding.is_some() => {
                    result = OutcomeResult::Failed;
                    summary = reason;
                }
                Err(reason) => summary = format!("{summary}; {reason}"),
            }
        }
        OutcomeRecord {
            key: key.to_owned(),
            n,
            result,
            value,
            evidence: summary,
            blobs: Vec::new(),
            said: Vec::new(),
            ms,
            exit: evidence.exit,
            was_there: evidence.was_there,
        }
    }

    /// What the world found out about an unknown attempt.
    pub(crate) fn found(&self, action: &Do, settled: Settled) -> Decided {
        match settled {
            Settled::Done(evidence) => self.found_done(action, evidence),
            Settled::NotDone(evidence) => Decided::new(Verdict::NotDone, SettledBy::Action, evidence),
            Settled::Undecidable(reason) => Decided::undecidable(reason),
        }
    }

    fn found_done(&self, action: &Do, evidence: Evidence) -> Decided {
        let done = Decided::new(Verdict::Done, SettledBy::Action, evidence.summary);
        match (action.binding, &evidence.value) {
            (None, _) => done,
            (Some(_), Some(value)) => match self.recorded(value) {
                Ok(recorded) => Decided {
                    value: Some(recorded),
                    ..done
                },
                Err(reason) => Decided::undecidable(reason),
            },
            (Some(_), None) => {
                let reason = format!("it was done, but its value is lost: {}", done.evidence);
                Decided::undecidable(reason)
            }
        }
    }

    /// What a person says about an unknown attempt; what was undecided stays so without a word of theirs.
    pub(crate) fn found_by_person(&self, undecided: Decided, answer: Option<PersonAnswer>) -> Decided {
        match answer {
            Some(PersonAnswer {
                value: Value::Bool(was_done),
                who,
                ..
            }) => Decided {
                verdict: if was_done { Verdict::Done } else { Verdict::NotDone },
                by: SettledBy::Person(self.evidence(&who)),
                ..undecided
            },
            _ => undecided,
        }
    }

    pub(crate) fn settled(&self, key: &str, n: u32, decided: Decided) -> Event {
        Event::Settled {
            key: key.to_owned(),
            n,
            verdict: decided.verdict,
            by: decided.by,
            value: decided.value,
            evidence: self.evidence(&decided.evidence),
        }
    }

    /// Asks a person whether an unknown attempt was done.
    pub(crate) fn verdict_question(
        &self,
        (key, attempt): (&str, u32),
        action: &Do,
        undecided: &Decided,
    ) -> PersonQuestion {
        PersonQuestion {
            key: key.to_owned(),
            step: self.step_title(key),
            prompt: format!(
                "Nobody knows whether this was done: {} ({}). Was it done?",
                title(action),
                self.evidence(&undecided.evidence)
            ),
            wants: PersonWants::Verdict(attempt),
            of: None,
            by_two: false,
            besides: None,
        }
    }

    /// The question of a statement `ask` as it is asked; `None` for another. Where its words cannot be worked out it is
    /// asked as it is written, with the reason.
    pub(crate) fn asked(&self, statement: &Statement, words: Answer) -> Option<PersonQuestion> {
        self.question(statement, |prompt| match words {
            Ok(words) => words.canonical(),
            Err(unanswered) => {
                let written = print::checked(&self.plan.runbook, prompt, &|_| None);
                format!("{written} (not known: {})", unanswered.reason)
            }
        })
    }

    /// The question of a statement `ask`, by what gives its words; `None` for another.
    pub(crate) fn question(
        &self,
        statement: &Statement,
        words: impl FnOnce(&Expr) -> String,
    ) -> Option<PersonQuestion> {
        let StatementKind::Ask(ask) = &statement.kind else {
            return None;
        };
        Some(PersonQuestion {
            key: statement.key.clone(),
            step: self.step_title(&statement.key),
            prompt: self.evidence(&words(&ask.prompt)),
            wants: if ask.confirm {
                PersonWants::Confirm
            } else {
                PersonWants::Text
            },
            of: ask.of.clone(),
            by_two: ask.by_two,
            besides: None,
        })
    }

    /// Asks a person whether a step may begin, with what it does.
    pub(crate) fn may_begin(&self, key: &str, step: &str, coming: &[String]) -> PersonQuestion {
        let lines: Vec<String> = coming
            .iter()
            .map(|line| format!("\n  {}", self.evidence(line)))
            .collect();
        PersonQuestion {
            key: key.to_owned(),
            step: self.step_title(step),
            prompt: format!(
                "Next is step {step}, which does this:{}\nShall it begin?",
                lines.concat()
            ),
            wants: PersonWants::Confirm,
            of: None,
            by_two: false,
            besides: None,
        }
    }

    fn step_title(&self, key: &str) -> String {
        let name = key.split('/').next().unwrap_or("");
        let program = &self.plan.program;
        let step = program.step_named(name).map(|step| &program.step(step).title);
        step.map_or(name, String::as_str).to_owned()
    }

    pub(crate) fn answered(&self, question: PersonQuestion, answer: Option<PersonAnswer>) -> Event {
        let (value, who, via) = match answer {
            Some(answer) => match self.recorded(&answer.value) {
                Ok(value) => (Some(value), answer.who, answer.via),
                Err(reason) => (None, answer.who, reason),
            },
            None => (None, String::new(), "nobody could be asked".to_owned()),
        };
        Event::Answer {
            key: question.key,
            prompt: question.prompt,
            value,
            who: self.evidence(&who),
            of: question.of,
            via,
            late: false,
        }
    }

    pub(crate) fn anchor(&self, name: &str, when: AnchorTime, answer: Answer) -> Event {
        let answer = answer.and_then(|value| self.recorded(&value).map_err(Unanswered::new));
        let (value, reason) = match answer {
            Ok(value) => (Some(value), None),
            Err(unanswered) => (None, Some(self.evidence(&unanswered.reason))),
        };
        Event::Anchor {
            name: name.to_owned(),
            when,
            value,
            reason,
        }
    }
}

/// What an intent says beside its action and call.
pub(crate) struct Begun<'a> {
    pub(crate) key: &'a str,
    pub(crate) n: u32,
    pub(crate) limit_ms: u64,
    pub(crate) way: IntentWay,
    /// The MAC of the arguments; empty where nobody compares it.
    pub(crate) mac: String,
}

/// What a person knows an action by.
pub(crate) fn title(action: &Do) -> &str {
    action.title.as_deref().unwrap_or(&action.call.action)
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::Text(text)
        | Value::Image(text)
        | Value::Package(text)
        | Value::Path(text)
        | Value::Url(text)
        | Value::Digest(text)
        | Value::Host(text)
        | Value::Version(text)
        | Value::Service(text)
        | Value::State(text) => text.len() <= SHORT_BYTES,
        Value::Bool(_) | Value::Int(_) | Value::Duration(_) | Value::Size(_) | Value::Port(_) => true,
        _ => false,
    }
}
