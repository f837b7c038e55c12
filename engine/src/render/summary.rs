//! The end of a run in words: how it ended, what failed, which way it took, what is left to do.

use std::fmt::Write as _;
use std::path::Path;

use crate::action::Leftover;
use crate::event::{End, RunEnd, Task};

use super::visible;

fn sentence(end: End) -> &'static str {
    match end {
        End::Completed => "COMPLETED: every step is done and everything is well.",
        End::Refused => "REFUSED: nothing was changed.",
        End::RolledBack => "ROLLED BACK: the way back is done; services are well and every anchor is as at the start.",
        End::Parked => "PARKED: it stands where it is, neither done nor back. A person decides what comes next.",
        End::Stuck => "STUCK: a person is needed now.",
        End::Paused => "PAUSED: the run can be resumed.",
    }
}

/// The end of a run for a person, with the head of its transcript where it is sealed. The last line is what
/// to type next. `kept` is what actions did not remove.
pub fn summary(run: &str, (end, kept): (&RunEnd, &[Leftover]), run_directory: &Path, head: Option<&str>) -> String {
    let mut text = format!("{}\n", sentence(end.end));
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
    list(&mut text, "put back", &end.put_back);
    list(&mut text, "not back", &end.not_put_back);
    list(&mut text, "passed over", &end.exceptions);
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
    if !end.commands_left.is_empty() {
        text.push_str("  left to do, in this order:\n");
        for command in &end.commands_left {
            let _ = writeln!(text, "    {}", visible(&command.text));
        }
    }
    let _ = writeln!(text, "  transcript:  {}", visible(&run_directory.display().to_string()));
    if let Some(head) = head {
        let _ = writeln!(text, "  head:        {}  (keep it in the change ticket)", visible(head));
    }
    let next = match end.end {
        End::Paused => format!("backstay resume {run}    or    backstay turn-back {run}"),
        End::Stuck
            if end
                .commands_left
                .iter()
                .all(|left| matches!(left.task, Task::TakeBack(_))) =>
        {
            format!("when all is put right: backstay give-up {run} --because \"how\"")
        }
        End::Stuck => format!("mend that, then: backstay resume {run}    (it does what is left, and looks again)"),
        End::Parked | End::RolledBack | End::Refused => format!("backstay transcript show {run}"),
        End::Completed => format!("backstay transcript verify {run}"),
    };
    let _ = writeln!(text, "  next:        {next}");
    text
}

fn list(text: &mut String, what: &str, entries: &[impl ToString]) {
    for (number, entry) in entries.iter().enumerate() {
        let label = if number == 0 { format!("{what}:") } else { String::new() };
        let _ = writeln!(text, "  {label:<12} {}", visible(&entry.to_string()));
    }
}
