//! `docker`: containers of a Docker engine, and the images they are made from.
//!
//! `runs container("NAME")` is the container of this name. Invariants: a container that a run made carries
//! its labels, so a second attempt finds what the first one left; two containers of one service never run at
//! once: the old one is proved stopped before the new one starts; an environment variable of a container is
//! never read; a change whose reply was lost is unknown, never failed; what a run takes out of a service's place
//! is stopped, keeps all that it is, and is removed when the run has ended well.

mod call;
mod conclude;
mod create_volume;
mod error;
mod exec;
mod inspections;
mod job;
mod logs;
mod make;
mod neighbours;
mod place;
mod policy;
mod printed;
mod pull;
mod remove;
mod replace;
mod run;
mod running_image;
mod settings;
mod sharers;
mod signals;
mod start;
mod start_and_watch;
mod stop;
mod stop_and_prove;
mod stopped;
mod version;

use std::sync::Arc;

use super::Action;
use super::common::engine::RetryingEngine as Engine;
use call::on;

/// The actions of the family `docker`.
pub(super) fn actions(engine: &Engine) -> Vec<Arc<dyn Action>> {
    let mut actions = vec![
        on(engine, create_volume::CreateVolume),
        on(engine, exec::Exec),
        on(engine, exec::Read),
        on(
            engine,
            job::Job {
                timeouts: engine.timeouts,
            },
        ),
        on(engine, logs::Logs),
        on(engine, pull::Pull),
        on(engine, remove::Remove),
        on(engine, run::Run),
        on(engine, running_image::RunningImage),
        on(engine, sharers::Sharers),
        on(engine, start::Start),
        on(engine, stop::Stop),
        on(engine, version::Version),
    ];
    actions.extend(inspections::ALL.map(|inspection| on(engine, inspection)));
    actions
}
