//! Parses one item; where the grammar refuses, the error is told, what is wrong is blanked, and
//! the item is parsed again, so that every statement that is right is kept.

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};

use super::build::{Builder, Built};
use super::message::{self, Failure};
use super::report::Report;
use super::scan::Token;
use super::split::Piece;
use super::{Grammar, Rule};

/// So much text is parsed again after errors in one item, in bytes; then the item is given up.
const REPAIR_BYTES_MAX: usize = 4 << 20;

/// Parses an item; `None` where nothing useful is left of it.
pub(super) fn item(text: &str, tokens: &[Token], piece: &Piece, doc: String, report: &mut Report<'_>) -> Option<Built> {
    let start = tokens.get(piece.tokens.start)?.start as usize;
    let end = tokens.get(piece.tokens.end.checked_sub(1)?)?.end as usize;
    let written = text.get(start..end)?;
    let mut mended = String::new();
    if !piece.missing.is_empty() {
        mended = format!("{written}{}", piece.missing);
    }
    let mut parsed_bytes = 0;
    let mut blanked_until = None;
    loop {
        let current = if mended.is_empty() { written } else { mended.as_str() };
        let failure = match Grammar::parse(Rule::item, current) {
            Ok(pairs) => return Builder::new(start, report).build(pairs, doc),
            Err(error) => failure(&error, tokens, piece, start),
        };
        let repair = message::repair(text, tokens, piece, &failure);
        // What fails directly behind a blanked stretch only follows from the first error.
        let follows = blanked_until.is_some_and(|until| failure.token == until);
        let broken = report.is_broken(repair.broken.0, repair.broken.1);
        if !follows && !broken {
            report.push(message::explain(text, tokens, piece, &failure, report));
        }
        parsed_bytes += current.len();
        let (from, until) = repair.blank?;
        if report.is_full() || parsed_bytes > REPAIR_BYTES_MAX {
            return None;
        }
        if mended.is_empty() {
            written.clone_into(&mut mended);
        }
        let from_byte = tokens.get(from)?.start as usize - start;
        let until_byte = tokens.get(until.checked_sub(1)?)?.end as usize - start;
        if !blank(&mut mended, from_byte, until_byte) {
            return None;
        }
        blanked_until = Some(until);
    }
}

/// Replaces bytes by blanks, line ends kept; whether there was anything to replace.
fn blank(text: &mut String, from: usize, until: usize) -> bool {
    let (Some(before), Some(middle), Some(behind)) = (text.get(..from), text.get(from..until), text.get(until..))
    else {
        return false;
    };
    if middle.trim().is_empty() {
        return false;
    }
    let blanks: String = middle
        .bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect();
    *text = format!("{before}{blanks}{behind}");
    true
}

fn failure(error: &pest::error::Error<Rule>, tokens: &[Token], piece: &Piece, start: usize) -> Failure {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let offset = u32::try_from(start + at).unwrap_or(u32::MAX);
    let inside = &tokens[piece.tokens.clone()];
    let token = piece.tokens.start + inside.partition_point(|token| token.end <= offset);
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.clone(),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    Failure { token, expected }
}
