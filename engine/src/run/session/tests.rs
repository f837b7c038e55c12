//! Runbooks as text, run for real in a directory of their own: forward, back, killed and resumed.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "the runs are real")]

use super::*;
use crate::action::builtin;
use crate::containers::{Containers, NoEngine};
use crate::event::{OutcomeResult, StepState};
use crate::inputs::GivenInputs;
use crate::plan::saved::Approved;
use crate::transcript::Reader;
use crate::world::real::{RealClock, RealSecrets, RealWorld, WrittenAnswers};

struct Place(tempfile::TempDir);

impl Place {
    fn new(runbook: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::write(
            place.path("a.runbook"),
            runbook.replace("ROOT", place.0.path().to_str().unwrap()),
        )
        .unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path(name)).ok()
    }

    fn surroundings(&self) -> Surroundings {
        let registry = builtin(&(Arc::new(NoEngine) as Arc<dyn Containers>));
        Surroundings {
            state_directory: StateDirectory(self.path("state")),
            claims: ClaimPlace(self.0.path().to_owned()),
            places: Places {
                working_directory: self.0.path().to_owned(),
                home: None,
            },
            catalogue: Arc::clone(registry.catalogue()),
            world: Arc::new(RealWorld::new(registry)),
            clock: Arc::new(RealClock),
            answers: WrittenAnswers::new(),
            person: None,
            is_unattended: true,
            secrets: Arc::new(RealSecrets::new(Box::new(|_, _| None))),
            observer: None,
            progress: None,
            said: None,
            pending: None,
            warn: None,
            tell: None,
            announce: None,
            operator: "test".to_owned(),
            host: "here".to_owned(),
            program: "test".to_owned(),
        }
    }

    async fn start(&self, inputs: &[&str]) -> Result<Finished, Error> {
        let mut given = GivenInputs::default();
        for input in inputs {
            given.add_argument(input).unwrap();
        }
        let options = StartOptions {
            file: self.path("a.runbook"),
            inputs: given,
            ..StartOptions::default()
        };
        let started = start(options, self.surroundings()).await;
        if let Err(Error::Invalid {
            diagnostics, sources, ..
        }) = &started
        {
            for found in diagnostics {
                let at = sources.start(found.span);
                tracing::error!("{}:{} {}", at.line, at.column, found.message);
            }
            panic!("{diagnostics:#?}");
        }
        started
    }
}

fn records(directory: &Path) -> Vec<Event> {
    let reader = Reader::open(directory).unwrap();
    reader.map(|record| record.unwrap().stamped.event).collect()
}

const TWO_STEPS: &str = r#"
runbook two "Two steps"

inputs { fail : bool = false }

step first "Write a file" {
  allow rollback-incomplete because "what was there is known"
  do fs.write("ROOT/one", content: "new\n") undo { do fs.write("ROOT/one", content: "old\n") } within 10s
}

step second "Look at it" {
  let content = fs.read("ROOT/one")
  check "it is there": content contains "new"
  require not fail else "the test wants it to fail"
  do "Nothing": exec.run(["/bin/true"], effects: nothing)
}
"#;

#[tokio::test]
async fn two_steps_forward_and_back() {
    let place = Place::new(TWO_STEPS);
    std::fs::write(place.path("one"), "old\n").unwrap();
    let finished = place.start(&[]).await.unwrap();
    assert_eq!(finished.last.end, End::Completed, "{finished:?}");
    assert_eq!(place.read("one").unwrap(), "new\n");
    std::fs::write(place.path("one"), "old\n").unwrap();
    let finished = place.start(&["fail=true"]).await.unwrap();
    assert_eq!(finished.last.end, End::RolledBack, "{finished:?}");
    assert_eq!(place.read("one").unwrap(), "old\n");
    let records = records(finished.transcript.parent().unwrap());
    let done = records.iter().filter(|event| {
        matches!(
            event,
            Event::Step {
                state: StepState::Done,
                ..
            }
        ) || matches!(event, Event::Outcome(outcome) if outcome.result == OutcomeResult::Ok)
    });
    assert_eq!(done.count(), 3, "one step done, one action and its undo");
}

