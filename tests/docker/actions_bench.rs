//! The actions of the family `docker` on one container of a real engine, and short ways to call them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstay::action::{Arguments, Context, Evidence, Outcome, Progress, Registry, Settled, builtin_with};
use backstay::containers::{Container, Containers, Timeouts};
use backstay::event::End;
use backstay::redact::Redactor;
use backstay::value::{Secret, Value};
use backstay::world::real::{DockerEngine, EngineLimits};
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::{Begins, Member, Runs, Service, Topology, Writes};

use crate::support::attempt::attempt;
use crate::support::daemon::Daemon;
use crate::support::sandbox::wait_until;

/// The service of every bench.
const SERVICE: &str = "app";
/// A secret of every run.
pub(crate) const SECRET: &str = "s3cret-t0ken-of-the-run";

/// A service that notes in its volume when a second one writes beside it, and says which variant it is.
pub(crate) fn service_script(variant: &str) -> String {
    format!(
        "trap 'rm -f /data/lock; exit 0' TERM\n\
         [ -d /data ] && [ -e /data/lock ] && echo beside >> /data/two\n\
         [ -d /data ] && touch /data/lock\n\
         echo variant {variant} token=$TOKEN mode=$MODE\n\
         while :; do sleep 1 & wait; done"
    )
}

/// For containers that do as they are told: what comes to something is waited for as long as ever, and what stays as it
/// is is watched for moments.
pub(crate) fn short() -> Timeouts {
    Timeouts {
        retry: Duration::from_millis(50),
        look: Duration::from_millis(50),
        probation: Duration::from_millis(300),
        job_grace: Duration::from_secs(1),
        stays: Duration::from_millis(300),
        ..Timeouts::default()
    }
}

/// Awaits something while something else goes on in a thread beside it; needs a runtime of several threads.
pub(crate) fn beside<T>(awaited: impl Future<Output = T>, other: impl FnOnce() + Send) -> T {
    std::thread::scope(|scope| {
        scope.spawn(other);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(awaited))
    })
}

/// One service of an engine, and a run that changes it.
pub(crate) struct Bench<'a> {
    pub(crate) daemon: &'a Daemon,
    /// The service's container.
    pub(crate) name: String,
    actions: Registry,
    engine: Arc<dyn Containers>,
    topology: Arc<Topology<String>>,
    kept: tempfile::TempDir,
    heard: Arc<Mutex<Vec<String>>>,
    volumes: Vec<String>,
}

impl<'a> Bench<'a> {
    /// A bench for the container `name`, which is there at the start.
    pub(crate) fn new(daemon: &'a Daemon, name: &str) -> Self {
        Self::reached_by(daemon, &daemon.host(), name, Begins::Running)
    }

    /// A bench whose engine is reached by this address, with a service that begins so.
    pub(crate) fn reached_by(daemon: &'a Daemon, host: &str, name: &str, begins: Begins) -> Self {
        let limits = EngineLimits {
            connect: Duration::from_secs(2),
            question: Duration::from_secs(3),
            change: Duration::from_secs(10),
            silence: Duration::from_secs(10),
        };
        let engine: Arc<dyn Containers> = Arc::new(DockerEngine::with_limits(Some(host), limits));
        let member = Member::new(Runs::new(ServiceKind::Container, name.to_owned()), begins);
        let topology = Topology {
            services: BTreeMap::from([(SERVICE.to_owned(), Service::plain(SERVICE, member))]),
            states: BTreeMap::new(),
            ..Topology::default()
        };
        Self {
            daemon,
            name: name.to_owned(),
            actions: builtin_with(&engine, short()),
            engine,
            topology: Arc::new(topology),
            kept: tempfile::tempdir().unwrap(),
            heard: Arc::default(),
            volumes: Vec::new(),
        }
    }

    /// A bench whose service runs with what is given to it, and the image of that.
    pub(crate) fn served(daemon: &'a Daemon, name: &str, given: &[&str]) -> (Self, String) {
        let bench = Self::new(daemon, name);
        let image = daemon.image(name, &service_script("A"));
        daemon.serve(name, &image, given);
        bench.wait_for_line("variant");
        (bench, image)
    }

    /// The same with actions of these timeouts in place of [`short`].
    pub(crate) fn with(mut self, timeouts: Timeouts) -> Self {
        self.actions = builtin_with(&self.engine, timeouts);
        self
    }

    /// The same with a service that writes this protected state.
    pub(crate) fn writing(mut self, state: &str) -> Self {
        let mut topology = (*self.topology).clone();
        for service in topology.services.values_mut() {
            service.writes.push(Writes {
                state: state.to_owned(),
                migrates: false,
            });
        }
        self.topology = Arc::new(topology);
        self
    }

    /// A volume of the bench, removed with it.
    pub(crate) fn volume(&mut self, name: &str) -> PathBuf {
        self.daemon.docker(&["volume", "create", name]);
        self.volumes.push(name.to_owned());
        self.daemon.mountpoint(name)
    }

    /// The directory of the run.
    pub(crate) fn run_directory(&self) -> &Path {
        self.kept.path()
    }

