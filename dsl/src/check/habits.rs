//! Habits that a reviewer would stop: a secret written out, a program that runs what it has just fetched, a
//! certificate that nobody looks at, a file that everybody may write. These are warnings: only people can tell.

use crate::catalogue::{Signature, Sink};
use crate::check::Checker;
use crate::diagnostic::Diagnostic;
use crate::model::{ActionCall, Expr, ExprKind, Literal};
use crate::source::Span;
use crate::walk;

/// So many warnings of this kind are told.
const WARNINGS_MAX: usize = 50;

/// How well-known tokens begin, and how long they are at least.
const TOKENS: &[(&str, usize)] = &[
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("sk-", 20),
    ("AKIA", 20),
    ("AIza", 35),
    ("hvs.", 20),
];

/// Words in the names of what is secret.
const NAMES: &[&str] = &["password", "passwd", "secret", "token", "api_key", "apikey", "api-key"];

const SECRET_HELP: &str = "make it an input, `name : secret from env NAME`, and hand it over by `env:` or `stdin:`; what is \
                           written here is in the record and in every copy of this file";

impl Checker<'_> {
    /// Looks at what is written out in a call.
    pub(crate) fn look_at_habits(&mut self, signature: &Signature, call: &ActionCall) {
        for (name, argument) in &call.arguments {
            let sink = signature.parameter(name).and_then(|parameter| parameter.sink);
            if sink == Some(Sink::Argv)
                && let ExprKind::List(words) = &argument.kind
            {
                self.look_at_command(words);
            }
            if name == "mode"
                && let Some(mode) = text(argument)
                && is_open_to_all(mode)
            {
                self.risky(
                    argument.span,
                    "everybody on the machine may write to this file",
                    "leave the last digit without 2: `\"0640\"`",
                );
            }
            for part in walk::deep(argument) {
                self.look_at_value(part);
            }
        }
        let named = |name: &str| call.argument(name).and_then(text);
        if let (Some(key), Some(value), Some(argument)) = (named("key"), named("to"), call.argument("to"))
            && is_secret_name(key)
            && is_written_out(value)
        {
            self.written_secret(argument.span);
        }
    }

    fn look_at_value(&mut self, part: &Expr) {
        if text(part).is_some_and(looks_secret) {
            self.written_secret(part.span);
        }
        if let ExprKind::Map(pairs) = &part.kind {
            for (name, value) in pairs {
                if is_secret_name(name) && text(value).is_some_and(is_written_out) {
                    self.written_secret(value.span);
                }
            }
        }
    }

    fn look_at_command(&mut self, words: &[Expr]) {
        let texts: Vec<&str> = words.iter().map(|word| text(word).unwrap_or_default()).collect();
        let Some((program, arguments)) = texts.split_first() else {
            return;
        };
        let program = program.rsplit('/').next().unwrap_or_default();
        let span = |at: usize| words.get(at + 1).map_or_else(Span::default, |word| word.span);
        for (at, argument) in arguments.iter().enumerate() {
            let value = arguments.get(at + 1).copied().unwrap_or_default();
            if argument.starts_with('-')
                && is_secret_name(argument.trim_start_matches('-'))
                && is_written_out(value)
                && !value.starts_with('-')
            {
                self.written_secret(span(at + 1));
            }
            if looks_at_nobody(program, argument) {
                self.risky(
                    span(at),
                    "nobody looks who answers: the certificate is not checked",
                    "give the program the right authority, such as `--cacert FILE`",
                );
            }
            if program == "chmod" && is_open_to_all(argument) {
                self.risky(
                    span(at),
                    "everybody on the machine may write to this afterwards",
                    "give the right to a user or a group",
                );
            }
            let is_script = at > 0
                && is_shell(program)
                && arguments
                    .get(at - 1)
                    .is_some_and(|flag| flag.starts_with('-') && flag.ends_with('c'));
            if is_script {
                self.look_at_script(argument, span(at));
            }
        }
    }

    fn look_at_script(&mut self, script: &str, span: Span) {
        if runs_what_it_fetches(script) {
            let message = "this runs what it has just fetched, whatever that is by then";
            self.risky(
                span,
                message,
                "fetch it into a file, compare its digest with one written here, then run it",
            );
            return;
        }
        for command in script.split(['|', ';', '&', '\n']) {
            let mut words = command.split_whitespace();
            let program = words.next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            if words.any(|word| looks_at_nobody(program, word)) {
                self.risky(
                    span,
                    "nobody looks who answers: the certificate is not checked",
                    "give the program the right authority, such as `--cacert FILE`",
                );
                return;
            }
        }
    }

    fn risky(&mut self, span: Span, message: &str, help: &str) {
        self.warn(Diagnostic::warning("risky-habit", span, message).help(help));
    }

    fn written_secret(&mut self, span: Span) {
        let message = "this looks like a secret that is written out";
        self.warn(Diagnostic::warning("written-secret", span, message).help(SECRET_HELP));
    }

    fn warn(&mut self, warning: Diagnostic) {
        self.warned += 1;
        if self.warned <= WARNINGS_MAX {
            self.found.push(warning);
        }
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Literal(Literal::Text(text)) => Some(text),
        _ => None,
    }
}

