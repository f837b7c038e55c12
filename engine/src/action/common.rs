//! What several families of actions share: how signatures are written, blocking bodies, processes.

pub(crate) mod attributes;
pub(crate) mod blocking;
pub(crate) mod boot;
pub(crate) mod child;
pub(crate) mod control_group;
pub(crate) mod core_dump;
pub(crate) mod describe;
pub(crate) mod engine;
pub(crate) mod files;
pub(crate) mod held;
pub(crate) mod inode_flags;
pub(crate) mod kept;
pub(crate) mod origins;
pub(crate) mod pem;
pub(crate) mod printed;
pub(crate) mod processes;
pub(crate) mod project;
pub(crate) mod sparse;
pub(crate) mod sqlite;
pub(crate) mod started;
pub(crate) mod supervised;
pub(crate) mod tag;
pub(crate) mod template;
pub(crate) mod typed;
