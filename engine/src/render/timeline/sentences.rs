//! What each event is called.

use backstay_dsl::effect::{Effect, ResourceKind};

use crate::event::{
    AnchorTime, EvaluationKind, EvaluationResult, Event, HoldState, Intent, IntentWay, OutcomeRecord, OutcomeResult,
    RequestKind, RunStart, SettledBy, SignalChoice, Stamped, StepState, TimerId, Verdict, Way, WorkKey,
};
use crate::render::visible;
use crate::value::RecordedValue;
use backstay_dsl::units;

use super::super::line::Tone;
use super::{Timeline, seconds, time_of_day};

type Words = (String, String, Tone);

/// The longest part of somebody else's text in a line, in characters.
const EVIDENCE_CHARACTERS_MAX: usize = 400;

impl Timeline {
    /// The place, the words and the tone of an event.
    pub(super) fn words(&self, stamped: &Stamped) -> Words {
        let run = || "run".to_owned();
        match &stamped.event {
            Event::RunStart(start) => (run(), begins(start), Tone::Plain),
            Event::Step { id, state, reason } => self.step(id, *state, reason.as_deref(), stamped.at_ms),
            Event::Intent(intent) => intends(intent),
            Event::Outcome(outcome) => self.outcome(outcome),
            Event::Evaluated { .. } => evaluated(&stamped.event),
            Event::Symptom {
                table,
                row,
                step,
                chosen,
                is_old,
            } => {
                let is = match (chosen, is_old) {
                    (true, _) => "is seen",
                    (false, true) => "is seen as it was when it was taken before, and not taken again",
                    (false, false) => "is not seen",
                };
                let tone = if *chosen { Tone::Notable } else { Tone::Faint };
                (step.clone(), format!("symptom “{}” of {table} {is}", short(row)), tone)
            }
            Event::Hold { name, state } => self.hold(name, *state),
            Event::Commit { because, .. } => {
                let text = format!("POINT OF NO RETURN passed: {}", short(because));
                (run(), text, Tone::Notable)
            }
            Event::Turn { cause, way: to } => {
                let text = format!("turns: {} (because: {})", way(to), short(cause));
                (run(), text, Tone::Bad)
            }
            Event::RunEnd(end) => {
                let tone = if end.end == crate::event::End::Completed {
                    Tone::Good
                } else {
                    Tone::Bad
                };
                let text = format!(
                    "ends {}{}",
                    end.end.word().replace('_', " "),
                    because(Some(&end.reason))
                );
                (run(), text, tone)
            }
            Event::Signal { name, asked, choice } => {
                let choice = match choice {
                    Some(SignalChoice::TurnBack) => ": turn back",
                    Some(SignalChoice::Pause) => ": pause, as soon as what runs has ended",
                    Some(SignalChoice::GoOn) => ": go on",
                    None if *asked => " arrived",
                    None if self.is_signal_asked => ": nobody could be asked, so the runbook decides",
                    None => {
                        ": the run is past turning and goes on; the same again within a minute stops it where it stands, \
                         and it can be resumed"
                    }
                };
                (run(), format!("signal {}{choice}", visible(name)), Tone::Notable)
            }
            other => decided(other)
                .or_else(|| happened(other))
                .unwrap_or_else(|| (run(), String::new(), Tone::Faint)),
        }
    }

