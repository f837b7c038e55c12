//! What the simulated body of an action sees.

use super::GroundCall;
use crate::value::{Answer, GroundResource};

/// A simulated production, as far as effects do not answer for it.
pub trait Simulated {
    /// Whether there is such a thing.
    fn exists(&self, resource: &GroundResource) -> bool;

    fn runs(&self, service: &str) -> bool;

    /// Whether what a service runs as is there at all.
    fn is_there(&self, service: &str) -> bool;

    /// The release that a service runs; no answer where it does not run.
    fn release(&mut self, service: &str) -> Answer;

    /// The parts of protected state that a service writes.
    fn written_by(&self, service: &str) -> Vec<GroundResource>;

    /// Whether a call reads a service that does not run, or what only that would answer.
    fn reads_stopped(&self, call: &GroundCall) -> bool;
}
