//! Compiles a runbook, and runs it in a simulated world: by the driver and by the rehearsal's walk. Both must
//! give the same records, so every test of this folder is a test of that too.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use backstay::action::{Registry, without_engine};
use backstay::eval::Places;
use backstay::event::{EvaluationKind, Event, IntentWay, RunEnd, Stamped};
use backstay::plan::{Parts, Plan};
use backstay::rehearse::{
    Case, Fault, Kill, Rehearsal, Resumption, Script, SimulatedClock, SimulatedJournal, SimulatedPerson,
    SimulatedWorld, Walk, walk,
};
use backstay::run::driver::{Control, Driver, MacKey, Ports, Rest, Settings};
use backstay::value::Value;
use backstay::world::Clock;
use backstay_dsl::allow::SLUGS;
use backstay_dsl::compile::{Outcome, compile};
use backstay_dsl::diagnostic::Severity;
use backstay_dsl::source::Sources;
use tokio::sync::mpsc;

/// Nanoseconds of a week.
const WEEK_NS: u64 = 7 * 86_400 * 1_000_000_000;

/// What a run left behind.
pub(crate) struct Report(pub(crate) backstay::rehearse::Report);

impl Deref for Report {
    type Target = backstay::rehearse::Report;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Report {
    pub(crate) fn end(&self) -> &RunEnd {
        match &self.rest {
            Rest::Ended(end) => end,
            other => panic!("the run has not ended: {other:?}\n{}", self.told()),
        }
    }

    /// What the run made and left, in words.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        self.end().leftovers.iter().map(ToString::to_string).collect()
    }

    /// The keys of the intents with their way, in order.
    pub(crate) fn intents(&self) -> Vec<(&str, &IntentWay)> {
        let events = self.events.iter();
        events
            .filter_map(|stamped| match &stamped.event {
                Event::Intent(intent) => Some((intent.key.as_str(), &intent.way)),
                _ => None,
            })
            .collect()
    }

    /// The records, one a line, for a failing test.
    pub(crate) fn told(&self) -> String {
        told(&self.events)
    }
}

