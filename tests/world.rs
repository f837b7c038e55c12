//! What every world must do, and what only the real one can be asked.
//!
//! `contract` is written against the port: each of its tests runs in every world that `worlds` names. The
//! other files ask the real actions about what no simulation has: full disks, programs, sockets.

mod containers;
mod contract;
mod disk;
mod files;
mod https;
mod previews;
mod programs;
mod services;
mod settings;
mod texts;
mod trees;
mod web;
