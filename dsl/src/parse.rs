//! From text to the syntax tree. pest's types stop in this module and its children.
//!
//! ```text
//! text ─scan─▶ tokens ─brackets─▶ depths ─split─▶ items ─grammar, one item at a time─▶ tree
//!                                                          └─error─▶ message, blank it, again
//! ```
//!
//! Parsing never fails: what does not parse is reported and left out, the rest is kept. Limits
//! (size, nesting) are held before the grammar runs, and are the same in every build.

mod brackets;
mod build;
mod keywords;
mod message;
mod recover;
mod report;
mod scan;
mod split;

use crate::ast::{File, ItemKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Position, SourceId};
use brackets::{BracketError, TooDeep};
use build::Built;
use report::Report;
use scan::{Token, TokenKind};
use split::{Piece, Pieces};

/// The largest text that is parsed, in bytes: 16 MiB.
pub const TEXT_BYTES_MAX: usize = 16 << 20;

/// The generated parser, kept away from the public face of the crate.
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "grammar.pest"]
    pub(super) struct Grammar;
}
use grammar::{Grammar, Rule};

/// Turns the bytes of a file into text.
///
/// The error is the place of the first byte that is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, Position> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line_start = valid.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = valid.split(|byte| *byte == b'\n').count();
        let column = std::str::from_utf8(&valid[line_start..]).map_or(0, |text| text.chars().count()) + 1;
        Position { line, column }
    })
}

/// Parses a runbook or a module. Every error is reported; the file holds what did parse.
pub fn parse(source: SourceId, text: &str, diagnostics: &mut Diagnostics) -> File {
    let mut report = Report::new(source, text, diagnostics);
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("this text has {} MiB; at most 16 MiB are read", text.len() >> 20);
        report
            .push(Diagnostic::error("too-large", report.span(0, 0), message).help("split it into modules with `use`"));
        return File::default();
    }
    let (mut tokens, trivia) = scan::scan(source, text);
    let mut file = File {
        trivia,
        ..File::default()
    };
    let unmatched = match brackets::match_brackets(text, &mut tokens) {
        Ok(unmatched) => unmatched,
        Err(TooDeep(index)) => {
            let token = tokens[index];
            let span = report.span(token.start as usize, token.end as usize);
            let message = format!("brackets are nested more than {} deep here", brackets::DEPTH_MAX);
            report.push(
                Diagnostic::error("too-deep", span, message).help("name parts with `let`, or make a `procedure`"),
            );
            return file;
        }
    };
    tell_tokens(text, &tokens, &mut report);
    tell_brackets(&tokens, &unmatched, text, &mut report);
    for piece in Pieces::new(text, &tokens, &unmatched) {
        if report.is_full() {
            break;
        }
        add_piece(text, &tokens, &piece, &mut report, &mut file);
    }
    file
}

fn add_piece(text: &str, tokens: &[Token], piece: &Piece, report: &mut Report<'_>, file: &mut File) {
    if !piece.is_item {
        message::misplaced(text, tokens, piece, report);
        return;
    }
    let doc: Vec<&str> = tokens[piece.docs.clone()]
        .iter()
        .map(|token| build::documentation(token.text(text)))
        .collect();
    let docs_span = piece.docs.clone().next().map(|first| {
        let last = piece.docs.end - 1;
        report.span(tokens[first].start as usize, tokens[last].end as usize)
    });
    match recover::item(text, tokens, piece, doc.join("\n"), report) {
        Some(Built::Use(line)) => {
            if let Some(span) = docs_span {
                let message = "a `use` line takes no documentation";
                report.push(Diagnostic::error("syntax", span, message).help("write `#` for a private note"));
            }
            file.uses.push(line);
        }
        Some(Built::Item(item)) => {
            if let (Some(span), ItemKind::Inputs(_)) = (docs_span, &item.kind) {
                let message = "`inputs` takes no documentation of its own";
                report.push(Diagnostic::error("syntax", span, message).help("put `///` above each input"));
            }
            file.items.push(item);
        }
        None => {}
    }
}

