//! `docker`: containers of a Docker engine, and the images they are made from.

use std::sync::Arc;

use super::Action;
use crate::containers::Containers;

/// The actions of the family `docker`.
pub fn actions(_containers: &Arc<dyn Containers>) -> Vec<Arc<dyn Action>> {
    Vec::new()
}
