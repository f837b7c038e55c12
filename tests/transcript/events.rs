//! What happens in the sample: every kind of record at least once.

use backstay::event::{
    AnchorTime, CommandLeft, EffectKey, End, EvaluationKind, EvaluationResult, Event, Exception, FailedAt, HoldState,
    Intent, IntentWay, NotPutBack, OutcomeRecord, OutcomeResult, Outline, RequestKind, RunEnd, RunResumed, RunStart,
    SetAsideOutline, SettledBy, SignalChoice, StepOutline, StepState, TableOutline, Task, TimerId, Titled, Verdict,
    Way, WorkKey,
};
use backstay::value::{Backup, RecordedValue};
use backstay_dsl::effect::{Effect, Repeat, Resource, ResourceKind};

fn text(text: &str) -> RecordedValue {
    RecordedValue::Text(text.to_owned())
}

pub(crate) fn run_start() -> Event {
    Event::RunStart(Box::new(RunStart {
        format: 1,
        minor: 0,
        run: "upgrade-20261103-221320".to_owned(),
        plan: "sha256:aa".to_owned(),
        approved: None,
        runbook: "upgrade".to_owned(),
        label: Some("shop on \"b\"".to_owned()),
        outline: outline(),
        sources: vec![("upgrade.runbook".to_owned(), "bb".to_owned())],
        inputs: vec![
            ("release".to_owned(), text("2.0.0")),
            ("token".to_owned(), RecordedValue::Secret("token".to_owned())),
        ],
        window_start_ms: None,
        window_ms: Some(3_600_000),
        keep_ms: Some(600_000),
        boot_id: "boot".to_owned(),
        host: "host".to_owned(),
        operator: "ada".to_owned(),
        ticket: Some("CHG-1".to_owned()),
        program: "backstay 0.1.0".to_owned(),
    }))
}

pub(crate) fn run_end() -> Event {
    Event::RunEnd(Box::new(RunEnd {
        end: End::RolledBack,
        reason: "the check \"health\" did not hold".to_owned(),
        failed_at: Some(FailedAt {
            step: "validate".to_owned(),
            statement: "validate/1".to_owned(),
            reason: "status 503".to_owned(),
        }),
        way_back: Some("previous".to_owned()),
        leftovers: vec![Resource::new(ResourceKind::File, "/srv/backup.tar.zst".to_owned())],
        exceptions: vec![Exception {
            step: "notes".to_owned(),
            title: "Read the notes".to_owned(),
            reason: "nobody answered".to_owned(),
            because: "they are optional".to_owned(),
        }],
        commands_left: vec![
            CommandLeft {
                task: Task::CarryOut("rollback:previous/2".to_owned()),
                text: "fs.link(\"/srv/current\", to: \"/srv/1\")".to_owned(),
            },
            CommandLeft {
                task: Task::MakeWell("site".to_owned()),
                text: "find out why the site is not well".to_owned(),
            },
        ],
        held: Vec::new(),
        put_back: vec!["fs.mkdir(\"/srv/2\")".to_owned()],
        not_put_back: vec![NotPutBack {
            what: "fs.link(\"/srv/current\", to: \"/srv/2\")".to_owned(),
            because: "no such file".to_owned(),
        }],
    }))
}

fn step(id: &str, state: StepState) -> Event {
    Event::Step {
        id: id.to_owned(),
        state,
        reason: None,
    }
}

fn intent(key: &str, n: u32) -> Event {
    Event::Intent(Box::new(Intent {
        key: key.to_owned(),
        n,
        action: "fs.link".to_owned(),
        title: "Point `current` at the release".to_owned(),
        effects: effects(),
        argv: Vec::new(),
        changing: true,
        repeat: Repeat::Convergent,
        mac: "cc".to_owned(),
        limit_ms: 60_000,
        way: IntentWay::Rollback("previous".to_owned()),
    }))
}

fn resource(kind: ResourceKind, keys: &[Option<&str>]) -> Resource<EffectKey> {
    let key = keys.iter().map(|key| EffectKey::from(key.map(str::to_owned)));
    Resource::keyed(kind, key.collect())
}

