//! What a program in a container printed: as evidence, as a value, as the one line that says what was wrong.

use crate::action::common::printed::{LINE_CHARACTERS_MAX, text_of};
use crate::action::{Context, Evidence, Outcome};
use crate::containers::Printed;
use crate::redact::Redactor;

/// So much of each output is kept as evidence.
pub(super) const EVIDENCE_BYTES_MAX: usize = 1024 * 1024;

/// How much of an output is to be asked for, so that `wanted` bytes are left when what may be half a secret is cut
/// off.
pub(super) fn bytes_to_ask(context: &Context, wanted: usize) -> usize {
    wanted + context.redactor.reach()
}

pub(super) struct Said {
    pub(super) printed: Printed,
    redactor: Redactor,
}

impl Said {
    pub(super) fn new(context: &Context, printed: Printed) -> Self {
        Self {
            printed,
            redactor: context.redactor.clone(),
        }
    }

    /// Without secrets, with a note where the beginning is left out.
    pub(super) fn evidence(&self) -> Vec<(String, Vec<u8>)> {
        let outputs = [("stdout", &self.printed.stdout), ("stderr", &self.printed.stderr)];
        let note = if self.printed.is_cut {
            "[… what came before is left out …]\n"
        } else {
            ""
        };
        let printed = outputs.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        printed
            .map(|(name, bytes)| {
                (
                    name.to_owned(),
                    [note.as_bytes(), &self.redactor.scrub_end(bytes, self.printed.is_cut)].concat(),
                )
            })
            .collect()
    }

    /// Both outputs as values.
    pub(super) fn values(&self) -> [String; 2] {
        // Of a secret whose beginning was cut off the rest would not be found.
        let unsure = if self.printed.is_cut { self.redactor.reach() } else { 0 };
        [&self.printed.stdout, &self.printed.stderr].map(|bytes| text_of(bytes.get(unsure..).unwrap_or_default()))
    }

    /// A line with the last one behind it; what was printed as an error comes first.
    pub(super) fn with_last_line(&self, line: String) -> String {
        let outputs = [&self.printed.stderr, &self.printed.stdout];
        let is_cut = self.printed.is_cut;
        let mut lines = outputs
            .into_iter()
            .filter_map(|bytes| self.redactor.last_line(bytes, is_cut, LINE_CHARACTERS_MAX));
        match lines.next() {
            Some(last) => format!("{line}: {last}"),
            None => line,
        }
    }

    /// The outcome of a program that ended by itself.
    pub(super) fn ended(&self, name: &str, status: i64) -> Outcome {
        let evidence = |summary| Evidence {
            summary,
            outputs: self.evidence(),
            exit: i32::try_from(status).ok(),
            ..Evidence::default()
        };
        if status == 0 {
            Outcome::Done(evidence(format!("{name} ended well")))
        } else {
            Outcome::Failed(evidence(
                self.with_last_line(format!("{name} ended with status {status}")),
            ))
        }
    }
}
