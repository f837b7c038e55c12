//! The closed vocabulary by place, and where items and statements may begin.
//!
//! The grammar decides what is right; this serves cutting the file into items, finding a place to
//! go on after an error, and suggestions.

use super::scan::{Token, TokenKind};

/// Words that begin an item.
pub(super) const ITEMS: &[&str] = &[
    "allow",
    "use",
    "runbook",
    "inputs",
    "service",
    "protect",
    "anchor",
    "hold",
    "step",
    "for",
    "rollback",
    "park",
    "watch",
    "symptoms",
    "scenario",
    "question",
    "procedure",
    "type",
    "fn",
];

/// Words that begin a statement.
pub(super) const STATEMENTS: &[&str] = &[
    "do", "check", "budget", "let", "record", "require", "ask", "take", "release", "only", "skip", "retry", "wait",
    "commits", "on", "unwind", "keep", "give", "allow",
];

/// Words that go on with a statement or an expression, so that what they begin is not a new one.
const CLAUSES: &[&str] = &[
    "within",
    "as",
    "undo",
    "no",
    "live",
    "every",
    "because",
    "else",
    "when",
    "by",
    "until",
    "and",
    "or",
    "not",
    "is",
    "at",
    "default",
    "contains",
    "matches",
    "to",
    "with",
    "keep",
    "unmigrated",
    "unless",
];

/// What a pair of braces holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    Header,
    Inputs,
    Service,
    Protect,
    Hold,
    /// A step, an undo, a park, a question, a procedure, the `first` of a row.
    Statements,
    Rollback,
    Watch,
    Table,
    Row,
    Scenario,
    Effects,
    /// `for each … { … }`.
    Steps,
    /// `type … { … }`, a map, a choice of modules, members.
    Other,
}

impl Block {
    /// The words that begin something inside.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Header => &[
                "allow", "version", "owner", "affects", "label", "window", "require", "on",
            ],
            Self::Service => &[
                "runs", "pinned", "writes", "behind", "well", "begins", "ends", "members", "writers", "serving", "one",
                "mixed", "ignores",
            ],
            Self::Protect => &["path", "volume", "file"],
            Self::Hold => &["take", "release"],
            Self::Statements => STATEMENTS,
            Self::Rollback => &[
                "applies", "do", "check", "budget", "let", "record", "require", "ask", "take", "release", "only",
                "skip", "retry", "wait", "unwind", "keep", "on", "commits", "give", "allow",
            ],
            Self::Watch => &["check"],
            Self::Table => &["symptom"],
            Self::Row => &["seen", "suspect", "budget", "first", "again", "otherwise"],
            Self::Scenario => &["at", "expect"],
            Self::Effects => &[
                "reads", "value_of", "sets", "edits", "removes", "opaque", "adds", "captures", "proves", "restores",
                "starts", "stops", "demotes", "drains", "opens", "tells", "repeat", "settle", "partial", "cancel",
                "limit", "traces", "healthy",
            ],
            Self::Steps => &["step"],
            Self::Inputs | Self::Other => &[],
        }
    }

    /// What the block is called when its words are listed.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Header => "the header of a runbook",
            Self::Inputs => "`inputs`",
            Self::Service => "a `service`",
            Self::Protect => "a `protect`",
            Self::Hold => "a `hold`",
            Self::Statements => "a block of statements",
            Self::Rollback => "a `rollback`",
            Self::Watch => "a `watch`",
            Self::Table => "a table of symptoms",
            Self::Row => "a `symptom`",
            Self::Scenario => "a `scenario`",
            Self::Effects => "a block of effects",
            Self::Steps => "a `for each`",
            Self::Other => "these braces",
        }
    }

    /// What an item with this keyword holds in its braces.
    pub(super) fn of_item(keyword: &str) -> Self {
        match keyword {
            "runbook" => Self::Header,
            "inputs" => Self::Inputs,
            "service" => Self::Service,
            "protect" => Self::Protect,
            "hold" => Self::Hold,
            "step" | "park" | "question" | "procedure" => Self::Statements,
            "rollback" => Self::Rollback,
            "watch" => Self::Watch,
            "symptoms" => Self::Table,
            "scenario" => Self::Scenario,
            "for" => Self::Steps,
            _ => Self::Other,
        }
    }
}

