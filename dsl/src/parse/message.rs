//! What the user is told where the grammar refuses, and how far the damage goes. Names of grammar
//! rules never leave this file.

use super::Rule;
use super::keywords::{self, Block};
use super::report::Report;
use super::scan::{Token, TokenKind};
use super::split::Piece;
use crate::diagnostic::Diagnostic;
use crate::suggest::closest;

mod phrase;
mod place;

pub(super) use place::{repair, statement_around};

/// Where the grammar stopped, and what it could have gone on with.
pub(super) struct Failure {
    /// The token it stopped at; the end of the item's tokens where the item ends too early.
    pub(super) token: usize,
    /// The rules it tried there.
    pub(super) expected: Vec<Rule>,
}

/// The error for a failure.
pub(super) fn explain(
    text: &str,
    tokens: &[Token],
    piece: &Piece,
    failure: &Failure,
    report: &Report<'_>,
) -> Diagnostic {
    let block = place::enclosing(text, tokens, piece, failure.token).map(|enclosing| enclosing.block);
    let inside = failure.token < piece.tokens.end;
    let at = if inside {
        failure.token
    } else {
        failure.token.saturating_sub(1)
    };
    let token = tokens[at];
    let found = token.text(text);
    let span = if inside {
        report.span(token.start as usize, token.end as usize)
    } else {
        report.span(token.end as usize, token.end as usize)
    };
    let fresh = block.is_some_and(|block| place::may_begin(block, &failure.expected));
    if inside {
        if let Some((message, help)) = common_slip(text, tokens, failure) {
            return Diagnostic::error("syntax", span, message).help(help);
        }
        if fresh && token.kind == TokenKind::Word {
            let block = block.unwrap_or(Block::Statements);
            return unknown_word(text, tokens, at, block, &failure.expected, report);
        }
        if block.is_none() && failure.expected.contains(&Rule::EOI) && token.kind == TokenKind::Word {
            return unknown_item(found, span);
        }
    }
    let found = if inside {
        phrase::found(token, found)
    } else {
        "the end".to_owned()
    };
    let before = at
        .checked_sub(usize::from(inside))
        .filter(|before| *before >= piece.tokens.start);
    let before = before.map_or("", |before| phrase::shown(tokens[before].text(text)));
    let expected = phrase::expected(&failure.expected, before, fresh);
    let expected = expected.or_else(|| {
        place::opener(text, tokens, piece, failure.token).and_then(|opener| match opener {
            b'(' => Some("`,` or `)`".to_owned()),
            b'[' => Some("`,` or `]`".to_owned()),
            _ => None,
        })
    });
    match expected {
        Some(expected) if before.is_empty() => {
            Diagnostic::error("syntax", span, format!("expected {expected}, found {found}"))
        }
        Some(expected) => {
            let message = format!("expected {expected} after `{before}`, found {found}");
            Diagnostic::error("syntax", span, message)
        }
        None => Diagnostic::error("syntax", span, format!("{found} may not stand here")),
    }
    .label("here")
    .help(
        statement_form(text, tokens, piece, at, block)
            .unwrap_or_else(|| phrase::form(tokens[piece.tokens.start].text(text), block)),
    )
}

/// The form of the statement or clause in which an error lies; `None` where it begins with the error.
fn statement_form(text: &str, tokens: &[Token], piece: &Piece, at: usize, block: Option<Block>) -> Option<String> {
    let start = statement_around(text, tokens, piece, at)?;
    let word = tokens[start].text(text);
    if start == at || word == "effects" {
        return None;
    }
    let form = match (block?, word) {
        (Block::Hold, "take" | "release") => "take A within D  release A within D",
        _ => phrase::statement_form(word)?,
    };
    Some(format!("its form is `{form}`"))
}

