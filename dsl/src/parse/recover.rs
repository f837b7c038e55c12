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
    if !piece.missing.is_empty() || !piece.spoiled.is_empty() {
        mended = format!("{written}{}", piece.missing);
    }
    for (bracket, until) in &piece.spoiled {
        let from = message::statement_around(text, tokens, piece, *bracket)?;
        blank_tokens(&mut mended, tokens, (from, *until), start)?;
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
        // What fails directly behind a blanked stretch only follows from the first error, unless
        // something new may begin there.
        let follows = !repair.fresh && blanked_until == Some(failure.token);
        let broken = report.is_broken(repair.broken.0, repair.broken.1);
        if !follows && !broken {
            report.push(message::explain(text, tokens, piece, &failure, report));
            message::mark_unit(text, tokens, &failure, report);
        }
        parsed_bytes += current.len();
        let stretch = repair.blank?;
        if report.is_full() || parsed_bytes > REPAIR_BYTES_MAX {
            return None;
        }
        if mended.is_empty() {
            written.clone_into(&mut mended);
        }
        blank_tokens(&mut mended, tokens, stretch, start)?;
        blanked_until = Some(stretch.1);
    }
}

/// Replaces tokens by blanks in the text of an item that begins at byte `start`; `None` where
/// nothing was left to replace.
fn blank_tokens(item: &mut String, tokens: &[Token], stretch: (usize, usize), start: usize) -> Option<()> {
    let from = tokens.get(stretch.0)?.start as usize - start;
    let until = tokens.get(stretch.1.checked_sub(1)?)?.end as usize - start;
    let middle = item.get(from..until)?;
    if middle.trim().is_empty() {
        return None;
    }
    let blanks = " ".repeat(middle.len());
    item.replace_range(from..until, &blanks);
    Some(())
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
