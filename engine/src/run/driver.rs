//! The driver: makes reality equal to what the machine desires, and records what happens.
//!
//! One loop writes the state; work only reads it. Work runs in tasks of its own and hands its events to the loop, which appends
//! them (several at once share one sync of the disk), folds them, and only then lets the work go on.
//! Invariants: nothing is done without a durable record before it; events are folded in the order in which
//! they are recorded; every wait has an end; the first error of the journal stops everything.
//! Absent on purpose: any decision. What happens next is the machine's.

mod ask;
mod controls;
mod evaluate;
mod left;
mod mac;
mod obligations;
mod order;
mod pending;
mod perform;
mod shared;
mod showing;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;

use crate::event::{Event, Outlook, Pending, RunEnd, Stamped, TimerId, WorkKey};
use crate::plan::Plan;
use crate::run::machine::{Desired, State, decide, fold};
use crate::world::{Durable, Journal, JournalError};

use controls::ClockWatch;
use order::all_in_order;
use shared::{Report, Shared};
use showing::Showing;
use work::Running;

pub use controls::Control;
pub(crate) use controls::since_last_record;
pub use mac::{MAC_KEY_BYTES, MacKey};
pub(crate) use obligations::{OBLIGATION_READ_LIMIT_MS, discharge};
pub use shared::{Ports, Settings, ShowPending, ShowProgress};

/// How many events are appended at once at most.
const BATCH_EVENTS_MAX: usize = 256;

/// Sees every event once it is recorded.
pub type Observer = Box<dyn FnMut(&Stamped) + Send>;

/// How a drive came to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    Ended(Box<RunEnd>),
    /// The run is paused and can be resumed.
    Paused(String),
    /// The same signal again: everything was dropped where it stood; the run can be resumed.
    Killed,
}

/// Why a drive stopped before it came to rest. The run can be resumed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// The transcript cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A mistake in this program.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Drives one run.
pub struct Driver {
    shared: Arc<Shared>,
    running: BTreeMap<WorkKey, Running>,
    next_id: u64,
    reports: (mpsc::Sender<Report>, mpsc::Receiver<Report>),
    finished: (mpsc::UnboundedSender<u64>, mpsc::UnboundedReceiver<u64>),
    controls: mpsc::Receiver<Control>,
    showing: Showing,
    /// A report that came too early to be recorded with those before it.
    held: Option<Report>,
    fired: BTreeMap<TimerId, u64>,
    /// Signals that no person has given a meaning, with the moment of the boot clock: the same again kills.
    signalled: BTreeMap<String, u64>,
    watch: ClockWatch,
    /// What was shown last of what is pending.
    pending: Vec<(Pending, Option<u64>)>,
    last: Option<Event>,
}

impl Driver {
    /// A driver of this plan, with what has happened so far.
    pub fn new(
        plan: Arc<Plan>,
        ports: Ports,
        settings: Settings,
        controls: mpsc::Receiver<Control>,
        observer: Option<Observer>,
        history: &[Stamped],
    ) -> Self {
        let mut state = State::new(&plan);
        for stamped in history {
            fold(&plan, &mut state, stamped);
        }
        let watch = ClockWatch::new(ports.clock.as_ref());
        let shared = Shared {
            state: RwLock::new(state),
            plan,
            ports,
            settings,
        };
        Self {
            shared: Arc::new(shared),
            running: BTreeMap::new(),
            next_id: 1,
            reports: mpsc::channel(1024),
            finished: mpsc::unbounded_channel(),
            controls,
            showing: Showing::new(observer),
            held: None,
            fired: BTreeMap::new(),
            signalled: BTreeMap::new(),
            watch,
            pending: Vec::new(),
            last: None,
        }
    }

