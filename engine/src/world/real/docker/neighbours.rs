//! What a container has in common with others and with its machine: who hangs on it, and what the engine would refuse
//! only when it is started.
//!
//! A refusal is said only where it is sure: what cannot be seen from here is left to the engine.

use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, HostConfig, Mount, MountPoint, MountType};
use bollard::query_parameters::{CreateContainerOptions, InspectNetworkOptions};

use crate::containers::{Containers as _, Problem, Shared, Sharer};

use super::DockerEngine;
use super::port::if_there;

fn name_of(told: &ContainerInspectResponse) -> &str {
    told.name.as_deref().unwrap_or_default().trim_start_matches('/')
}

/// Whether others may call it so: by its name, or by its id or the beginning of that.
fn is_called(told: &ContainerInspectResponse, word: &str) -> bool {
    let is_id = |id: &String| word.len() >= 12 && id.starts_with(word);
    name_of(told) == word || told.id.as_ref().is_some_and(is_id)
}

fn is_running(told: &ContainerInspectResponse) -> bool {
    told.state.as_ref().is_some_and(|state| state.running == Some(true))
}

/// What a container shares with others: the others as they are named there, by name or id.
fn shares(host: &HostConfig) -> Vec<(Shared, String)> {
    let modes = [
        (Shared::Network, &host.network_mode),
        (Shared::Processes, &host.pid_mode),
        (Shared::Memory, &host.ipc_mode),
    ];
    let modes = modes.into_iter().filter_map(|(what, mode)| {
        let other = mode.as_deref()?.strip_prefix("container:")?;
        Some((what, other.to_owned()))
    });
    let links = host.links.iter().flatten().map(|link| {
        let other = link.split(':').next().unwrap_or_default();
        (Shared::Link, other.trim_start_matches('/').to_owned())
    });
    modes.chain(links).collect()
}