/// Whether the token begins an item: an item keyword where nothing before it goes on and what
/// follows has the form of that item. (`use std.a as step` holds no step.)
pub(super) fn begins_item(text: &str, tokens: &[Token], index: usize) -> bool {
    let Some(token) = tokens.get(index).filter(|token| token.kind == TokenKind::Word) else {
        return false;
    };
    let keyword = token.text(text);
    if !ITEMS.contains(&keyword) || !may_begin(text, tokens, index) {
        return false;
    }
    let Some(next) = tokens.get(index + 1) else { return true };
    let word = next.text(text);
    match keyword {
        "for" => word == "each",
        "inputs" => word == "{",
        "scenario" => next.kind == TokenKind::Text || next.kind == TokenKind::OpenText || word == "{",
        "use" => matches!(next.kind, TokenKind::Word | TokenKind::Text | TokenKind::OpenText),
        _ => matches!(next.kind, TokenKind::Word | TokenKind::Text | TokenKind::OpenText) || word == "{",
    }
}

/// Whether the token looks like a statement, whatever stands before it: for texts whose brackets
/// do not balance.
pub(super) fn looks_like_statement(text: &str, tokens: &[Token], index: usize) -> bool {
    is_one_of(text, tokens, index, STATEMENTS)
}

/// Whether the token is one of `words` where something new may begin.
pub(super) fn begins_one_of(text: &str, tokens: &[Token], index: usize, words: &[&str]) -> bool {
    is_one_of(text, tokens, index, words) && may_begin(text, tokens, index)
}

fn is_one_of(text: &str, tokens: &[Token], index: usize, words: &[&str]) -> bool {
    let Some(token) = tokens.get(index).filter(|token| token.kind == TokenKind::Word) else {
        return false;
    };
    let word = token.text(text);
    if !words.contains(&word) || is_label(text, tokens, index) {
        return false;
    }
    let next = tokens.get(index + 1).map_or("", |next| next.text(text));
    match word {
        "on" => matches!(next, "failure" | "interrupt"),
        "keep" => next == "failed",
        "at" => next != "start" && next != "most" && next != "least",
        _ => true,
    }
}

/// Whether any word that begins a line at this token looks like something new: not a clause, not
/// the going on of an expression, not a label.
pub(super) fn begins_line(text: &str, tokens: &[Token], index: usize) -> bool {
    tokens.get(index).is_some_and(|token| {
        token.first_on_line
            && token.kind == TokenKind::Word
            && !CLAUSES.contains(&token.text(text))
            && may_begin(text, tokens, index)
            && !is_label(text, tokens, index)
    })
}

/// Whether what stands before a token is complete, so that something new may begin here.
pub(super) fn may_begin(text: &str, tokens: &[Token], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).and_then(|before| tokens.get(before)) else {
        return true;
    };
    match before.kind {
        TokenKind::Open => before.text(text) == "{",
        TokenKind::Mark => false,
        TokenKind::Word => !wants_more(text, tokens, index - 1),
        _ => true,
    }
}

/// Whether the word at this place asks for something behind it.
fn wants_more(text: &str, tokens: &[Token], index: usize) -> bool {
    let word = tokens[index].text(text);
    let before = index.checked_sub(1).map_or("", |before| tokens[before].text(text));
    match word {
        "as" | "and" | "or" | "not" | "is" | "default" | "contains" | "matches" | "by" | "to" | "with" => {
            before != "." && before != "as"
        }
        "on" | "after" | "failure" | "interrupt" | "silence" | "otherwise" | "until" | "from" => {
            before != "." && before != "as" && before != "let"
        }
        _ if ITEMS.contains(&word) => keyword_wants_name(text, tokens, index),
        _ => false,
    }
}

