//! The status line of a live run: what runs, how much of its budget is gone, when the run turns back.

use std::collections::BTreeMap;

use crate::event::{Awaited, Pending, RunStart};
use backstay_dsl::units;

use super::timeline::{Timeline, place, seconds, time_of_day};
use super::visible;

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
    /// What runs, and what it is at: `cutover 2m10s of 6m: check “users see it”`.
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
        let mut at: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut beside = Vec::new();
        for one in &self.pending {
            let (place, words) = (place(&one.key), self.awaits(one, now_ms));
            if self.running.contains_key(&place) {
                at.entry(place).or_default().extend(words);
            } else {
                beside.extend(words);
            }
        }
        let mut running: Vec<String> = self
            .running
            .iter()
            .map(|(id, began_ms)| {
                let elapsed = seconds(now_ms.saturating_sub(*began_ms));
                let budget_ms = self.steps.get(id).and_then(|step| step.budget_ms);
                let of = budget_ms.map_or(String::new(), |ms| format!(" of {}", units::duration(ms)));
                format!(
                    "{id} {elapsed}{of}{}",
                    behind_colon(at.get(id).map_or(&[], Vec::as_slice))
                )
            })
            .collect();
        match &self.phase {
            Some(phase) => running.push(format!("{phase}{}", behind_colon(&beside))),
            None => running.extend(beside),
        }
        if self.pauses && !self.running.is_empty() {
            running.insert(0, "pauses once this has come to its end".to_owned());
        }
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

impl Timeline {
    /// What is under way or waited for, in words; `None` where there are none for it.
    pub(super) fn awaits(&self, pending: &Pending, now_ms: i64) -> Option<String> {
        let until = pending.until_ms.map(time_of_day).unwrap_or_default();
        Some(match &pending.what {
            Awaited::Action => visible(self.title_of(&pending.key)?).into_owned(),
            Awaited::Check(label) => format!("check “{}”", visible(label)),
            Awaited::Well(service) => format!("asks whether {} is well", visible(service)),
            Awaited::Presence(service) => format!("looks whether {} is as it should be", visible(service)),
            Awaited::Watch {
                title,
                is_missed: false,
            } => format!("watches “{}”", visible(title)),
            Awaited::Watch { title, .. } => format!("“{}” DOES NOT HOLD", visible(title)),
            Awaited::Person if pending.until_ms.is_some() => format!("waits for an answer until {until}"),
            Awaited::Person => "waits for an answer".to_owned(),
            Awaited::Settling => "finds out whether it was done".to_owned(),
            Awaited::Wait(because) => format!("waits until {until}: {}", visible(because)),
            Awaited::Retry { number, times } => {
                let left_ms = pending.until_ms.unwrap_or(now_ms).saturating_sub(now_ms);
                // A part of a second that is left counts as one.
                let left = seconds(left_ms.saturating_add(999));
                format!("tries again in {left}, {number} of {times}")
            }
            Awaited::Window => format!("waits for the window, which begins at {until}"),
        })
    }
}

/// What stands behind a colon; nothing where there is nothing.
fn behind_colon(parts: &[String]) -> String {
    if parts.is_empty() {
        return String::new();
    }
    format!(": {}", parts.join(", "))
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
