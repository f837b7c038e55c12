//! Compiles a runbook, and runs it in a simulated world.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstay::action::{catalogue, without_engine};
use backstay::eval::Places;
use backstay::event::{Event, IntentWay, Outline, RunEnd, RunResumed, RunStart, Stamped};
use backstay::plan::{Parts, Plan};
use backstay::rehearse::{
    Fault, Kill, Production, Script, SimulatedClock, SimulatedJournal, SimulatedPerson, SimulatedWorld,
};
use backstay::run::driver::{Control, Driver, MacKey, Ports, Rest, Settings};
use backstay::value::Value;
use backstay::world::Clock;
use backstay_dsl::compile::{Outcome, compile};
use backstay_dsl::source::Sources;
use tokio::sync::mpsc;

/// What is done to a run from outside, besides faults.
#[derive(Clone, Default)]
pub(crate) struct Outside {
    /// A signal once this many records are there.
    pub(crate) signal_at: Option<usize>,
    /// Milliseconds that pass at once, once this many records are there.
    pub(crate) passes_at: Option<(usize, u64)>,
    /// Answers of the person; `None` is silence.
    pub(crate) answers: BTreeMap<String, Option<Value>>,
}

/// What a run left behind.
pub(crate) struct Report {
    pub(crate) events: Vec<Stamped>,
    pub(crate) production: Production,
    pub(crate) rest: Rest,
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
        let lines = self.events.iter().enumerate();
        let lines = lines.map(|(place, stamped)| {
            let json = serde_json::to_string(&stamped.event).unwrap_or_default();
            format!("{:3} {:>6}s {json}", place + 1, stamped.boot_ns / 1_000_000_000)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A runbook with its plan, and a way to make its world.
pub(crate) struct Rig {
    pub(crate) plan: Arc<Plan>,
    places: Places,
    /// Makes the script of a world.
    script: fn() -> Option<Script>,
    seed: Vec<(backstay::value::GroundResource, String)>,
}

/// One world with a run in it, which may be killed and resumed.
pub(crate) struct Scene<'rig> {
    rig: &'rig Rig,
    clock: Arc<SimulatedClock>,
    pub(crate) world: Arc<SimulatedWorld>,
    pub(crate) journal: Arc<SimulatedJournal>,
    person: Arc<SimulatedPerson>,
    outside: Outside,
    /// How many records the world has seen.
    seen: Arc<AtomicUsize>,
}

impl Rig {
    pub(crate) fn new(name: &str, text: &str, sources: &dyn Sources, inputs: BTreeMap<String, Value>) -> Self {
        let catalogue = catalogue();
        let compiled = compile(name, text, sources, &catalogue);
        let Outcome::Whole(runbook) = compiled.outcome else {
            panic!("{text}\n{:#?}", compiled.diagnostics);
        };
        let places = Places {
            working_directory: PathBuf::from("/work"),
            home: Some(PathBuf::from("/home/op")),
        };
        let parts = Parts {
            runbook,
            sources: &compiled.sources,
            catalogue: &catalogue,
            times: compiled.times,
            inputs,
            places: &places,
        };
        let plan = Plan::new(parts).expect("a plan");
        Self {
            plan: Arc::new(plan),
            places,
            script: || None,
            seed: Vec::new(),
        }
    }

    pub(crate) fn scripted(self, script: fn() -> Option<Script>) -> Self {
        Self { script, ..self }
    }

    pub(crate) fn seeded(mut self, resource: backstay::value::GroundResource, text: &str) -> Self {
        self.seed.push((resource, text.to_owned()));
        self
    }

    /// A world with these faults, before the run begins.
    pub(crate) fn scene(&self, faults: Vec<Fault>, outside: Outside) -> Scene<'_> {
        let clock = SimulatedClock::new();
        let mut world = SimulatedWorld::new(&self.plan, without_engine(), Arc::clone(&clock), faults);
        if let Some(script) = (self.script)() {
            world = world.with_script(script);
        }
        for (resource, text) in &self.seed {
            world.seed(resource, text);
        }
        Scene {
            rig: self,
            world: Arc::new(world),
            journal: SimulatedJournal::new(Arc::clone(&clock)),
            person: Arc::new(SimulatedPerson::new(outside.answers.clone(), None)),
            clock,
            outside,
            seen: Arc::default(),
        }
    }

    /// Runs it once.
    pub(crate) fn run(&self, faults: Vec<Fault>, outside: Outside) -> Report {
        let scene = self.scene(faults, outside);
        scene.drive(None).expect("nobody kills it")
    }
}

impl Scene<'_> {
    /// Begins the run, or resumes it where there are records; `None`: the runner was killed.
    pub(crate) fn drive(&self, kill: Option<Kill>) -> Option<Report> {
        self.journal.kill(kill);
        let history = self.journal.events();
        let opening = if history.is_empty() {
            self.start()
        } else {
            self.resumed()
        };
        for stamped in history.iter().skip(self.seen.load(Ordering::SeqCst)) {
            self.world.observe(&stamped.event);
        }
        self.seen.store(history.len(), Ordering::SeqCst);
        let (sender, controls) = mpsc::channel(16);
        let observer = self.observer(sender);
        let ports = Ports {
            world: self.world.clone(),
            clock: self.clock.clone(),
            journal: self.journal.clone(),
            person: self.person.clone(),
        };
        let settings = Settings {
            run: "simulated".to_owned(),
            run_directory: PathBuf::from("/simulated-run"),
            places: self.rig.places.clone(),
            mac_key: MacKey([7; 32]),
            is_clock_watched: false,
            progress: None,
        };
        let plan = Arc::clone(&self.rig.plan);
        let driver = Driver::new(plan, ports, settings, controls, Some(Box::new(observer)), &history);
        let journal = Arc::clone(&self.journal);
        let clock = Arc::clone(&self.clock);
        let run = async move {
            tokio::select! {
                biased;
                () = journal.died() => None,
                () = clock.sleep_until(u64::MAX - 1) => panic!("the run hangs"),
                rest = driver.run(vec![opening]) => Some(rest),
            }
        };
        let rest = self.clock.block_on(run).expect("a runtime")?;
        let report = Report {
            events: self.journal.events(),
            production: self.world.production(),
            rest: Rest::Killed,
        };
        match rest {
            Ok(rest) => Some(Report { rest, ..report }),
            Err(error) => panic!("{error}\n{}", report.told()),
        }
    }