    /// Sees what the run is at, also when it has come to rest.
    pub(crate) fn watch_state(&self) -> impl Fn() -> Outlook + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.state().outlook(&shared.plan)
    }

    /// Appends the opening record (`run.start`, `run.resumed`), then runs until the machine is at rest.
    pub async fn run(mut self, opening: Vec<Event>) -> Result<Rest, DriveError> {
        let rest = self.drive(opening).await?;
        self.catch_up().await?;
        Ok(rest)
    }

    async fn drive(&mut self, opening: Vec<Event>) -> Result<Rest, DriveError> {
        for event in opening {
            self.append(event).await?;
        }
        // What somebody asked for before we were there comes before all work.
        while let Ok(control) = self.controls.try_recv() {
            if let Some(rest) = self.obey(control).await? {
                return Ok(rest);
            }
        }
        loop {
            let desired = self.record_due().await?;
            if desired.at_rest {
                return Ok(self.rest());
            }
            if desired.work.iter().any(|(_, work)| work.kind.may_ask_people()) {
                self.catch_up().await?;
            }
            self.reconcile(&desired.work);
            if !self.showing.is_behind() {
                self.show_pending(&desired);
            }
            if let Some(rest) = self.wait(&desired).await? {
                return Ok(rest);
            }
        }
    }

    fn rest(&mut self) -> Rest {
        match self.last.take() {
            Some(Event::RunEnd(end)) => Rest::Ended(end),
            Some(Event::RunInterrupted { reason }) => Rest::Paused(reason),
            _ => Rest::Paused("nothing is left to do here".to_owned()),
        }
    }

    /// Appends the derived records that are due, one after the other, until none is.
    async fn record_due(&mut self) -> Result<Desired, DriveError> {
        loop {
            let mut desired = decide(&self.shared.plan, &self.shared.state());
            let Some(event) = desired.due.take() else {
                return Ok(desired);
            };
            self.append(event).await?;
        }
    }

    /// Waits until all that somebody waits for is durable and shown.
    async fn catch_up(&mut self) -> Result<(), DriveError> {
        self.shared.ports.journal.write_now();
        self.showing.until_durable().await
    }

    async fn append(&mut self, event: Event) -> Result<(), DriveError> {
        let kept = keep(self.shared.ports.journal.as_ref(), event).await?;
        self.take_in(kept);
        Ok(())
    }

    fn take_in(&mut self, (stamped, kept): (Stamped, Kept)) {
        let stamped = &stamped;
        {
            let mut state = self.shared.state.write().unwrap_or_else(PoisonError::into_inner);
            fold(&self.shared.plan, &mut state, stamped);
        }
        match kept {
            Kept::Durable => self.showing.catch_up(),
            Kept::DurableSoon(durable) => self.showing.hold_back(durable),
            Kept::BeforeTheNext => {}
        }
        self.showing.take_in(stamped);
        match &stamped.event {
            // After a choice of a person the next signal is a first one again.
            Event::Signal { choice: Some(_), .. } => self.signalled.clear(),
            Event::RunEnd(_) | Event::RunInterrupted { .. } => self.last = Some(stamped.event.clone()),
            _ => {}
        }
    }

    /// Waits until something happens, and records it.
    async fn wait(&mut self, desired: &Desired) -> Result<Option<Rest>, DriveError> {
        if let Some(report) = self.held.take() {
            self.record_reports(report).await?;
            return Ok(None);
        }
        let clock = Arc::clone(&self.shared.ports.clock);
        let timer = self.next_timer(desired);
        let timer_ns = timer.as_ref().map_or(u64::MAX, |(_, moment)| *moment);
        let is_watched = self.shared.settings.is_clock_watched;
        let tick_ns = self.watch.next_ns();
        let journal = Arc::clone(&self.shared.ports.journal);
        // What is asked from outside comes first; a moment that has come waits for what ended at it.
        tokio::select! {
            biased;
            Some(control) = self.controls.recv() => return self.obey(control).await,
            durable = self.showing.until_durable(), if self.showing.is_behind() => durable?,
            Some(report) = self.reports.1.recv() => self.record_reports(report).await?,
            Some(id) = self.finished.1.recv() => self.work_ended(id)?,
            () = clock.sleep_until(timer_ns), if timer.is_some() => {
                if let Some((id, moment)) = timer {
                    self.fired.insert(id.clone(), moment);
                    self.append(Event::Timer(id)).await?;
                }
            }
            () = clock.sleep_until(tick_ns), if is_watched => {
                if let Some(gap) = self.watch.tick(clock.as_ref()) {
                    self.append(gap).await?;
                }
            }
            () = write_when_idle(journal.as_ref()) => {}
        }
        Ok(None)
    }

    /// The timer that goes off next; each goes off once.
    fn next_timer(&self, desired: &Desired) -> Option<(TimerId, u64)> {
        desired
            .timers
            .iter()
            .filter(|(id, moment)| self.fired.get(id) != Some(moment))
            .min_by_key(|(_, moment)| *moment)
            .map(|(id, moment)| (id.clone(), *moment))
    }

    /// Appends this report and all that wait behind it, in order, with one sync. An intent is recorded only
    /// where nothing has happened since the machine wanted it; else the machine is asked first.
    async fn record_reports(&mut self, first: Report) -> Result<(), DriveError> {
        let mut batch: Vec<Report> = Vec::new();
        let mut next = Some(first);
        while let Some(report) = next {
            let is_intent = matches!(report.event, Event::Intent(_));
            if is_intent && batch.last().is_some_and(|last| !matches!(last.event, Event::Intent(_))) {
                self.held = Some(report);
                break;
            }
            // What comes of work that was abandoned is not recorded.
            if self.running.values().any(|running| running.id == report.id) {
                batch.push(report);
            }
            next = if batch.len() < BATCH_EVENTS_MAX {
                self.reports.1.try_recv().ok()
            } else {
                None
            };
        }
        let journal = Arc::clone(&self.shared.ports.journal);
        let appending = batch
            .iter()
            .map(|report| keep(journal.as_ref(), report.event.clone()))
            .collect();
        let appended = all_in_order(appending).await;
        for (report, kept) in batch.into_iter().zip(appended) {
            self.take_in(kept?);
            if report.is_last {
                self.running.retain(|_, running| running.id != report.id);
            } else if matches!(report.event, Event::Intent(_))
                && let Some(running) = self.running.values_mut().find(|running| running.id == report.id)
            {
                running.is_intended = true;
            }
            // Work that was abandoned in the meantime waits for nothing.
            let _ = report.recorded.send(());
        }
        Ok(())
    }
}

