//! One line of the course of a run.

use std::fmt;

/// How a line is meant: the program gives it a colour where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    /// A step is done, a run is completed.
    Good,
    Notable,
    Bad,
    Faint,
}

/// One line: when, how long after the beginning, where, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Time of day, UTC: `22:13:20Z`.
    pub time: String,
    /// Since the run began: `+3m12s`.
    pub elapsed: String,
    /// The step, way back, hold or the run itself.
    pub place: String,
    pub text: String,
    pub tone: Tone,
    /// Lines that belong below it: what a program said.
    pub below: Vec<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            time,
            elapsed,
            place,
            text,
            below,
            ..
        } = self;
        write!(f, "{time} {elapsed:>8}  {place:<14}  {text}")?;
        below.iter().try_for_each(|line| write!(f, "\n{:>20}{line}", ""))
    }
}
