//! The course of a run, one plain line for every event; the same for a live run and for a transcript.

mod sentences;

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::effect::Effect;
use jiff::Timestamp;

use crate::event::{Awaited, Event, Pending, RequestKind, SignalChoice, Stamped, StepOutline, StepState, Titled};
use backstay_dsl::units;

use super::line::{Line, Tone};
use super::visible;

/// Follows a run event by event. Titles and budgets come from its first record.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// The steps of the outline, by id.
    pub(super) steps: BTreeMap<String, StepOutline>,
    /// The holds of the outline.
    pub(super) holds: Vec<Titled>,
    /// When the run began, wall milliseconds.
    pub(super) began_ms: Option<i64>,
    /// The steps that are running: when each began, wall milliseconds.
    pub(super) running: BTreeMap<String, i64>,
    pub(super) window: super::status::WindowState,
    /// What the run does beside steps: a way back, the last questions.
    pub(super) phase: Option<String>,
    /// How far long actions are, by statement: the last line that each has said.
    pub(super) progress: BTreeMap<String, String>,
    /// What is under way and waited for.
    pub(super) pending: Vec<Pending>,
    titles: BTreeMap<String, String>,
    /// Whether it pauses once what runs has come to its end.
    pub(super) pauses: bool,
    /// Whether somebody is asked what a signal means.
    is_signal_asked: bool,
    /// The statements that only tell people something: their failure fails no step.
    messages: BTreeSet<String>,
}

impl Timeline {
    /// The line of the next event.
    pub fn line(&mut self, stamped: &Stamped) -> Line {
        let at_ms = stamped.at_ms;
        let began_ms = *self.began_ms.get_or_insert(at_ms);
        let (place, text, tone) = self.words(stamped);
        self.note(stamped);
        Line {
            time: time_of_day(at_ms),
            elapsed: format!("+{}", seconds(at_ms.saturating_sub(began_ms))),
            place,
            text,
            tone,
            below: match &stamped.event {
                Event::Outcome(outcome) => said(&outcome.said),
                _ => Vec::new(),
            },
        }
    }

    /// A program says a line. It is no event.
    pub fn said(&self, key: &str, line: &str, now_ms: i64) -> Line {
        let text = format!("| {}", visible(line));
        self.remark(place(key), text, now_ms)
    }

    /// A line about what is no event.
    fn remark(&self, place: String, text: String, now_ms: i64) -> Line {
        let began_ms = self.began_ms.unwrap_or(now_ms);
        Line {
            time: time_of_day(now_ms),
            elapsed: format!("+{}", seconds(now_ms.saturating_sub(began_ms))),
            place,
            text,
            tone: Tone::Faint,
            below: Vec::new(),
        }
    }

    /// An action says how far it is. It is no event: nothing but the status shows it.
    pub fn progress(&mut self, key: &str, line: &str) {
        self.progress.insert(key.to_owned(), visible(line).into_owned());
    }

    /// What is under way and waited for from now on. It is no event: a line says so of what a person would wait for
    /// without knowing.
    pub fn pending(&mut self, pending: Vec<Pending>, now_ms: i64) -> Vec<Line> {
        let before = std::mem::replace(&mut self.pending, pending);
        let is_told = |one: &&Pending| matches!(one.what, Awaited::Wait(_) | Awaited::Retry { .. } | Awaited::Window);
        let is_new = |one: &&Pending| {
            !before
                .iter()
                .any(|known| known.key == one.key && known.what == one.what)
        };
        let told = self.pending.iter().filter(is_told).filter(is_new).filter_map(|one| {
            let words = self.awaits(one, now_ms)?;
            Some(self.remark(place(&one.key), words, now_ms))
        });
        told.collect()
    }

    fn ends_progress(&mut self, key: &str) {
        self.progress.remove(key);
    }

    fn note(&mut self, stamped: &Stamped) {
        let at_ms = stamped.at_ms;
        match &stamped.event {
            Event::Step { id, state, .. } => self.note_step(id, *state, at_ms),
            Event::Intent(intent) => {
                self.titles.insert(intent.key.clone(), intent.title.clone());
                let tells = |effect| matches!(effect, &Effect::Tells(_));
                if !intent.effects.is_empty() && intent.effects.iter().all(tells) {
                    self.messages.insert(intent.key.clone());
                }
            }
            Event::Outcome(outcome) => self.ends_progress(&outcome.key),
            Event::Settled { key, .. } => self.ends_progress(key),
            Event::RunStart(start) => {
                let steps = start.outline.steps.iter();
                self.steps = steps.map(|step| (step.id.clone(), step.clone())).collect();
                self.holds.clone_from(&start.outline.holds);
                self.window.begin(start);
            }
            Event::Signal { asked, choice, .. } => {
                self.is_signal_asked = *asked;
                self.pauses |= *choice == Some(SignalChoice::Pause);
            }
            Event::Request { what, .. } => self.pauses |= *what == RequestKind::Pause,
            Event::RunResumed(_) => self.pauses = false,
            Event::Commit { .. } => self.window.is_over = true,
            Event::Decision { extend_ms, .. } => self.window.extend(*extend_ms),
            Event::Turn { way, .. } => {
                self.window.is_over = true;
                self.phase = Some(sentences::way(way));
            }
            Event::RunEnd(_) | Event::RunInterrupted { .. } => {
                self.running.clear();
                self.progress.clear();
                self.pending.clear();
            }
            _ => {}
        }
    }

    fn note_step(&mut self, id: &str, state: StepState, at_ms: i64) {
        match state {
            StepState::Running => {
                self.running.entry(id.to_owned()).or_insert(at_ms);
                let is_before = self.steps.get(id).is_some_and(|step| step.before_window);
                if !is_before {
                    self.window.start_at(at_ms);
                }
            }
            StepState::Healing => {}
            _ => {
                self.running.remove(id);
            }
        }
    }

    pub(super) fn title_of(&self, key: &str) -> Option<&str> {
        self.titles.get(key).map(String::as_str)
    }
}

pub(super) use sentences::{place, way};

/// The last lines of what a program said, behind the name of the output.
pub(super) fn said(said: &[(String, Vec<String>)]) -> Vec<String> {
    let lines = said.iter().flat_map(|(name, lines)| {
        lines
            .iter()
            .map(move |line| format!("{} | {}", visible(name), visible(line)))
    });
    lines.collect()
}

/// `2026-11-03 22:13:20Z`.
pub(super) fn moment(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| "?".to_owned(), |at| at.strftime("%F %H:%M:%SZ").to_string())
}

/// `22:13:20Z`.
pub(super) fn time_of_day(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| "?".to_owned(), |at| at.strftime("%H:%M:%SZ").to_string())
}

/// A length of time in whole seconds: `3m12s`.
pub(super) fn seconds(ms: i64) -> String {
    let whole = u64::try_from(ms).unwrap_or(0) / 1000 * 1000;
    units::duration(whole)
}

#[cfg(test)]
mod tests;