/// Every effect, with and without what it may have.
fn effects() -> Vec<Effect<EffectKey>> {
    let of = |kind| resource(kind, &[Some("/srv/x")]);
    let known = |key: &str| Some(EffectKey::Known(key.to_owned()));
    let sets = |to| Effect::Sets {
        resource: of(ResourceKind::Link),
        to,
    };
    let starts = |with| Effect::Starts {
        member: of(ResourceKind::Service),
        with,
    };
    vec![
        Effect::Reads(resource(ResourceKind::Key, &[Some("/srv/.env"), Some("PORT")])),
        Effect::ValueOf(of(ResourceKind::Link)),
        sets(None),
        sets(known("/srv/2")),
        sets(Some(EffectKey::OfResult)),
        Effect::Edits(of(ResourceKind::Tree)),
        Effect::Edits(Resource {
            host: known("db_a"),
            ..of(ResourceKind::Tree)
        }),
        Effect::Removes(of(ResourceKind::File)),
        Effect::Opaque(of(ResourceKind::External)),
        Effect::Adds(resource(ResourceKind::Image, &[None])),
        Effect::Captures {
            state: of(ResourceKind::State),
            backup: resource(ResourceKind::Backup, &[None]),
        },
        Effect::Proves(of(ResourceKind::Backup)),
        Effect::Restores(of(ResourceKind::Backup)),
        starts(None),
        starts(known("registry/app")),
        Effect::Stops(of(ResourceKind::Service)),
        Effect::Drains(of(ResourceKind::Ingress)),
        Effect::Opens(of(ResourceKind::Ingress)),
        Effect::Tells(EffectKey::Known("ops".to_owned())),
    ]
}

fn outline() -> Outline {
    let titled = |id: &str| {
        vec![Titled {
            id: id.to_owned(),
            title: format!("The {id}"),
        }]
    };
    let step = |id: &str, after: &[&str], budget_ms, before_window| StepOutline {
        id: id.to_owned(),
        title: format!("{id}, as people call it"),
        after: after.iter().map(|step| (*step).to_owned()).collect(),
        budget_ms,
        before_window,
    };
    Outline {
        title: "Upgrade of a \"small\" service".to_owned(),
        steps: vec![
            step("prepare", &[], None, true),
            step("switch", &["prepare"], Some(60_000), false),
        ],
        holds: titled("quiet"),
        rollbacks: titled("previous"),
        parks: titled("safe"),
        services: titled("site"),
        tables: vec![TableOutline {
            id: "usual".to_owned(),
            rows: vec!["anything else".to_owned()],
        }],
        set_aside: vec![SetAsideOutline {
            rule: "floating-image".to_owned(),
            because: "it is a \"test\"".to_owned(),
        }],
    }
}

fn outcome(key: &str, n: u32, result: OutcomeResult) -> Event {
    Event::Outcome(Box::new(OutcomeRecord {
        key: key.to_owned(),
        n,
        result,
        value: Some(RecordedValue::Record(vec![(
            "path".to_owned(),
            RecordedValue::Path("/srv/é".to_owned()),
        )])),
        evidence: "linked\u{1b}[2J\u{202e}".to_owned(),
        blobs: vec![("stdout".to_owned(), OUTPUT_DIGEST.to_owned())],
        said: Vec::new(),
        ms: 12,
        exit: Some(-1),
        was_there: true,
    }))
}

fn evaluated(key: &str, result: EvaluationResult) -> Event {
    Event::Evaluated {
        key: WorkKey::from(key.to_owned()),
        label: "health".to_owned(),
        what: EvaluationKind::Check,
        result,
        evidence: "503 == 200".to_owned(),
        polls: 3,
        values: vec![("n".to_owned(), RecordedValue::Int(-5))],
        ms: 900,
    }
}

fn prepare() -> Vec<Event> {
    vec![
        Event::Anchor {
            name: "running".to_owned(),
            when: AnchorTime::Start,
            value: Some(text("1.0.0")),
            reason: None,
        },
        step("prepare", StepState::Running),
        Event::Answer {
            key: "prepare/1".to_owned(),
            prompt: "Notes read?".to_owned(),
            value: Some(RecordedValue::Bool(true)),
            who: "ada".to_owned(),
            of: None,
            via: "terminal".to_owned(),
            late: false,
        },
        Event::Hold {
            name: "quiet".to_owned(),
            state: HoldState::Taken,
        },
        step("prepare", StepState::Done),
    ]
}

