//! What only the driver does: a journal that breaks, a second signal, work that dies or never tells, progress.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backstay::action::{Context, GroundCall, Outcome, Settled};
use backstay::eval::Places;
use backstay::event::{End, Event, OutcomeResult, Stamped, Verdict};
use backstay::rehearse::{Case, SimulatedClock, SimulatedJournal, SimulatedPerson, walk};
use backstay::run::driver::{Control, DriveError, Driver, MacKey, Ports, Rest, Settings};
use backstay::world::{Clock, Journal, JournalError, World};
use tokio::sync::mpsc;

use crate::simulation::rig::Rig;
use crate::simulation::small::{rig, step};

/// Does what the argument of a program says, and notes it.
struct Odd {
    clock: Arc<SimulatedClock>,
    journal: Arc<SimulatedJournal>,
    performed: Mutex<Vec<String>>,
    /// The record of this number cannot be written.
    breaks_at: Option<usize>,
}

#[async_trait]
impl World for Odd {
    async fn perform(&self, context: &Context, call: &GroundCall) -> Outcome {
        let words = call.arguments.words("argv").unwrap();
        self.performed.lock().unwrap().push(words[0].clone());
        match words[0].as_str() {
            "says" => {
                for line in ["1 of 3", "2 of 3", "3 of 3"] {
                    context.progress.say(line);
                }
                Outcome::done("done")
            }
            "hangs" => {
                context.cancelled.cancelled().await;
                Outcome::failed("stopped")
            }
            "is_stubborn" => std::future::pending().await,
            "is_lost" => Outcome::unknown("the reply was lost"),
            "dies" => unreachable!("as the test wants"),
            _ => Outcome::done("done"),
        }
    }

    async fn settle(&self, _: &Context, _: &GroundCall) -> Settled {
        std::future::pending().await
    }

    async fn preview(&self, _: &Context, _: &GroundCall) -> Option<String> {
        None
    }
}

#[async_trait]
impl Journal for Odd {
    async fn append(&self, event: Event) -> Result<Stamped, JournalError> {
        if self.breaks_at == Some(self.journal.events().len() + 1) {
            let reason = "the disk is full".to_owned();
            return Err(JournalError { reason });
        }
        self.journal.append(event).await
    }

    async fn keep_blob(&self, bytes: &[u8]) -> Result<String, JournalError> {
        self.journal.keep_blob(bytes).await
    }
}

/// How it came to rest, its records, what was performed, and what was shown.
struct Driven {
    rest: Result<Rest, DriveError>,
    events: Vec<Event>,
    performed: Vec<String>,
    shown: Vec<String>,
}

impl Driven {
    fn end(&self) -> End {
        match &self.rest {
            Ok(Rest::Ended(end)) => end.end,
            other => panic!("{other:?}"),
        }
    }
}

fn places() -> Places {
    Places {
        working_directory: PathBuf::from("/work"),
        home: None,
    }
}

/// A step that runs a program of this name; each with what follows its effects.
fn program(name: &str, clauses: &str) -> String {
    let effects = "{ sets external(\"x\")  repeat convergent }";
    step(
        name,
        "",
        &[format!(
            "  do \"Run it\": exec.run([\"{name}\"], effects: {effects}) {clauses} no undo because \"a test\"\n"
        )],
    )
}

