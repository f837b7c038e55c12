//! Texts that become values of other types, by one set of rules: in a runbook where a path, an address or an
//! image is wanted, in inputs, in what a question gives and what a file holds.

use crate::model::Literal;
use crate::types::Type;
use crate::units::{self, Number};

/// Reads a text as a value of a type that is written as text.
///
/// The error is a sentence without a full stop that says what is wanted. Types that no text can stand
/// for (a record, a service, a secret) are refused.
pub fn parse(text: &str, wanted: &Type) -> Result<Literal, String> {
    match wanted {
        Type::Text => Ok(Literal::Text(text.to_owned())),
        Type::Path => path(text),
        Type::Url => url(text),
        Type::Image { pinned } => image(text, *pinned),
        Type::Package { pinned } => package(text, *pinned),
        Type::Host => host(text),
        Type::Digest => digest(text),
        Type::Version => crate::version::read(text).map(Literal::Version),
        Type::Port => text
            .parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .map(Literal::Port)
            .ok_or_else(|| "a port is a number from 1 to 65535".to_owned()),
        Type::Int => text
            .parse::<i64>()
            .map(Literal::Int)
            .map_err(|_| "a whole number of 64 bits is wanted".to_owned()),
        Type::Bool => match text {
            "true" => Ok(Literal::Bool(true)),
            "false" => Ok(Literal::Bool(false)),
            _ => Err("`true` or `false` is wanted".to_owned()),
        },
        Type::Duration => match units::read(text) {
            Ok(Number::Duration(ms)) => Ok(Literal::Duration(ms)),
            Err(refusal) => Err(refusal.1),
            _ => Err("a duration has its unit, such as 30s, 5m or 1h30m".to_owned()),
        },
        Type::Size => match units::read(text) {
            Ok(Number::Size(bytes)) => Ok(Literal::Size(bytes)),
            Err(refusal) => Err(refusal.1),
            _ => Err("a size has its unit, such as 512B, 16MiB or 2GiB".to_owned()),
        },
        Type::Optional(inner) => parse(text, inner),
        other => Err(format!("a text cannot stand for a value of type {other}")),
    }
}

/// Whether a text literal may stand where a value of this type is wanted.
pub fn is_written_as_text(wanted: &Type) -> bool {
    matches!(
        wanted,
        Type::Path | Type::Url | Type::Image { .. } | Type::Package { .. } | Type::Host | Type::Digest | Type::Version
    )
}

/// Whether an image carries a digest.
pub fn is_pinned_image(text: &str) -> bool {
    text.split_once('@').is_some_and(|(_, found)| digest(found).is_ok())
}

/// Whether a package, `name=version`, carries an exact version: no range, no wild card, no tag.
pub fn is_pinned_package(text: &str) -> bool {
    text.split_once('=').is_some_and(|(_, version)| {
        version.starts_with(|first: char| first.is_ascii_digit() || first == 'v')
            && version.contains(|one: char| one.is_ascii_digit())
            && version
                .chars()
                .all(|one| one.is_ascii_alphanumeric() || ".:+~-_".contains(one))
            && version.split(['.', '-']).all(|part| !part.eq_ignore_ascii_case("x"))
    })
}

/// One part of a path: what may stand after `/`.
pub fn is_segment(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".." && !text.contains(['/', '\0'])
}

/// One part of the path of an address: signs that mean something there are written with `%`.
pub fn in_address(segment: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    let written = segment.bytes().map(|byte| {
        if is_plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    written.collect()
}

fn path(text: &str) -> Result<Literal, String> {
    if text.is_empty() {
        return Err("a path is not empty".to_owned());
    }
    if text.contains(['\0', '\n']) {
        return Err("a path holds no zero byte and no line end".to_owned());
    }
    if text.starts_with('~') && text != "~" && !text.starts_with("~/") {
        return Err("`~` stands for your own home folder only; write another's in full".to_owned());
    }
    Ok(Literal::Path(text.to_owned()))
}

fn url(text: &str) -> Result<Literal, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .ok_or("an address begins with http:// or https://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if authority.contains('@') {
        return Err("an address carries no user name or password; use a secret and a header".to_owned());
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err("an address names a host".to_owned());
    }
    if text.chars().any(|one| one.is_whitespace() || one.is_control()) {
        return Err("an address holds no space".to_owned());
    }
    // The colons of an address of version 6 stand in brackets.
    let (_, behind) = authority.rsplit_once(']').unwrap_or(("", authority));
    if let Some((_, port)) = behind.split_once(':')
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Err("the port of an address is a number from 1 to 65535".to_owned());
    }
    Ok(Literal::Url(text.to_owned()))
}

fn image(text: &str, pinned: bool) -> Result<Literal, String> {
    let (name, found) = match text.split_once('@') {
        Some((name, found)) => (name, Some(found)),
        None => (text, None),
    };
    if !is_image_name(name) {
        return Err("an image is written as name, name:tag or name@sha256:…".to_owned());
    }
    if let Some(found) = found {
        digest(found)?;
    } else if pinned {
        return Err("a pinned image carries its digest: name@sha256:…".to_owned());
    }
    Ok(Literal::Image(text.to_owned()))
}

/// `[HOST[:PORT]/]path/to/name[:tag]`, as registries know it.
fn is_image_name(name: &str) -> bool {
    let (host, path) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, name),
    };
    let is_host = |host: &str| {
        let (name, port) = host.split_once(':').unwrap_or((host, "1"));
        port.parse::<u16>().is_ok_and(|port| port > 0) && self::host(name).is_ok()
    };
    let (path, tag) = path.split_once(':').unwrap_or((path, "latest"));
    let is_tag = tag.len() <= 128
        && tag.starts_with(|one: char| one.is_ascii_alphanumeric() || one == '_')
        && tag
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || "_.-".contains(one));
    let is_alphanumeric = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_alphanumeric)
            && part.ends_with(is_alphanumeric)
            && part.chars().all(|one| is_alphanumeric(one) || "._-".contains(one))
    };
    host.is_none_or(is_host) && is_tag && path.split('/').all(is_part)
}

/// A name that no tool takes for an option or a range.
fn is_package_name(name: &str) -> bool {
    name.starts_with(|one: char| one.is_ascii_alphanumeric() || one == '@')
        && name
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || "@/+._-:".contains(one))
}

fn package(text: &str, pinned: bool) -> Result<Literal, String> {
    let is_package = text.split_once('=').is_some_and(|(name, version)| {
        is_package_name(name)
            && !version.is_empty()
            && !version.starts_with(['=', '-'])
            && !text.chars().any(|one| one.is_whitespace() || one.is_control())
    });
    if !is_package {
        return Err("a package is written as name=version".to_owned());
    }
    if pinned && !is_pinned_package(text) {
        return Err("a pinned package carries one exact version, not a range or a tag".to_owned());
    }
    Ok(Literal::Package(text.to_owned()))
}

fn host(text: &str) -> Result<Literal, String> {
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    let is_name = text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|one| one.is_ascii_alphanumeric() || "-_".contains(one))
        });
    if is_address || is_name {
        Ok(Literal::Host(text.to_owned()))
    } else {
        Err("a host is a name such as db1.example.org, or an address".to_owned())
    }
}

pub(crate) fn digest(text: &str) -> Result<Literal, String> {
    let is_digest = text
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    if is_digest {
        Ok(Literal::Digest(text.to_owned()))
    } else {
        Err("a digest is sha256: and 64 hexadecimal digits in small letters".to_owned())
    }
}