    fn step(&self, id: &str, state: StepState, reason: Option<&str>, at_ms: i64) -> Words {
        let outline = self.steps.get(id);
        let title = outline
            .map(|step| format!(": {}", short(&step.title)))
            .unwrap_or_default();
        let took = self
            .running
            .get(id)
            .map(|began_ms| format!(" after {}", precise(at_ms.saturating_sub(*began_ms))))
            .unwrap_or_default();
        let reason = because(reason);
        let (text, tone) = match state {
            StepState::Running if self.running.contains_key(id) => (format!("goes on{reason}"), Tone::Plain),
            StepState::Running => {
                let budget = outline.and_then(|step| step.budget_ms);
                let budget = budget
                    .map(|ms| format!(" (budget {})", units::duration(ms)))
                    .unwrap_or_default();
                (format!("begins{title}{budget}"), Tone::Plain)
            }
            StepState::Done => (format!("done{took}"), Tone::Good),
            StepState::Skipped => (format!("skipped, already done{reason}"), Tone::Good),
            StepState::NotTaken => (format!("not taken{reason}"), Tone::Plain),
            StepState::Healing => (format!("is being healed{reason}"), Tone::Notable),
            StepState::Failed => (format!("FAILED{took}{reason}"), Tone::Bad),
            StepState::Excepted => (format!("failed and is passed over{reason}"), Tone::Notable),
            StepState::Cancelled => (format!("stopped{took}{reason}"), Tone::Notable),
        };
        (id.to_owned(), text, tone)
    }

    fn outcome(&self, outcome: &OutcomeRecord) -> Words {
        let evidence = because(Some(&outcome.evidence));
        let took = took(outcome.ms);
        let title = self.title_of(&outcome.key).unwrap_or(&outcome.key);
        let (text, tone) = match outcome.result {
            OutcomeResult::Ok => (format!("ok{evidence}{took}"), Tone::Plain),
            OutcomeResult::Failed if self.messages.contains(&outcome.key) => (
                format!("failed, the step goes on: {}{evidence}{took}", short(title)),
                Tone::Notable,
            ),
            OutcomeResult::Failed => (format!("FAILED: {}{evidence}{took}", short(title)), Tone::Bad),
            OutcomeResult::Unknown => (
                format!("nobody knows whether it happened: {}{evidence}", short(title)),
                Tone::Notable,
            ),
        };
        (place(&outcome.key), text, tone)
    }

    fn hold(&self, name: &str, state: HoldState) -> Words {
        let known = self.holds.iter().find(|hold| hold.id == name);
        let title = known.map_or(name, |hold| &hold.title);
        let (word, tone) = match state {
            HoldState::Taken => ("taken", Tone::Plain),
            HoldState::Free => ("released", Tone::Plain),
            HoldState::Stuck => ("COULD NOT BE RELEASED", Tone::Bad),
        };
        (format!("hold:{name}"), format!("{word}: {}", short(title)), tone)
    }
}

fn begins(start: &RunStart) -> String {
    let window = match (start.window_ms, start.keep_ms) {
        (Some(window_ms), Some(keep_ms)) => format!(
            ", window {} with {} kept for the way back",
            units::duration(window_ms),
            units::duration(keep_ms)
        ),
        _ => String::new(),
    };
    let from = start
        .window_start_ms
        .map_or(String::new(), |at_ms| format!(", from {}", time_of_day(at_ms)));
    format!(
        "{} begins: {}{} ({} on {}){window}{from}",
        visible(&start.run),
        short(&start.outline.title),
        start
            .label
            .as_ref()
            .map_or_else(String::new, |label| format!(" – {}", short(label))),
        visible(&start.operator),
        visible(&start.host)
    )
}

fn intends(intent: &Intent) -> Words {
    let verb = match &intent.way {
        IntentWay::Undo => "undo: ",
        IntentWay::Row => "first: ",
        _ => "",
    };
    let again = if intent.n > 1 {
        format!(" (try {})", intent.n)
    } else {
        String::new()
    };
    let effects = of_services(intent).map_or_else(String::new, |effects| format!(": {}", short(&effects)));
    let text = format!("{verb}{}{effects}{again} …", short(&intent.title));
    (place(&intent.key), text, Tone::Plain)
}

/// What an action does to services and what they are made of, where no title says it: `starts service(app) with
/// app@sha256:0123456789ab…`.
fn of_services(intent: &Intent) -> Option<String> {
    use ResourceKind::{Container, Image, Member, Service, Volume};
    let mut resources = intent.effects.iter().filter_map(Effect::resource);
    let is_of_services =
        resources.any(|resource| matches!(resource.kind, Service | Member | Container | Image | Volume));
    let effects = intent.effects.iter();
    let words = effects.map(|effect| with_short_digests(&effect.to_string()));
    (intent.title == intent.action && is_of_services).then(|| words.collect::<Vec<_>>().join(", "))
}

