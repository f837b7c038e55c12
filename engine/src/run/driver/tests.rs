//! The driver with the real machine over a world of paper: order of records, several at once, failures,
//! a journal that breaks.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::Catalogue;
use backstay_dsl::effect::{Cancel, Effect, Repeat, Resource, ResourceKind};
use backstay_dsl::model::{
    ActionCall, Block, Disposition, Do, Effects, Expr, ExprKind, Literal, Runbook, Settle, Statement, StatementKind,
    Step,
};
use backstay_dsl::source::{SourceMap, Span};
use backstay_dsl::time::Times;
use backstay_dsl::types::Type;

use super::*;
use crate::action::{Context, GroundCall, Outcome, Settled};
use crate::eval::Places;
use crate::event::{End, Outline, RunStart, SignalChoice};
use crate::plan::Parts;
use crate::world::real::RealClock;
use crate::world::{Clock, Journal, Person, PersonAnswer, PersonQuestion, World};

/// Notes what happens, in order; actions named `t.fail` fail, `t.hang` never end.
#[derive(Default)]
struct Paper {
    notes: Mutex<Vec<String>>,
    breaks_at: Option<usize>,
    /// After how long a person says that the run is to go on; nobody is there without it.
    goes_on_after: Option<Duration>,
}

#[async_trait]
impl World for Paper {
    async fn perform(&self, context: &Context, call: &GroundCall) -> Outcome {
        self.notes.lock().unwrap().push(format!("perform {}", context.key));
        match call.action.as_str() {
            "t.fail" => Outcome::failed("it broke"),
            "t.slow" => {
                for line in ["1 of 3", "2 of 3", "3 of 3"] {
                    context.progress.say(line);
                }
                Outcome::done("done")
            }
            "t.moment" => {
                RealClock.sleep(Duration::from_millis(200)).await;
                Outcome::done("done")
            }
            "t.hang" => {
                context.cancelled.cancelled().await;
                Outcome::failed("stopped")
            }
            "t.lost" => Outcome::unknown("the reply was lost"),
            "t.panic" => unreachable!("as the test wants"),
            _ => Outcome::done("done"),
        }
    }

    async fn settle(&self, _: &Context, call: &GroundCall) -> Settled {
        if call.action == "t.lost" {
            std::future::pending::<()>().await;
        }
        Settled::NotDone("not done".to_owned())
    }

    async fn preview(&self, _: &Context, _: &GroundCall) -> Option<String> {
        None
    }
}

#[async_trait]
impl Journal for Paper {
    async fn append(&self, event: Event) -> Result<Stamped, JournalError> {
        let mut notes = self.notes.lock().unwrap();
        if self.breaks_at == Some(notes.len()) {
            return Err(JournalError {
                reason: "the disk is full".to_owned(),
            });
        }
        notes.push(match &event {
            Event::Intent(intent) => format!("intent {}", intent.key),
            Event::Outcome(outcome) => format!("outcome {} {:?}", outcome.key, outcome.result),
            Event::RunEnd(end) => format!("end {:?}", end.end),
            Event::Turn { .. } => "turn".to_owned(),
            Event::Settled { key, verdict, .. } => format!("settled {key} {verdict:?}"),
            _ => return Ok(stamped(event)),
        });
        Ok(stamped(event))
    }

    async fn keep_blob(&self, _: &[u8]) -> Result<String, JournalError> {
        Ok(String::new())
    }
}

#[async_trait]
impl Person for Paper {
    async fn ask(&self, _: &PersonQuestion) -> Option<PersonAnswer> {
        None
    }

    async fn ask_signal(&self) -> Option<SignalChoice> {
        RealClock.sleep(self.goes_on_after?).await;
        self.notes.lock().unwrap().push("go on".to_owned());
        Some(SignalChoice::GoOn)
    }

    fn can_answer(&self, _: &PersonQuestion) -> bool {
        false
    }
}

fn stamped(event: Event) -> Stamped {
    Stamped {
        at_ms: RealClock.wall_ms(),
        boot_ns: RealClock.boot_ns(),
        event,
    }
}