    /// What long actions said on the way.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// A call of `docker.ACTION` on the bench's service where it takes one; statement `step.1`.
    pub(crate) fn call(&self, action: &str, arguments: &[(&str, Value)]) -> Call<'_> {
        let action = format!("docker.{action}");
        let found = self.actions.get(&action).unwrap().clone();
        let signature = found.signature();
        let mut given: BTreeMap<String, Value> = arguments
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        if signature.parameter("service").is_some() {
            given.insert("service".to_owned(), Value::Service(SERVICE.to_owned()));
        }
        for name in given.keys() {
            assert!(signature.parameter(name).is_some(), "{action} takes no `{name}`");
        }
        let heard = self.heard.clone();
        let say = move |line: &str| heard.lock().unwrap().push(line.to_owned());
        let attempt = attempt(&format!("run-{}", self.name), "step/1", self.kept.path());
        let context = Context {
            limit: Duration::from_millis(signature.limit_ms),
            cancel: signature.cancel,
            topology: self.topology.clone(),
            run_directory: self.kept.path().to_owned(),
            redactor: Redactor::new(&[Secret::new("token", SECRET)]),
            progress: Progress::new(Arc::new(say)),
            ..attempt
        };
        Call {
            action: found,
            context,
            arguments: Arguments(given),
        }
    }

    /// Performs a call that must be done.
    pub(crate) async fn does(&self, action: &str, arguments: &[(&str, Value)]) -> Evidence {
        self.call(action, arguments).does().await
    }

    /// Performs a call that must fail, and gives its line.
    pub(crate) async fn fails(&self, action: &str, arguments: &[(&str, Value)]) -> String {
        match self.call(action, arguments).perform().await {
            Outcome::Failed(evidence) => evidence.summary,
            other => panic!("docker.{action}: {other:?}"),
        }
    }

    /// The value of a question as text.
    pub(crate) async fn asks(&self, question: &str) -> String {
        self.does(question, &[]).await.value.unwrap().canonical()
    }

    /// The service's container, as the engine tells.
    pub(crate) async fn container(&self) -> Option<Container> {
        self.engine.container(&self.name).await.unwrap()
    }

    /// Waits until the service's container has printed this.
    pub(crate) fn wait_for_line(&self, line: &str) {
        let printed = || self.daemon.docker(&["logs", &self.name]);
        wait_until("the container printed", || printed().contains(line));
    }

    /// What the actions leave at the end of the run.
    pub(crate) async fn concluded(&self, end: End) -> String {
        let run = self.actions.get("docker.run").unwrap();
        let left = run.conclude(self.kept.path(), end).await;
        let lines: Vec<String> = left.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    /// The names of all containers that have the service's name or one made of it, running or not.
    pub(crate) fn of_the_service(&self) -> String {
        let name = format!("--filter=name=^{}(\\.backstay-.*)?$", self.name);
        self.daemon
            .docker(&["ps", "--all", "--format={{.Names}}", name.as_str()])
    }

    /// The names of all containers of the run, running or not.
    pub(crate) fn of_the_run(&self) -> String {
        let label = format!("--filter=label=backstay.run=run-{}", self.name);
        self.daemon
            .docker(&["ps", "--all", "--format={{.Names}}", label.as_str()])
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        let label = format!("--filter=label=backstay.run=run-{}", self.name);
        let ours = self.daemon.try_docker(&["ps", "--all", "--quiet", label.as_str()]);
        let ours = format!("{}\n{}", ours.unwrap_or_default(), self.of_the_service());
        for container in ours.lines().filter(|container| !container.is_empty()) {
            let _ = self.daemon.try_docker(&["rm", "--force", container]);
        }
        for volume in &self.volumes {
            let _ = self.daemon.try_docker(&["volume", "rm", "--force", volume]);
        }
    }
}

/// One call with what belongs to it.
pub(crate) struct Call<'a> {
    action: Arc<dyn backstay::action::Action + 'a>,
    context: Context,
    arguments: Arguments,
}

impl Call<'_> {
    /// The same call with another limit.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.context.limit = limit;
        self
    }

    /// The same call of another statement.
    pub(crate) fn of_statement(mut self, statement: &str) -> Self {
        self.context.key = format!("{}/{statement}", self.context.run);
        self
    }

    /// Performs it.
    pub(crate) async fn perform(&self) -> Outcome {
        self.action.perform(&self.context, &self.arguments).await
    }

    /// Performs it; it must be done.
    pub(crate) async fn does(&self) -> Evidence {
        match self.perform().await {
            Outcome::Done(evidence) => evidence,
            other => panic!("{:?}: {other:?}", self.arguments),
        }
    }

    /// Performs it; nobody must know how it came out.
    pub(crate) async fn is_lost(&self) -> String {
        match self.perform().await {
            Outcome::Unknown(evidence) => evidence.summary,
            other => panic!("{:?}: {other:?}", self.arguments),
        }
    }

    /// Finds out whether it happened.
    pub(crate) async fn settle(&self) -> Settled {
        self.action.settle(&self.context, &self.arguments).await
    }

    /// What it would change.
    pub(crate) async fn preview(&self) -> String {
        self.action.preview(&self.context, &self.arguments).await.unwrap()
    }

    /// Asks it to stop.
    pub(crate) fn cancel(&self) {
        self.context.cancelled.cancel();
    }
}

/// A text.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// An image.
pub(crate) fn image(reference: &str) -> Value {
    Value::Image(reference.to_owned())
}

/// Words for `argv`.
pub(crate) fn words(words: &[&str]) -> Value {
    Value::List(words.iter().map(|word| text(word)).collect())
}

/// A map of texts.
pub(crate) fn map(pairs: &[(&str, &str)]) -> Value {
    Value::Map(
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), text(value)))
            .collect(),
    )
}

/// Variables with the run's secret as `TOKEN`.
pub(crate) fn secret_variables() -> Value {
    let secret = Value::Secret(Secret::new("token", SECRET));
    Value::Map(BTreeMap::from([
        ("TOKEN".to_owned(), secret),
        ("MODE".to_owned(), text("calm")),
    ]))
}
