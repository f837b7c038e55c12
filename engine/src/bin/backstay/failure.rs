//! Why a command did not do what was asked, for a person and for scripts.

use backstay::render;
use backstay_dsl::diagnostic::Diagnostic;
use backstay_dsl::source::SourceMap;

use crate::arguments::Format;
use crate::streams;

/// Exit codes beside those of how a run ended.
pub(crate) mod exit {
    /// A negative answer.
    pub(crate) const NO: u8 = 1;
    /// The call is wrong: arguments, inputs, files.
    pub(crate) const USAGE: u8 = 2;
    /// The runbook is invalid.
    pub(crate) const INVALID: u8 = 3;
    /// Refused, nothing was changed.
    pub(crate) const REFUSED: u8 = 4;
    /// It can be resumed.
    pub(crate) const RESUMABLE: u8 = 7;
    /// Locked by another run.
    pub(crate) const LOCKED: u8 = 75;
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

    /// The runbook is invalid.
    pub(crate) fn invalid(name: &str, sources: SourceMap, findings: Vec<Diagnostic>) -> Self {
        Self {
            findings: Some((sources, findings)),
            ..Self::new(
                exit::INVALID,
                format!("{} cannot be run: it has errors", render::visible(name)),
            )
        }
    }

    /// Adds a line that says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Says it on the right stream, and gives the exit code.
    pub(crate) fn report(self, format: Format) -> u8 {
        match format {
            Format::Json => {
                let diagnostics = self
                    .findings
                    .as_ref()
                    .map(|(sources, findings)| render::json::diagnostics(sources, findings));
                streams::json(&render::json::error(self.exit, &self.reason, &self.help, diagnostics));
            }
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
        let mut text = format!("{bold}{red}error:{plain} {}\n", self.reason);
        for help in &self.help {
            text.push_str(&format!("  {bold}help:{plain} {help}\n"));
        }
        text
    }
}
