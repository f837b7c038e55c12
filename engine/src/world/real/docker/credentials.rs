//! What the operator's Docker settings say to a registry.
//!
//! Only `auths` of `config.json` is read, as `docker login` writes it without a credential helper. Helpers are not
//! asked: a helper is a program, and fetching an image must not start programs that the runbook does not name.

use std::path::PathBuf;

use bollard::auth::DockerCredentials;
use serde::Deserialize;

/// The registry of names without one, as the settings call it.
const DEFAULT_REGISTRY: &str = "https://index.docker.io/v1/";

#[derive(Deserialize, Default)]
struct Settings {
    #[serde(default)]
    auths: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// The credentials for the registry of this repository; `None` where the settings know none.
pub(super) fn credentials(repository: &str) -> Option<DockerCredentials> {
    let folder = match std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".docker"),
    };
    let settings = std::fs::read(folder.join("config.json")).ok()?;
    credentials_in(&settings, repository)
}

fn credentials_in(settings: &[u8], repository: &str) -> Option<DockerCredentials> {
    // What is wrong in this file is not said: its words may hold a password, and the registry will refuse.
    let settings: Settings = serde_json::from_slice(settings).ok()?;
    let registry = registry(repository);
    let (name, entry) = settings
        .auths
        .into_iter()
        .find(|(name, _)| bare(name) == bare(registry))?;
    let entry: Entry = serde_json::from_value(entry).ok()?;
    let pair = decoded(&entry.auth).and_then(|text| {
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    });
    let (username, password) = pair.unwrap_or((entry.username, entry.password));
    let some = |text: String| (!text.is_empty()).then_some(text);
    Some(DockerCredentials {
        username: some(username),
        password: some(password),
        identitytoken: some(entry.identitytoken),
        serveraddress: Some(name),
        ..DockerCredentials::default()
    })
}

/// The registry that a repository is in: its first part, where that can be the name of a host.
fn registry(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DEFAULT_REGISTRY,
    }
}

/// A registry's name without what settings put around it.
fn bare(name: &str) -> &str {
    let host = name.trim_start_matches("https://").trim_start_matches("http://");
    let host = host.split('/').next().unwrap_or(host);
    if host == "docker.io" { "index.docker.io" } else { host }
}

/// Base64 with or without its filling.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.trim().trim_end_matches('=').bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// The texts are what `docker login` of 20.10 wrote.
    const SETTINGS: &[u8] = br#"{"auths": {
        "https://index.docker.io/v1/": {"auth": "YWRhOnBhOnNzd29yZA=="},
        "registry.example:5000": {"auth": "Z3JhY2U6w6k="},
        "token.example": {"auth": "eDo=", "identitytoken": "abc"}
    }, "credsStore": "desktop"}"#;

    #[test]
    fn the_registry_of_a_repository_finds_its_entry() {
        let find = |repository: &str| credentials_in(SETTINGS, repository);
        let pair = |repository: &str| {
            let found = find(repository).unwrap();
            (found.username.unwrap(), found.password.unwrap())
        };
        let ada = ("ada".to_owned(), "pa:ssword".to_owned());
        assert_eq!(pair("busybox"), ada);
        assert_eq!(pair("library/busybox"), ada);
        assert_eq!(pair("docker.io/library/busybox"), ada);
        assert_eq!(pair("registry.example:5000/a/b"), ("grace".to_owned(), "é".to_owned()));
        assert_eq!(find("token.example/a").unwrap().identitytoken.unwrap(), "abc");
        assert!(find("other.example/a").is_none());
        assert!(credentials_in(b"{ broken", "busybox").is_none());
        assert!(credentials_in(b"{}", "busybox").is_none());
    }
}