const WAITS: &str = r#"
runbook waits "Waits" { on interrupt unwind }

service idle "Nothing" { runs process("backstay-session-test")  begins absent }

step first "Write a file" {
  allow rollback-incomplete because "what was there is known"
  do fs.write("ROOT/one", content: "new\n") undo { do fs.write("ROOT/one", content: "old\n") } within 10s
}

step second "Wait for the other terminal" { wait 3s because "somebody may want to pause" }
"#;

/// Starts the run and, once its first step is done, does something beside it.
async fn started_and<T>(place: &Place, beside: impl AsyncFnOnce(&str) -> T) -> (Result<Finished, Error>, T) {
    let runs = || StateDirectory(place.path("state")).runs().unwrap();
    // Two runs of one second have names in any order.
    let earlier = runs();
    let aside = async {
        loop {
            RealClock.sleep(std::time::Duration::from_millis(20)).await;
            if place.read("one").as_deref() == Some("new\n")
                && let Some(run) = runs().iter().find(|run| !earlier.contains(run))
            {
                return beside(run).await;
            }
        }
    };
    tokio::join!(place.start(&[]), aside)
}

#[tokio::test]
async fn a_run_is_paused_resumed_and_not_resumed_after_its_end() {
    let place = Place::new(WAITS);
    std::fs::write(place.path("one"), "old\n").unwrap();
    let (paused, ()) = started_and(&place, async |run| pause(run, &place.surroundings()).unwrap()).await;
    let paused = paused.unwrap();
    assert_eq!(paused.last.end, End::Paused);
    assert_eq!(pause(&paused.run, &place.surroundings()).unwrap_err().exit_code(), 4);
    let resumed = resume(&paused.run, ResumeOptions::default(), place.surroundings())
        .await
        .unwrap();
    assert_eq!(resumed.last.end, End::Completed);
    let again = resume(&paused.run, ResumeOptions::default(), place.surroundings())
        .await
        .unwrap_err();
    assert_eq!(again.to_string(), format!("run {} has ended (completed)", paused.run));
    let intents = records(paused.transcript.parent().unwrap());
    assert_eq!(
        intents.iter().filter(|event| matches!(event, Event::Intent(_))).count(),
        1
    );
}

#[tokio::test]
async fn a_run_is_turned_back_with_and_without_its_runner() {
    let place = Place::new(WAITS);
    std::fs::write(place.path("one"), "old\n").unwrap();
    let (finished, asked) = started_and(&place, async |run| {
        Box::pin(turn_back(run, ResumeOptions::default(), place.surroundings()))
            .await
            .unwrap()
    })
    .await;
    assert_eq!(asked, None, "the runner was asked");
    assert_eq!(finished.unwrap().last.end, End::RolledBack);
    assert_eq!(place.read("one").unwrap(), "old\n");
    let (paused, ()) = started_and(&place, async |run| pause(run, &place.surroundings()).unwrap()).await;
    let run = paused.unwrap().run;
    let back = turn_back(&run, ResumeOptions::default(), place.surroundings())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(back.last.end, End::RolledBack);
    assert_eq!(place.read("one").unwrap(), "old\n");
}

#[tokio::test]
async fn one_runner_at_a_time() {
    let place = Place::new(WAITS);
    let state = StateDirectory(place.path("state"));
    let (paused, ()) = started_and(&place, async |run| pause(run, &place.surroundings()).unwrap()).await;
    let run = paused.unwrap().run;
    let held = Lock::take("run", &state.run(&run).unwrap().unwrap().file("lock"), "run other").unwrap();
    let error = resume(&run, ResumeOptions::default(), place.surroundings())
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 75);
    drop(held);
}

