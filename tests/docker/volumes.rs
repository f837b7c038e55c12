//! Volumes as protected state: backed up, proved and put back, through the mountpoint and through a helper.

mod helper;
mod mountpoint;
mod site;
mod users;
mod wrapped;
