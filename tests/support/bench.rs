//! A world with a folder to work in, and short ways to call it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backstay::action::{Arguments, Context, GroundCall, Outcome, Settled, catalogue};
use backstay::redact::Redactor;
use backstay::rehearse::SimulatedClock;
use backstay::value::{Secret, Value};
use backstay::world::{Clock, World};
use backstay_dsl::catalogue::Pattern;
use backstay_dsl::effect::{Cancel, Resource, ResourceKind};
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::{Begins, Member, Runs, Service, Topology};

use crate::support::attempt::attempt;
use crate::support::daemon::Daemon;

/// The service of every bench.
pub(crate) const SERVICE: &str = "app";
/// The service of every bench that is a container.
pub(crate) const CONTAINER: &str = "container";
/// The protected state of every bench: the tree `data` in its folder.
pub(crate) const STATE: &str = "data";

/// A world under examination.
pub(crate) struct Bench {
    /// The world.
    pub(crate) world: Arc<dyn World>,
    /// The folder to work in. In the real world it is there; a simulated one takes it as a name.
    pub(crate) folder: PathBuf,
    /// The clock of a simulated world.
    clock: Option<Arc<SimulatedClock>>,
    kept: tempfile::TempDir,
    topology: Arc<Topology<String>>,
    secrets: Vec<Secret>,
    image: String,
    /// The volume that a test may make in the engine.
    _volume: Option<MadeVolume>,
}

/// A volume of an engine, removed with this value.
struct MadeVolume {
    daemon: &'static Daemon,
    name: String,
}

impl Drop for MadeVolume {
    fn drop(&mut self) {
        drop(self.daemon.try_docker(&["volume", "rm", "--force", &self.name]));
    }
}

/// One call with what belongs to it.
pub(crate) struct Call {
    context: Context,
    ground: GroundCall,
}

impl Bench {
    /// A bench around the world that is made for what is there; a simulated one comes with its clock.
    pub(crate) fn new(
        world: impl FnOnce(Arc<Topology<String>>) -> Arc<dyn World>,
        clock: Option<Arc<SimulatedClock>>,
    ) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().canonicalize().unwrap().join("work");
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir_all(kept.path().join("runs/run")).unwrap();
        // A mark of its own, since tests run side by side.
        let mark = format!("world-{}", folder.display());
        let plain = |name: &str, runs| (name.to_owned(), Service::plain(name, Member::new(runs, Begins::Absent)));
        let data = folder.join("data").display().to_string();
        let topology = Topology {
            services: BTreeMap::from([
                plain(SERVICE, Runs::new(ServiceKind::Process, mark)),
                plain(CONTAINER, Runs::new(ServiceKind::Container, container_name(&kept))),
            ]),
            states: BTreeMap::from([(STATE.to_owned(), vec![Resource::new(ResourceKind::Tree, data)])]),
            ..Topology::default()
        };
        let topology = Arc::new(topology);
        Self {
            world: world(topology.clone()),
            folder,
            clock,
            kept,
            topology,
            secrets: Vec::new(),
            _volume: None,
            image: format!("registry.example/world@sha256:{}", "5".repeat(64)),
        }
    }

    /// The bench with an engine, and an image that the engine has.
    pub(crate) fn with_engine(self, daemon: &'static Daemon, image: String) -> Self {
        let made = Some(MadeVolume {
            daemon,
            name: self.volume(),
        });
        Self {
            image,
            _volume: made,
            ..self
        }
    }

    /// The name of a volume of this bench alone; removed with it.
    pub(crate) fn volume(&self) -> String {
        format!("{}-volume", container_name(&self.kept))
    }

    /// The image for containers, as an argument.
    pub(crate) fn image(&self) -> Value {
        Value::Image(self.image.clone())
    }

    /// The mark of the bench's service.
    pub(crate) fn mark(&self) -> String {
        format!("world-{}", self.folder.display())
    }

    /// The bench with a secret of the run.
    pub(crate) fn with_secret(mut self, text: &str) -> Self {
        self.secrets.push(Secret::new("token", text));
        self
    }

    /// The first secret, as an argument.
    pub(crate) fn secret(&self) -> Value {
        Value::Secret(self.secrets[0].clone())
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Puts a file there from outside; a simulated world is told by a write.
    pub(crate) async fn given(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        if self.clock.is_none() {
            std::fs::write(&path, content).unwrap();
        } else {
            let path = path_value(&path);
            self.does("fs.write", &[("path", path), ("content", text(content))])
                .await;
        }
        path
    }

    /// Lets a moment pass in the world's time.
    pub(crate) async fn pause(&self, moment: Duration) {
        match &self.clock {
            Some(clock) => clock.sleep(moment).await,
            None => tokio::time::sleep(moment).await,
        }
    }

    /// A call of an action.
    pub(crate) fn call(&self, action: &str, arguments: &[(&str, Value)]) -> Call {
        let catalogue = catalogue();
        let signature = catalogue.get(action).unwrap();
        for (name, _) in arguments {
            assert!(signature.parameter(name).is_some(), "{action} takes no `{name}`");
        }
        let arguments = Arguments(
            arguments
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        );
        let effects: Vec<_> = signature
            .effects
            .iter()
            .map(|effect| {
                effect.map(&mut |pattern| match pattern {
                    Pattern::Text(text) => (*text).to_owned(),
                    Pattern::Parameter(name) => arguments.get(name).map(Value::canonical).unwrap_or_default(),
                    Pattern::Address(host, port) => {
                        let said =
                            [host, port].map(|name| arguments.get(name).map(Value::canonical).unwrap_or_default());
                        said.join(":")
                    }
                    Pattern::Result | Pattern::ResultField(_) => String::new(),
                })
            })
            .collect();
        let attempt = attempt(&format!("run{}", self.folder.display()), "step/1", &self.folder);
        let context = Context {
            limit: Duration::from_millis(signature.limit_ms),
            cancel: signature.cancel,
            topology: self.topology.clone(),
            run_directory: self.kept.path().join("runs/run"),
            redactor: Redactor::new(&self.secrets),
            ..attempt
        };
        let ground = GroundCall {
            action: action.to_owned(),
            arguments,
            effects,
            of_result: Vec::new(),
            healthy: None,
        };
        Call { context, ground }
    }

    /// Performs a call.
    pub(crate) async fn perform(&self, call: &Call) -> Outcome {
        self.world.perform(&call.context, &call.ground).await
    }

    /// Settles a call.
    pub(crate) async fn settle(&self, call: &Call) -> Settled {
        self.world.settle(&call.context, &call.ground).await
    }

    /// What a call would change.
    pub(crate) async fn preview(&self, call: &Call) -> Option<String> {
        self.world.preview(&call.context, &call.ground).await
    }

    /// Performs a call that must be done, and gives its value.
    pub(crate) async fn does(&self, action: &str, arguments: &[(&str, Value)]) -> Option<Value> {
        match self.perform(&self.call(action, arguments)).await {
            Outcome::Done(evidence) => evidence.value,
            other => panic!("{action} {arguments:?}: {other:?}"),
        }
    }

    /// Performs a call that must fail, and gives its line.
    pub(crate) async fn fails(&self, action: &str, arguments: &[(&str, Value)]) -> String {
        match self.perform(&self.call(action, arguments)).await {
            Outcome::Failed(evidence) => evidence.summary,
            other => panic!("{action} {arguments:?}: {other:?}"),
        }
    }
}