/// The same text in which a digest is as short as people know it.
fn with_short_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("sha256:");
        let end = part.find(|character: char| !character.is_ascii_hexdigit());
        match part.split_at_checked(end.unwrap_or(part.len())) {
            Some((digits, rest)) if digits.len() == 64 => {
                shown.push_str(digits.get(..12).unwrap_or(digits));
                shown.push('…');
                shown.push_str(rest);
            }
            _ => shown.push_str(part),
        }
    }
    shown
}

fn evaluated(event: &Event) -> Words {
    let Event::Evaluated {
        key,
        label,
        what,
        result,
        evidence,
        polls,
        ms,
        ..
    } = event
    else {
        return (String::new(), String::new(), Tone::Faint);
    };
    let noun = match what {
        EvaluationKind::Require => "require",
        EvaluationKind::SkipWhen => "skip when",
        EvaluationKind::OnlyWhen => "only when",
        EvaluationKind::Let => "let",
        EvaluationKind::Check => "check",
        EvaluationKind::Record => "record",
        EvaluationKind::Arguments => "arguments",
        EvaluationKind::Undo => "the undo of",
        EvaluationKind::Row => "symptom",
        EvaluationKind::Well => "well",
        EvaluationKind::Presence => "at the end",
        EvaluationKind::Watch => "watch",
        EvaluationKind::Obligation => "before the first change",
    };
    let tries = match polls {
        0 | 1 => String::new(),
        _ => format!(", asked {polls} times"),
    };
    let (what, tone) = match (what, result) {
        // Their evidence names the values.
        (EvaluationKind::Let | EvaluationKind::Record, EvaluationResult::Holds) => {
            (format!("{noun} {}", short(evidence)), Tone::Plain)
        }
        // Their label says what to do where it does not hold.
        (EvaluationKind::Require | EvaluationKind::Obligation, EvaluationResult::Holds) => {
            (format!("{noun}: {}", short(evidence)), Tone::Plain)
        }
        (EvaluationKind::Presence, _) => {
            let (_, tone) = verb(*what, *result);
            (format!("{noun} “{}”: {}", short(label), short(evidence)), tone)
        }
        _ => {
            let (verb, tone) = verb(*what, *result);
            let text = format!("{noun} “{}” {verb}{}", short(label), because(Some(evidence)));
            (text, tone)
        }
    };
    let place = match key {
        WorkKey::Statement(key) => place(key),
        WorkKey::Well(service, _) => format!("well:{}", visible(service)),
        WorkKey::Presence(service, _) => format!("service:{}", visible(service)),
        WorkKey::Watch(watch) => format!("watch:{}", visible(watch)),
        WorkKey::Obligations | WorkKey::Anchors(_) | WorkKey::Signal => "run".to_owned(),
    };
    (place, format!("{what}{}{tries}", took(*ms)), tone)
}

fn verb(what: EvaluationKind, result: EvaluationResult) -> (&'static str, Tone) {
    let decides_nothing = matches!(
        what,
        EvaluationKind::SkipWhen | EvaluationKind::OnlyWhen | EvaluationKind::Row
    );
    match result {
        EvaluationResult::Holds => ("holds", Tone::Plain),
        EvaluationResult::DoesNotHold if decides_nothing => ("does not hold", Tone::Faint),
        EvaluationResult::DoesNotHold => ("DOES NOT HOLD", Tone::Bad),
        EvaluationResult::Unanswered if what == EvaluationKind::Row => ("could not be asked", Tone::Notable),
        EvaluationResult::Unanswered => ("HAS NO ANSWER", Tone::Bad),
    }
}

