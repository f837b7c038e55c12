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
        let slip = near_slip(text, tokens, failure).or_else(|| common_slip(text, tokens, failure));
        if let Some((message, help)) = slip {
            return Diagnostic::error("syntax", span, message).help(help);
        }
        if fresh && token.kind == TokenKind::Word {
            let block = block.unwrap_or(Block::Statements);
            return unknown_word(text, tokens, at, block, &failure.expected, report);
        }
        if block.is_none() && failure.expected.contains(&Rule::EOI) && token.kind == TokenKind::Word {
            if found == "on" && tokens[piece.tokens.start].text(text) == "anchor" {
                return Diagnostic::error("syntax", span, "the host of an anchor stands before its `=`")
                    .help("write `anchor x on HOST = …`");
            }
            return unknown_item(found, span);
        }
    }
    let (message, help) = unexpected((text, tokens, piece), failure, (at, inside), (block, fresh));
    Diagnostic::error("syntax", span, message).label("here").help(help)
}

/// What was found in place of what: the message, and the form of what it stands in.
fn unexpected(
    (text, tokens, piece): (&str, &[Token], &Piece),
    failure: &Failure,
    (at, inside): (usize, bool),
    (block, fresh): (Option<Block>, bool),
) -> (String, String) {
    let token = tokens[at];
    let found = if inside {
        phrase::found(token, token.text(text))
    } else {
        "the end".to_owned()
    };
    let before = at
        .checked_sub(usize::from(inside))
        .filter(|before| *before >= piece.tokens.start);
    let before = before.map_or("", |before| phrase::shown(tokens[before].text(text)));
    let expected = phrase::expected(&failure.expected, before, fresh).or_else(|| {
        place::opener(text, tokens, piece, failure.token).and_then(|opener| match opener {
            b'(' => Some("`,` or `)`".to_owned()),
            b'[' => Some("`,` or `]`".to_owned()),
            _ => None,
        })
    });
    let message = match expected {
        Some(expected) if before.is_empty() => format!("expected {expected}, found {found}"),
        Some(expected) => format!("expected {expected} after `{before}`, found {found}"),
        None => format!("{found} may not stand here"),
    };
    let is_word = inside && token.kind == TokenKind::Word;
    if let Some(foreign) = keywords::foreign(token.text(text)).filter(|_| is_word) {
        return (message, foreign.to_owned());
    }
    let first = tokens[piece.tokens.start].text(text);
    let second = tokens.get(piece.tokens.start + 1);
    if first == "use" && second.is_some_and(|second| second.kind == TokenKind::Text) {
        return (message, "its form is `use \"./file.runbook\" as name`".to_owned());
    }
    let form = statement_form(text, tokens, piece, at, block);
    (message, form.unwrap_or_else(|| phrase::form(first, block)))
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

/// Slips that the words before an error tell.
fn near_slip(text: &str, tokens: &[Token], failure: &Failure) -> Option<(String, String)> {
    let token = tokens.get(failure.token)?;
    let before = failure.token.checked_sub(1).and_then(|before| tokens.get(before))?;
    let opens = failure.token.checked_sub(2).and_then(|opens| tokens.get(opens));
    let opens = opens.map_or("", |opens| opens.text(text));
    let slip = |message: &str, help: &str| Some((message.to_owned(), help.to_owned()));
    let (word, previous) = (token.text(text), before.text(text));
    match (word, previous) {
        ("=", name) if before.kind == TokenKind::Word && matches!(opens, "(" | ",") => Some((
            "an argument is no assignment".to_owned(),
            format!("write `{name}: …`: its name, a colon, its value"),
        )),
        (_, count) if before.kind == TokenKind::Number && unit_of(word).is_some() => Some((
            "a number and its unit are one word".to_owned(),
            format!("write `{count}{}`", unit_of(word).unwrap_or_default()),
        )),
        (_, "runs") if token.kind == TokenKind::Text => slip(
            "a service runs as something",
            "write `runs process(\"name\")`, `runs container(\"name\")`, `runs compose(project, name: \"name\")` or \
             `runs unit(\"name\")`",
        ),
        (_, "behind") if token.kind == TokenKind::Text => slip(
            "what carries the traffic is named by a call",
            "write `behind ingress(\"name\")`, or a question of a module that gives a resource",
        ),
        _ if failure.expected.contains(&Rule::every) && opens == "retry" => slip(
            "`retry` stands before the action that it repeats, and says how long it pauses",
            "write `retry 3 every 5s` on a line of its own, above `do`",
        ),
        _ => None,
    }
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

/// A number whose unit stands apart is told of once.
pub(super) fn mark_unit(text: &str, tokens: &[Token], failure: &Failure, report: &mut Report<'_>) {
    let before = failure.token.checked_sub(1).and_then(|before| tokens.get(before));
    if let (Some(before), Some(word)) = (before, tokens.get(failure.token))
        && before.kind == TokenKind::Number
        && unit_of(word.text(text)).is_some()
    {
        report.mark_broken(before.start, word.end);
    }
}

/// The unit that a word after a number stands for.
fn unit_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "ms" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "B" | "bytes" => "B",
        "KiB" => "KiB",
        "MiB" => "MiB",
        "GiB" => "GiB",
        "TiB" => "TiB",
        _ => return None,
    })
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
    if word == "for" {
        return Diagnostic::error("unknown-statement", span, "steps are repeated by `for each`")
            .help("write `for each x in xs one at a time { step … }`; this program does not carry it out yet: write the steps one by one");
    }
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

/// Whether other programs and people write texts in this.
pub(super) fn is_quote(found: char) -> bool {
    matches!(found, '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '«' | '»')
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
        '|' => (
            "`|` is no operator, and there are no enumerations",
            "a condition has `or`; what is one of a few words is a `text`, with `require a == \"x\" or a == \"y\" else \"…\"`",
        ),
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