/// Tells of texts that never end and of characters that the language does not know.
fn tell_tokens(text: &str, tokens: &[Token], report: &mut Report<'_>) {
    let mut opened: Option<usize> = None;
    for token in tokens {
        if report.is_full() {
            return;
        }
        let (start, end) = (token.start as usize, token.end as usize);
        match token.kind {
            TokenKind::OpenText => {
                let long = token.text(text).starts_with("\"\"\"");
                let quotes = if long { 3 } else { 1 };
                let span = report.span(start, start + quotes);
                let diagnostic = if long {
                    Diagnostic::error("syntax", span, "this text in `\"\"\"` is never closed")
                        .label("opened here")
                        .help("close it with `\"\"\"`")
                } else {
                    Diagnostic::error("syntax", span, "this text is not closed before the end of its line")
                        .label("opened here")
                        .help("close it with `\"`; a text over several lines stands in `\"\"\"`")
                };
                let diagnostic = match earlier_text(text, tokens, token) {
                    Some(earlier) => {
                        let place = report.span(earlier.start as usize, earlier.end as usize);
                        diagnostic.related(place, "perhaps this one is not closed where it should be")
                    }
                    None => diagnostic,
                };
                report.push(diagnostic);
                report.mark_broken(token.start, token.end);
            }
            TokenKind::Stray => {
                let span = report.span(start, end);
                let found = token.text(text).chars().next().unwrap_or(' ');
                // A text in wrong quotation marks is one mistake, not two.
                let closes = opened.is_some_and(|opened| !text[opened..start].contains('\n'));
                if message::is_quote(found) && closes {
                    opened = None;
                    report.mark_broken(token.start, token.end);
                    continue;
                }
                opened = Some(start).filter(|_| message::is_quote(found));
                let (what, help) = message::stray(found);
                report.push(Diagnostic::error("syntax", span, what).help(help));
                report.mark_broken(token.start, token.end);
            }
            _ => {}
        }
    }
}

/// A text on the line of one that is not closed, to whose end something else sticks: its own end is most likely
/// the beginning of the next.
fn earlier_text<'t>(text: &str, tokens: &'t [Token], open: &Token) -> Option<&'t Token> {
    let line = text[..open.start as usize].rfind('\n').map_or(0, |at| at + 1);
    let of_line = tokens
        .iter()
        .filter(|token| token.start as usize >= line && token.start < open.start);
    let mut texts = of_line.filter(|token| token.kind == TokenKind::Text);
    texts.find(|token| {
        let next = text[token.end as usize..].chars().next();
        next.is_some_and(|next| next.is_alphanumeric() || "/_-.".contains(next))
    })
}

fn tell_brackets(tokens: &[Token], unmatched: &[BracketError], text: &str, report: &mut Report<'_>) {
    for error in unmatched {
        if report.is_full() {
            return;
        }
        let token = tokens[error.bracket];
        let bracket = token.text(text);
        let until = tokens.get(error.until).map_or(text.len(), |next| next.start as usize);
        let until_offset = u32::try_from(until).unwrap_or(u32::MAX);
        // A text that never ends hides the bracket behind it.
        let swallows = |token: &Token| token.kind == TokenKind::OpenText && token.text(text).starts_with("\"\"\"");
        let is_swallowed = tokens.last().is_some_and(swallows) && error.never_closed;
        if is_swallowed || (report.is_broken(token.start, until_offset) && bracket != "{") {
            continue;
        }
        let span = report.span(token.start as usize, token.end as usize);
        let diagnostic = if error.never_closed {
            let partner = match bracket {
                "(" => ")",
                "[" => "]",
                _ => "}",
            };
            let mut diagnostic = Diagnostic::error("syntax", span, format!("this `{bracket}` is never closed"))
                .label("opened here")
                .help(format!("close it with `{partner}`"));
            if let Some(next) = tokens.get(error.until) {
                let place = report.span(next.start as usize, next.end as usize);
                diagnostic = diagnostic.related(place, "it should have been closed before this");
            }
            if let Some(suspect) = error.suspect {
                let suspect = tokens[suspect];
                let place = report.span(suspect.start as usize, suspect.end as usize);
                let words = "this one is closed at another indentation; perhaps its own `}` is missing";
                diagnostic = diagnostic.related(place, words);
            }
            // A brace is closed for the author at the end of the item; other brackets spoil what
            // stands between.
            let spoiled = if bracket == "{" { token.end } else { until_offset };
            report.mark_broken(token.start, spoiled.saturating_sub(1));
            diagnostic
        } else {
            report.mark_broken(token.start, token.end);
            Diagnostic::error(
                "syntax",
                span,
                format!("nothing is open that this `{bracket}` could close"),
            )
            .help("remove it, or look above for one too many")
        };
        report.push(diagnostic);
    }
}

#[cfg(test)]
mod tests;
