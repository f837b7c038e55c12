//! The worlds that the contract is examined in.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay::action::{builtin, without_engine};
use backstay::containers::{Containers, NoEngine};
use backstay::eval::Places;
use backstay::plan::Plan;
use backstay::redact::Redactor;
use backstay::rehearse::{Fault, FaultKind, SimulatedClock, SimulatedWorld};
use backstay::world::real::{DockerEngine, RealWorld};
use backstay_dsl::model::Runbook;
use backstay_dsl::program::Program;
use backstay_dsl::topology::Topology;

use crate::support::bench::Bench;
use crate::support::daemon::Daemon;

/// The statement that does not end by itself in any world.
pub(crate) const ENDLESS: &str = "endless";

fn containers() -> Arc<dyn Containers> {
    Arc::new(NoEngine)
}

/// The real world, in a folder of its own.
pub(crate) fn real() -> Bench {
    Bench::new(|_| Arc::new(RealWorld::new(builtin(&containers()))), None)
}

/// The real world with a container engine; `None` where none can be had.
pub(crate) fn engine(test: &str) -> Option<Bench> {
    let daemon = Daemon::shared(test)?;
    let containers: Arc<dyn Containers> = Arc::new(DockerEngine::new(Some(&daemon.host())));
    let image = daemon.image("world", "trap 'exit 0' TERM; while :; do sleep 1 & wait; done");
    let bench = Bench::new(|_| Arc::new(RealWorld::new(builtin(&containers))), None);
    Some(bench.with_engine(daemon, image))
}

/// Runs a test of the contract in the simulated world, in its time.
pub(crate) fn in_simulation(test: impl AsyncFnOnce(Bench)) {
    let clock = SimulatedClock::new();
    let fault = Fault {
        key: ENDLESS.to_owned(),
        kind: FaultKind::Hangs,
        attempts: 1,
        since: None,
        until: None,
    };
    let bench = Bench::new(
        |topology| {
            let plan = plan(topology);
            Arc::new(SimulatedWorld::new(
                &plan,
                without_engine(),
                clock.clone(),
                vec![fault],
                None,
            ))
        },
        Some(clock.clone()),
    );
    clock.block_on(test(bench)).unwrap();
}

/// A plan that says what is there and does nothing.
fn plan(topology: Arc<Topology<String>>) -> Plan {
    let runbook = Arc::new(Runbook::empty("world"));
    Plan {
        redactor: Redactor::NONE,
        times: backstay_dsl::time::times(&runbook, &backstay_dsl::order::StepOrder::new(&runbook)),
        program: Program::new(runbook.clone()),
        runbook,
        inputs: BTreeMap::new(),
        label: None,
        hosts: BTreeMap::new(),
        topology,
        digest: "sha256:world".to_owned(),
        source_digests: Vec::new(),
        places: Places {
            working_directory: "/".into(),
            home: None,
        },
    }
}
