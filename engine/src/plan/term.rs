//! Effects in words, with real resources.

use backstay_dsl::effect::{Resource, Touch};

/// A touch in words: `sets link(/srv/current) to /srv/releases/2`.
pub(crate) fn term(touch: &Touch<String>) -> String {
    let word = touch.word();
    match touch {
        Touch::Tells(channel) => format!("{word} {channel}"),
        Touch::Captures { state, backup } => format!("{word} {} as {}", shown(state), shown(backup)),
        Touch::Sets { resource, to: Some(to) } => format!("{word} {} to {to}", shown(resource)),
        Touch::Starts {
            member,
            with: Some(with),
        } => format!("{word} {} with {with}", shown(member)),
        other => match other.resource() {
            Some(resource) => format!("{word} {}", shown(resource)),
            None => word.to_owned(),
        },
    }
}

fn shown(resource: &Resource<String>) -> String {
    format!("{}({})", resource.kind, resource.key.join(", "))
}
