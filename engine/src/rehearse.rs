//! Rehearsal: a run in a simulated world, with faults where they are wanted.
//!
//! [`walk`] carries a plan out by the machine alone: decide, answer, fold, without a runtime. The simulated
//! world (`world`) carries actions out by their effects; it knows no action by its body unless its effects do
//! not say enough ([`Action::simulate`](crate::action::Action::simulate)). `driven`, [`clock`], [`journal`] and [`person`] are the same
//! world behind the ports, for the driver's own tests. [`oracle`] says what must hold at every end.
//! Deterministic: time is virtual, nothing is random, maps are ordered.
//! Absent on purpose: files, processes, sockets.

pub mod clock;
pub mod faults;
pub mod journal;
pub mod oracle;
pub mod person;
pub mod production;
pub mod walk;

mod answers;
mod containers;
mod contents;
mod driven;
mod world;

pub use clock::SimulatedClock;
pub use driven::SimulatedWorld;
pub use faults::{Case, Fault, FaultKind, Trouble, faults_of, single_faults};
pub use journal::{Kill, SimulatedJournal};
pub use person::{Answers, SimulatedPerson};
pub use production::Production;
pub use walk::{Rehearsal, Report, Resumption, Stalled, Walk};
pub use world::Script;

/// How long a change takes. A question takes no time.
const CHANGE_NS: u64 = 1_000_000_000;
