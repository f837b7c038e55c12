//! Every built-in action, one line each.

use std::sync::Arc;

use backstay_dsl::catalogue::Catalogue;

use super::{Action, Registry, backup, docker, exec, fs, http, notify, process};
use crate::containers::{Containers, NoEngine};

/// What the compiler sees of all built-in actions.
pub fn catalogue() -> Catalogue {
    builtin(&(Arc::new(NoEngine) as Arc<dyn Containers>)).catalogue()
}

/// The registry of all built-in actions; those that need a container engine use this one.
pub fn builtin(containers: &Arc<dyn Containers>) -> Registry {
    let mut actions = backup::actions(containers);
    actions.extend(docker::actions(containers));
    let others: Vec<Arc<dyn Action>> = vec![
        Arc::new(exec::Read),
        Arc::new(exec::Run),
        Arc::new(fs::CopyTo),
        Arc::new(fs::Digest),
        Arc::new(fs::EditKey),
        Arc::new(fs::Exists),
        Arc::new(fs::Free),
        Arc::new(fs::Install),
        Arc::new(fs::Key),
        Arc::new(fs::Link),
        Arc::new(fs::MakeDirectory),
        Arc::new(fs::Move),
        Arc::new(fs::ReadText),
        Arc::new(fs::Remove),
        Arc::new(fs::Size),
        Arc::new(fs::Target),
        Arc::new(fs::WriteText),
        Arc::new(http::Get),
        Arc::new(notify::File),
        Arc::new(process::Alive),
        Arc::new(process::Listeners),
        Arc::new(process::Listening),
        Arc::new(process::Start),
        Arc::new(process::Stop),
    ];
    actions.extend(others);
    Registry::new(actions)
}
