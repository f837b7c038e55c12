//! Every family of built-in actions, one line each.

use std::sync::Arc;

use backstay_dsl::catalogue::Catalogue;

use super::common::engine::PatientEngine;
use super::{Registry, backup, docker, exec, fs, http, notify, process};
use crate::containers::{Containers, NoEngine, Patience};

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
    builtin_with(containers, Patience::default())
}

/// As [`builtin`], with another patience.
pub fn builtin_with(containers: &Arc<dyn Containers>, patience: Patience) -> Registry {
    let containers = containers.clone();
    let engine = PatientEngine { containers, patience };
    let families = [
        backup::actions(&engine),
        docker::actions(&engine),
        exec::actions(),
        fs::actions(),
        http::actions(),
        notify::actions(),
        process::actions(),
    ];
    Registry::new(families.concat())
}