fn told(events: &[Arc<Stamped>]) -> String {
    let lines = events.iter().enumerate();
    let lines = lines.map(|(place, stamped)| {
        let json = serde_json::to_string(&stamped.event).unwrap_or_default();
        format!("{:3} {:>6}s {json}", place + 1, stamped.boot_ns / 1_000_000_000)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A runbook with its plan, and a way to make its world.
pub(crate) struct Rig {
    pub(crate) plan: Arc<Plan>,
    pub(crate) rehearsal: Rehearsal,
    places: Places,
    registry: Registry,
    script: Option<Script>,
    seed: Vec<(backstay::value::GroundResource, Option<String>)>,
}

/// The clock of a scene, whose wall clock may go back.
struct Wall {
    clock: Arc<SimulatedClock>,
    /// By how much it went back, in milliseconds.
    back_ms: AtomicI64,
}

#[async_trait]
impl Clock for Wall {
    fn boot_ns(&self) -> u64 {
        self.clock.boot_ns()
    }

    fn wall_ms(&self) -> i64 {
        self.clock.wall_ms() - self.back_ms.load(Ordering::SeqCst)
    }

    fn boot_id(&self) -> String {
        self.clock.boot_id()
    }

    async fn sleep_until(&self, boot_ns: u64) {
        self.clock.sleep_until(boot_ns).await;
    }
}

/// One world with a run in it, which may be killed and resumed.
pub(crate) struct Scene<'rig> {
    rig: &'rig Rig,
    clock: Arc<SimulatedClock>,
    pub(crate) world: Arc<SimulatedWorld>,
    pub(crate) journal: Arc<SimulatedJournal>,
    person: Arc<SimulatedPerson>,
    case: Case,
    walk: RefCell<Walk<'rig>>,
    /// The runner was killed, and the machine started again where this is true.
    recovered: RefCell<Option<Resumption>>,
    /// How many records the world has seen.
    seen: Arc<AtomicUsize>,
    /// The clock is watched; its wall clock goes back as so many records are kept, which may never be.
    watched: RefCell<Option<usize>>,
}

impl Rig {
    pub(crate) fn new(name: &str, text: &str, sources: &dyn Sources, inputs: BTreeMap<String, Value>) -> Self {
        let registry = without_engine();
        let compiled = compile(name, text, sources, registry.catalogue());
        // What happens in an unsafe change is what many of these tests are about.
        let is_unsafe = |slug: &str| slug == "hold-not-released" || SLUGS.contains(&slug);
        let mut errors = compiled
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error);
        let (Outcome::Whole(runbook) | Outcome::Partial(runbook)) = compiled.outcome else {
            panic!("{text}\n{:#?}", compiled.diagnostics);
        };
        assert!(
            errors.all(|found| is_unsafe(found.slug)),
            "{text}\n{:#?}",
            compiled.diagnostics
        );
        let places = Places {
            working_directory: PathBuf::from("/work"),
            home: Some(PathBuf::from("/home/op")),
        };
        let parts = Parts {
            runbook,
            sources: &compiled.sources,
            catalogue: registry.catalogue(),
            times: compiled.times,
            inputs,
            places: &places,
        };
        let plan = Plan::new(parts).expect("a plan");
        let plan = Arc::new(plan);
        let rehearsal = Rehearsal::new(Arc::clone(&plan), registry.clone(), None);
        Self {
            plan,
            rehearsal: rehearsal.with_words(),
            places,
            registry,
            script: None,
            seed: Vec::new(),
        }
    }

    pub(crate) fn scripted(self, script: Script) -> Self {
        let (plan, registry) = (Arc::clone(&self.plan), self.registry.clone());
        let rehearsal = Rehearsal::new(plan, registry, Some(Arc::clone(&script)));
        Self {
            rehearsal: rehearsal.with_words(),
            script: Some(script),
            ..self
        }
    }

    pub(crate) fn seeded(self, resource: backstay::value::GroundResource, text: &str) -> Self {
        self.begins(resource, Some(text))
    }

    /// What a resource holds at the start; `None`: it is not there.
    pub(crate) fn begins(mut self, resource: backstay::value::GroundResource, text: Option<&str>) -> Self {
        self.rehearsal.seed(&resource, text);
        self.seed.push((resource, text.map(str::to_owned)));
        self
    }

    /// A world with these faults, before the run begins.
    pub(crate) fn scene(&self, faults: Vec<Fault>, outside: Case) -> Scene<'_> {
        let case = Case { faults, ..outside };
        let clock = SimulatedClock::new();
        let registry = self.registry.clone();
        let script = self.script.clone();
        let world = SimulatedWorld::new(&self.plan, registry, Arc::clone(&clock), case.faults.clone(), script);
        for (resource, text) in &self.seed {
            world.seed(resource, text.as_deref());
        }
        Scene {
            rig: self,
            world: Arc::new(world),
            journal: SimulatedJournal::new(Arc::clone(&clock)),
            person: Arc::new(SimulatedPerson::new(Arc::clone(&clock), case.clone())),
            clock,
            walk: RefCell::new(self.rehearsal.walk(case.clone())),
            recovered: RefCell::new(None),
            case,
            seen: Arc::default(),
            watched: RefCell::default(),
        }
    }

    /// Runs it once.
    pub(crate) fn run(&self, faults: Vec<Fault>, outside: Case) -> Report {
        let scene = self.scene(faults, outside);
        scene.drive(None).expect("nobody kills it")
    }
}

