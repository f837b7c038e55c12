//! How a run stands that can be resumed, for the person who decides: no record, but told from the records.

use super::Way;

/// How a run stands that can be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// The actions that were begun, in order, as their author would write them; nothing on a way back, which has taken
    /// some of them back.
    pub changed: Vec<String>,
    /// The titles of the holds that are taken.
    pub held: Vec<String>,
    /// The steps that resuming goes on with: those that were begun, else the next.
    pub steps: Vec<String>,
    /// Until when there is time to go forward, wall milliseconds; `None`: time decides nothing.
    pub forward_until_ms: Option<i64>,
    /// The way that turning back would take; `None` where the run has turned already.
    pub way_back: Option<Way>,
    /// Whether the point of no return is passed, so that turning back only stops it.
    pub is_committed: bool,
}
