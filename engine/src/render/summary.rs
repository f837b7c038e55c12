//! The end of a run in words: how it ended, what failed, which way it took, what is left to do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::action::Leftover;
use crate::event::{CommandLeft, Course, End, Outlook, RunEnd, Way};

use super::{timeline, visible};

fn sentence(end: &RunEnd) -> &'static str {
    match end.end {
        End::Completed if !end.exceptions.is_empty() => "COMPLETED, but not all is as it should be.",
        End::Completed => "COMPLETED: every step is done and everything is well.",
        End::Refused if !end.leftovers.is_empty() => {
            "REFUSED: nothing that was there was changed; what was begun may have left something."
        }
        End::Refused => "REFUSED: nothing was changed.",
        End::RolledBack => "ROLLED BACK: the way back is done; services are well and every anchor is as at the start.",
        End::Parked => "PARKED: it stands where it is, neither done nor back. A person decides what comes next.",
        End::Stuck => "STUCK: a person is needed now.",
        End::Paused => "PAUSED: the run can be resumed.",
    }
}

/// How a run came to rest, for people and scripts.
#[derive(Debug, Clone, Copy)]
pub struct Rested<'a> {
    pub run: &'a str,
    pub end: &'a RunEnd,
    /// What actions did not remove.
    pub kept: &'a [Leftover],
    pub course: &'a Course,
    /// The commands that do what is left to do, where there are such, by the key of the statement.
    pub by_hand: &'a BTreeMap<String, String>,
    /// How it stands, where it can be resumed.
    pub outlook: Option<&'a Outlook>,
    pub run_directory: &'a Path,
    /// The head of its transcript, where it is sealed.
    pub head: Option<&'a str>,
}

impl Rested<'_> {
    /// The command that does this, where there is one.
    pub(super) fn by_hand(&self, left: &CommandLeft) -> Option<&str> {
        self.by_hand.get(left.statement()?).map(String::as_str)
    }
}

/// The end of a run for a person. The last line is what to type next.
pub fn summary(rested: &Rested<'_>) -> String {
    let Rested {
        end,
        kept,
        run_directory,
        head,
        ..
    } = *rested;
    let mut text = format!("{}\n", sentence(end));
    stood_out(&mut text, rested);
    failed(&mut text, end);
    last_words(&mut text, rested);
    list(&mut text, "put back", &end.put_back);
    list(&mut text, "not back", &end.not_put_back);
    let (services, steps): (Vec<_>, Vec<_>) = end.exceptions.iter().partition(|exception| exception.step.is_empty());
    list(&mut text, "passed over", &steps);
    list(&mut text, "otherwise", &services);
    list(&mut text, "still held", &end.held);
    // Of what was refused only a try that failed can have left anything.
    let label = if end.end == End::Refused {
        "may be left"
    } else {
        "left behind"
    };
    let left = end.leftovers.iter().map(ToString::to_string);
    let left: Vec<String> = left.chain(kept.iter().map(ToString::to_string)).collect();
    list(&mut text, label, &left);
    left_to_do(&mut text, rested);
    if let Some(outlook) = rested.outlook {
        stands(&mut text, outlook);
    }
    let _ = writeln!(text, "  transcript:  {}", visible(&run_directory.display().to_string()));
    if let Some(head) = head {
        let _ = writeln!(text, "  head:        {}  (keep it in the change ticket)", visible(head));
    }
    let _ = writeln!(text, "  next:        {}", next(rested));
    text
}

/// What is left to do, so that it can be pasted into a shell: what has no command stands there as a comment.
fn left_to_do(text: &mut String, rested: &Rested<'_>) {
    let left = &rested.end.commands_left;
    if left.is_empty() {
        return;
    }
    text.push_str("  left to do, in this order:\n");
    let words = if rested.by_hand.is_empty() { "" } else { "# " };
    for command in left {
        let _ = match rested.by_hand(command) {
            Some(line) => writeln!(text, "    {}", visible(line)),
            None => writeln!(text, "    {words}{}", visible(&command.text)),
        };
    }
}