impl Scene<'_> {
    /// Begins the run, or resumes it where there are records; `None`: the runner was killed. The walk must do
    /// the same.
    pub(crate) fn drive(&self, kill: Option<Kill>) -> Option<Report> {
        let resumption = self.recovered.take();
        let report = self.drive_by_driver(kill, resumption.unwrap_or_default());
        let mut walk = self.walk.borrow_mut();
        if let Some(resumption) = resumption {
            walk.resume(resumption);
        }
        walk.kill(kill);
        let rest = walk.run().expect("the walk ends");
        let walked = walk.clone().report(rest);
        let driven = self.journal.events();
        let pairs = driven.iter().zip(&walked.events);
        let differ = pairs
            .into_iter()
            .position(|(driven, walked)| comparable(driven) != comparable(walked));
        let place = differ.unwrap_or(driven.len().min(walked.events.len()));
        assert!(
            differ.is_none() && driven.len() == walked.events.len(),
            "record {}, {:?}, driven:\n{}\nwalked:\n{}",
            place + 1,
            self.case,
            told(&driven.into_iter().map(Arc::new).collect::<Vec<_>>()),
            told(&walked.events),
        );
        match &report {
            Some(report) => {
                assert_eq!(report.rest, walked.rest);
                assert_eq!(told_of(report), told_of(&walked));
            }
            None => assert_eq!(walked.rest, Rest::Killed),
        }
        report
    }

    /// Begins the run with a watched clock, whose wall clock goes back by an hour as the record of this number, from
    /// 1, is kept. By the driver alone: no rehearsal has such a clock.
    pub(crate) fn drive_watched(&self, back_at: Option<usize>) -> Report {
        self.watched.replace(Some(back_at.unwrap_or(usize::MAX)));
        self.drive_by_driver(None, Resumption::default())
            .expect("nobody kills it")
    }

    fn drive_by_driver(&self, kill: Option<Kill>, resumption: Resumption) -> Option<Report> {
        self.journal.kill(kill);
        let history = self.journal.events();
        let opening = if history.is_empty() {
            vec![walk::started(&self.rig.plan, self.clock.boot_id())]
        } else {
            walk::resumed(self.clock.boot_id(), resumption)
        };
        for stamped in history.iter().skip(self.seen.load(Ordering::SeqCst)) {
            self.world.observe(&stamped.event);
        }
        self.seen.store(history.len(), Ordering::SeqCst);
        let (sender, controls) = mpsc::channel(16);
        let watched = self.watched.take();
        let wall = Arc::new(Wall {
            clock: Arc::clone(&self.clock),
            back_ms: AtomicI64::new(0),
        });
        let observer = self.observer(sender, watched.map(|at| (at, Arc::clone(&wall))));
        let ports = Ports {
            world: self.world.clone(),
            clock: wall,
            journal: self.journal.clone(),
            person: self.person.clone(),
        };
        let settings = Settings {
            run: "simulated".to_owned(),
            run_directory: PathBuf::from("/simulated-run"),
            places: self.rig.places.clone(),
            mac_key: MacKey([7; 32]),
            is_clock_watched: watched.is_some(),
            said: None,
            pending: None,
            progress: None,
        };
        let plan = Arc::clone(&self.rig.plan);
        let driver = Driver::new(plan, ports, settings, controls, Some(Box::new(observer)), &history);
        let journal = Arc::clone(&self.journal);
        let clock = Arc::clone(&self.clock);
        // A watched clock never stands still.
        let end_ns = if watched.is_some() { WEEK_NS } else { u64::MAX - 1 };
        let run = async move {
            tokio::select! {
                biased;
                () = journal.died() => None,
                () = clock.sleep_until(end_ns) => panic!("the run hangs"),
                rest = driver.run(opening) => Some(rest),
            }
        };
        let rest = self.clock.block_on(run).expect("a runtime")?;
        let report = backstay::rehearse::Report {
            events: self.journal.events().into_iter().map(Arc::new).collect(),
            production: self.world.production(),
            rest: Rest::Killed,
        };
        match rest {
            Ok(rest) => Some(Report(backstay::rehearse::Report { rest, ..report })),
            Err(error) => panic!("{error}\n{}", told(&report.events)),
        }
    }

    /// Whether the last record is kept.
    pub(crate) fn has_ended(&self) -> bool {
        let events = self.journal.events();
        events
            .last()
            .is_some_and(|stamped| matches!(stamped.event, Event::RunEnd(_)))
    }

    /// Time passes, and the machine may be started again.
    pub(crate) fn recover(&self, resumption: Resumption) {
        self.recovered.replace(Some(resumption));
        self.clock.pass(resumption.after_ms);
        if resumption.reboot {
            self.clock.reboot();
        }
    }

    fn observer(
        &self,
        sender: mpsc::Sender<Control>,
        back: Option<(usize, Arc<Wall>)>,
    ) -> impl FnMut(&Stamped) + Send + 'static {
        let (world, clock) = (Arc::clone(&self.world), Arc::clone(&self.clock));
        let case = self.case.clone();
        let seen = Arc::clone(&self.seen);
        // Kept by the observer, so that the driver never sees the end of its controls.
        move |stamped: &Stamped| {
            let count = seen.fetch_add(1, Ordering::SeqCst) + 1;
            world.observe(&stamped.event);
            if let Some((at, control)) = &case.control_at
                && *at == count
            {
                // Where nobody listens any more, the run has ended.
                let _ = sender.try_send(control.clone());
            }
            if let Some((at, wall)) = &back
                && *at == count
            {
                wall.back_ms.store(3_600_000, Ordering::SeqCst);
            }
            if let Some((at, ms)) = case.passes_at
                && at == count
            {
                clock.pass(ms);
            }
        }
    }
}

/// What a run has left different, and the rules it broke; what is done at the same moment has no order.
fn told_of(report: &backstay::rehearse::Report) -> [BTreeSet<String>; 2] {
    let production = &report.production;
    [production.differences(), production.violations().to_vec()].map(BTreeSet::from_iter)
}

/// A record without what is not the same in both: the MAC, which a walk needs not, and what obligations saw of
/// paths, which have no identity in a simulated world.
fn comparable(stamped: &Stamped) -> Stamped {
    let mut stamped = stamped.clone();
    match &mut stamped.event {
        Event::Intent(intent) => intent.mac.clear(),
        Event::Evaluated {
            what: EvaluationKind::Obligation,
            evidence,
            ..
        } => evidence.clear(),
        _ => {}
    }
    stamped
}
