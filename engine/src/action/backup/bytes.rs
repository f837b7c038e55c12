//! Bytes as text: names of files keep every byte, also where they are not UTF-8.

use std::fmt::Write as _;

use super::problem::{Result, trying};
use sha2::{Digest as _, Sha256};

/// Names as text without loss: control characters, `%` and what is not UTF-8 stand as `%XX`.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let escape = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(text, "%{byte:02X}");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter == '%' || letter.is_control() {
                escape(&mut text, letter.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(letter);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// The bytes that [`encode`] wrote; `None` where a `%` is not followed by two hexadecimal digits.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Some(bytes)
}

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// The hash of its digits.
pub(super) fn from_hex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, index) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[index..index + 2], 16).ok()?;
    }
    Some(hash)
}

/// `sha256:…` as values carry it.
pub(super) fn digest_text(hash: &Hash) -> String {
    format!("sha256:{}", crate::digest::hex(hash))
}

/// The hash of a whole file, read from where it stands.
pub(super) fn hash_file(
    file: &mut std::fs::File,
    what: &str,
    stop: &crate::action::common::blocking::Stop,
) -> Result<Hash> {
    use std::io::Read as _;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        stop.check()?;
        let count = file
            .read(&mut buffer)
            .map_err(trying(|| format!("cannot read {what}")))?;
        if count == 0 {
            return Ok(hasher.finalize().into());
        }
        hasher.update(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_name_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let text = encode(&bytes);
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(decode(&text), Some(bytes));
        }
    }
}