fn settler(by: &SettledBy) -> String {
    match by {
        SettledBy::Action => "action".to_owned(),
        SettledBy::Question => "question".to_owned(),
        SettledBy::Person(name) => visible(name).into(),
    }
}

/// What people and clocks decided.
fn decided(event: &Event) -> Option<Words> {
    Some(match event {
        Event::Settled {
            key,
            verdict,
            by,
            evidence,
            ..
        } => {
            let (word, tone) = match verdict {
                Verdict::Done => ("it was done", Tone::Plain),
                Verdict::NotDone => ("it was not done", Tone::Plain),
                Verdict::Undecidable => ("it cannot be told whether it was done", Tone::Bad),
            };
            let text = format!("found out by {}: {word}{}", settler(by), because(Some(evidence)));
            (place(key), text, tone)
        }
        Event::Answer {
            key,
            prompt,
            value,
            who,
            of,
            via,
            late,
        } => {
            let answer = match value {
                Some(RecordedValue::Bool(true)) => "yes".to_owned(),
                Some(RecordedValue::Bool(false)) => "NO".to_owned(),
                Some(value) => format!("“{}”", short(&value.to_value().canonical())),
                None => "silence".to_owned(),
            };
            let late = if *late { ", too late" } else { "" };
            // What stands before its last line is there for whoever answers.
            let asked = prompt.lines().last().unwrap_or_default();
            let of = of
                .as_deref()
                .map_or_else(String::new, |of| format!(" for {}", short(of)));
            let text = format!("{} – {answer} ({}{of}, {via}{late})", short(asked), visible(who));
            (place(key), text, Tone::Plain)
        }
        Event::Request { what, who } => {
            let what = match what {
                RequestKind::TurnBack => "turn back",
                RequestKind::Pause => "pause",
            };
            (
                "run".to_owned(),
                format!("{} asks to {what}", visible(who)),
                Tone::Notable,
            )
        }
        Event::Stops { until, each_step, who } => {
            let until = until
                .as_ref()
                .map(|step| format!("pauses once step {} is done", visible(step)));
            let each = each_step.then(|| "asks before each step".to_owned());
            let words: Vec<String> = until.into_iter().chain(each).collect();
            let text = format!("{}, as {} wants it", words.join(" and "), visible(who));
            ("run".to_owned(), text, Tone::Notable)
        }
        Event::Decision { what, because, who, .. } => {
            let text = format!("{} decides: {} ({})", visible(who), short(what), short(because));
            ("run".to_owned(), text, Tone::Notable)
        }
        _ => return None,
    })
}

/// What else happened to the run.
fn happened(event: &Event) -> Option<Words> {
    let (text, tone) = match event {
        Event::Anchor {
            name,
            when,
            value,
            reason,
        } => {
            let when = match when {
                AnchorTime::Start => "at the start",
                AnchorTime::End => "at the end",
            };
            if let Some(value) = value {
                let value = value.to_value().canonical();
                (format!("anchor {name} {when}: {}", short(&value)), Tone::Plain)
            } else {
                let reason = because(reason.as_deref());
                (format!("anchor {name} {when} has no answer{reason}"), Tone::Notable)
            }
        }
        Event::ClockGap {
            gap_ms,
            uncertain,
            wall_went_back,
            wall_ms,
        } => (clocks(*gap_ms, *uncertain, (*wall_went_back, *wall_ms)), Tone::Notable),
        Event::Timer(timer) => return Some(went_off(timer)),
        Event::LockLost { name } => (format!("THE LOCK {} IS LOST", visible(name)), Tone::Bad),
        Event::RunInterrupted { reason } => (format!("stops here{}", because(Some(reason))), Tone::Notable),
        Event::RunResumed(resumed) => {
            let goal = if resumed.turn_back { " to turn back" } else { "" };
            let who = visible(&resumed.operator);
            let cut = match resumed.discarded_bytes {
                0 => String::new(),
                bytes => format!("; the last record was cut off after {bytes} bytes and is dropped"),
            };
            (
                format!("goes on{goal} ({who} on {}){cut}", visible(&resumed.host)),
                Tone::Notable,
            )
        }
        _ => return None,
    };
    Some(("run".to_owned(), text, tone))
}

