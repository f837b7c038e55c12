//! What only the driver does: a journal that breaks, a second signal, work that dies or never tells, progress.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backstay::action::{Context, GroundCall, Outcome, Settled};
use backstay::eval::Places;
use backstay::event::{End, Event, OutcomeResult, Stamped, Verdict};
use backstay::rehearse::{Case, SimulatedClock, SimulatedJournal, SimulatedPerson, walk};
use backstay::run::driver::{Control, DriveError, Driver, MacKey, Observer, Ports, Rest, Settings};
use backstay::world::{Clock, Durable, Journal, JournalError, World};
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
    /// How many records are durable.
    durable: Arc<AtomicUsize>,
}

impl Odd {
    fn can_write(&self) -> Result<(), JournalError> {
        if self.breaks_at == Some(self.journal.events().len() + 1) {
            let reason = "the disk is full".to_owned();
            return Err(JournalError { reason });
        }
        Ok(())
    }
}

#[async_trait]
impl World for Odd {
    async fn perform(&self, context: &Context, call: &GroundCall) -> Outcome {
        let words = call.arguments.words("argv").unwrap();
        let (durable, records) = (self.durable.load(Ordering::Relaxed), self.journal.events().len());
        assert_eq!(durable, records, "{words:?} begins before its intent is durable");
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
        let stamped = self.append_soon(event).await?;
        self.durable.store(self.journal.events().len(), Ordering::Relaxed);
        Ok(stamped)
    }

    async fn append_soon(&self, event: Event) -> Result<Stamped, JournalError> {
        self.can_write()?;
        self.journal.append(event).await
    }

    /// Durable a second later; what cannot be written is told only then.
    async fn append_with_next(&self, event: Event) -> Result<(Stamped, Option<Durable>), JournalError> {
        if let Err(error) = self.can_write() {
            let (at_ms, boot_ns) = (self.clock.wall_ms(), self.clock.boot_ns());
            let stamped = Stamped { at_ms, boot_ns, event };
            return Ok((stamped, Some(Box::pin(async { Err(error) }))));
        }
        let stamped = self.journal.append(event).await?;
        let (clock, durable, number) = (self.clock.clone(), self.durable.clone(), self.journal.events().len());
        let later = async move {
            clock.sleep(Duration::from_secs(1)).await;
            durable.fetch_max(number, Ordering::Relaxed);
            Ok(())
        };
        Ok((stamped, Some(Box::pin(later))))
    }

    async fn keep_blob(&self, bytes: &[u8]) -> Result<String, JournalError> {
        self.journal.keep_blob(bytes).await
    }
}

/// How it came to rest, its records, what was performed, and what was shown: lines, and records with how many were
/// durable then.
struct Driven {
    rest: Result<Rest, DriveError>,
    events: Vec<Event>,
    performed: Vec<String>,
    shown: Vec<String>,
    shown_records: Vec<(Event, usize)>,
    ended_ns: u64,
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
        durable: Arc::default(),
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
    let shown_records: Arc<Mutex<Vec<(Event, usize)>>> = Arc::default();
    let (seen, durable) = (Arc::clone(&shown_records), Arc::clone(&odd.durable));
    let observer: Observer = Box::new(move |stamped| {
        let shown = (stamped.event.clone(), durable.load(Ordering::Relaxed));
        seen.lock().unwrap().push(shown);
    });
    let driver = Driver::new(Arc::clone(&rig.plan), ports, settings, received, Some(observer), &[]);
    let opening = walk::started(&rig.plan, clock.boot_id());
    let run = async {
        let signalling = async {
            for _ in 0..signals {
                odd.clock.sleep(Duration::from_secs(1)).await;
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
        shown_records: shown_records.lock().unwrap().clone(),
        ended_ns: clock.boot_ns(),
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
fn an_outcome_is_shown_once_it_is_durable_and_the_next_intent_does_not_wait_for_that() {
    let is_waited_for = |event: &Event| !matches!(event, Event::Step { .. } | Event::Evaluated { .. });
    let chain = driven(&rig("", &[program("one", ""), program("two", "")]), None, 0);
    let body = "  do \"Run it\": exec.run([\"one\"], effects: { sets external(\"x\")  repeat convergent }) no undo because \
                \"a test\"\n  ask \"Go on?\" confirm\n";
    let asks = driven(&rig("", &[step("asks", "", &[body.to_owned()])]), None, 0);
    for driven in [&chain, &asks] {
        assert_eq!(driven.end(), End::Completed, "{:?}", driven.events);
        let shown: Vec<&Event> = driven.shown_records.iter().map(|(event, _)| event).collect();
        assert_eq!(shown, driven.events.iter().collect::<Vec<_>>(), "all, in order");
        for (place, (event, durable)) in driven.shown_records.iter().enumerate() {
            assert!(!is_waited_for(event) || *durable > place, "{event:?}");
        }
    }
    assert_eq!(chain.ended_ns, 0, "nothing waited for an outcome alone");
    assert!(asks.ended_ns >= 1_000_000_000, "a person is asked once it is durable");
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
