//! Scrubs what comes in pieces: where a piece ends makes no difference to the result.

use super::{MASK, Redactor};

/// Scrubs a stream. It holds back the last bytes, as many as the longest secret has less one, until it
/// knows what follows them.
pub struct Scrubber {
    redactor: Redactor,
    /// What was not yet given out.
    pending: Vec<u8>,
    /// How many bytes at the start of `pending` a mask stands for that was given out already.
    masked: usize,
}

impl Scrubber {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            pending: Vec::new(),
            masked: 0,
        }
    }

    /// Takes the next piece and gives what is safe to be seen.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let Some(search) = &self.redactor.search else {
            return piece.to_vec();
        };
        let hold_back = search.longest - 1;
        self.pending.extend_from_slice(piece);
        self.release(self.pending.len().saturating_sub(hold_back))
    }

    /// Gives the rest; the scrubber is as new then.
    pub fn finish(&mut self) -> Vec<u8> {
        let rest = self.release(self.pending.len());
        self.masked = 0;
        rest
    }

    /// Gives the first `safe` bytes: no secret that starts in them can still grow.
    fn release(&mut self, safe: usize) -> Vec<u8> {
        if safe == 0 {
            return Vec::new();
        }
        let mut clean = Vec::with_capacity(safe);
        let mut covered = self.masked;
        for (start, end) in self.matches(safe) {
            if start >= covered {
                clean.extend_from_slice(&self.pending[covered..start]);
                clean.extend_from_slice(MASK.as_bytes());
            }
            covered = covered.max(end);
        }
        if covered < safe {
            clean.extend_from_slice(&self.pending[covered..safe]);
        }
        self.masked = covered.saturating_sub(safe);
        self.pending.drain(..safe);
        clean
    }

    /// The places of all secrets that start before `safe`, by start; they may overlap.
    fn matches(&self, safe: usize) -> Vec<(usize, usize)> {
        let Some(search) = &self.redactor.search else {
            return Vec::new();
        };
        let mut found: Vec<(usize, usize)> = search
            .automaton
            .find_overlapping_iter(&self.pending)
            .map(|found| (found.start(), found.end()))
            .filter(|(start, _)| *start < safe)
            .collect();
        found.sort_unstable();
        found
    }
}