/// Slips that have a better answer than what was expected: habits of other languages.
fn common_slip(text: &str, tokens: &[Token], failure: &Failure) -> Option<(String, String)> {
    let token = tokens.get(failure.token)?;
    let next = tokens.get(failure.token + 1);
    let before = failure.token.checked_sub(1).and_then(|before| tokens.get(before));
    let touches = |first: &Token, second: &Token| first.end == second.start;
    let wants_value = failure.expected.contains(&Rule::expression);
    let wants_operator = failure.expected.contains(&Rule::binary);
    let slip = |message: &str, help: &str| Some((message.to_owned(), help.to_owned()));
    match token.text(text) {
        "=" if wants_operator => slip("`=` does not compare", "write `==`"),
        "-" if wants_value && next.is_some_and(|next| next.kind == TokenKind::Number) => {
            slip("there are no negative numbers here", "write `0 - 5` where you need one")
        }
        "-" if before.is_some_and(|before| before.kind == TokenKind::Word && touches(before, token)) => slip(
            "names are written in letters, digits and `_`",
            "write `_` in place of `-`",
        ),
        "/" if next.is_some_and(|next| next.text(text) == "/" && touches(token, next)) => slip(
            "`//` begins no comment",
            "a comment begins with `#`, documentation with `///`",
        ),
        "(" if wants_operator
            && before.is_some_and(|before| before.kind == TokenKind::Word && !touches(before, token)) =>
        {
            slip("the `(` of a call touches its name", "remove the space before `(`")
        }
        "(" if wants_operator && before.is_some_and(|before| before.kind == TokenKind::Word) => {
            slip("only a name can be called", "name the value with `let` first")
        }
        "{" if wants_value => slip(
            "a map may stand here only as the value of an argument",
            "name the argument: `env: { NAME: \"…\" }`",
        ),
        _ if token.kind == TokenKind::Doc => slip(
            "documentation stands above an item or an input, not here",
            "write `#` for a private note",
        ),
        _ if wants_operator && before.is_some_and(|before| forgotten_before(text, before)) => {
            let word = before.map_or("", |before| before.text(text));
            Some((
                format!("a value is missing before `{word}`"),
                format!("`{word}` is a word of the language and no value"),
            ))
        }
        _ => None,
    }
}

/// Whether the word before an error was taken for a value although it is none.
fn forgotten_before(text: &str, before: &Token) -> bool {
    matches!(
        before.text(text),
        "within" | "every" | "because" | "until" | "and" | "or" | "as" | "is"
    )
}

/// A word that begins nothing in this block.
fn unknown_word(
    text: &str,
    tokens: &[Token],
    at: usize,
    block: Block,
    expected: &[Rule],
    report: &Report<'_>,
) -> Diagnostic {
    let token = tokens[at];
    let word = token.text(text);
    let span = report.span(token.start as usize, token.end as usize);
    if block == Block::Inputs {
        return Diagnostic::error("syntax", span, format!("`{word}` may not stand here"))
            .help("an input is written `name : type = default`; a list is `list of text`");
    }
    let known = block.words();
    if known.contains(&word) {
        let form = phrase::statement_form(word).unwrap_or("look at its form in the reference");
        return Diagnostic::error("syntax", span, format!("`{word}` is not complete"))
            .help(format!("its form is `{form}`"));
    }
    let clauses: Vec<&str> = expected.iter().filter_map(|rule| phrase::clause_word(*rule)).collect();
    let nearest = if token.first_on_line {
        closest(word, known.iter().copied().chain(clauses))
    } else {
        closest(word, clauses.into_iter().chain(known.iter().copied()))
    };
    let elsewhere = keywords::STATEMENTS.contains(&word) || keywords::ITEMS.contains(&word) || phrase::is_clause(word);
    let message = if elsewhere {
        format!("`{word}` may not stand here, in {}", block.title())
    } else if block == Block::Statements || block == Block::Rollback {
        format!("there is no statement `{word}`")
    } else {
        format!("{} knows no `{word}`", block.title())
    };
    let mut diagnostic = Diagnostic::error("unknown-statement", span, message);
    if let Some(nearest) = nearest {
        diagnostic = diagnostic.suggest(format!("did you mean `{nearest}`?"), span, nearest);
    } else if let Some(hint) = keywords::foreign(word) {
        diagnostic = diagnostic.help(hint);
    } else if let Some(hint) = phrase::clause_home(word) {
        diagnostic = diagnostic.help(hint);
    }
    // A list of all words says less than the one that was meant.
    if known.is_empty() || nearest.is_some() {
        return diagnostic;
    }
    diagnostic.help(format!("{} knows {}", block.title(), phrase::list(known)))
}