/// Whether the item keyword at this place is meant as one, and so wants its name: in a row of
/// such words (`hold step "…"`, `use std.a as step`) keywords and names take turns.
fn keyword_wants_name(text: &str, tokens: &[Token], index: usize) -> bool {
    let is_keyword = |token: &Token| token.kind == TokenKind::Word && ITEMS.contains(&token.text(text));
    let row = tokens[..=index]
        .iter()
        .rev()
        .take(KEYWORDS_IN_A_ROW_MAX)
        .take_while(|token| is_keyword(token))
        .count();
    let before = (index + 1)
        .checked_sub(row + 1)
        .map_or("", |before| tokens[before].text(text));
    let row_begins_with_name = matches!(
        before,
        "as" | "let" | "record" | "take" | "release" | "after" | "." | "," | "on" | "=" | ":"
    );
    row % 2 == usize::from(!row_begins_with_name)
}

const KEYWORDS_IN_A_ROW_MAX: usize = 16;

fn is_label(text: &str, tokens: &[Token], index: usize) -> bool {
    tokens
        .get(index + 1)
        .is_some_and(|next| matches!(next.text(text), ":" | "." | "," | "=" | ")" | "]" | "(" | "=="))
}

/// What another language calls this, said in ours.
pub(super) fn foreign(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "timeout" | "time_limit" | "timeout_seconds" | "deadline" => {
            "`budget 5m` bounds a step; `within 30s` behind an action or a check bounds that alone"
        }
        "depends_on" | "needs" | "requires" | "depends" | "dependson" | "before" => {
            "the header of a step says what it waits for: `step b \"…\" after a { … }`"
        }
        "if" | "unless" | "when" | "case" | "switch" | "else" | "elif" | "elseif" => {
            "`only when E because \"…\"` leaves a step out, `require E else \"…\"` guards it"
        }
        "run" | "shell" | "command" | "script" | "sh" | "bash" | "exec" | "cmd" | "powershell" => {
            "a command is `do \"What it does\": exec.run([\"…\"], effects: { … })`"
        }
        "sleep" | "delay" | "pause" => {
            "`wait 30s because \"…\"` lets time pass; a check with `every` waits for something"
        }
        "while" | "loop" | "foreach" | "repeat" | "with_items" | "for" => {
            "there are no loops in a step: `check … within 2m every 5s` polls, `retry 2 every 5s` repeats an action"
        }
        "retries" | "attempts" | "max_retries" => "`retry 2 every 5s` stands before the action it repeats",
        "assert" | "verify" | "test" | "expect" | "ensure" | "validate" => {
            "`check \"what must hold\": E` is evidence, `require E else \"…\"` a guard"
        }
        "set" | "var" | "const" | "define" | "register" => "`let name = E` names a value",
        "return" | "yield" => "`give E` ends a question",
        "rescue" | "catch" | "finally" | "except" | "try" | "on_error" | "on_failure" | "always" => {
            "a way back is `undo …` behind the action, a `rollback` branch, or `on failure …`"
        }
        "import" | "include" | "require_relative" => "`use std.x.y as name` or `use \"./file.runbook\" as name`",
        "print" | "echo" | "log" | "debug" | "puts" => "`record x` puts a value on the front page of the transcript",
        "prompt" | "confirm" | "input" | "approve" | "manual" => "`ask \"…?\" confirm` or `ask \"…?\" text as name`",
        "task" | "job" | "stage" | "action" | "phase" => "the unit of work is `step name \"What it does\" { … }`",
        "abort" | "fail" | "exit" | "raise" | "throw" | "error" => {
            "a step fails where a `require E else \"…\"` or a `check` does not hold"
        }
        "parallel" | "concurrently" | "async" => {
            "`after nothing` or `after a, b` in a step's header lets steps run at once"
        }
        "ignore_errors" | "continue_on_error" => "`on failure continue because \"…\"`",
        "variables" | "vars" | "params" | "parameters" | "arguments" => "`inputs { name : type }`",
        "undo" | "revert" => "`undo …` stands behind the action it takes back: `do A undo B within 1m`",
        "lock" | "acquire" => "`take H` and `release H` work on a `hold`",
        "def" | "function" | "macro" | "func" => {
            "`procedure name(a: text) { … }` or `question name(a: text) -> int { … give E }`"
        }
        _ => return None,
    })
}
