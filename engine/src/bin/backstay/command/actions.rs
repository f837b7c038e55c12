//! `backstay actions [NAME]`: the catalogue.

use std::fmt::Write as _;

use backstay_dsl::catalogue::{Pattern, Settle, Signature};
use backstay_dsl::effect::{Cancel, Effect, Repeat};
use backstay_dsl::suggest::closest;
use backstay_dsl::types::Type;
use backstay_dsl::units;

use crate::arguments::Actions;
use crate::failure::Failure;
use crate::streams;

pub(super) fn run(arguments: &Actions) -> Result<u8, Failure> {
    let catalogue = backstay::action::catalogue();
    let Some(name) = &arguments.name else {
        streams::data(&list(catalogue.iter()));
        return Ok(0);
    };
    if let Some(signature) = catalogue.get(name) {
        streams::data(&page(signature));
        return Ok(0);
    }
    let family = list(catalogue.iter().filter(|known| known.family == name));
    if family.is_empty() {
        let reason = format!("there is no action and no family `{}`", backstay::render::visible(name));
        let names: Vec<String> = catalogue.iter().map(Signature::full_name).collect();
        let failure = match closest(name, names.iter().map(String::as_str)) {
            Some(nearest) => Failure::usage(reason).help(format!("did you mean `{nearest}`?")),
            None => Failure::usage(reason),
        };
        return Err(failure.help("for a list of all: backstay actions"));
    }
    streams::data(&family);
    Ok(0)
}

/// A line for each action, in columns.
fn list<'a>(signatures: impl Iterator<Item = &'a Signature>) -> String {
    let signatures: Vec<&Signature> = signatures.collect();
    let names = signatures.iter().map(|signature| signature.full_name().len());
    let width = names.max().unwrap_or_default();
    let mut text = String::new();
    for signature in signatures {
        let first = signature.doc.lines().next().unwrap_or_default();
        let kind = if signature.is_read() { "reads" } else { "do   " };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{:<width$} {kind}  {first}", signature.full_name());
    }
    text
}

/// Everything about one action.
fn page(signature: &Signature) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let parameters: Vec<String> = signature
        .parameters
        .iter()
        .map(|parameter| {
            let optional = if parameter.required { "" } else { "?" };
            format!("{}{optional}: {}", parameter.name, parameter.ty)
        })
        .collect();
    let result = match &signature.result {
        Type::Nothing => String::new(),
        result => format!(" -> {result}"),
    };
    let _ = writeln!(text, "{}({}){result}\n", signature.full_name(), parameters.join(", "));
    let _ = writeln!(text, "{}\n", signature.doc.trim());
    for parameter in &signature.parameters {
        let secret = match parameter.sink {
            Some(sink) if sink.takes_secrets() => " May be a secret.",
            _ => "",
        };
        let _ = writeln!(text, "  {:<12} {}{secret}", parameter.name, parameter.doc);
    }
    if let Type::Record(record) = &signature.result {
        let fields: Vec<String> = record.fields.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        let _ = writeln!(text, "  gives        {{ {} }}", fields.join(", "));
    }
    text.push_str("\nEffects\n");
    if signature.declares_effects {
        text.push_str("  as declared where it is called: effects: { … }\n");
    }
    for effect in &signature.effects {
        let _ = writeln!(text, "  {}", shown(effect));
    }
    let _ = writeln!(text, "  {}", behaviour(signature));
    text
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
