//! The walk: a run without a runtime. One loop: what the machine decides is answered at once or waits for a
//! moment of virtual time, becomes a record, and is folded.
//!
//! It does in the same order what the driver does: what is ready goes on, in order, until nothing is; then the
//! clock goes to the next moment that something waits for. So both give the same records in the same world
//! (`tests/simulation/`). A walk is plain data: a copy goes on from where it was taken.
//! Absent on purpose: any decision. What happens next is the machine's.

mod answers;
mod opening;
mod work;

use std::collections::{BTreeMap, VecDeque};
use std::mem::take;
use std::sync::Arc;

use backstay_dsl::program::StatementId;

use super::clock::WALL_START_MS;
use super::world::{Script, Setting, SimulatedState};
use super::{Case, Fault, Kill, Production, Trouble};
use crate::action::{GroundCall, Registry};
use crate::event::{Event, Stamped, TimerId};
use crate::plan::{Constants, Plan};
use crate::run::driver::{Control, Rest};
use crate::run::machine::{Desired, State, decide, fold};
use crate::run::records::Records;
use crate::value::GroundResource;

pub use opening::{Resumption, resumed, started};
use work::Running;

/// A plan that is rehearsed again and again: what is the same in every case.
pub struct Rehearsal {
    plan: Arc<Plan>,
    constants: Constants,
    /// The run and its world before the first record.
    start: (State, SimulatedState),
    /// The first record of a run that begins at once.
    opening: Arc<Stamped>,
    has_words: bool,
}

/// What a run left behind.
#[derive(Debug, Clone)]
pub struct Report {
    /// The records, in order.
    pub events: Vec<Arc<Stamped>>,
    pub production: Production,
    /// How the run came to rest.
    pub rest: Rest,
}

/// Nothing is left that could happen, and the run has not ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the run neither ends nor waits for anything")]
pub struct Stalled;

impl Rehearsal {
    /// A rehearsal of this plan; `script` answers what effects do not say.
    pub fn new(plan: Arc<Plan>, registry: Registry, script: Option<Script>) -> Self {
        let setting = Setting::new(&plan, registry, script);
        let mut production = Production::new(&plan);
        production.know(&plan.known_resources());
        let world = SimulatedState::new(Arc::new(setting), production);
        Self {
            constants: plan.constants(),
            start: (State::new(&plan), world),
            opening: Arc::new(Stamped {
                at_ms: WALL_START_MS,
                boot_ns: 0,
                event: started(&plan, boot_id(0)),
            }),
            has_words: false,
            plan,
        }
    }

    /// Works out evidence too, for records that somebody reads.
    #[must_use]
    pub fn with_words(self) -> Self {
        Self {
            has_words: true,
            ..self
        }
    }

    /// Says what a resource holds at the start; `None`: it is not there.
    pub fn seed(&mut self, resource: &GroundResource, text: Option<&str>) {
        self.start.1.production.seed(resource, text);
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    fn records(&self) -> Records<'_> {
        Records { plan: &self.plan }
    }

    /// A walk of this case, before its first record.
    pub fn walk(&self, case: Case) -> Walk<'_> {
        let (state, mut world) = self.start.clone();
        world.faults.clone_from(&case.faults);
        Walk {
            rehearsal: self,
            state,
            world,
            case,
            records: Vec::new(),
            folded: 0,
            now_ns: 0,
            boots: 0,
            boot_began_ns: 0,
            running: Vec::new(),
            next_id: 1,
            ready: VecDeque::new(),
            is_draining: false,
            reports: VecDeque::new(),
            held: None,
            kept: Vec::new(),
            sleepers: BTreeMap::new(),
            fired: BTreeMap::new(),
            coming: None,
            intended: BTreeMap::new(),
            is_dead: false,
        }
    }

    /// Walks the case of each of these faults alone, and shows it with its end. What comes before the faults of
    /// a statement is walked once: each case goes on from a copy taken when the statement begins. Faults of
    /// statements that a run without faults does not reach are left out.
    pub fn every_single(&self, faults: &[Fault], see: &mut dyn FnMut(&Fault, Report)) -> Result<(), Stalled> {
        let mut by_key: BTreeMap<&str, Vec<&Fault>> = BTreeMap::new();
        for fault in faults {
            by_key.entry(&fault.key).or_default().push(fault);
        }
        let mut stalled = false;
        self.walk(Case::default()).run_with(&mut |walk, key| {
            for fault in by_key.remove(key).unwrap_or_default() {
                let mut case = walk.clone();
                case.world.faults = vec![fault.clone()];
                match case.run() {
                    Ok(rest) => see(fault, case.report(rest)),
                    Err(Stalled) => stalled = true,
                }
            }
        })?;
        if stalled { Err(Stalled) } else { Ok(()) }
    }

    /// Walks a case to its end.
    pub fn run(&self, case: Case) -> Result<Report, Stalled> {
        let mut walk = self.walk(case);
        let rest = walk.run()?;
        Ok(walk.report(rest))
    }
}

