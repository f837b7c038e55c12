//! The digest of a plan: what was approved is what runs.
//!
//! It is over sources, catalogue, plan format, inputs (secrets by name) and times, never over what was
//! read from the world. The bytes are made here by hand, field by field, each with its length in front,
//! so that no change of a library's output can change a digest.

use std::collections::BTreeMap;

use crate::digest::sha256;
use crate::value::{RecordedValue, Value};
use backstay_dsl::catalogue::{Catalogue, Pattern, Settle, Signature, Sink};
use backstay_dsl::effect::{Cancel, Effect};
use backstay_dsl::source::SourceMap;
use backstay_dsl::time::Times;

/// The format of plans. A run of one format is not resumed by a program of another.
pub const PLAN_FORMAT: u32 = 2;

/// Name and digest of each source.
pub(crate) fn sources(sources: &SourceMap) -> Vec<(String, String)> {
    sources
        .iter()
        .map(|(_, source)| (source.name.clone(), sha256(source.text.as_bytes())))
        .collect()
}

/// The digest of a plan.
pub(super) fn plan(
    source_digests: &[(String, String)],
    catalogue: &Catalogue,
    inputs: &BTreeMap<String, Value>,
    times: &Times,
) -> String {
    let mut bytes = Canonical::default();
    bytes.word("backstay-plan").number(u64::from(PLAN_FORMAT));
    bytes.count(source_digests.len());
    for (place, (name, digest)) in source_digests.iter().enumerate() {
        // The runbook's own name is how it was called; only what it says counts.
        bytes.word(if place == 0 { "runbook" } else { name }).word(digest);
    }
    bytes.count(catalogue.iter().count());
    for signature in catalogue.iter() {
        signature_bytes(&mut bytes, signature);
    }
    bytes.count(inputs.len());
    for (name, value) in inputs {
        let recorded = serde_json::to_string(&RecordedValue::from(value)).unwrap_or_default();
        bytes.word(name).word(&recorded);
    }
    bytes
        .number(times.forward_to_commit_ms)
        .number(times.forward_ms)
        .number(times.longest_way_back_ms)
        .count(times.remaining_ms.len());
    for remaining_ms in &times.remaining_ms {
        bytes.number(*remaining_ms);
    }
    sha256(&bytes.0)
}

#[derive(Default)]
struct Canonical(Vec<u8>);

impl Canonical {
    fn word(&mut self, word: &str) -> &mut Self {
        self.count(word.len());
        self.0.extend_from_slice(word.as_bytes());
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn count(&mut self, count: usize) -> &mut Self {
        self.number(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

fn signature_bytes(bytes: &mut Canonical, signature: &Signature) {
    bytes.word(&signature.full_name()).count(signature.parameters.len());
    for parameter in &signature.parameters {
        bytes
            .word(parameter.name)
            .word(&parameter.ty.to_string())
            .number(u64::from(parameter.required))
            .word(sink_word(parameter.sink));
    }
    bytes.word(&signature.result.to_string()).count(signature.effects.len());
    for effect in &signature.effects {
        effect_bytes(bytes, effect);
    }
    bytes
        .number(u64::from(signature.declares_effects))
        .number(u64::from(signature.leaves_traces))
        .number(signature.limit_ms)
        .word(signature.repeat.word())
        .word(match signature.settle {
            Settle::NotNeeded => "none",
            Settle::Action => "action",
            Settle::Person => "person",
        })
        .number(u64::from(signature.is_partial));
    match signature.cancel {
        Cancel::Kill => bytes.word("kill"),
        Cancel::Grace { ms } => bytes.word("grace").number(ms),
        Cancel::Never => bytes.word("never"),
    };
}

fn sink_word(sink: Option<Sink>) -> &'static str {
    match sink {
        None => "",
        Some(Sink::Argv) => "argv",
        Some(Sink::Env) => "env",
        Some(Sink::Stdin) => "stdin",
        Some(Sink::Header) => "header",
        Some(Sink::Body) => "body",
        Some(Sink::File) => "file",
        Some(Sink::Message) => "message",
        Some(Sink::Setting) => "setting",
    }
}

fn effect_bytes(bytes: &mut Canonical, effect: &Effect<Pattern>) {
    bytes.word(effect.word());
    if let Some(resource) = effect.resource() {
        bytes.word(resource.kind.word());
    }
    let mut patterns = Vec::new();
    effect.map(&mut |pattern: &Pattern| patterns.push(pattern.clone()));
    bytes.count(patterns.len());
    for pattern in patterns {
        match pattern {
            Pattern::Text(text) => bytes.word("text").word(text),
            Pattern::Parameter(name) => bytes.word("parameter").word(name),
            Pattern::Result => bytes.word("result"),
            Pattern::ResultField(name) => bytes.word("field").word(name),
            Pattern::Address(host, port) => bytes.word("address").word(host).word(port),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Secret;

    fn digest_of(text: &str, input: Value, forward_ms: u64) -> String {
        let sources = vec![("a.runbook".to_owned(), sha256(text.as_bytes()))];
        let times = Times {
            forward_ms,
            ..Times::default()
        };
        plan(
            &sources,
            &Catalogue::default(),
            &BTreeMap::from([("x".to_owned(), input)]),
            &times,
        )
    }

    #[test]
    fn the_digest_moves_with_text_inputs_and_times_but_not_with_a_secret() {
        let base = digest_of("a", Value::Int(1), 5);
        assert_eq!(base, digest_of("a", Value::Int(1), 5));
        assert_ne!(base, digest_of("b", Value::Int(1), 5));
        assert_ne!(base, digest_of("a", Value::Int(2), 5));
        assert_ne!(base, digest_of("a", Value::Port(1), 5));
        assert_ne!(base, digest_of("a", Value::Int(1), 6));
        let secret = |text: &str| Value::Secret(Secret::new("x", text));
        assert_eq!(digest_of("a", secret("one"), 5), digest_of("a", secret("two"), 5));
    }
}
