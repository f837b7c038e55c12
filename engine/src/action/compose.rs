//! `compose`: services of Compose projects, through `docker compose`.
//!
//! What one look at a container answers, and what is better done to a container than to a project (a stop that is
//! proved and holds, a start that is watched, a pull with the operator's credentials), the family `docker` does: the
//! container of the service is found by its labels. Invariants: a project is called as it was called when its containers
//! were made (name, files, environment files); its variables come from its own files, and from this
//! program's environment only what every program gets; only the image of the one service changes, in the place that the
//! project takes it from: where more would, the run is refused before its first change (`ready`).

mod bring_up;
mod delegated;
mod image;
mod others;
mod pin;
mod project;
mod ready;
mod start;
mod up;
mod version;

use std::sync::Arc;

use backstay_dsl::catalogue::Pattern;
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::types::Type;

use super::common::describe::{self, Describe};
use super::common::engine::RetryingEngine as Engine;
use super::{Action, Registry};
use others::Others;

/// The actions of the family `compose`; `others` has the families `docker` and `fs`.
pub(super) fn actions(engine: &Engine, others: Registry) -> Vec<Arc<dyn Action>> {
    let others = Others::new(others);
    let mut actions: Vec<Arc<dyn Action>> = vec![
        Arc::new(image::RunningImage(others.clone())),
        Arc::new(ready::Ready(bring_up::BringUp::new(engine, &others))),
        Arc::new(start::Start(bring_up::BringUp::new(engine, &others))),
        Arc::new(up::Up(bring_up::BringUp::new(engine, &others))),
        Arc::new(version::Version),
    ];
    actions.extend(delegated::ALL.iter().map(|delegated| delegated.on(&others)));
    actions
}

fn about_service(describe: Describe) -> Describe {
    describe.needs(
        "service",
        Type::Service,
        "A service that runs compose(FOLDER, name: \"NAME\").",
    )
}

fn with_image(describe: Describe) -> Describe {
    describe.needs("image", Type::Image { pinned: true }, "The image, by its digest.")
}

fn the_service() -> Resource<Pattern> {
    describe::of(ResourceKind::Service, "service")
}