    /// Whether the last record is kept.
    pub(crate) fn has_ended(&self) -> bool {
        let events = self.journal.events();
        events
            .last()
            .is_some_and(|stamped| matches!(stamped.event, Event::RunEnd(_)))
    }

    /// A second passes, and the machine may be started again.
    pub(crate) fn recover(&self, reboot: bool) {
        self.clock.pass(1000);
        if reboot {
            self.clock.reboot();
        }
    }

    fn observer(&self, sender: mpsc::Sender<Control>) -> impl FnMut(&Stamped) + Send + 'static {
        let (world, clock) = (Arc::clone(&self.world), Arc::clone(&self.clock));
        let outside = self.outside.clone();
        let seen = Arc::clone(&self.seen);
        // Kept by the observer, so that the driver never sees the end of its controls.
        move |stamped: &Stamped| {
            let count = seen.fetch_add(1, Ordering::SeqCst) + 1;
            world.observe(&stamped.event);
            if outside.signal_at == Some(count) {
                // Where nobody listens any more, the run has ended.
                let _ = sender.try_send(Control::Signal("INT".to_owned()));
            }
            if let Some((at, ms)) = outside.passes_at
                && at == count
            {
                clock.pass(ms);
            }
        }
    }

    fn start(&self) -> Event {
        let plan = &self.rig.plan;
        Event::RunStart(Box::new(RunStart {
            format: 1,
            run: "simulated".to_owned(),
            plan: plan.digest.clone(),
            runbook: plan.runbook.name.clone(),
            outline: Outline::from(plan.runbook.as_ref()),
            sources: Vec::new(),
            inputs: Vec::new(),
            window_start_ms: None,
            window_ms: plan.runbook.window.map(|window| window.window_ms),
            keep_ms: plan.runbook.window.map(|window| window.keep_ms),
            boot_id: self.clock.boot_id(),
            host: "simulated".to_owned(),
            operator: "tester".to_owned(),
            ticket: None,
            program: "simulation".to_owned(),
        }))
    }

    fn resumed(&self) -> Event {
        Event::RunResumed(Box::new(RunResumed {
            boot_id: self.clock.boot_id(),
            host: "simulated".to_owned(),
            operator: "tester".to_owned(),
            program: "simulation".to_owned(),
            discarded_bytes: 0,
            turn_back: false,
        }))
    }
}