impl Call {
    /// The same call with another limit.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.context.limit = limit;
        self
    }

    /// The same call that may be stopped in this way.
    pub(crate) fn stopped_by(mut self, cancel: Cancel) -> Self {
        self.context.cancel = cancel;
        self
    }

    /// The same call as this attempt of this statement.
    pub(crate) fn keyed(mut self, statement: &str, attempt: u32) -> Self {
        self.context.key = format!("{}/{statement}", self.context.run);
        self.context.attempt = attempt;
        self
    }

    /// The mark of its attempt.
    pub(crate) fn mark(&self) -> String {
        format!("{}#{}", self.context.key, self.context.attempt)
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

/// A path.
pub(crate) fn path_value(path: &Path) -> Value {
    Value::Path(path.to_str().unwrap().to_owned())
}

/// Words for `argv`.
pub(crate) fn words(words: &[&str]) -> Value {
    Value::List(words.iter().map(|word| text(word)).collect())
}

/// A name that an engine takes, of this bench alone.
fn container_name(kept: &tempfile::TempDir) -> String {
    let unique = kept.path().file_name().unwrap().to_string_lossy();
    format!("world-{}", unique.trim_start_matches('.'))
}

/// The bench's container.
pub(crate) fn container() -> Value {
    Value::Service(CONTAINER.to_owned())
}

/// The bench's service.
pub(crate) fn service() -> Value {
    Value::Service(SERVICE.to_owned())
}

pub(crate) async fn is_not_done(bench: &Bench, call: &Call, what: &str) {
    let settled = bench.settle(call).await;
    assert!(matches!(settled, Settled::NotDone(_)), "{what} before: {settled:?}");
}

pub(crate) async fn is_done(bench: &Bench, call: &Call, what: &str) {
    let settled = bench.settle(call).await;
    assert!(matches!(settled, Settled::Done(_)), "{what} after: {settled:?}");
}
