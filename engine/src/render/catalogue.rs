//! The catalogue of actions as people read it: a list, the page of an action, the pages of the documentation.

use std::fmt::Write as _;

use backstay_dsl::catalogue::{Pattern, Settle, Signature, Sink};
use backstay_dsl::effect::{Cancel, Effect, Repeat};
use backstay_dsl::types::Type;
use backstay_dsl::units;

/// A line for each action, in columns.
pub fn list<'a>(signatures: impl Iterator<Item = &'a Signature>) -> String {
    let signatures: Vec<&Signature> = signatures.collect();
    let names = signatures.iter().map(|signature| signature.full_name().len());
    let width = names.max().unwrap_or_default();
    let mut text = String::new();
    for signature in signatures {
        let kind = if signature.is_read() { "reads" } else { "do   " };
        let not_yet = if signature.is_carried_out {
            ""
        } else {
            " (Not carried out yet.)"
        };
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{:<width$} {kind}  {}{not_yet}",
            signature.full_name(),
            summary(signature)
        );
    }
    text
}

/// Everything about one action, for a terminal.
pub fn page(signature: &Signature) -> String {
    let mut text = format!("{}\n\n{}\n\n", call(signature), told(signature));
    for (name, doc) in takes_and_gives(signature) {
        let _ = writeln!(text, "  {name:<12} {doc}");
    }
    text.push_str("\nEffects\n");
    for line in effects(signature) {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(text, "  {}", behaviour(signature));
    text.push_str("\nExample\n");
    for line in signature.example_lines() {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// The page of a family in the documentation, as Markdown.
pub fn family<'a>(name: &str, signatures: impl Iterator<Item = &'a Signature>) -> String {
    let mut text = format!(
        "# `{name}`\n\n\
         Made from the catalogue (`backstay actions {name}`); the examples stand in the runbook of [all examples](README.md#the-runbook-of-the-examples).\n"
    );
    for signature in signatures {
        let _ = writeln!(
            text,
            "\n## {}\n\n`{}`\n\n{}\n",
            signature.full_name(),
            call(signature),
            told(signature)
        );
        let rows = takes_and_gives(signature);
        if !rows.is_empty() {
            text.push_str("| | |\n| --- | --- |\n");
        }
        for (name, doc) in &rows {
            let _ = writeln!(text, "| `{name}` | {} |", doc.replace('|', "\\|"));
        }
        text.push_str(if rows.is_empty() { "Effects:\n" } else { "\nEffects:\n" });
        for line in effects(signature) {
            let _ = writeln!(text, "- `{line}`");
        }
        let _ = writeln!(text, "- {}\n\n```text", behaviour(signature));
        for line in signature.example_lines() {
            let _ = writeln!(text, "{line}");
        }
        text.push_str("```\n");
    }
    text
}

fn summary(signature: &Signature) -> &'static str {
    signature.doc.lines().next().unwrap_or_default()
}

/// What its documentation says, and whether it can be called yet.
fn told(signature: &Signature) -> String {
    let not_yet = if signature.is_carried_out {
        ""
    } else {
        "\n\nNot carried out yet: it is proved, shown and rehearsed by its effects; `plan` and `run` refuse what calls it."
    };
    format!("{}{not_yet}", signature.doc.trim())
}

/// How it is called, with types.
fn call(signature: &Signature) -> String {
    let parameters = signature.parameters.iter().map(|parameter| {
        let optional = if parameter.required { "" } else { "?" };
        format!("{}{optional}: {}", parameter.name, parameter.ty)
    });
    let parameters: Vec<String> = parameters.collect();
    let result = match &signature.result {
        Type::Nothing => String::new(),
        result => format!(" -> {result}"),
    };
    format!("{}({}){result}", signature.full_name(), parameters.join(", "))
}

/// Its parameters, and the fields of its answer.
fn takes_and_gives(signature: &Signature) -> Vec<(&'static str, String)> {
    let parameters = signature.parameters.iter().map(|parameter| {
        let takes_secrets = parameter.sink.is_some_and(Sink::takes_secrets) && !parameter.doc.contains("secret");
        let secret = if takes_secrets { " May be a secret." } else { "" };
        (parameter.name, format!("{}{secret}", parameter.doc))
    });
    let mut rows: Vec<(&str, String)> = parameters.collect();
    if let Type::Record(record) = &signature.result {
        let fields: Vec<String> = record.fields.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        rows.push(("gives", format!("{{ {} }}", fields.join(", "))));
    }
    rows
}

fn effects(signature: &Signature) -> Vec<String> {
    let declared = signature
        .declares_effects
        .then(|| "as declared where it is called: effects: { … }".to_owned());
    declared
        .into_iter()
        .chain(signature.effects.iter().map(shown))
        .collect()
}
fn behaviour(signature: &Signature) -> String {
    let repeat = match signature.repeat {
        Repeat::Read => "only looks",
        Repeat::Convergent => "may be repeated",
        Repeat::Keyed => "carries a key: a second attempt finds the first",
        Repeat::Once => "is never repeated on a guess",
    };
    let settle = match signature.settle {
        Settle::NotNeeded => "",
        Settle::Action => "; an unknown outcome is settled by asking the world",
        Settle::Person => "; an unknown outcome is settled by a person",
    };
    let partial = if signature.is_partial {
        "; may stop half-way"
    } else {
        ""
    };
    let cancel = match signature.cancel {
        Cancel::Kill => "can be ended at once".to_owned(),
        Cancel::Grace { ms } => format!("gets {} to end", units::duration(ms)),
        Cancel::Never => "is waited for".to_owned(),
    };
    let traces = if signature.leaves_traces {
        "; may leave marks"
    } else {
        ""
    };
    format!(
        "{repeat}{settle}{partial}{traces}; {cancel}; at most {} unless `within` says otherwise",
        units::duration(signature.limit_ms)
    )
}

fn shown(effect: &Effect<Pattern>) -> String {
    match effect {
        Effect::Sets { resource, to: Some(to) } => format!("{} {resource} = {to}", effect.word()),
        other => other.to_string(),
    }
}