/// One run.
#[derive(Clone)]
pub struct Walk<'rehearsal> {
    rehearsal: &'rehearsal Rehearsal,
    state: State,
    world: SimulatedState,
    case: Case,
    records: Vec<Arc<Stamped>>,
    /// How many of the records are folded and seen by the world.
    folded: usize,
    now_ns: u64,
    boots: u32,
    /// What the boot clock showed when the last boot began.
    boot_began_ns: u64,
    running: Vec<Running>,
    /// Numbers of works and of sleepers.
    next_id: u64,
    /// Works that go on now, in order.
    ready: VecDeque<u64>,
    /// What is ready goes on before anything else: so a copy taken in between goes on there.
    is_draining: bool,
    reports: VecDeque<Made>,
    /// A report that came too early to be recorded with those before it.
    held: Option<Made>,
    /// What is kept at once and then folded; empty in between.
    kept: Vec<Kept>,
    /// Who waits: by moment, then by the order of coming.
    sleepers: BTreeMap<(u64, u64), u64>,
    fired: BTreeMap<TimerId, u64>,
    /// What has come from outside that the machine does not know of yet.
    coming: Option<Control>,
    /// The last call that was intended of each statement.
    intended: BTreeMap<StatementId, Arc<GroundCall>>,
    is_dead: bool,
}

/// A record with the work that it is of: whether it is its last, and whether it is an intent.
type Kept = (u64, bool, bool, Arc<Stamped>);

/// What a piece of work hands over.
#[derive(Debug, Clone)]
struct Made {
    id: u64,
    event: Event,
    is_last: bool,
}