#[tokio::test]
async fn what_cannot_begin_leaves_nothing() {
    let place = Place::new("runbook asks \"Asks\"\n\nstep only \"Ask\" { ask \"Really?\" confirm }\n");
    let unanswered = place.start(&[]).await.unwrap_err();
    assert_eq!(unanswered.exit_code(), 4, "{unanswered}");
    assert_eq!(unanswered.help()[0], "only/1: Really?");
    assert_eq!(place.start(&["unknown=1"]).await.unwrap_err().exit_code(), 2);
    let options = StartOptions {
        file: place.path("a.runbook"),
        approved: Some(Approved::Digest("sha256:other".to_owned())),
        ..StartOptions::default()
    };
    assert_eq!(start(options, place.surroundings()).await.unwrap_err().exit_code(), 4);
    assert_eq!(
        StateDirectory(place.path("state")).runs().unwrap(),
        Vec::<String>::new()
    );
}

/// A clock of the same machine whose wall clock was set, after another start where `boot` names one.
struct SetClock {
    back_ms: i64,
    boot: Option<&'static str>,
}

#[async_trait::async_trait]
impl Clock for SetClock {
    fn boot_ns(&self) -> u64 {
        RealClock.boot_ns()
    }

    fn wall_ms(&self) -> i64 {
        RealClock.wall_ms() - self.back_ms
    }

    fn boot_id(&self) -> String {
        self.boot.map_or_else(|| RealClock.boot_id(), str::to_owned)
    }

    async fn sleep_until(&self, boot_ns: u64) {
        RealClock.sleep_until(boot_ns).await;
    }
}

const TIMED: &str = r#"
runbook timed "Timed" { window 60m keep 10m for the way back }

step first "Write a file" {
  budget 1m
  do fs.write("ROOT/one", content: "new\n") undo fs.remove("ROOT/one") within 10s
}

step second "Wait until it is ready" {
  budget 2m
  check "it is ready": fs.exists("ROOT/ready") within 90s every 100ms
}
"#;

/// No window is gained by a clock that is set back, and none is lost where another clock tells how much time has
/// passed.
#[tokio::test]
async fn a_clock_that_was_set_is_told_and_gains_nothing() {
    const HOUR_MS: i64 = 3_600_000;
    for (back_ms, boot, end, said) in [
        (2 * HOUR_MS, None, End::Completed, Some((false, true))),
        (-2 * HOUR_MS, None, End::Completed, Some((false, false))),
        (0, None, End::Completed, None),
        (2 * HOUR_MS, Some("another"), End::RolledBack, Some((true, true))),
        (0, Some("another"), End::Completed, Some((true, false))),
    ] {
        let place = Place::new(TIMED);
        let (paused, ()) = started_and(&place, async |run| pause(run, &place.surroundings()).unwrap()).await;
        let paused = paused.unwrap();
        assert_eq!(paused.last.end, End::Paused, "{paused:?}");
        std::fs::write(place.path("ready"), "").unwrap();
        let surroundings = Surroundings {
            clock: Arc::new(SetClock { back_ms, boot }),
            ..place.surroundings()
        };
        let finished = resume(&paused.run, ResumeOptions::default(), surroundings)
            .await
            .unwrap();
        let case = format!("{back_ms} {boot:?}");
        assert_eq!(finished.last.end, end, "{case}: {finished:?}");
        let events = records(finished.transcript.parent().unwrap());
        let gaps = events.iter().filter_map(|event| match event {
            Event::ClockGap {
                uncertain,
                wall_went_back,
                wall_ms,
                ..
            } => {
                let is_near = (wall_ms + back_ms).abs() < HOUR_MS;
                assert!(is_near || boot.is_some(), "{case}: {wall_ms}");
                Some((*uncertain, *wall_went_back))
            }
            _ => None,
        });
        assert_eq!(gaps.collect::<Vec<_>>(), Vec::from_iter(said), "{case}");
    }
}
