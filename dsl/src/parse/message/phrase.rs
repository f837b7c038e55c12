//! Grammar rules in the user's words.

use super::super::Rule;
use super::super::keywords::Block;
use super::super::scan::{Token, TokenKind};

/// What was found, ready for a sentence.
pub(super) fn found(token: Token, text: &str) -> String {
    match token.kind {
        TokenKind::Text | TokenKind::OpenText => "a text".to_owned(),
        TokenKind::Doc => "documentation".to_owned(),
        _ => format!("`{}`", shown(text)),
    }
}

/// The beginning of a token: enough to recognise it.
pub(super) fn shown(text: &str) -> &str {
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(40) {
        Some((end, _)) => &line[..end],
        None => line,
    }
}

/// Words in a row: `` `a`, `b`, `c` ``.
pub(super) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// What could have stood at a place; `None` where only operators could.
pub(super) fn expected(rules: &[Rule], before: &str, fresh: bool) -> Option<String> {
    let mut phrases: Vec<&str> = Vec::new();
    let has = |rule| rules.contains(&rule);
    for rule in rules {
        // What begins the next statement is no help where a clause of this one is missing.
        if fresh {
            continue;
        }
        let phrase = match rule {
            Rule::string if has(Rule::standard) => "a module: `std.…` or `\"./file.runbook\"`",
            Rule::string if has(Rule::path) && before == "do" => continue,
            Rule::string if has(Rule::expression) => continue,
            Rule::string if has(Rule::open) || has(Rule::block) => continue,
            Rule::disposition if before == "failure" || before == "otherwise" => {
                "`rollback R`, `unwind`, `park P` or, in a step, `continue because \"…\"`"
            }
            Rule::disposition if before == "interrupt" => "`rollback R`, `unwind`, `park P` or `pause`",
            Rule::path if before == "do" || before == "undo" => "an action such as `fs.copy(…)`",
            other => match phrase(*other) {
                Some(phrase) => phrase,
                None => continue,
            },
        };
        if !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    }
    match phrases.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        [first @ .., last] => Some(format!("{} or {last}", first.join(", "))),
    }
}

fn phrase(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::name | Rule::named_type => "a name",
        Rule::string | Rule::label => "a text in `\"…\"`",
        Rule::duration => "a duration such as `5m`",
        Rule::integer | Rule::number => "a whole number",
        Rule::expression | Rule::value | Rule::argument | Rule::map => "a value",
        Rule::reference | Rule::call | Rule::path => "a call such as `fs.size(…)`",
        Rule::colon => "`:`",
        Rule::equals | Rule::default_value => "`=`",
        Rule::open | Rule::block => "`{`",
        Rule::type_written | Rule::pinned => "a type",
        Rule::disposition => "`rollback R`, `unwind`, `park P`, `pause` or `continue because \"…\"`",
        Rule::arguments => "`(` right behind the name",
        Rule::parameters => "`(` and the parameters",
        Rule::parameter => "a parameter such as `name: text`",
        Rule::result => "`-> type`",
        Rule::type_field => "a field such as `ok: bool`",
        Rule::entry => "a key and its value such as `NAME: \"…\"`",
        Rule::test => "`ok`, `present`, `pinned`, `well` or `answered`",
        Rule::ask_kind => "`confirm` or `text as NAME`",
        Rule::part | Rule::protected | Rule::part_kind => "`path`, `volume` or `file`",
        Rule::from_env | Rule::from_file | Rule::from_prompt | Rule::from_command => {
            "`env NAME`, `file PATH`, `prompt \"…\"` or `command […]`"
        }
        Rule::standard => "a module: `std.…` or `\"./file.runbook\"`",
        Rule::slug => "the name of a rule such as `floating-image`",
        Rule::answer => "an answer such as `docker.restarts = 4`",
        Rule::effects | Rule::nothing => "`{ … }` or `nothing`",
        Rule::symptom => "`symptom`",
        Rule::member => "a member such as `a: process(\"a\")`",
        Rule::step | Rule::documented_step => "`step`",
        Rule::rhai => "`rhai \"\"\"…\"\"\"`",
        other => return clause_phrase(other),
    })
}

/// Clauses that may follow something, as they are written.
fn clause_phrase(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::because => "`because \"…\"`",
        Rule::else_text => "`else \"…\"`",
        Rule::as_name => "`as NAME`",
        Rule::by => "`by INPUT`",
        Rule::within => "`within D`",
        Rule::every => "`every D`",
        Rule::soaks => "`for D`",
        Rule::misses => "`at most N misses`",
        Rule::unless => "`unless E`",
        Rule::when => "`when`",
        Rule::keep => "`keep D for the way back`",
        Rule::for_the_way_back => "`for the way back`",
        Rule::live => "`live because \"…\"`",
        Rule::undo => "`undo …`",
        Rule::no_undo => "`no undo because \"…\"`",
        Rule::except => "`except \"…\"`",
        Rule::unmigrated => "`unmigrated because \"…\"`",
        Rule::on_host => "`on HOST`",
        Rule::after => "`after a, b`",
        Rule::before_window => "`before window`",
        Rule::from_step => "`from STEP`",
        Rule::until_step => "`until STEP`",
        Rule::for_steps => "`for STEP, STEP`",
        Rule::in_list => "`in LIST`",
        Rule::one_at_a_time => "`one at a time`",
        Rule::anything_else => "`anything else`",
        Rule::at_most => "`at most N`",
        Rule::at_least => "`at least N`",
        Rule::players_see => "`players see \"…\"`",
        Rule::answers => "`where a.b = V`",
        Rule::until_action => "`until ACTION`",
        Rule::of_role => "`of \"ROLE\"`",
        Rule::by_two => "`by two people`",
        Rule::on_silence => "`on silence …`",
        _ => return None,
    })
}