impl Walk<'_> {
    /// Walks until the machine is at rest, or the runner is killed.
    pub fn run(&mut self) -> Result<Rest, Stalled> {
        self.run_with(&mut |_, _| {})
    }

    /// Walks; sees the walk before each work begins, with the work's key.
    pub fn run_with(&mut self, before: &mut dyn FnMut(&Self, &str)) -> Result<Rest, Stalled> {
        if self.records.is_empty() {
            self.open();
        }
        // What was asked for before any work comes before it, as in the driver.
        if !self.is_draining
            && let Some(control) = self.coming.take()
        {
            self.append(control.record(&self.state));
        }
        loop {
            let timers = if self.is_draining {
                decide(&self.rehearsal.plan, &self.state).timers
            } else {
                let desired = self.record_due();
                if desired.at_rest && !self.is_dead {
                    return Ok(self.rest());
                }
                self.reconcile(desired.work);
                desired.timers
            };
            if !self.is_dead {
                self.wait(&timers, before)?;
            }
            if self.is_dead {
                return Ok(Rest::Killed);
            }
        }
    }

    /// This goes wrong too, from here on.
    pub fn meets(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Fault(fault) => self.world.faults.push(fault),
            Trouble::Comes(0, control) => self.coming = Some(control),
            Trouble::Comes(more, control) => self.case.control_at = Some((self.folded + more, control)),
            Trouble::Passes(ms) => self.pass(ms),
            Trouble::Answers(key, answer) => drop(self.case.answers.insert(key, answer)),
        }
    }

    /// The records so far.
    pub fn events(&self) -> &[Arc<Stamped>] {
        &self.records
    }

    /// Appends the first record.
    fn open(&mut self) {
        if self.now_ns == 0 && self.boots == 0 {
            self.append_stamped(Arc::clone(&self.rehearsal.opening));
        } else {
            self.append(started(&self.rehearsal.plan, boot_id(self.boots)));
        }
    }

    /// Another runner goes on, after this one was killed or the run was paused.
    pub fn resume(&mut self, resumption: Resumption) {
        self.pass(resumption.after_ms);
        if resumption.reboot {
            self.boots += 1;
            self.boot_began_ns = self.now_ns;
        }
        self.running.clear();
        self.ready.clear();
        self.is_draining = false;
        self.reports.clear();
        self.held = None;
        self.sleepers.clear();
        self.fired.clear();
        self.coming = None;
        self.case.kill = None;
        self.is_dead = false;
        for stamped in &self.records[self.folded..] {
            fold(&self.rehearsal.plan, &mut self.state, stamped);
            self.world.observe(&stamped.event);
        }
        self.folded = self.records.len();
        let is_begun = !self.records.is_empty();
        if is_begun {
            for event in resumed(boot_id(self.boots), resumption) {
                self.append(event);
            }
        }
    }

    /// The runner dies there; `None`: nowhere.
    pub fn kill(&mut self, kill: Option<Kill>) {
        self.case.kill = kill;
    }

    /// What is left behind.
    pub fn report(self, rest: Rest) -> Report {
        Report {
            events: self.records,
            production: self.world.production,
            rest,
        }
    }

    fn rest(&self) -> Rest {
        match self.records.last().map(|stamped| &stamped.event) {
            Some(Event::RunEnd(end)) => Rest::Ended(end.clone()),
            Some(Event::RunInterrupted { reason }) => Rest::Paused(reason.clone()),
            _ => Rest::Paused("nothing is left to do here".to_owned()),
        }
    }

    /// Appends the derived records that are due, one after the other, until none is.
    fn record_due(&mut self) -> Desired {
        loop {
            let mut desired = decide(&self.rehearsal.plan, &self.state);
            match desired.due.take() {
                Some(event) if !self.is_dead => self.append(event),
                _ => return desired,
            }
        }
    }

    fn append(&mut self, event: Event) {
        self.append_stamped(self.stamped(event));
    }

    fn append_stamped(&mut self, stamped: Arc<Stamped>) {
        if let Some(stamped) = self.keep(stamped) {
            self.take_in(&stamped);
        }
    }

    fn stamped(&self, event: Event) -> Arc<Stamped> {
        Arc::new(Stamped {
            at_ms: WALL_START_MS.saturating_add(i64::try_from(self.now_ns / 1_000_000).unwrap_or(i64::MAX)),
            boot_ns: self.boot_ns(),
            event,
        })
    }

    /// Keeps a record; `None` where the runner dies of it.
    fn keep(&mut self, stamped: Arc<Stamped>) -> Option<Arc<Stamped>> {
        let number = self.records.len() + 1;
        if self.is_dead || self.case.kill == Some(Kill::Before(number)) {
            self.is_dead = true;
            return None;
        }
        self.records.push(Arc::clone(&stamped));
        self.is_dead = self.case.kill == Some(Kill::After(number));
        (!self.is_dead).then_some(stamped)
    }

    fn take_in(&mut self, stamped: &Stamped) {
        fold(&self.rehearsal.plan, &mut self.state, stamped);
        self.world.observe(&stamped.event);
        self.folded += 1;
        if let Some((at, control)) = &self.case.control_at
            && *at == self.folded
        {
            self.coming = Some(control.clone());
        }
        if let Some((_, ms)) = self.case.passes_at.filter(|(at, _)| *at == self.folded) {
            self.pass(ms);
        }
    }

    /// Waits until something happens, and records it.
    fn wait(&mut self, timers: &[(TimerId, u64)], before: &mut dyn FnMut(&Self, &str)) -> Result<(), Stalled> {
        let timer = self.next_timer(timers);
        // At once where its moment has passed; else in its turn among those who wait for the same moment.
        let mut is_timer_due = timer.is_some_and(|(_, moment)| moment <= self.boot_ns());
        if self.is_draining {
            self.drain(before);
        } else if let Some(made) = self.held.take() {
            self.record_reports(made);
            return Ok(());
        }
        let order = self.next_id();
        loop {
            if let Some(control) = self.coming.take() {
                self.append(control.record(&self.state));
                return Ok(());
            }
            if let Some(made) = self.reports.pop_front() {
                self.record_reports(made);
                return Ok(());
            }
            if let Some((id, moment)) = timer.filter(|_| is_timer_due) {
                self.fired.insert(id.clone(), moment);
                self.append(Event::Timer(id.clone()));
                return Ok(());
            }
            if !self.ready.is_empty() {
                self.is_draining = true;
                self.drain(before);
                continue;
            }
            // What only watches waits for nothing.
            if timer.is_none() && self.sleepers.values().all(|id| self.is_settled(*id)) {
                return Err(Stalled);
            }
            let timer_at = timer.map(|(_, moment)| (self.boot_began_ns.saturating_add(moment), order));
            let sleeper_at = self.sleepers.first_key_value().map(|(place, _)| *place);
            let next = [timer_at, sleeper_at].into_iter().flatten().min().ok_or(Stalled)?;
            self.now_ns = self.now_ns.max(next.0);
            is_timer_due = Some(next) != sleeper_at;
            if !is_timer_due {
                let woken = self.sleepers.pop_first();
                self.ready.extend(woken.map(|(_, id)| id));
            }
        }
    }

    /// Lets everything that is ready go on.
    fn drain(&mut self, before: &mut dyn FnMut(&Self, &str)) {
        while let Some(id) = self.ready.front().copied() {
            if let Some(key) = self.begins(id) {
                before(self, key);
            }
            self.ready.pop_front();
            self.go_on(id);
        }
        self.is_draining = false;
    }

    /// The timer that goes off next; each goes off once.
    fn next_timer<'a>(&self, timers: &'a [(TimerId, u64)]) -> Option<(&'a TimerId, u64)> {
        let timers = timers.iter().map(|(id, moment)| (id, *moment));
        timers
            .filter(|(id, moment)| self.fired.get(*id) != Some(moment))
            .min_by_key(|(_, moment)| *moment)
    }

    /// Records this report and all that wait behind it, in order. An intent is recorded only where nothing
    /// has happened since the machine wanted it; else the machine is asked first.
    fn record_reports(&mut self, first: Made) {
        let mut kept = take(&mut self.kept);
        let mut next = Some(first);
        while let Some(made) = next {
            let is_intent = matches!(made.event, Event::Intent(_));
            if is_intent && kept.last().is_some_and(|(_, _, is_intent, _)| !is_intent) {
                self.held = Some(made);
                break;
            }
            // What comes of work that was abandoned is not recorded.
            if self.running.iter().any(|running| running.id == made.id) {
                let Some(stamped) = self.keep(self.stamped(made.event)) else {
                    return;
                };
                kept.push((made.id, made.is_last, is_intent, stamped));
            }
            next = self.reports.pop_front();
        }
        for (id, is_last, is_intent, stamped) in kept.drain(..) {
            self.take_in(&stamped);
            if is_last {
                self.running.retain(|running| running.id != id);
            } else if let Some(running) = self.running.iter_mut().find(|running| running.id == id) {
                running.is_intended |= is_intent;
                self.ready.push_back(id);
            }
        }
        self.kept = kept;
    }

    fn pass(&mut self, ms: u64) {
        self.now_ns = self.now_ns.saturating_add(ms.saturating_mul(1_000_000));
    }

    fn boot_ns(&self) -> u64 {
        self.now_ns - self.boot_began_ns
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// What a boot is called.
fn boot_id(boots: u32) -> String {
    format!("simulated-{boots}")
}