fn action(step: &str, name: &str) -> Step {
    let key = Expr {
        kind: ExprKind::Literal(Literal::Text(step.to_owned())),
        ty: Type::Text,
        span: Span::default(),
    };
    let call = ActionCall {
        action: name.to_owned(),
        arguments: Vec::new(),
        effects: Effects {
            list: vec![Effect::Opaque(Resource::new(ResourceKind::External, key))],
            repeat: Repeat::Once,
            settle: Settle::Action,
            is_partial: false,
            cancel: Cancel::Kill,
            limit_ms: 60_000,
            leaves_traces: false,
            healthy: None,
        },
        span: Span::default(),
    };
    let statement = Statement {
        key: format!("{step}/1"),
        kind: StatementKind::Do(Box::new(Do {
            title: None,
            call,
            within_ms: 60_000,
            binding: None,
            live: None,
            retry: None,
            undo: None,
        })),
        group: None,
        span: Span::default(),
        calls: Vec::new(),
    };
    Step {
        name: step.to_owned(),
        title: step.to_owned(),
        doc: String::new(),
        after: Vec::new(),
        before_window: false,
        budget_ms: None,
        body: Block {
            statements: vec![statement],
            groups: Vec::new(),
        },
        on_failure: Disposition::Unwind,
        span: Span::default(),
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    let runbook = Runbook {
        steps,
        ..Runbook::empty("r")
    };
    let times = Times {
        remaining_ms: vec![0; runbook.steps.len()],
        latest_start_ms: vec![0; runbook.steps.len()],
        ..Times::default()
    };
    Plan::new(Parts {
        runbook: Arc::new(runbook),
        sources: &SourceMap::default(),
        catalogue: &Catalogue::default(),
        times,
        inputs: BTreeMap::new(),
        places: &places(),
    })
    .unwrap()
}

fn places() -> Places {
    Places {
        working_directory: "/".into(),
        home: None,
    }
}

fn start() -> Event {
    Event::RunStart(Box::new(RunStart {
        format: 1,
        minor: 0,
        run: "r".to_owned(),
        plan: String::new(),
        runbook: "r".to_owned(),
        outline: Outline::default(),
        sources: Vec::new(),
        inputs: Vec::new(),
        window_start_ms: None,
        window_ms: None,
        keep_ms: None,
        boot_id: RealClock.boot_id(),
        host: String::new(),
        operator: String::new(),
        ticket: None,
        program: String::new(),
    }))
}

/// Drives a plan; signals are sent after a moment, one by one.
async fn driven(plan: Plan, paper: Paper, signals: usize) -> (Result<Rest, DriveError>, Vec<String>) {
    let paper = Arc::new(paper);
    let heard = Arc::clone(&paper);
    let ports = Ports {
        world: paper.clone(),
        clock: Arc::new(RealClock),
        journal: paper.clone(),
        person: paper.clone(),
    };
    let settings = Settings {
        run: "r".to_owned(),
        run_directory: "/nowhere".into(),
        places: places(),
        mac_key: MacKey([0; MAC_KEY_BYTES]),
        is_clock_watched: true,
        progress: Some(Arc::new(move |key, line| {
            heard.notes.lock().unwrap().push(format!("{key}: {line}"));
        })),
    };
    let (controls, received) = mpsc::channel(4);
    let driver = Driver::new(Arc::new(plan), ports, settings, received, None, &[]);
    let signalling = async {
        for _ in 0..signals {
            RealClock.sleep(Duration::from_millis(100)).await;
            let _ = controls.send(Control::Signal("INT".to_owned())).await;
        }
        std::future::pending::<()>().await;
    };
    let rest = tokio::select! {
        rest = driver.run(vec![start()]) => rest,
        () = signalling => unreachable!("it never ends"),
    };
    let notes = paper.notes.lock().unwrap().clone();
    (rest, notes)
}

fn end(rest: Result<Rest, DriveError>) -> End {
    match rest.unwrap() {
        Rest::Ended(end) => end.end,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn intent_action_outcome_one_after_the_other() {
    let mut second = action("two", "t.do");
    second.after = vec![0];
    let (rest, notes) = driven(plan(vec![action("one", "t.do"), second]), Paper::default(), 0).await;
    assert_eq!(end(rest), End::Completed);
    assert_eq!(
        notes,
        [
            "intent one/1",
            "perform r/one/1",
            "outcome one/1 Ok",
            "intent two/1",
            "perform r/two/1",
            "outcome two/1 Ok",
            "end Completed",
        ]
    );
}

#[tokio::test]
async fn what_runs_beside_a_failure_is_told_to_stop_and_waited_for() {
    let steps = vec![action("fails", "t.fail"), action("hangs", "t.hang")];
    let (rest, notes) = driven(plan(steps), Paper::default(), 0).await;
    assert!(end(rest) != End::Completed);
    let place = |note: &str| notes.iter().position(|known| known == note).unwrap();
    assert!(place("outcome hangs/1 Failed") < place("turn"), "{notes:?}");
}

#[tokio::test]
async fn nothing_is_done_without_its_record() {
    // The fourth note would be the outcome of the first action, the one before it its performance.
    let paper = Paper {
        breaks_at: Some(2),
        ..Paper::default()
    };
    let mut second = action("two", "t.do");
    second.after = vec![0];
    let (rest, notes) = driven(plan(vec![action("one", "t.do"), second]), paper, 0).await;
    assert!(matches!(rest, Err(DriveError::Journal(_))), "{rest:?}");
    assert_eq!(notes, ["intent one/1", "perform r/one/1"]);
}

#[tokio::test]
async fn a_first_signal_turns_back_and_a_second_drops_everything() {
    let (rest, _) = driven(plan(vec![action("hangs", "t.hang")]), Paper::default(), 1).await;
    assert!(end(rest) != End::Completed);
    let mut never = action("hangs", "t.hang");
    if let StatementKind::Do(action) = &mut never.body.statements[0].kind {
        action.call.effects.cancel = Cancel::Never;
    }
    let (rest, notes) = driven(plan(vec![action("one", "t.do"), never]), Paper::default(), 2).await;
    // The first signal may have ended it already where the action obeys.
    assert!(matches!(rest, Ok(Rest::Killed | Rest::Ended(_))), "{rest:?} {notes:?}");
}

#[tokio::test]
async fn nothing_more_begins_while_a_person_is_asked_whether_to_stop() {
    let paper = Paper {
        goes_on_after: Some(Duration::from_millis(400)),
        ..Paper::default()
    };
    let mut second = action("two", "t.do");
    second.after = vec![0];
    let (rest, notes) = driven(plan(vec![action("one", "t.moment"), second]), paper, 1).await;
    assert_eq!(end(rest), End::Completed);
    let of_one = ["intent one/1", "perform r/one/1", "outcome one/1 Ok", "go on"];
    assert_eq!(notes[..5], [&of_one[..], &["intent two/1"]].concat());
}

#[tokio::test]
async fn work_that_dies_is_a_mistake_of_ours_and_stops_the_run() {
    let (rest, _) = driven(plan(vec![action("dies", "t.panic")]), Paper::default(), 0).await;
    assert!(matches!(rest, Err(DriveError::Internal(_))), "{rest:?}");
}

#[tokio::test]
async fn how_far_an_action_is_is_heard_and_not_recorded() {
    let (rest, notes) = driven(plan(vec![action("one", "t.slow")]), Paper::default(), 0).await;
    assert_eq!(end(rest), End::Completed);
    // What comes faster than anybody can read is left out.
    let expected = [
        "intent one/1",
        "perform r/one/1",
        "one/1: 1 of 3",
        "outcome one/1 Ok",
        "end Completed",
    ];
    assert_eq!(notes, expected);
}

#[tokio::test]
async fn a_world_that_never_tells_is_not_waited_for_and_what_may_be_repeated_is_begun_again_once() {
    let mut lost = action("lost", "t.lost");
    if let StatementKind::Do(action) = &mut lost.body.statements[0].kind {
        action.within_ms = 100;
        action.call.effects.repeat = Repeat::Convergent;
    }
    let began_ns = RealClock.boot_ns();
    let (rest, notes) = driven(plan(vec![lost]), Paper::default(), 0).await;
    assert!(end(rest) != End::Completed);
    let of_attempt = [
        "intent lost/1",
        "perform r/lost/1",
        "outcome lost/1 Unknown",
        "settled lost/1 Undecidable",
    ];
    assert_eq!(notes[..4], of_attempt, "{notes:?}");
    assert_eq!(notes[4..8], of_attempt, "{notes:?}");
    assert_eq!(notes[8], "turn", "{notes:?}");
    let took = Duration::from_nanos(RealClock.boot_ns() - began_ns);
    assert!(took < Duration::from_secs(5), "{took:?}");
}
