//! What a call says about a container that is to be made.

use std::collections::BTreeMap;

use super::policy;
use crate::action::Arguments;
use crate::containers::{CreateContainer, MountOrder, PublishedPort};
use crate::value::Value;

/// The order that a call says: without a name, labels, or a container that it is like.
pub(super) fn order_of(arguments: &Arguments) -> Result<CreateContainer, String> {
    let restart_policy = arguments.text("restart").map(policy::parse).transpose()?;
    Ok(CreateContainer {
        image: arguments.text("image").unwrap_or_default().to_owned(),
        entry: arguments.words("entry"),
        command: arguments.words("command"),
        environment: environment_of(arguments)?,
        mounts: mounts_of(arguments)?,
        ports: ports_of(arguments)?,
        network: arguments.text("network").map(str::to_owned),
        user: arguments.text("user").map(str::to_owned),
        working_directory: arguments.text("cwd").map(str::to_owned),
        restart_policy,
        ..CreateContainer::default()
    })
}

fn map_of<'a>(arguments: &'a Arguments, name: &str) -> Option<&'a BTreeMap<String, Value>> {
    match arguments.get(name) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    }
}

/// The variables of a call: texts and secrets.
pub(super) fn environment_of(arguments: &Arguments) -> Result<BTreeMap<String, Value>, String> {
    let Some(map) = map_of(arguments, "env") else {
        return Ok(BTreeMap::new());
    };
    for name in map.keys() {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("`{name}` cannot be the name of a variable; choose another"));
        }
    }
    Ok(map.clone())
}

/// The names of the variables of a call, for a person.
pub(super) fn names_of_variables(arguments: &Arguments) -> Vec<String> {
    map_of(arguments, "env").map_or_else(Vec::new, |map| map.keys().cloned().collect())
}

fn mounts_of(arguments: &Arguments) -> Result<Vec<MountOrder>, String> {
    let mounts = map_of(arguments, "mounts").into_iter().flatten();
    mounts
        .map(|(target, source)| mount(target, &source.canonical()))
        .collect()
}

fn mount(target: &str, source: &str) -> Result<MountOrder, String> {
    let (source, is_writable) = match source.strip_suffix(":ro") {
        Some(source) => (source, false),
        None => (source.strip_suffix(":rw").unwrap_or(source), true),
    };
    if !target.starts_with('/') {
        return Err(format!(
            "`{target}` is no place to mount at; write an absolute path inside the container"
        ));
    }
    let is_path = source.starts_with('/');
    let is_name_character = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    let is_volume =
        source.starts_with(|first: char| first.is_ascii_alphanumeric()) && source.chars().all(is_name_character);
    if !is_path && !is_volume {
        return Err(format!(
            "`{source}` cannot be mounted at {target}; write the name of a volume or an absolute path, with :ro behind it \
             where the container must not write"
        ));
    }
    Ok(MountOrder {
        source: source.to_owned(),
        target: target.to_owned(),
        is_writable,
    })
}

fn ports_of(arguments: &Arguments) -> Result<Vec<PublishedPort>, String> {
    let ports = map_of(arguments, "ports").into_iter().flatten();
    ports
        .map(|(outside, inside)| port(outside, &inside.canonical()))
        .collect()
}

fn port(outside: &str, inside: &str) -> Result<PublishedPort, String> {
    let (address, host_port) = outside.rsplit_once(':').unwrap_or(("", outside));
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0);
    let is_address = address.is_empty() || address.parse::<std::net::IpAddr>().is_ok();
    match (number(host_port), number(inside.trim_end_matches("/tcp")), is_address) {
        (Some(host_port), Some(container_port), true) => Ok(PublishedPort {
            address: address.to_owned(),
            host_port,
            container_port,
        }),
        _ => Err(format!(
            "the port \"{outside}\": \"{inside}\" cannot be published; write \"127.0.0.1:8080\": \"80\", or \"8080\": \"80\" for \
             every address"
        )),
    }
}