/// Lets the work that was started say at once what it is about to do, so that it is written with what came before;
/// then has that written. Never ends.
async fn write_when_idle(journal: &dyn Journal) {
    tokio::task::yield_now().await;
    journal.write_now();
    std::future::pending::<()>().await;
}

/// When what was appended is durable.
enum Kept {
    /// It is, and all before it.
    Durable,
    DurableSoon(Durable),
    /// When the next is that somebody waits for.
    BeforeTheNext,
}

/// Appends an event. What a resumed run would find out again (what was derived, asked or waited for) is not
/// waited for: it is durable, in its place, before the next intent is. Nor is an outcome: nothing begins and nothing
/// is shown before it is durable, but what comes next is found out meanwhile. All else is durable at once.
async fn keep(journal: &dyn Journal, event: Event) -> Result<(Stamped, Kept), JournalError> {
    match event {
        Event::Anchor { .. }
        | Event::Step { .. }
        | Event::Evaluated { .. }
        | Event::Symptom { .. }
        | Event::Hold { .. }
        | Event::Commit { .. }
        | Event::Turn { .. }
        | Event::ClockGap { .. }
        | Event::Timer(_) => Ok((journal.append_soon(event).await?, Kept::BeforeTheNext)),
        Event::Outcome(_) => {
            let (stamped, durable) = journal.append_with_next(event).await?;
            Ok((stamped, durable.map_or(Kept::Durable, Kept::DurableSoon)))
        }
        _ => Ok((journal.append(event).await?, Kept::Durable)),
    }
}
