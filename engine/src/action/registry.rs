//! Every family of built-in actions, one line each.

use std::sync::Arc;

use backstay_dsl::catalogue::Catalogue;

use super::common::engine::RetryingEngine;
use super::{Registry, backup, compose, docker, exec, fs, http, net, notify, package, process, sqlite, unit};
use crate::containers::{Containers, NoEngine, Timeouts};

/// What the compiler sees of all built-in actions.
pub fn catalogue() -> Arc<Catalogue> {
    Arc::clone(without_engine().catalogue())
}

/// The registry of all built-in actions, where no engine will be asked: to compile and to rehearse.
pub fn without_engine() -> Registry {
    builtin(&(Arc::new(NoEngine) as Arc<dyn Containers>))
}

/// The registry of all built-in actions; those that need a container engine use this one.
pub fn builtin(containers: &Arc<dyn Containers>) -> Registry {
    builtin_with(containers, Timeouts::default())
}

/// As [`builtin`], with other timeouts.
pub fn builtin_with(containers: &Arc<dyn Containers>, timeouts: Timeouts) -> Registry {
    let containers = containers.clone();
    let engine = RetryingEngine { containers, timeouts };
    let others = Registry::new([docker::actions(&engine), fs::actions()].concat(), Vec::new());
    let families = [
        backup::actions(&engine),
        compose::actions(&engine, others),
        docker::actions(&engine),
        exec::actions(),
        fs::actions(),
        http::actions(),
        net::actions(),
        notify::actions(),
        process::actions(),
        sqlite::actions(),
    ];
    // Known by their effects alone until something carries them out.
    let signatures = [package::signatures(), unit::signatures()];
    Registry::new(families.concat(), signatures.concat())
}
