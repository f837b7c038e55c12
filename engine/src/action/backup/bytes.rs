//! Bytes as text: names of files keep every byte, also where they are not UTF-8.

use std::ffi::OsStr;
use std::fmt;
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::problem::{Result, trying};
use crate::action::common::blocking::Stop;
use crate::action::common::files;

/// A name, a path or a value. As text, control characters, `%` and what is not UTF-8 stand as `%XX`: nothing is lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Bytes(pub Vec<u8>);

impl Bytes {
    pub(super) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&Path> for Bytes {
    fn from(path: &Path) -> Self {
        path.as_os_str().as_bytes().into()
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.utf8_chunks() {
            for letter in chunk.valid().chars() {
                if letter == '%' || letter.is_control() {
                    escape(f, letter.encode_utf8(&mut [0; 4]).as_bytes())?;
                } else {
                    f.write_char(letter)?;
                }
            }
            escape(f, chunk.invalid())?;
        }
        Ok(())
    }
}

fn escape(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        bytes.to_string()
    }
}

impl TryFrom<String> for Bytes {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        decode(text.as_bytes())
            .map(Self)
            .ok_or("a `%` is not followed by two digits")
    }
}

/// The bytes that stand as text.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
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

/// `sha256:…` as values carry it.
pub(super) fn digest_text(hash: &Hash) -> String {
    format!("sha256:{}", crate::digest::hex(hash))
}

/// The hash of a whole file, read from where it stands.
pub(super) fn hash_file(file: &mut File, what: &Path, stop: &Stop) -> Result<Hash> {
    files::hash(file, stop)?.map_err(trying(|| format!("cannot read {}", what.display())))
}