fn is_shell(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash")
}

/// Whether this flag tells a program not to look at certificates.
fn looks_at_nobody(program: &str, flag: &str) -> bool {
    match program {
        "curl" => {
            flag == "--insecure"
                || (flag.starts_with('-')
                    && !flag.starts_with("--")
                    && flag.contains('k')
                    && flag.len() <= 8
                    && flag[1..].chars().all(|one| one.is_ascii_alphabetic()))
        }
        "wget" => flag == "--no-check-certificate",
        _ => false,
    }
}

/// Whether a download goes into a shell.
fn runs_what_it_fetches(script: &str) -> bool {
    let mut fetched = false;
    for part in script.split('|') {
        let mut words = part
            .split_whitespace()
            .map(|word| word.rsplit('/').next().unwrap_or_default());
        let first = words
            .clone()
            .find(|word| *word != "sudo" && !word.starts_with('-') && !word.contains('='));
        if fetched
            && first
                .is_some_and(|program| is_shell(program) || matches!(program, "python" | "python3" | "perl" | "node"))
        {
            return true;
        }
        fetched |= words.any(|word| word == "curl" || word == "wget");
    }
    false
}

/// Whether a mode, in digits or letters, lets everybody write.
fn is_open_to_all(mode: &str) -> bool {
    let is_octal = (3..=5).contains(&mode.len()) && mode.chars().all(|digit| ('0'..='7').contains(&digit));
    let by_digit = is_octal && mode.ends_with(['2', '3', '6', '7']);
    by_digit || matches!(mode, "a+w" | "o+w" | "a+rw" | "o+rw" | "a=rw" | "a+rwx" | "+w")
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_about = ["file", "path", "name", "url", "ttl", "_id", "-id", "length", "stdin"];
    NAMES.iter().any(|known| name.contains(known)) && !is_about.iter().any(|end| name.ends_with(end))
}

/// Whether this is a value, and no name of one that something else fills in.
fn is_written_out(value: &str) -> bool {
    value.len() >= 4 && !value.starts_with(['$', '{', '<', '*', '/', '@', '%'])
}

fn looks_secret(text: &str) -> bool {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return true;
    }
    let is_end = |one: char| one.is_whitespace() || "\"'`,;()[]".contains(one);
    text.split(is_end).any(|word| {
        let value = word.rsplit(['=', ':']).next().unwrap_or_default();
        let is_plain = |text: &str| {
            text.chars()
                .all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
        };
        let is_token =
            |(start, length): &(&str, usize)| value.starts_with(start) && value.len() >= *length && is_plain(value);
        let is_signed =
            value.starts_with("eyJ") && value.len() > 40 && value.matches('.').count() == 2 && is_plain(value);
        let is_assigned = word.split_once('=').is_some_and(|(name, value)| {
            let is_name = |one: char| one.is_ascii_alphanumeric() || "_-".contains(one);
            name.chars().all(is_name) && is_secret_name(name) && is_written_out(value)
        });
        TOKENS.iter().any(is_token) || is_signed || is_assigned
    })
}
