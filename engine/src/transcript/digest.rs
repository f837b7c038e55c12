//! SHA-256 as the transcript writes it: 64 hexadecimal digits in lower case.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The link of the first record: there is no line before it.
pub(super) const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The SHA-256 of these bytes.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let mut text = String::with_capacity(64);
    for byte in digest {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
