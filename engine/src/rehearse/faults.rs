//! What goes wrong in the simulated world, and all that can go wrong at one place of a plan.

use backstay_dsl::model::{Statement, StatementKind};
use backstay_dsl::program::StepId;

use super::Kill;
use super::person::Answers;
use crate::event::{SignalChoice, WorkKey};
use crate::plan::Plan;
use crate::run::driver::Control;
use crate::value::Value;

/// One run with all that happens to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    pub faults: Vec<Fault>,
    /// What comes from outside once this many records are there.
    pub control_at: Option<(usize, Control)>,
    /// What the person at the terminal says that a signal means, after a while; at once nothing, where nobody
    /// is there.
    pub choice: Option<SignalChoice>,
    /// Milliseconds that pass at once, once this many records are there.
    pub passes_at: Option<(usize, u64)>,
    /// What people answer, by statement.
    pub answers: Answers,
    pub kill: Option<Kill>,
}

/// What else goes wrong in a walk, from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Fault(Fault),
    /// This comes from outside once so many more records are there; 0: before anything else.
    Comes(usize, Control),
    /// So many milliseconds pass at once.
    Passes(u64),
    /// The person answers the question of this statement so; `None`: nothing.
    Answers(String, Option<Value>),
}

impl Case {
    /// A run with these faults and nothing else.
    pub fn of(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            ..Self::default()
        }
    }
}

/// Every fault that a plan's effects make possible at one statement, as one that stays.
pub fn single_faults(plan: &Plan) -> Vec<Fault> {
    let statements = plan.program.statements();
    let of_statements = statements.flat_map(|(_, statement)| faults_of(statement));
    of_statements.chain(of_watches(plan)).collect()
}

/// Every fault that can happen to a watch: from its beginning, and from each action in the steps it is for.
fn of_watches(plan: &Plan) -> Vec<Fault> {
    let (program, mut faults) = (&plan.program, Vec::new());
    for watch in &plan.runbook.watches {
        let stretch = (watch.from, watch.until);
        let is_within = |step: &StepId| program.step_order().may_run_within(step.place(), stretch);
        let statements = program
            .order()
            .filter(is_within)
            .map(|step| &program.step(step).body.statements);
        let actions = statements.flatten().filter(|statement| statement.action().is_some());
        let since = std::iter::once(None).chain(actions.map(|action| Some(action.key.clone())));
        let key = WorkKey::Watch(watch.name.clone()).to_string();
        faults.extend(since.flat_map(|since| {
            FaultKind::OF_QUESTION.map(|kind| Fault {
                since: since.clone(),
                ..Fault::always(&*key, kind)
            })
        }));
    }
    faults
}

/// Every fault that can happen to a statement, as one that stays.
pub fn faults_of(statement: &Statement) -> Vec<Fault> {
    let kinds = match &statement.kind {
        StatementKind::Do(action) => FaultKind::of_action(action.call.effects.is_partial),
        StatementKind::Check(_) | StatementKind::Require { .. } => FaultKind::OF_QUESTION.to_vec(),
        StatementKind::SkipWhen { .. }
        | StatementKind::OnlyWhen { .. }
        | StatementKind::Let { .. }
        | StatementKind::Record(_) => vec![FaultKind::Unanswered, FaultKind::Hangs],
        _ => Vec::new(),
    };
    let faults = kinds.into_iter().map(|kind| Fault::always(&*statement.key, kind));
    faults.collect()
}

/// What a fault of all processes has in place of a statement's key.
pub(super) const PROCESSES: &str = "processes";

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub key: String,
    pub kind: FaultKind,
    /// It happens up to this attempt; to questions always.
    pub attempts: u32,
    /// It begins once the action of this key has been done.
    pub since: Option<String>,
    /// It ends once the action of this key has been done.
    pub until: Option<String>,
}

impl Fault {
    /// A fault of the first attempt of an action, or of a question whenever it is asked.
    pub fn once(key: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            key: key.into(),
            kind,
            attempts: 1,
            since: None,
            until: None,
        }
    }

    /// A fault of every attempt.
    pub fn always(key: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            attempts: u32::MAX,
            ..Self::once(key, kind)
        }
    }

    /// Which processes run cannot be told, from the moment at which the action of this key has been done, else from the
    /// start.
    pub fn unseen(since: Option<&str>) -> Self {
        Self {
            since: since.map(str::to_owned),
            ..Self::always(PROCESSES, FaultKind::Unseen)
        }
    }

    /// The same fault until the action of this key has been done.
    #[must_use]
    pub fn until(self, key: impl Into<String>) -> Self {
        Self {
            until: Some(key.into()),
            attempts: u32::MAX,
            ..self
        }
    }
}

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The action fails and has done nothing.
    FailsBefore,
    /// The action fails after it was done.
    FailsAfter,
    /// It was done, and the reply is lost.
    LostDone,
    /// It was not done, and the reply is lost.
    LostNotDone,
    /// It was done, the reply is lost, and nothing can tell.
    LostForGood,
    HalfWay,
    /// Nothing comes until it is stopped.
    Hangs,
    /// The question is answered, and what was expected is not so.
    Untrue,
    /// The question has no answer.
    Unanswered,
    /// It cannot be told whether any service that runs as processes runs: none is asked, started or stopped.
    Unseen,
}

impl FaultKind {
    /// All that may happen to an action; half-way only where it is partial.
    pub fn of_action(is_partial: bool) -> Vec<Self> {
        let mut kinds = vec![
            Self::FailsBefore,
            Self::FailsAfter,
            Self::LostDone,
            Self::LostNotDone,
            Self::LostForGood,
            Self::Hangs,
        ];
        if is_partial {
            kinds.push(Self::HalfWay);
        }
        kinds
    }

    /// Whether it happens to an action that is told to stop meanwhile too: it has done something by then.
    pub(super) fn is_done_if_stopped(self) -> bool {
        matches!(
            self,
            Self::FailsAfter | Self::LostDone | Self::LostForGood | Self::HalfWay
        )
    }

    /// All that may happen to a question.
    pub const OF_QUESTION: [Self; 3] = [Self::Untrue, Self::Unanswered, Self::Hangs];
}