/// The first word of a clause.
pub(super) fn clause_word(rule: Rule) -> Option<&'static str> {
    clause_phrase(rule).map(|phrase| {
        let phrase = phrase.trim_matches('`');
        phrase.split(' ').next().unwrap_or(phrase)
    })
}

/// Whether a word begins a clause.
pub(super) fn is_clause(word: &str) -> bool {
    clause_home(word).is_some()
}

/// Where a clause belongs.
pub(super) fn clause_home(word: &str) -> Option<&'static str> {
    Some(match word {
        "within" | "as" | "live" | "undo" | "no" => {
            "the clauses of an action follow it in this order: `do A within D as x live because \"…\" undo B within D`"
        }
        "every" => "`every` follows the `within` or `for` of a check: `check \"…\": E within 2m every 5s`",
        "because" => "`because \"…\"` ends `only when E`, `skip when E`, `no undo`, `wait D`",
        "else" => "`else \"…\"` ends a guard: `require E else \"…\"`",
        "until" => "`until` stands in `applies from A until B` and in `watch name \"title\" from A until B { … }`",
        "after" => "`after a, b` stands in the header of a step, before its `{`",
        "when" => "`when` stands in `only when E because \"…\"` and `skip when E because \"…\"`",
        _ => return None,
    })
}

/// How a statement or clause is written.
pub(super) fn statement_form(word: &str) -> Option<&'static str> {
    Some(match word {
        "do" => "do \"title\": ACTION within D as x undo B within D",
        "check" => "check \"label\": E within D every D",
        "budget" => "budget D",
        "let" => "let name = E",
        "record" => "record x, y",
        "require" => "require E else \"…\"",
        "ask" => "ask \"…\" confirm` or `ask \"…\" text as x",
        "take" => "take HOLD",
        "release" => "release HOLD",
        "only" => "only when E because \"…\"",
        "skip" => "skip when E because \"…\"",
        "retry" => "retry N every D",
        "keep" => "keep failed \"…\"",
        "wait" => "wait D because \"…\"",
        "commits" => "commits \"…\"",
        "on" => "on failure unwind` or `on failure rollback R",
        "give" => "give E",
        "allow" => "allow RULE because \"…\"",
        "applies" => "applies from A until B",
        "window" => "window D keep D for the way back",
        "label" => "label \"which of several this is\"",
        "pinned" => "pinned by key(file, \"NAME\")",
        "writers" => "writers at most N",
        "serving" => "serving at least N",
        "one" => "one release in front",
        "mixed" => "mixed because \"…\"",
        "seen" => "seen when E",
        "first" => "first { … }",
        "at" => "at STEP players see \"…\" where a.b = V until ACTION",
        "expect" => "expect end completed",
        "symptom" => "symptom \"…\" { … }",
        _ => return None,
    })
}

/// The form of an item, as help.
pub(super) fn form(keyword: &str, block: Option<Block>) -> String {
    if let Some(block) = block.filter(|block| !block.words().is_empty()) {
        return format!("{} holds {}", block.title(), list(block.words()));
    }
    let form = match keyword {
        "use" => "use std.x.y as name",
        "runbook" => "runbook name \"title\" { … }",
        "inputs" => "inputs { name : type = default  name : secret from env NAME }",
        "service" => "service name \"title\" { … }",
        "protect" => "protect name \"title\" { path E except \"…\"  file E }",
        "anchor" => "anchor name = E",
        "hold" => "hold name \"title\" { take A within D  release A within D }",
        "step" => "step name \"title\" on HOST after a, b before window { … }",
        "for" => "for each x in xs one at a time { step … }",
        "rollback" => "rollback name \"title\" { applies from A until B  … }",
        "park" => "park name \"title\" { … }",
        "watch" => "watch name \"title\" from A until B { check E every D at most N misses }",
        "symptoms" => "symptoms name \"title\" for a, b { symptom … }",
        "scenario" => "scenario \"title\" { … }",
        "question" => "question name(a: text) -> type { … give E }",
        "procedure" => "procedure name(a: text) { … }",
        "type" => "type Name { field: type }",
        _ => "fn name(a: text) -> int rhai \"\"\"…\"\"\"",
    };
    format!("its form is `{form}`")
}