/// Drives it; signals come after a second, one by one.
fn driven(rig: &Rig, breaks_at: Option<usize>, signals: usize) -> Driven {
    let clock = SimulatedClock::new();
    let journal = SimulatedJournal::new(Arc::clone(&clock));
    let odd = Arc::new(Odd {
        clock: Arc::clone(&clock),
        journal: Arc::clone(&journal),
        performed: Mutex::default(),
        breaks_at,
    });
    let ports = Ports {
        world: odd.clone(),
        clock: clock.clone(),
        journal: odd.clone(),
        person: Arc::new(SimulatedPerson::new(Arc::clone(&clock), Case::default())),
    };
    let shown: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&shown);
    let settings = Settings {
        run: "odd".to_owned(),
        run_directory: PathBuf::from("/nowhere"),
        places: places(),
        mac_key: MacKey([7; 32]),
        is_clock_watched: false,
        said: None,
        pending: None,
        progress: Some(Arc::new(move |key, line| {
            heard.lock().unwrap().push(format!("{key}: {line}"));
        })),
    };
    let (controls, received) = mpsc::channel(4);
    let driver = Driver::new(Arc::clone(&rig.plan), ports, settings, received, None, &[]);
    let opening = walk::started(&rig.plan, clock.boot_id());
    let run = async {
        let signalling = async {
            for _ in 0..signals {
                odd.clock.sleep(std::time::Duration::from_secs(1)).await;
                let _ = controls.send(Control::Signal("INT".to_owned())).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            rest = driver.run(vec![opening]) => rest,
            () = signalling => unreachable!("it never ends"),
        }
    };
    let rest = clock.block_on(run).unwrap();
    let performed = odd.performed.lock().unwrap().clone();
    let shown = shown.lock().unwrap().clone();
    Driven {
        rest,
        events: journal.events().into_iter().map(|stamped| stamped.event).collect(),
        performed,
        shown,
    }
}

fn is_intent(event: &Event) -> bool {
    matches!(event, Event::Intent(_))
}

#[test]
fn nothing_is_done_without_its_record() {
    let rig = rig("", &[program("one", ""), program("two", "")]);
    let whole = driven(&rig, None, 0);
    assert_eq!(
        (whole.end(), &*whole.performed),
        (End::Completed, &["one", "two"].map(str::to_owned)[..])
    );
    for record in 2..=whole.events.len() {
        let broken = driven(&rig, Some(record), 0);
        assert!(matches!(broken.rest, Err(DriveError::Journal(_))), "{:?}", broken.rest);
        let intents = broken.events.iter().filter(|event| is_intent(event)).count();
        assert_eq!(broken.performed.len(), intents, "{record}");
    }
}

#[test]
fn a_first_signal_turns_back_and_a_second_drops_everything() {
    let obeys = rig("", &[program("hangs", "")]);
    let turned = driven(&obeys, None, 1);
    assert_eq!(turned.end(), End::RolledBack, "{:?}", turned.events);
    let killed = driven(&rig("", &[program("is_stubborn", "within 5m")]), None, 2);
    assert!(
        matches!(killed.rest, Ok(Rest::Killed)),
        "{:?} {:?}",
        killed.rest,
        killed.events
    );
}

#[test]
fn work_that_dies_is_a_mistake_of_ours_and_stops_the_run() {
    let dies = driven(&rig("", &[program("dies", "")]), None, 0);
    assert!(matches!(dies.rest, Err(DriveError::Internal(_))), "{:?}", dies.rest);
}

#[test]
fn how_far_an_action_is_is_heard_and_not_recorded() {
    let says = driven(&rig("", &[program("says", "")]), None, 0);
    assert_eq!(says.end(), End::Completed);
    // What comes faster than anybody can read is left out.
    assert_eq!(says.shown, ["says/1: 1 of 3"]);
    let told = serde_json::to_string(&says.events).unwrap();
    assert!(!told.contains("of 3"), "{told}");
}

#[test]
fn a_world_that_never_tells_is_not_waited_for_and_what_may_be_repeated_is_begun_again_once() {
    let lost = driven(&rig("", &[program("is_lost", "within 1s")]), None, 0);
    assert_ne!(lost.end(), End::Completed);
    assert_eq!(lost.performed, ["is_lost", "is_lost"]);
    let is_settled =
        |event: &&Event| matches!(event, Event::Settled { verdict, .. } if *verdict == Verdict::Undecidable);
    assert_eq!(lost.events.iter().filter(is_settled).count(), 2);
    let is_unknown =
        |event: &&Event| matches!(event, Event::Outcome(outcome) if outcome.result == OutcomeResult::Unknown);
    assert_eq!(lost.events.iter().filter(is_unknown).count(), 2);
}