/// The containers that hang on this one.
pub(super) async fn sharers(engine: &DockerEngine, container: &str) -> Result<Vec<Sharer>, Problem> {
    let Some(own) = engine.inspect(container).await? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for other in engine.inspect_all().await? {
        let host = other.host_config.as_ref();
        for (what, with) in host.map(shares).unwrap_or_default() {
            if is_called(&own, &with) {
                found.push(Sharer {
                    name: name_of(&other).to_owned(),
                    what,
                    is_running: is_running(&other),
                });
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Why the engine would refuse to start a container that it made, one sentence each. The other one is going to be
/// stopped before.
pub(super) async fn obstacles(
    engine: &DockerEngine,
    container: &str,
    other: Option<&str>,
) -> Result<Vec<String>, Problem> {
    let Some(own) = engine.inspect(container).await? else {
        return Ok(Vec::new());
    };
    let host = own.host_config.clone().unwrap_or_default();
    let mut found = missing_networks(engine, &own).await?;
    found.extend(missing_paths(engine, &own, &host).await?);
    let wanted = ports_of(&host);
    let shared = shares(&host);
    if wanted.is_empty() && shared.is_empty() {
        return Ok(found);
    }
    let is_apart = |told: &&ContainerInspectResponse| told.id != own.id && told.id.as_deref() != other;
    let all = engine.inspect_all().await?;
    for (what, with) in shared {
        match all.iter().find(|told| is_called(told, &with)) {
            Some(told) if is_running(told) => {}
            Some(told) => found.push(format!(
                "it {what} {}, which does not run: start that first",
                name_of(told)
            )),
            None => found.push(format!("it {what} {with}, which is not there")),
        }
    }
    let taken = |told: &ContainerInspectResponse| ports_of(&told.host_config.clone().unwrap_or_default());
    let is_other = |told: &&ContainerInspectResponse| told.id.is_some() && told.id.as_deref() == other;
    let given_up: Vec<Port> = all.iter().filter(is_other).flat_map(taken).collect();
    for port in wanted {
        let holder = all
            .iter()
            .filter(is_apart)
            .filter(|told| is_running(told))
            .find(|told| taken(told).iter().any(|known| known.overlaps(&port)));
        if let Some(holder) = holder {
            found.push(format!("the container {} has the port {port}", name_of(holder)));
        } else if engine.is_of_this_machine() && !given_up.iter().any(|known| known.overlaps(&port)) && port.is_taken()
        {
            found.push(format!("a program of this machine listens at the port {port}"));
        }
    }
    Ok(found)
}

/// The networks of a container that are gone. The engine goes by the name: its own networks have another id after each
/// of its restarts.
async fn missing_networks(engine: &DockerEngine, own: &ContainerInspectResponse) -> Result<Vec<String>, Problem> {
    let settings = own.network_settings.as_ref();
    let networks = settings.and_then(|settings| settings.networks.as_ref());
    let mut found = Vec::new();
    for name in networks.into_iter().flatten().map(|(name, _)| name) {
        let docker = engine.docker().await?;
        let asked = docker.inspect_network(name, None::<InspectNetworkOptions>);
        let told = engine.ask(&format!("what network {name} is like"), asked).await;
        if if_there(told)?.is_none() {
            found.push(format!("the network {name} is gone"));
        }
    }
    found.sort();
    Ok(found)
}

/// What a container wants of the engine's machine, mounts and devices, and is not there. The engine would make a folder
/// in place of what `-v` names.
async fn missing_paths(
    engine: &DockerEngine,
    own: &ContainerInspectResponse,
    host: &HostConfig,
) -> Result<Vec<String>, Problem> {
    let is_bind = |point: &&MountPoint| point.typ.as_deref() == Some("bind");
    let points = own.mounts.iter().flatten().filter(is_bind);
    let sources = points.filter_map(|point| point.source.clone());
    let devices = host
        .devices
        .iter()
        .flatten()
        .filter_map(|device| device.path_on_host.clone());
    let mut paths: Vec<String> = sources.chain(devices).filter(|path| path.starts_with('/')).collect();
    paths.sort();
    paths.dedup();
    if engine.is_of_this_machine() {
        paths.retain(|path| Path::new(path).symlink_metadata().is_err());
    }
    let mut found = Vec::new();
    for path in paths {
        if !engine_has(engine, own, &path).await? {
            found.push(format!(
                "{path} is not there, which it has mounted or takes as a device: put it back"
            ));
        }
    }
    Ok(found)
}

/// Whether the engine's machine has a path, in the engine's own words: it makes no container with a mount of one that
/// is not there.
async fn engine_has(engine: &DockerEngine, own: &ContainerInspectResponse, path: &str) -> Result<bool, Problem> {
    let name = format!("{}.backstay-trial-{}", name_of(own), crate::digest::short(path));
    let body = ContainerCreateBody {
        image: own.image.clone(),
        cmd: Some(vec!["true".to_owned()]),
        labels: own.config.as_ref().and_then(|config| config.labels.clone()),
        host_config: Some(HostConfig {
            mounts: Some(vec![Mount {
                target: Some("/backstay".to_owned()),
                source: Some(path.to_owned()),
                typ: Some(MountType::BIND),
                read_only: Some(true),
                ..Mount::default()
            }]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptions {
        name: Some(name.clone()),
        ..CreateContainerOptions::default()
    };
    engine.remove(&name, true).await?;
    let docker = engine.docker().await?;
    let what = format!("whether {path} is there");
    match engine.change(&what, docker.create_container(Some(options), body)).await {
        Ok(made) => {
            engine.remove(&made.id, true).await?;
            Ok(true)
        }
        Err(Problem::Refused { status: 400, message }) if message.contains("source path does not exist") => Ok(false),
        // It says something else: then it is left to the start.
        Err(Problem::Refused { .. }) => Ok(true),
        Err(problem) => Err(problem),
    }
}

/// A port of the engine's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Port {
    /// Every address where it is `None`.
    address: Option<IpAddr>,
    number: u16,
    /// `tcp`, `udp`.
    protocol: String,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(address) = self.address {
            write!(f, "{address}:")?;
        }
        write!(f, "{}/{}", self.number, self.protocol)
    }
}

impl Port {
    fn overlaps(&self, other: &Self) -> bool {
        let is_every = self.address.is_none() || other.address.is_none();
        self.number == other.number && self.protocol == other.protocol && (is_every || self.address == other.address)
    }

    /// Whether somebody listens there; `false` also where it cannot be tried.
    fn is_taken(&self) -> bool {
        let place = (self.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), self.number);
        let tried = match self.protocol.as_str() {
            "tcp" => TcpListener::bind(place).map(drop),
            "udp" => UdpSocket::bind(place).map(drop),
            _ => return false,
        };
        tried.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
    }
}

/// The ports that a container says it wants; not those that the engine chooses.
fn ports_of(host: &HostConfig) -> Vec<Port> {
    let mut found = Vec::new();
    for (inside, ways) in host.port_bindings.iter().flatten() {
        let protocol = inside.split_once('/').map_or("tcp", |(_, protocol)| protocol);
        for way in ways.iter().flatten() {
            let address = way.host_ip.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
            let number = way.host_port.as_deref().and_then(|text| text.parse::<u16>().ok());
            if let Some(number) = number.filter(|number| *number != 0) {
                found.push(Port {
                    address: address.filter(|address| !address.is_unspecified()),
                    number,
                    protocol: protocol.to_owned(),
                });
            }
        }
    }
    found.sort_by_key(|port| port.number);
    found
}