/// A word at the top level that begins no item.
fn unknown_item(word: &str, span: crate::source::Span) -> Diagnostic {
    let is_statement = keywords::STATEMENTS.contains(&word);
    let message = if is_statement {
        format!("`{word}` stands outside of every step")
    } else {
        format!("there is no `{word}` at the top level of a file")
    };
    let mut diagnostic = Diagnostic::error("unknown-statement", span, message);
    if is_statement {
        return diagnostic.help("put it into a `step … { … }`; or is there a `}` too many above it?");
    }
    if let Some(nearest) = closest(word, keywords::ITEMS.iter().copied()) {
        diagnostic = diagnostic.suggest(format!("did you mean `{nearest}`?"), span, nearest);
    } else if let Some(hint) = keywords::foreign(word) {
        diagnostic = diagnostic.help(hint);
    }
    diagnostic.help(format!("a file holds {}", phrase::list(keywords::ITEMS)))
}

/// Tells of tokens at the top level that belong to no item.
pub(super) fn misplaced(text: &str, tokens: &[Token], piece: &Piece, report: &mut Report<'_>) {
    let all = &tokens[piece.docs.start..piece.tokens.end];
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return;
    };
    if report.is_broken(first.start, last.end.saturating_sub(1)) {
        return;
    }
    let Some(token) = tokens[piece.tokens.clone()].first() else {
        let span = report.span(first.start as usize, last.end as usize);
        let diagnostic = Diagnostic::error("syntax", span, "this documentation stands above nothing")
            .help("`///` documents the item below it; a private note begins with `#`");
        return report.push(diagnostic);
    };
    let span = report.span(token.start as usize, token.end as usize);
    let word = token.text(text);
    let diagnostic = if token.kind == TokenKind::Word && keywords::ITEMS.contains(&word) {
        Diagnostic::error("syntax", span, format!("`{word}` is not complete")).help(phrase::form(word, None))
    } else if token.kind == TokenKind::Word {
        unknown_item(word, span)
    } else {
        Diagnostic::error(
            "syntax",
            span,
            format!("{} begins no item", phrase::found(*token, word)),
        )
        .help(format!("a file holds {}", phrase::list(keywords::ITEMS)))
    };
    report.push(diagnostic);
}

/// What is said about a character that the language does not know: message and help.
pub(super) fn stray(found: char) -> (String, String) {
    let (message, help) = match found {
        ';' => (
            "`;` ends nothing here",
            "remove it: a statement ends where the next one begins",
        ),
        '\'' => ("texts are not written in `'`", "write `\"…\"`"),
        '`' => ("texts are not written in backquotes", "write `\"…\"`"),
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => (
            "this is a typographic quotation mark",
            "write the plain `\"`; an editor may have replaced it",
        ),
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{2003}' | '\u{2002}' | '\u{2009}' | '\u{3000}' => (
            "this is a special space, not a plain one",
            "replace it by a plain space; an editor may have put it here",
        ),
        '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{feff}' | '\u{2060}' => (
            "there is an invisible character here",
            "remove it; it may have come with pasted text",
        ),
        '–' | '—' | '−' => ("this is a typographic dash", "write the plain `-`"),
        '…' => ("the text has been left out here: `…`", "write what belongs here"),
        '&' => ("`&` is no operator", "write `and`"),
        '|' => ("`|` is no operator", "write `or`"),
        '!' => ("`!` is no operator", "write `not`"),
        '%' => ("`%` is no operator", "there are `+ - * /`"),
        '$' => ("`$` means nothing here", "values are written by their names alone"),
        '@' => (
            "`@` means nothing here",
            "an image by digest is written as a text: `\"name@sha256:…\"`",
        ),
        '\\' => (
            "`\\` means nothing outside of a text",
            "a statement may go over several lines as it is",
        ),
        '?' => ("`?` means nothing here", "`x default y` stands in for a missing value"),
        other => {
            let shown = other.escape_debug();
            return (
                format!(
                    "the character `{shown}` (U+{:04X}) means nothing here",
                    u32::from(other)
                ),
                "characters of this kind stand in texts and comments only".to_owned(),
            );
        }
    };
    (message.to_owned(), help.to_owned())
}
