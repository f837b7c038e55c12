//! How effects stand in records: one object each, with the word of the effect and the resource as a list.
//!
//! `{"effect":"sets","resource":["link","/srv/current"],"to":"/srv/releases/2"}`. A `null` in the place of a
//! key stands for one that only the result of the action gives.

use std::fmt;

use backstay_dsl::effect::{Effect, Resource};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::resource_words::{first_word, read_first_word};

/// A key of a resource in an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Option<String>", from = "Option<String>")]
pub enum EffectKey {
    /// It is known before the action starts.
    Known(String),
    /// Only the result of the action gives it.
    OfResult,
}

impl From<EffectKey> for Option<String> {
    fn from(key: EffectKey) -> Self {
        match key {
            EffectKey::Known(key) => Some(key),
            EffectKey::OfResult => None,
        }
    }
}

impl From<Option<String>> for EffectKey {
    fn from(key: Option<String>) -> Self {
        key.map_or(Self::OfResult, Self::Known)
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(key) => key,
            Self::OfResult => "‹result›",
        })
    }
}

/// The resource, where all of its keys are known before the action starts.
pub fn known(resource: &Resource<EffectKey>) -> Option<Resource<String>> {
    let is_known = !resource.key.contains(&EffectKey::OfResult);
    is_known.then(|| resource.map(&mut ToString::to_string))
}

/// A resource as a list: the word of its kind, then its keys.
type Words = Vec<EffectKey>;

/// One effect as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    effect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<Words>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backup: Option<Words>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    to: Option<EffectKey>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    with: Option<EffectKey>,
}

/// A field that is there: `null` in it is a key, not its absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EffectKey>, D::Error> {
    EffectKey::deserialize(deserializer).map(Some)
}

/// Writes the effects of an intent.
pub(super) fn serialize<S: Serializer>(effects: &[Effect<EffectKey>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(effects.iter().map(Written::of))
}

/// Reads the effects of an intent.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Effect<EffectKey>>, D::Error> {
    let written: Vec<Written> = Vec::deserialize(deserializer)?;
    let effects = written.into_iter().map(|written| {
        let word = written.effect.clone();
        let effect = written.effect();
        effect.ok_or_else(|| D::Error::custom(format!("`{word}` is no effect of this form")))
    });
    effects.collect()
}

impl Written {
    fn of(effect: &Effect<EffectKey>) -> Self {
        let (mut backup, mut to, mut with) = (None, None, None);
        let mut resource = effect.resource();
        match effect {
            Effect::Captures { state, .. } => backup = resource.replace(state),
            Effect::Sets { to: value, .. } => to.clone_from(value),
            Effect::Starts { with: release, .. } => with.clone_from(release),
            Effect::Tells(channel) => to = Some(channel.clone()),
            _ => {}
        }
        Self {
            effect: effect.word().to_owned(),
            resource: resource.map(words),
            backup: backup.map(words),
            to,
            with,
        }
    }

    fn effect(self) -> Option<Effect<EffectKey>> {
        let resource = self.resource.map(resource);
        if self.effect == "tells" {
            return self.to.map(Effect::Tells);
        }
        let resource = resource??;
        Some(match self.effect.as_str() {
            "reads" => Effect::Reads(resource),
            "value_of" => Effect::ValueOf(resource),
            "sets" => Effect::Sets { resource, to: self.to },
            "edits" => Effect::Edits(resource),
            "removes" => Effect::Removes(resource),
            "opaque" => Effect::Opaque(resource),
            "adds" => Effect::Adds(resource),
            "captures" => Effect::Captures {
                state: resource,
                backup: self.backup.and_then(self::resource)?,
            },
            "proves" => Effect::Proves(resource),
            "restores" => Effect::Restores(resource),
            "starts" => Effect::Starts {
                member: resource,
                with: self.with,
            },
            "stops" => Effect::Stops(resource),
            "demotes" => Effect::Demotes(resource),
            "drains" => Effect::Drains(resource),
            "opens" => Effect::Opens(resource),
            _ => return None,
        })
    }
}

fn words(resource: &Resource<EffectKey>) -> Words {
    // A host is known before anything runs.
    let host = match &resource.host {
        Some(EffectKey::Known(host)) => Some(host.as_str()),
        _ => None,
    };
    let kind = EffectKey::Known(first_word(resource.kind, host));
    std::iter::once(kind).chain(resource.key.iter().cloned()).collect()
}

fn resource(words: Words) -> Option<Resource<EffectKey>> {
    let mut words = words.into_iter();
    let Some(EffectKey::Known(kind)) = words.next() else {
        return None;
    };
    let (kind, host) = read_first_word(&kind)?;
    Some(Resource {
        host: host.map(EffectKey::Known),
        kind,
        key: words.collect(),
    })
}
