//! What every piece of work of a run shares, and how it hands its events over.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::effect::Cancel;
use backstay_dsl::model::{ActionCall, BindingId, Do, Statement};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::action::{Context, GroundCall, Progress, ShowLine};
use crate::eval::{Environment, Evaluator, Places};
use crate::event::{Event, Pending, WorkKey};
use crate::plan::Plan;
use crate::redact::Redactor;
use crate::run::machine::State;
use crate::run::records::Records;
use crate::value::{Answer, Unanswered, Value};
use crate::world::{Clock, Journal, Person, World};

use super::mac::MacKey;

/// The longest line of progress, in characters.
const PROGRESS_CHARACTERS_MAX: usize = 200;

/// Lines of progress that come faster are left out.
const PROGRESS_EVERY_NS: u64 = 200_000_000;

/// Everything outside that a run sees.
#[derive(Clone)]
pub struct Ports {
    pub world: Arc<dyn World>,
    pub clock: Arc<dyn Clock>,
    pub journal: Arc<dyn Journal>,
    pub person: Arc<dyn Person>,
}

/// Shows how far a statement is: its key, and a line without secrets. Never recorded.
pub type ShowProgress = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// Shows what is under way and waited for, each time that it is something else.
pub type ShowPending = Arc<dyn Fn(Vec<Pending>) + Send + Sync>;

/// What a run is given beside its plan.
#[derive(Clone)]
pub struct Settings {
    pub run: String,
    pub run_directory: PathBuf,
    /// Where paths are taken from.
    pub places: Places,
    pub mac_key: MacKey,
    /// Whether the clock is watched for gaps. Not where time is virtual.
    pub is_clock_watched: bool,
    /// Shows how far a long action is.
    pub progress: Option<ShowProgress>,
    /// Shows what programs say, line by line.
    pub said: Option<ShowProgress>,
    /// Shows what is under way and waited for.
    pub pending: Option<ShowPending>,
}

/// What a piece of work hands over.
pub(super) struct Report {
    pub(super) id: u64,
    pub(super) event: Event,
    /// Whether the work ends with it.
    pub(super) is_last: bool,
    /// Answered when the event is durable and folded; an outcome may be durable only with the next record.
    pub(super) recorded: oneshot::Sender<()>,
}

/// The run has stopped; nothing may be done any more.
#[derive(Debug)]
pub(super) struct Stopped;

/// What every piece of work shares.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) ports: Ports,
    pub(super) settings: Settings,
    pub(super) state: RwLock<State>,
}

impl Shared {
    /// What has happened so far. Never held over an `await`: the loop could not go on.
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One piece of work that is under way.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) work: WorkKey,
    /// The same as text: the key of a statement or row.
    pub(super) key: String,
    pub(super) attempt: u32,
    pub(super) cancelled: CancellationToken,
    pub(super) reports: mpsc::Sender<Report>,
}

impl Job {
    /// Hands an event over and returns when it is durable and folded.
    pub(super) async fn record(&self, event: Event, is_last: bool) -> Result<(), Stopped> {
        let (recorded, is_recorded) = oneshot::channel();
        let report = Report {
            id: self.id,
            event,
            is_last,
            recorded,
        };
        self.reports.send(report).await.map_err(|_| Stopped)?;
        is_recorded.await.map_err(|_| Stopped)
    }

    /// The statement of this key.
    pub(super) fn statement(&self) -> Result<&Statement, Stopped> {
        let program = &self.shared.plan.program;
        let found = program.find(&self.key).map(|id| program.statement(id));
        found.ok_or(Stopped)
    }

    /// The action of this key.
    pub(super) fn action(&self) -> Result<&Do, Stopped> {
        self.statement()?.action().ok_or(Stopped)
    }

    /// An evaluator; its reads are made for this work.
    pub(super) fn evaluator(&self) -> Evaluator<'_> {
        Evaluator::new(&self.shared.plan.runbook, self)
    }

    pub(super) fn boot_ns(&self) -> u64 {
        self.shared.ports.clock.boot_ns()
    }

    /// Milliseconds since a moment of the boot clock.
    pub(super) fn ms_since(&self, start_ns: u64) -> u64 {
        self.boot_ns().saturating_sub(start_ns) / 1_000_000
    }

    /// What an action gets beside its arguments.
    pub(super) fn context(&self, limit_ms: u64) -> Context {
        let settings = &self.shared.settings;
        Context {
            run: settings.run.clone(),
            key: format!("{}/{}", settings.run, self.key),
            attempt: self.attempt,
            limit: Duration::from_millis(limit_ms),
            cancelled: self.cancelled.clone(),
            cancel: Cancel::Kill,
            topology: Arc::clone(&self.shared.plan.topology),
            run_directory: settings.run_directory.clone(),
            redactor: self.shared.plan.redactor.clone(),
            working_directory: settings.places.working_directory.clone(),
            progress: self.progress(),
            label: self.shared.plan.label.clone(),
            is_live: false,
        }
    }

    /// Hands over how far an action is: scrubbed, bounded, and not more often than anybody can read.
    fn progress(&self) -> Progress {
        let said = self.shared.settings.said.clone().map(|said| {
            let (shared, key) = (Arc::clone(&self.shared), self.key.clone());
            let show = move |line: &str| said(&key, &shared.plan.redactor.shortened(line, PROGRESS_CHARACTERS_MAX));
            Arc::new(show) as ShowLine
        });
        let Some(show) = self.shared.settings.progress.clone() else {
            return Progress::default().hearing(said);
        };
        let (shared, key) = (Arc::clone(&self.shared), self.key.clone());
        let next_ns = AtomicU64::new(0);
        Progress::new(Arc::new(move |line| {
            let now_ns = shared.ports.clock.boot_ns();
            if now_ns < next_ns.load(Ordering::Relaxed) {
                return;
            }
            next_ns.store(now_ns.saturating_add(PROGRESS_EVERY_NS), Ordering::Relaxed);
            show(&key, &shared.plan.redactor.shortened(line, PROGRESS_CHARACTERS_MAX));
        }))
        .hearing(said)
    }

    /// The result of a future, or `None` after this long on the boot clock.
    pub(super) async fn within<F: Future>(&self, limit_ms: u64, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.shared.ports.clock.sleep(Duration::from_millis(limit_ms)) => None,
        }
    }

    /// Makes this run's records.
    pub(super) fn records(&self) -> Records<'_> {
        Records {
            plan: &self.shared.plan,
        }
    }
}

#[async_trait]
impl Environment for Job {
    fn places(&self) -> &Places {
        &self.shared.settings.places
    }

    fn redactor(&self) -> &Redactor {
        &self.shared.plan.redactor
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.shared.plan.inputs.get(name).cloned()
    }

    fn binding(&self, id: BindingId) -> Option<Answer> {
        self.shared.state().binding(id).map(Ok)
    }

    fn anchor_at_start(&self, name: &str) -> Option<Answer> {
        self.shared.state().anchor_at_start(name)
    }

    async fn read(&self, call: &ActionCall, ground: &GroundCall, limit_ms: u64) -> Answer {
        let context = self.context(limit_ms);
        let reading = self.shared.ports.world.perform(&context, ground);
        match self.within(limit_ms, reading).await {
            Some(outcome) => outcome.into_answer(),
            None => Err(Unanswered::new(format!(
                "{} gave no answer within {}",
                call.action,
                backstay_dsl::units::duration(limit_ms)
            ))),
        }
    }
}
