//! The program as scripts and people meet it: help, exit codes, JSON shapes, bad input.

mod anchors;
mod arguments;
mod asked;
mod bad_input;
mod checking;
mod choices;
mod claims;
mod copies;
mod disk;
mod edition;
mod evidence;
mod frame;
mod functions;
mod hosts;
mod inputs;
mod keeping;
mod lists;
mod needs;
mod other_names;
mod patience;
mod plan_text;
mod planning;
mod programs;
mod refused_plans;
mod requests;
mod resuming;
mod running;
mod settings;
mod stops;
mod surroundings;
mod telling;
mod terminal;
mod texts;
mod told;
mod values;
mod watches;

/// A runbook that writes a file and checks it.
pub(crate) const SMALL: &str = r#"runbook small "Write a file" {
  window 10m keep 5m for the way back
}

inputs {
  /// Where.
  place : path
  /// How often.
  count : int = 3
}

step write "Write the file" {
  budget 1m
  do fs.write(place, content: "hello") undo { do fs.remove(place) } within 10s
  check "it is there": fs.exists(place) within 5s
  record count
}
"#;
