//! The status line of a live run: what runs, how much of its budget is gone, when the run turns back.

use crate::event::RunStart;
use backstay_dsl::units;

use super::timeline::{Timeline, seconds, time_of_day};

/// What is known of the window; moments are wall milliseconds, for show only.
#[derive(Debug, Clone, Default)]
pub(super) struct WindowState {
    start_ms: Option<i64>,
    window_ms: Option<u64>,
    keep_ms: u64,
    /// The run has turned or passed the point of no return: time no longer turns it back.
    pub(super) is_over: bool,
}

impl WindowState {
    pub(super) fn begin(&mut self, start: &RunStart) {
        self.start_ms = start.window_start_ms;
        self.window_ms = start.window_ms;
        self.keep_ms = start.keep_ms.unwrap_or(0);
    }

    pub(super) fn start_at(&mut self, at_ms: i64) {
        self.start_ms.get_or_insert(at_ms);
    }

    pub(super) fn extend(&mut self, by_ms: u64) {
        self.window_ms = self.window_ms.map(|window_ms| window_ms.saturating_add(by_ms));
    }

    fn end_ms(&self) -> Option<i64> {
        let window_ms = i64::try_from(self.window_ms?).ok()?;
        Some(self.start_ms?.saturating_add(window_ms))
    }
}

/// The status of a run at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What runs: `cutover 2m10s of 6m`.
    pub running: Vec<String>,
    /// How far long actions are, as each of them says.
    pub progress: Vec<String>,
    /// How much of the window is left.
    pub window_left: Option<String>,
    /// When the run turns back by itself, and how long it is until then.
    pub turns_back: Option<String>,
}

impl Timeline {
    /// The status at this moment, wall milliseconds. `None` before the run began.
    pub fn status(&self, now_ms: i64) -> Option<Status> {
        self.began_ms?;
        let mut running: Vec<String> = self
            .running
            .iter()
            .map(|(id, began_ms)| {
                let elapsed = seconds(now_ms.saturating_sub(*began_ms));
                match self.steps.get(id).and_then(|step| step.budget_ms) {
                    Some(budget_ms) => format!("{id} {elapsed} of {}", units::duration(budget_ms)),
                    None => format!("{id} {elapsed}"),
                }
            })
            .collect();
        running.extend(self.phase.clone());
        let left = |until_ms: i64| seconds(until_ms.saturating_sub(now_ms));
        let end_ms = self.window.end_ms();
        let turns_back = end_ms.filter(|_| !self.window.is_over).map(|end_ms| {
            let at_ms = end_ms.saturating_sub_unsigned(self.window.keep_ms);
            if at_ms > now_ms {
                format!("turns back at {} (in {})", time_of_day(at_ms), left(at_ms))
            } else {
                format!("turns back: due since {}", time_of_day(at_ms))
            }
        });
        Some(Status {
            running,
            progress: self.progress.values().cloned().collect(),
            window_left: end_ms.map(|end_ms| format!("window {} left", left(end_ms))),
            turns_back,
        })
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = if self.running.is_empty() {
            "…".to_owned()
        } else {
            self.running.join(", ")
        };
        f.write_str(&running)?;
        for line in &self.progress {
            write!(f, " · {line}")?;
        }
        for part in [&self.turns_back, &self.window_left].into_iter().flatten() {
            write!(f, " · {part}")?;
        }
        Ok(())
    }
}
