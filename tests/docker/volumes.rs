//! Volumes as protected state: backed up, proved and put back, through the mountpoint and through a helper.

#[path = "../backup/support.rs"]
#[expect(dead_code, reason = "it is made for tests of paths, which use more of it")]
mod backup;
mod helper;
mod mountpoint;
mod site;
mod users;
mod wrapped;
