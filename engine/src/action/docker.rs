//! `docker`: containers of a Docker engine, and the images they are made from.
//!
//! `runs container("NAME")` is the container of this name. Invariants: a container that a run made carries
//! its labels, so a second attempt finds what the first one left; two containers of one service never run at
//! once: the old one is proved stopped before the new one starts; an environment variable of a container is
//! never read; a change whose reply was lost is unknown, never failed.

mod awaken;
mod create_volume;
mod exec;
mod halt;
mod health;
mod job;
mod limit;
mod logs;
mod mounts;
mod policy;
mod printed;
mod pull;
mod read;
mod remove;
mod replace;
mod restart_policy;
mod restarts;
mod run;
mod running_image;
mod settings;
mod signals;
mod start;
mod state;
mod stop;
mod target;
mod trouble;
mod version;

use std::sync::Arc;

use super::Action;
use super::common::engine::PatientEngine as Engine;

/// The actions of the family `docker`.
pub(super) fn actions(engine: &Engine) -> Vec<Arc<dyn Action>> {
    let engine = || engine.clone();
    vec![
        Arc::new(create_volume::CreateVolume(engine())),
        Arc::new(exec::Exec(engine())),
        Arc::new(health::ReadHealth(engine())),
        Arc::new(job::Job(engine())),
        Arc::new(logs::Logs(engine())),
        Arc::new(mounts::Mounts(engine())),
        Arc::new(pull::Pull(engine())),
        Arc::new(read::Read(engine())),
        Arc::new(remove::Remove(engine())),
        Arc::new(restart_policy::ReadRestartPolicy(engine())),
        Arc::new(restarts::Restarts(engine())),
        Arc::new(run::Run(engine())),
        Arc::new(running_image::RunningImage(engine())),
        Arc::new(start::Start(engine())),
        Arc::new(state::State(engine())),
        Arc::new(stop::Stop(engine())),
        Arc::new(version::Version(engine())),
    ]
}
