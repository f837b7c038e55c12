//! The keyed MAC of an action's arguments: it stands in the intent, so that a resumed run can see that it
//! speaks of the same call, and nobody can guess a secret from it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::action::GroundCall;
use crate::digest::hex;
use crate::value::Value;

/// Bytes of the key.
pub const MAC_KEY_BYTES: usize = 32;

/// The key of one run; it lies in a file of mode 0600 beside the transcript, never in it.
#[derive(Clone)]
pub struct MacKey(pub [u8; MAC_KEY_BYTES]);

impl MacKey {
    /// The MAC of a call, in hexadecimal.
    pub(super) fn of(&self, key: &str, call: &GroundCall) -> String {
        let mut bytes = Vec::new();
        word(&mut bytes, key);
        word(&mut bytes, &call.action);
        for (name, value) in &call.arguments.0 {
            word(&mut bytes, name);
            value_bytes(&mut bytes, value);
        }
        // A shorter key is one with zeros behind it: so HMAC defines it.
        let mut block = [0; 64];
        block[..MAC_KEY_BYTES].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(&bytes);
        hex(&mac.finalize().into_bytes())
    }
}

fn word(bytes: &mut Vec<u8>, word: &str) {
    bytes.extend_from_slice(&(word.len() as u64).to_be_bytes());
    bytes.extend_from_slice(word.as_bytes());
}

fn value_bytes(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Secret(secret) => {
            word(bytes, "secret");
            word(bytes, secret.expose());
        }
        Value::List(values) => {
            word(bytes, "list");
            bytes.extend_from_slice(&(values.len() as u64).to_be_bytes());
            for value in values {
                value_bytes(bytes, value);
            }
        }
        Value::Map(pairs) | Value::Record(pairs) => {
            word(bytes, "map");
            bytes.extend_from_slice(&(pairs.len() as u64).to_be_bytes());
            for (key, value) in pairs {
                word(bytes, key);
                value_bytes(bytes, value);
            }
        }
        plain => {
            word(bytes, "plain");
            word(bytes, &plain.canonical());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Arguments;
    use crate::value::Secret;
    use std::collections::BTreeMap;

    #[test]
    fn the_mac_moves_with_a_secret_and_with_the_key() {
        let mac = |key: u8, secret: &str| {
            let call = GroundCall {
                action: "t.do".to_owned(),
                arguments: Arguments(BTreeMap::from([(
                    "token".to_owned(),
                    Value::Secret(Secret::new("token", secret)),
                )])),
                effects: Vec::new(),
                of_result: Vec::new(),
                healthy: None,
            };
            MacKey([key; MAC_KEY_BYTES]).of("a/1", &call)
        };
        assert_eq!(mac(1, "one"), mac(1, "one"));
        assert_ne!(mac(1, "one"), mac(1, "two"));
        assert_ne!(mac(1, "one"), mac(2, "one"));
        assert_eq!(mac(1, "one").len(), 64);
    }
}
