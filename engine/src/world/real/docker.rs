//! The container engine of this machine, or of the one that `DOCKER_HOST` names.
//!
//! The only place that knows bollard.

use crate::containers::NoEngine;

/// Docker, reached through its interface; connected to at the first question.
pub type DockerEngine = NoEngine;
