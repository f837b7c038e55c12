//! Containers: a question and a job, beside the `docker` program's same question and `docker run --rm`.
//!
//! Here Backstay is what a runbook's statement costs inside a run: calls of the actions in this process, without the
//! start of a program. CPU time is that of whoever asks; the engine's own is the same for both and not counted.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use backstay::action::{self, Arguments, Context, Outcome, Registry};
use backstay::containers::Containers;
use backstay::value::Value;
use backstay::world::real::DockerEngine;
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::{Begins, Member, Runs, Service, Topology};

use crate::bench::measure::{Seconds, children_cpu_seconds, cpu_seconds, table};
use crate::support::attempt::attempt;
use crate::support::daemon::Daemon;

const SERVICE: &str = "bench service";
const CONTAINER: &str = "backstay-bench";
const ROUNDS: usize = 7;

/// Calls actions in this process.
struct Caller {
    registry: Registry,
    context: Context,
    runtime: tokio::runtime::Runtime,
    calls: std::cell::Cell<u32>,
}

impl Caller {
    fn new(daemon: &Daemon, folder: &tempfile::TempDir) -> Self {
        let engine: Arc<dyn Containers> = Arc::new(DockerEngine::new(Some(&daemon.host())));
        let member = Member::new(Runs::new(ServiceKind::Container, CONTAINER.to_owned()), Begins::Running);
        let topology = Topology {
            services: BTreeMap::from([(SERVICE.to_owned(), Service::plain(SERVICE, member))]),
            ..Topology::default()
        };
        let mut context = attempt("bench", "", folder.path());
        context.topology = Arc::new(topology);
        Self {
            registry: action::builtin(&engine),
            context,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .unwrap(),
            calls: std::cell::Cell::new(0),
        }
    }

    fn call(&self, name: &str, arguments: &Arguments) -> Option<Value> {
        self.calls.set(self.calls.get() + 1);
        let context = Context {
            key: format!("bench/call-{}.0", self.calls.get()),
            ..self.context.clone()
        };
        let action = self.registry.get(name).unwrap();
        match self.runtime.block_on(action.perform(&context, arguments)) {
            Outcome::Done(evidence) => evidence.value,
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// The mean of `repeats` calls of ours.
fn ours(repeats: u32, call: impl Fn()) -> Seconds {
    measure(repeats, cpu_seconds, call)
}

/// The mean of `repeats` calls of the `docker` program.
fn theirs(daemon: &Daemon, repeats: u32, calls: &[&[&str]]) -> Seconds {
    measure(repeats, children_cpu_seconds, || {
        for words in calls {
            let mut command: Command = daemon.client_command();
            let output = command.args(*words).output().unwrap();
            assert!(output.status.success(), "docker {words:?}: {output:?}");
        }
    })
}

fn measure(repeats: u32, cpu: fn() -> f64, call: impl Fn()) -> Seconds {
    let (cpu_before, start) = (cpu(), Instant::now());
    for _ in 0..repeats {
        call();
    }
    let wall = start.elapsed().as_secs_f64();
    let repeats = f64::from(repeats);
    Seconds {
        wall: wall / repeats,
        cpu: (cpu() - cpu_before) / repeats,
    }
}

/// Removes the container also where the benchmark fails.
struct Cleared<'a>(&'a Daemon);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        drop(self.0.try_docker(&["rm", "--force", CONTAINER]));
    }
}

/// Compares in turns and prints the tables.
pub(crate) fn compare() {
    let Some(daemon) = Daemon::shared("benchmark of containers") else {
        return;
    };
    let _cleared = Cleared(daemon);
    let folder = tempfile::tempdir().unwrap();
    let caller = Caller::new(daemon, &folder);
    let serving = daemon.image("bench-serving", "while :; do sleep 1; done");
    daemon.docker(&["run", "--detach", "--name", CONTAINER, &serving]);
    let asked = Arguments(BTreeMap::from([(
        "service".to_owned(),
        Value::Service(SERVICE.to_owned()),
    )]));

    let rows = interleaved(
        || ours(200, || drop(caller.call("docker.state", &asked))),
        || theirs(daemon, 10, &[&["inspect", "--format={{.State.Status}}", CONTAINER]]),
    );
    table("How a container is", &["docker.state", "docker inspect"], &rows);

    let image_id = daemon.docker(&["inspect", "--format={{.Image}}", CONTAINER]);
    let (container, image) = (
        ["inspect", "--format={{.Image}}", CONTAINER],
        ["inspect", "--format={{.RepoDigests}}", &image_id],
    );
    let rows = interleaved(
        || ours(200, || drop(caller.call("docker.running_image", &asked))),
        || theirs(daemon, 10, &[&container, &image]),
    );
    table(
        "Which image runs, by digest",
        &["docker.running_image", "docker inspect, twice"],
        &rows,
    );

    let short = daemon.image("bench-short", "exit 0");
    let job = Arguments(BTreeMap::from([
        ("image".to_owned(), Value::Image(short.clone())),
        ("argv".to_owned(), Value::List(Vec::new())),
    ]));
    let rows = interleaved(
        || ours(3, || drop(caller.call("docker.job", &job))),
        || theirs(daemon, 3, &[&["run", "--rm", &short]]),
    );
    table(
        "Run and wait: its log and exit status kept, its container removed",
        &["docker.job", "docker run --rm"],
        &rows,
    );
}

/// Two sides in turns, each warmed up once.
fn interleaved(ours: impl Fn() -> Seconds, theirs: impl Fn() -> Seconds) -> Vec<Vec<Seconds>> {
    ours();
    theirs();
    let pairs: Vec<(Seconds, Seconds)> = (0..ROUNDS).map(|_| (ours(), theirs())).collect();
    vec![
        pairs.iter().map(|(one, _)| *one).collect(),
        pairs.iter().map(|(_, other)| *other).collect(),
    ]
}
