//! Time as the machine sees it: only the stamps of events, on one line that no reboot breaks.
//!
//! | event | what it does |
//! | --- | --- |
//! | any | `now` is its boot clock on the run's own line; never back |
//! | `run.resumed` on another boot | the line goes on by the difference of the wall clocks |
//! | first step inside the window starts, or `run.start` with a start of the window | `T_back` is fixed |
//! | `decision` that extends | `T_back` moves by that much |
//! | a wall clock that is behind, on another boot | counts as `T_back` |

use crate::event::{Event, Stamped};

/// Nanoseconds of a millisecond.
const NANOSECONDS: i64 = 1_000_000;

/// A moment on the run's own line, nanoseconds.
pub(super) type Moment = i64;

/// The clock of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Timeline {
    now: Moment,
    /// The wall clock at the last event, milliseconds.
    wall_ms: i64,
    /// What is added to the boot clock to get a moment.
    shift: i64,
    boot_id: String,
    opens: Option<Moment>,
    t_back: Option<Moment>,
    is_lost: bool,
}

impl Timeline {
    /// Takes the time of an event.
    pub(super) fn stamp(&mut self, stamped: &Stamped) {
        self.now = self.now.max(signed(stamped.boot_ns).saturating_add(self.shift));
        self.wall_ms = stamped.at_ms;
    }

    /// The moment of the last event.
    pub(super) fn now(&self) -> Moment {
        self.now
    }

    /// The wall clock at the last event, milliseconds.
    pub(super) fn wall_ms(&self) -> i64 {
        self.wall_ms
    }

    /// When the window begins, where that was said.
    pub(super) fn opens(&self) -> Option<Moment> {
        self.opens
    }

    /// When the run has to turn back at the latest, where there is a window and it has begun.
    pub(super) fn t_back(&self) -> Option<Moment> {
        self.t_back
    }

    /// Where the wall clock is behind, and no other tells how much time has passed, `T_back` counts as passed.
    pub(super) fn doubt(&mut self, gap: &Event) {
        self.is_lost |= matches!(
            gap,
            Event::ClockGap {
                uncertain: true,
                wall_went_back: true,
                ..
            }
        );
    }

    /// The first event: names the boot.
    pub(super) fn start(&mut self, boot_id: &str) {
        boot_id.clone_into(&mut self.boot_id);
    }

    /// The run goes on, perhaps after a reboot. To be called before [`Self::stamp`].
    pub(super) fn resume(&mut self, stamped: &Stamped, boot_id: &str) {
        // Where a boot has no name it may be another.
        if boot_id == self.boot_id && !boot_id.is_empty() {
            return;
        }
        let passed_ms = stamped.at_ms.saturating_sub(self.wall_ms);
        self.is_lost |= passed_ms < 0;
        let now = self.now.saturating_add(nanoseconds_signed(passed_ms.max(0)));
        self.shift = now.saturating_sub(signed(stamped.boot_ns));
        boot_id.clone_into(&mut self.boot_id);
    }

    /// The moment this many milliseconds from now.
    pub(super) fn after_ms(&self, ms: u64) -> Moment {
        self.now.saturating_add(nanoseconds(ms))
    }

    /// Fixes `T_back` for a window that begins now.
    pub(super) fn open_window(&mut self, until_turn_ms: u64) {
        if self.t_back.is_none() {
            self.t_back = Some(self.after_ms(until_turn_ms));
        }
    }

    /// Fixes `T_back` for a window that begins at a moment of the wall clock.
    pub(super) fn open_window_at(&mut self, wall_ms: i64, until_turn_ms: u64) {
        let until_start = nanoseconds_signed(wall_ms.saturating_sub(self.wall_ms));
        let opens = self.now.saturating_add(until_start);
        self.opens = Some(opens);
        self.t_back = Some(opens.saturating_add(nanoseconds(until_turn_ms)));
    }

    /// Whether the window may begin: at once, where nobody said when.
    pub(super) fn is_open(&self) -> bool {
        self.opens.is_none_or(|opens| self.has_come(opens))
    }

    /// The operator extends the window. A clock that was lost is trusted again by that.
    pub(super) fn extend(&mut self, ms: u64) {
        self.is_lost = false;
        if let Some(t_back) = &mut self.t_back {
            *t_back = t_back.saturating_add(nanoseconds(ms));
        }
    }

    /// Whether `needed_ms` from now is still not after `T_back`; always where there is none.
    pub(super) fn fits(&self, needed_ms: u64) -> bool {
        self.t_back
            .is_none_or(|t_back| !self.is_lost && self.after_ms(needed_ms) <= t_back)
    }

    /// Milliseconds until `T_back`; zero when it has passed; `None` where there is none.
    pub(super) fn left_ms(&self) -> Option<u64> {
        self.t_back.map(|t_back| milliseconds(t_back.saturating_sub(self.now)))
    }

    /// Whether `T_back` has come.
    pub(super) fn is_past_t_back(&self) -> bool {
        self.t_back.is_some_and(|t_back| self.is_lost || self.has_come(t_back))
    }

    /// Whether a moment has come; a millisecond of tolerance for clocks that round.
    pub(super) fn has_come(&self, moment: Moment) -> bool {
        self.now.saturating_add(NANOSECONDS) > moment
    }

    /// A moment as the boot clock will show it, nanoseconds.
    pub(super) fn boot_ns(&self, moment: Moment) -> u64 {
        u64::try_from(moment.saturating_sub(self.shift)).unwrap_or(0)
    }
}

/// Nanoseconds of milliseconds.
fn nanoseconds(ms: u64) -> i64 {
    nanoseconds_signed(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// Milliseconds of nanoseconds, rounded down; zero for what is negative.
pub(super) fn milliseconds(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds / NANOSECONDS).unwrap_or(0)
}

fn nanoseconds_signed(ms: i64) -> i64 {
    ms.saturating_mul(NANOSECONDS)
}

fn signed(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}
