//! Scrubs what comes in pieces: where a piece ends makes no difference to the result.

use super::{MASK, Redactor};

/// So much is looked at at once.
const BLOCK_BYTES: usize = 16 * 1024;

/// Scrubs a stream. It goes by blocks of its own, and looks at each with as much before and behind it as a secret may
/// take up.
pub struct Scrubber {
    redactor: Redactor,
    /// What was not yet given out, after the end of what was.
    pending: Vec<u8>,
    /// How much of `pending` was given out.
    given: usize,
    /// Up to where in `pending` a mask stands for it that was given out already.
    masked: usize,
}

impl Scrubber {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            pending: Vec::new(),
            given: 0,
            masked: 0,
        }
    }

    /// Takes the next piece and gives what is safe to be seen.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        if self.redactor.is_idle() {
            return piece.to_vec();
        }
        self.pending.extend_from_slice(piece);
        let mut clean = Vec::new();
        let reach = self.redactor.reach();
        while self.pending.len() >= self.given + BLOCK_BYTES + reach {
            let block = self.given + BLOCK_BYTES;
            self.release(block, block + reach, &mut clean);
        }
        clean
    }

    /// Gives the rest; the scrubber is as new then.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut clean = Vec::new();
        let end = self.pending.len();
        self.release(end, end, &mut clean);
        (self.given, self.masked) = (0, 0);
        self.pending.clear();
        clean
    }

    /// Gives what comes before `safe`, having looked at what comes before `seen`.
    fn release(&mut self, safe: usize, seen: usize, clean: &mut Vec<u8>) {
        let Some(search) = &self.redactor.search else { return };
        let mut at = self.masked.max(self.given);
        for found in search.find(self.pending.get(..seen).unwrap_or_default()) {
            if found.end <= at || found.start >= safe {
                continue;
            }
            if found.start >= at || at == self.given {
                clean.extend_from_slice(self.pending.get(at..found.start).unwrap_or_default());
                clean.extend_from_slice(MASK.as_bytes());
            }
            at = found.end;
        }
        clean.extend_from_slice(self.pending.get(at..safe).unwrap_or_default());
        let forgotten = safe.saturating_sub(search.reach);
        self.pending.drain(..forgotten);
        self.given = safe - forgotten;
        self.masked = at.max(safe) - forgotten;
    }
}