/// What is over when a timer goes off.
fn went_off(timer: &TimerId) -> Words {
    let run = || "run".to_owned();
    let own = |id: &str| visible(id).into_owned();
    let (place, text, tone) = match timer {
        TimerId::Wait(key) | TimerId::Retry(key) => (place(key), "the wait is over", Tone::Faint),
        TimerId::Silence(key) => (place(key), "nobody has answered in time", Tone::Notable),
        TimerId::Step(step) => (own(step), "the budget is used up", Tone::Bad),
        TimerId::Row(row) => {
            let text = format!("the budget of {} is used up", visible(row));
            return (run(), text, Tone::Bad);
        }
        TimerId::TooLate(step) => {
            let text = "there is no time left for it before the run has to turn back";
            (own(step), text, Tone::Bad)
        }
        TimerId::Window => (run(), "the window begins", Tone::Plain),
        TimerId::TBack => (run(), "the time to go forward is over", Tone::Bad),
        TimerId::WayBack => (run(), "the way back takes longer than its budget", Tone::Notable),
    };
    (place, text.to_owned(), tone)
}

/// A length of time: in milliseconds below a second, else in seconds.
fn precise(ms: i64) -> String {
    match u64::try_from(ms) {
        Ok(ms) if ms < 1000 => units::duration(ms),
        _ => seconds(ms),
    }
}

/// How long something took, where that can be seen.
fn took(ms: u64) -> String {
    if ms == 0 {
        String::new()
    } else {
        format!(" ({})", units::duration(ms))
    }
}

/// Where a run turns to.
pub(in crate::render) fn way(way: &Way) -> String {
    match way {
        Way::Rollback(name) => format!("back by rollback {name}"),
        Way::Unwind => "back by the undos, last first".to_owned(),
        Way::Park(name) => format!("to the safe place {name}"),
        Way::Stand => "it stays where it stands: the point of no return is passed".to_owned(),
        Way::Refuse => "refused, nothing was changed".to_owned(),
        Way::Pause => "pause".to_owned(),
    }
}

/// Where the statement of a key stands: `cutover`, `undo:cutover`, `hold:drained`, `way back`.
pub(in crate::render) fn place(key: &str) -> String {
    let owner = key.split('/').next().unwrap_or(key);
    match owner.split_once(':') {
        Some(("rollback", _)) => "way back".to_owned(),
        _ => visible(owner).into_owned(),
    }
}

/// A reason behind a colon; nothing where there is none.
fn because(reason: Option<&str>) -> String {
    match reason {
        Some(reason) if !reason.is_empty() => format!(": {}", short(reason)),
        _ => String::new(),
    }
}

/// Somebody else's text, made visible and cut to a length that a line can bear.
fn short(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(EVIDENCE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

/// What the clocks say of the time that nobody counted.
fn clocks(gap_ms: u64, is_uncertain: bool, (wall_went_back, wall_ms): (bool, i64)) -> String {
    let mut parts = Vec::new();
    if gap_ms > 0 {
        parts.push(format!("the machine stood still for {}", units::duration(gap_ms)));
    }
    if is_uncertain {
        parts.push("the machine was started anew, and only its wall clock tells how much time has passed".to_owned());
    }
    let by = units::duration(wall_ms.unsigned_abs());
    if wall_went_back && is_uncertain {
        parts.push(format!(
            "it is {by} behind the last record, so the time to turn back counts as come"
        ));
    } else if wall_went_back {
        parts.push(format!(
            "the wall clock was set back by {by}; the times of the run do not go by it"
        ));
    } else if wall_ms > 0 {
        parts.push(format!(
            "the wall clock was set forward by {by}; the times of the run do not go by it"
        ));
    }
    parts.join("; ")
}
