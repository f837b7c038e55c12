//! The family `backup` against real files: what goes in comes out, and nothing else happens.

mod crash;
mod damage;
mod databases;
mod excepted;
mod hostile;
mod others;
mod refusals;
mod restores;
mod round_trip;
