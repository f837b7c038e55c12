//! Why a command did not do what was asked, for a person and for scripts.

use backstay::render;
use backstay_dsl::diagnostic::Diagnostic;
use backstay_dsl::source::SourceMap;

use crate::arguments::Format;
use crate::streams;

/// Exit codes beside those of how a run ended and of the library's errors.
pub(crate) mod exit {
    /// A negative answer.
    pub(crate) const NO: u8 = 1;
    /// The call is wrong: arguments, inputs, files.
    pub(crate) const USAGE: u8 = 2;
    /// The runbook is invalid.
    pub(crate) const INVALID: u8 = 3;
    /// Refused, nothing was changed.
    pub(crate) const REFUSED: u8 = 4;
}

/// Why a command stops.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    reason: String,
    help: Vec<String>,
    findings: Option<(SourceMap, Vec<Diagnostic>)>,
}

impl Failure {
    /// A failure with this exit code and one line that says what is wrong.
    pub(crate) fn new(exit: u8, reason: impl Into<String>) -> Self {
        Self {
            exit,
            reason: reason.into(),
            help: Vec::new(),
            findings: None,
        }
    }

    /// The call is wrong.
    pub(crate) fn usage(reason: impl Into<String>) -> Self {
        Self::new(exit::USAGE, reason)
    }

    /// Adds a line that says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// What scripts read.
    pub(crate) fn json(&self) -> serde_json::Value {
        let diagnostics = self
            .findings
            .as_ref()
            .map(|(sources, findings)| render::json::diagnostics(sources, findings));
        render::json::error(self.exit, &self.reason, &self.help, diagnostics)
    }

    /// What a plan says of a run that would be refused: an answer, and it is no.
    pub(crate) fn into_answer(self) -> Self {
        let is_answer = self.exit == exit::REFUSED && self.findings.is_some();
        let exit = if is_answer { exit::NO } else { self.exit };
        Self { exit, ..self }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> u8 {
        self.exit
    }

    /// Says it on the right stream, and gives the exit code.
    pub(crate) fn report(&self, format: Format) -> u8 {
        match format {
            Format::Json => streams::json(&self.json()),
            Format::Text => {
                if let Some((sources, findings)) = &self.findings {
                    streams::talk(&render::findings(sources, findings, streams::talk_has_colour()));
                }
                streams::talk(&self.text());
            }
        }
        self.exit
    }

    fn text(&self) -> String {
        let (bold, red, plain) = if streams::talk_has_colour() {
            ("\x1b[1m", "\x1b[31m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        let lines: Vec<String> = self
            .help
            .iter()
            .map(|help| format!("  {bold}help:{plain} {}\n", render::visible(help)))
            .collect();
        format!(
            "{bold}{red}error:{plain} {}\n{}",
            render::visible(&self.reason),
            lines.concat()
        )
    }
}

impl From<backstay::Error> for Failure {
    fn from(error: backstay::Error) -> Self {
        let (exit, reason, help) = (error.exit_code(), error.to_string(), error.help().to_vec());
        let findings = match error {
            backstay::Error::Invalid {
                sources, diagnostics, ..
            }
            | backstay::Error::Unsafe {
                sources, diagnostics, ..
            } if !diagnostics.is_empty() => Some((*sources, diagnostics)),
            _ => None,
        };
        Self {
            exit,
            reason,
            help,
            findings,
        }
    }
}
