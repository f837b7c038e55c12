//! What went wrong, by who must act: whoever called, whoever wrote the runbook, whoever runs the machine.

use backstay_dsl::diagnostic::Diagnostic;
use backstay_dsl::source::SourceMap;

use crate::inputs::InputError;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call is wrong: a file that is not there, an input that does not fit, a run that is unknown.
    #[error("{reason}")]
    Usage {
        /// What is wrong: one line.
        reason: String,
        help: Vec<String>,
    },
    #[error("{reason}")]
    Invalid {
        /// What is wrong: one line.
        reason: String,
        help: Vec<String>,
        /// The texts that the diagnostics speak of.
        sources: Box<SourceMap>,
        /// What was found in them.
        diagnostics: Vec<Diagnostic>,
    },
    /// What the text proves does not hold with the inputs that were given; nothing was changed.
    #[error("{reason}")]
    Unsafe {
        /// What is wrong: one line.
        reason: String,
        help: Vec<String>,
        /// The texts that the diagnostics speak of.
        sources: Box<SourceMap>,
        /// What was found in them.
        diagnostics: Vec<Diagnostic>,
    },
    /// Nothing was changed, because something outside does not allow it.
    #[error("{reason}")]
    Refused {
        /// Why: one line.
        reason: String,
        help: Vec<String>,
    },
    /// Another run holds a lock.
    #[error("{reason}")]
    Locked {
        /// Which lock, and who holds it.
        reason: String,
        help: Vec<String>,
    },
    /// The run stopped where it stands, and can be resumed.
    #[error("{reason}")]
    Stopped {
        run: String,
        /// Why: one line.
        reason: String,
        help: Vec<String>,
    },
    /// The run stopped where it stands, and nobody can resume it.
    #[error("{reason}")]
    Lost {
        /// Why: one line.
        reason: String,
        help: Vec<String>,
    },
}

impl Error {
    /// The call is wrong.
    pub fn usage(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage {
            reason: reason.into(),
            help: vec![help.into()],
        }
    }

    /// Nothing was changed.
    pub fn refused(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused {
            reason: reason.into(),
            help: vec![help.into()],
        }
    }

    pub(crate) fn locked(reason: impl Into<String>, run: Option<&str>) -> Self {
        let run = run.unwrap_or("RUN");
        Self::Locked {
            reason: reason.into(),
            help: vec![format!(
                "wait until it has ended, or ask it to: backstay turn-back {run}, or backstay pause {run}"
            )],
        }
    }

    pub(crate) fn inputs(errors: &[InputError]) -> Self {
        let reason = match errors {
            [only] => only.message.clone(),
            several => {
                let lines: Vec<_> = several.iter().map(|error| error.message.as_str()).collect();
                format!("{} inputs are wrong: {}", several.len(), lines.join("; "))
            }
        };
        let help = errors
            .iter()
            .map(|error| {
                if errors.len() > 1 {
                    format!("{}: {}", error.input, error.help)
                } else {
                    error.help.clone()
                }
            })
            .collect();
        Self::Usage { reason, help }
    }

    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Invalid { .. } => 3,
            Self::Refused { .. } | Self::Unsafe { .. } => 4,
            Self::Lost { .. } => 6,
            Self::Stopped { .. } => 7,
            Self::Locked { .. } => 75,
        }
    }

    /// What to do.
    pub fn help(&self) -> &[String] {
        match self {
            Self::Usage { help, .. }
            | Self::Invalid { help, .. }
            | Self::Unsafe { help, .. }
            | Self::Refused { help, .. }
            | Self::Locked { help, .. }
            | Self::Stopped { help, .. }
            | Self::Lost { help, .. } => help,
        }
    }
}
