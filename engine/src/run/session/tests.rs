//! Runbooks as text, run for real in a directory of their own: forward, back, killed and resumed.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;

use super::*;
use crate::action::builtin;
use crate::event::{OutcomeResult, StepState};
use crate::inputs::GivenInputs;
use crate::transcript::Reader;
use crate::world::real::{AnswersPerson, RealClock, RealSecrets, RealWorld};

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

    fn edge(&self) -> Edge {
        let registry = builtin();
        Edge {
            state_directory: StateDirectory(self.path("state")),
            places: Places {
                working_directory: self.0.path().to_owned(),
                home: None,
            },
            catalogue: registry.catalogue(),
            world: Arc::new(RealWorld::new(registry)),
            clock: Arc::new(RealClock),
            person: Arc::new(AnswersPerson::new(BTreeMap::new(), "test", None)),
            secrets: Arc::new(RealSecrets::new(Box::new(|_, _| None))),
            observer: None,
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
        let started = start(options, self.edge()).await;
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
    assert_eq!(finished.end, End::Completed, "{finished:?}");
    assert_eq!(place.read("one").unwrap(), "new\n");
    std::fs::write(place.path("one"), "old\n").unwrap();
    let finished = place.start(&["fail=true"]).await.unwrap();
    assert_eq!(finished.end, End::RolledBack, "{finished:?}");
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
