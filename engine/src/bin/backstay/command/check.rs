//! `backstay check FILE…`.

use std::mem::ManuallyDrop;
use std::path::Path;

use backstay::render::{self, json, visible};
use backstay::{Checked, check_file};
use backstay_dsl::units::duration;
use serde_json::Value;

use crate::arguments::{Check, Format};
use crate::failure::{Failure, exit};
use crate::streams;

pub(super) fn run(arguments: &Check) -> Result<u8, Failure> {
    let catalogue = backstay::action::catalogue();
    let mut answer = Answer::default();
    for file in &arguments.files {
        match check_file(file, &catalogue) {
            // The program ends soon, and gives everything back at once.
            Ok(checked) => answer.add(file, &ManuallyDrop::new(checked), arguments.format.format),
            Err(error) => {
                let failure = Failure::from(error);
                if failure.exit() != exit::INVALID {
                    return Err(failure);
                }
                // No text at all: there is no place to point at.
                if arguments.format.format == Format::Text {
                    failure.report(Format::Text);
                }
                answer.invalid.push(failure);
            }
        }
    }
    if arguments.format.format == Format::Json {
        streams::json(&answer.json());
    }
    Ok(if answer.invalid.is_empty() { 0 } else { exit::INVALID })
}

/// What was found in all files.
#[derive(Default)]
struct Answer {
    diagnostics: Vec<Value>,
    invalid: Vec<Failure>,
}

impl Answer {
    fn add(&mut self, file: &Path, checked: &Checked, format: Format) {
        let name = file.display().to_string();
        if !checked.is_valid() {
            let reason = format!("{} has errors", visible(&name));
            self.invalid.push(
                Failure::new(exit::INVALID, reason)
                    .help("mend what is shown; backstay explain SLUG says more about each"),
            );
        }
        if format == Format::Text {
            streams::data(&render::findings(
                &checked.sources,
                &checked.diagnostics,
                streams::data_has_colour(),
            ));
            if checked.is_valid() {
                streams::data(&good(&name, checked));
            }
        } else if let Value::Array(found) = json::diagnostics(&checked.sources, &checked.diagnostics) {
            self.diagnostics.extend(found);
        }
    }

    fn json(&self) -> Value {
        let error = self.invalid.first().map(Failure::json);
        let mut answer = serde_json::json!({ "ok": self.invalid.is_empty(), "diagnostics": self.diagnostics });
        if let (Some(Value::Object(error)), Some(fields)) = (error, answer.as_object_mut()) {
            fields.extend(error);
        }
        answer
    }
}

/// One line about a runbook without errors, with the two sums where it has a window.
fn good(name: &str, checked: &Checked) -> String {
    let Some(runbook) = &checked.runbook else {
        return format!("{}: no errors, a module\n", visible(name));
    };
    let steps = match runbook.steps.len() {
        1 => "1 step".to_owned(),
        several => format!("{several} steps"),
    };
    let times = &checked.times;
    let sums = runbook.window.map_or(String::new(), |window| {
        format!(
            "; forward {} of {}, longest way back {} of {}",
            duration(times.forward_to_commit_ms),
            duration(window.window_ms.saturating_sub(window.keep_ms)),
            duration(times.longest_way_back_ms),
            duration(window.keep_ms)
        )
    });
    format!("{}: no errors, {steps}{sums}\n", visible(name))
}