/// What failed, and which way it took.
fn failed(text: &mut String, end: &RunEnd) {
    // Writing to a text cannot fail.
    if let Some(failed) = &end.failed_at {
        let statement = if failed.statement.is_empty() {
            String::new()
        } else {
            format!(" ({})", visible(&failed.statement))
        };
        let step = if failed.step.is_empty() {
            String::new()
        } else {
            format!("step {}{statement}: ", visible(&failed.step))
        };
        let _ = writeln!(text, "  failed:      {step}{}", visible(&failed.reason));
    } else if !end.reason.is_empty() && !matches!(end.end, End::Completed | End::Stuck) {
        let _ = writeln!(text, "  because:     {}", visible(&end.reason));
    }
    if let Some(way) = &end.way_back {
        let label = if end.end == End::Parked {
            "parked in:"
        } else {
            "way back:"
        };
        let _ = writeln!(text, "  {label:<12} {}", visible(way));
    }
    if end.end == End::Stuck && !end.reason.is_empty() {
        let _ = writeln!(text, "  stuck:       {}", visible(&end.reason));
    }
}

/// What the programs said last that failed first, and that a way back failed by.
fn last_words(text: &mut String, rested: &Rested<'_>) {
    let failed = rested.end.failed_at.iter().map(|failed| failed.statement.as_str());
    let left = rested.end.commands_left.iter().filter_map(CommandLeft::statement);
    for key in failed.chain(left) {
        if let Some(said) = rested.course.said.get(key) {
            let _ = writeln!(text, "  {} said last:", visible(key));
            for line in timeline::said(said) {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
}

/// What to type next.
fn next(rested: &Rested<'_>) -> String {
    let Rested { run, end, .. } = *rested;
    match end.end {
        End::Paused => match rested.course.unanswered.first() {
            Some((key, _)) => format!(
                "backstay answer {run} yes (or no)\n               then: backstay resume {run}\n               or answer at a \
                 terminal: backstay resume {run}\n               or with --answers FILE that says: \"{}\" = true (or \
                 false)",
                visible(key)
            ),
            None => format!("backstay resume {run}    or    backstay turn-back {run}"),
        },
        End::Stuck if end.is_for_hands() => format!("when all is put right: backstay give-up {run} --because \"how\""),
        End::Stuck => format!("mend that, then: backstay resume {run}    (it does what is left, and looks again)"),
        End::Parked | End::RolledBack | End::Refused => format!("backstay transcript show {run}"),
        End::Completed => format!("backstay transcript verify {run}"),
    }
}

/// What a completed run did not do, or not at once: it looks like any other otherwise.
fn stood_out(text: &mut String, rested: &Rested<'_>) {
    if rested.end.end != End::Completed {
        return;
    }
    let course = rested.course;
    if !course.is_changed {
        text.push_str("  changed:     nothing: no action that changes anything was needed\n");
    }
    let healed = course.healed.iter();
    let healed: Vec<String> = healed
        .map(|healed| format!("{}, by “{}” of {}", healed.step, healed.row, healed.table))
        .collect();
    list(text, "healed", &healed);
    let skipped = course.skipped.iter();
    let skipped: Vec<String> = skipped.map(|(step, because)| format!("{step}: {because}")).collect();
    list(text, "skipped", &skipped);
    let retried = course.retried.iter();
    let retried: Vec<String> = retried
        .map(|(key, (title, tries))| format!("{title} ({key}): {tries} tries"))
        .collect();
    list(text, "retried", &retried);
}

/// What is changed now in a run that stands still, and what can be done with it.
fn stands(text: &mut String, outlook: &Outlook) {
    list(text, "changed now", &outlook.changed);
    if outlook.changed.is_empty() && outlook.way_back.is_some() {
        text.push_str("  changed now: nothing\n");
    }
    list(text, "held", &outlook.held);
    let Some(way_back) = &outlook.way_back else {
        text.push_str("  resume:      goes on with the way back\n");
        return;
    };
    let steps = match outlook.steps.as_slice() {
        [] => "looks at the end of the way forward again".to_owned(),
        steps => format!("goes on with {}", visible(&steps.join(", "))),
    };
    let until = outlook.forward_until_ms.map_or(String::new(), |until_ms| {
        format!(
            "; until {} there is time for that, after that it only turns back",
            timeline::moment(until_ms)
        )
    });
    let _ = writeln!(text, "  resume:      {steps}{until}");
    let turns = match way_back {
        _ if outlook.is_committed => "the point of no return is passed: it would only stay paused".to_owned(),
        Way::Refuse => "ends it: nothing was changed".to_owned(),
        way => timeline::way(way),
    };
    let _ = writeln!(text, "  turn-back:   {turns}");
}

fn list(text: &mut String, what: &str, entries: &[impl ToString]) {
    for (number, entry) in entries.iter().enumerate() {
        let label = if number == 0 { format!("{what}:") } else { String::new() };
        let _ = writeln!(text, "  {label:<12} {}", visible(&entry.to_string()));
    }
}