fn switch() -> Vec<Event> {
    vec![
        step("switch", StepState::Running),
        intent("switch/1", 1),
        outcome("switch/1", 1, OutcomeResult::Unknown),
        Event::Settled {
            key: "switch/1".to_owned(),
            n: 1,
            verdict: Verdict::NotDone,
            by: SettledBy::Person("ada".to_owned()),
            value: None,
            evidence: "the link is as it was".to_owned(),
        },
        Event::Timer(TimerId::Retry("switch/1".into())),
        Event::Timer(TimerId::TBack),
        intent("switch/1", 2),
    ]
}

fn interruptions() -> Vec<Event> {
    vec![
        Event::RunInterrupted {
            reason: "paused".to_owned(),
        },
        Event::RunResumed(Box::new(RunResumed {
            boot_id: "boot".to_owned(),
            host: "host".to_owned(),
            operator: "ada".to_owned(),
            program: "backstay 0.1.0".to_owned(),
            discarded_bytes: 0,
            turn_back: false,
        })),
        Event::Decision {
            what: "extend".to_owned(),
            because: "the board agreed".to_owned(),
            who: "ada".to_owned(),
            extend_ms: 1_800_000,
        },
        Event::Stops {
            until: Some("switch".to_owned()),
            each_step: true,
            who: "ada".to_owned(),
        },
        Event::ClockGap {
            gap_ms: 6000,
            uncertain: false,
            wall_went_back: false,
            wall_ms: -3_600_000,
        },
        Event::Signal {
            name: "INT".to_owned(),
            asked: true,
            choice: None,
        },
        Event::Signal {
            name: "INT".to_owned(),
            asked: false,
            choice: Some(SignalChoice::GoOn),
        },
    ]
}

fn way_back() -> Vec<Event> {
    vec![
        outcome("switch/1", 2, OutcomeResult::Ok),
        Event::Commit {
            key: "switch/2".to_owned(),
            because: "users write".to_owned(),
        },
        Event::Symptom {
            table: "usual".to_owned(),
            row: "anything else".to_owned(),
            step: "validate".to_owned(),
            chosen: true,
            is_old: false,
        },
        Event::Request {
            what: RequestKind::TurnBack,
            who: "bob".to_owned(),
        },
        Event::LockLost {
            name: "service".to_owned(),
        },
        evaluated("validate/1", EvaluationResult::DoesNotHold),
        evaluated("well:site:back", EvaluationResult::Holds),
        step("validate", StepState::Failed),
        Event::Turn {
            cause: "health".to_owned(),
            way: Way::Rollback("previous".to_owned()),
        },
        outcome("rollback:previous/1", 1, OutcomeResult::Ok),
        Event::Hold {
            name: "quiet".to_owned(),
            state: HoldState::Free,
        },
        Event::Anchor {
            name: "running".to_owned(),
            when: AnchorTime::End,
            value: Some(RecordedValue::Backup(Box::new(Backup {
                path: "/b".to_owned(),
                digest: "sha256:ee".to_owned(),
                state: "data".to_owned(),
                bytes: 5,
                entries: 1,
                places: vec!["/srv/data".to_owned()],
            }))),
            reason: None,
        },
    ]
}

/// Every event of the sample, in order.
/// What a program of the sample said.
pub(crate) const OUTPUT: &[u8] = b"long output";
/// SHA-256 of [`OUTPUT`].
pub(crate) const OUTPUT_DIGEST: &str = "87e1685e3987b5f76f168a96c3c49a4e652b8ca510a9b5fae0ff2da4640aa32a";

pub(crate) fn events() -> Vec<Event> {
    let mut events = vec![run_start()];
    for part in [prepare(), switch(), interruptions(), way_back()] {
        events.extend(part);
    }
    events.push(run_end());
    events
}
