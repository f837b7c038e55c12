//! A new container: the order as the engine wants it.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, Mount, MountType, NetworkConnectRequest, NetworkingConfig,
    PortBinding,
};
use bollard::query_parameters::CreateContainerOptions;

use crate::containers::{Containers as _, CreateContainer, MountOrder, Problem, PublishedPort, labels};
use crate::value::Value;

use super::DockerEngine;
use super::like::{self, Taken};
use super::problem;
use super::view::engine_policy;

pub(super) async fn create(engine: &DockerEngine, order: &CreateContainer) -> Result<String, Problem> {
    let name = problem::name(&order.name)?;
    problem::reference(&order.image)?;
    let mut taken = match &order.like {
        Some(like) => like::take(engine, like).await?,
        None => Taken::default(),
    };
    if order.network.is_some() {
        taken.networks.clear();
    }
    taken.given.add_order(order);
    let mut body = taken.body;
    apply(&mut body, order)?;
    let given = (labels::GIVEN.to_owned(), taken.given.label());
    body.labels.get_or_insert_default().extend([given]);
    let later = put_networks(&mut body, taken.networks, engine.has_networks_at_creation());
    let options = CreateContainerOptions {
        name: Some(name.to_owned()),
        ..CreateContainerOptions::default()
    };
    let docker = engine.docker().await?;
    let what = format!("new container {name}");
    let made = docker.create_container(Some(options), body);
    let id = engine.change(&what, made).await?.id;
    for (network, endpoint) in later {
        if let Err(problem) = connect(engine, &id, &network, endpoint).await {
            return Err(taken_back(engine, &id, problem).await);
        }
    }
    Ok(id)
}

/// Puts the networks into a body; gives back those that the engine only takes afterwards.
///
/// The first of them is the one that the network mode names; a default network takes no settings.
fn put_networks(
    body: &mut ContainerCreateBody,
    mut networks: BTreeMap<String, EndpointSettings>,
    takes_all: bool,
) -> BTreeMap<String, EndpointSettings> {
    let host = body.host_config.get_or_insert_default();
    let mode = host.network_mode.clone().unwrap_or_default();
    let first = if mode.is_empty() || mode == "default" {
        "bridge"
    } else {
        &mode
    };
    let is_default = ["bridge", "host", "none"].contains(&first) || first.starts_with("container:");
    let mut endpoints = HashMap::new();
    if let Some(endpoint) = networks.remove(first).filter(|_| !is_default) {
        endpoints.insert(mode, endpoint);
    }
    if takes_all {
        endpoints.extend(std::mem::take(&mut networks));
    }
    if !endpoints.is_empty() {
        body.networking_config = Some(NetworkingConfig {
            endpoints_config: Some(endpoints),
        });
    }
    networks
}

async fn connect(
    engine: &DockerEngine,
    container: &str,
    network: &str,
    endpoint: EndpointSettings,
) -> Result<(), Problem> {
    let request = NetworkConnectRequest {
        container: container.to_owned(),
        endpoint_config: Some(endpoint),
    };
    let docker = engine.docker().await?;
    let what = format!("network {network} for a new container");
    let connected = docker.connect_network(problem::name(network)?, request);
    engine.change(&what, connected).await
}

/// Removes a container that could not be finished. Where that is not certain, neither is anything else.
async fn taken_back(engine: &DockerEngine, id: &str, problem: Problem) -> Problem {
    match (engine.remove(id, false).await, problem) {
        (Ok(_), Problem::Lost(text)) => Problem::Unreachable(format!("{text}; what was begun has been removed")),
        (Ok(_), problem) => problem,
        (Err(_), problem) => Problem::Lost(format!("{problem}; the unfinished container {id} may still be there")),
    }
}

/// Puts what the order says into a body.
fn apply(body: &mut ContainerCreateBody, order: &CreateContainer) -> Result<(), Problem> {
    body.image = Some(order.image.clone());
    let labels = body.labels.get_or_insert_default();
    labels.extend(order.labels.clone());
    if let Some(entry) = &order.entry {
        // An empty list would leave the image's; one empty word takes it away.
        let is_empty = entry.is_empty();
        body.entrypoint = Some(if is_empty { vec![String::new()] } else { entry.clone() });
    }
    body.cmd = order.command.clone().or(body.cmd.take());
    body.user = order.user.clone().or(body.user.take());
    body.working_dir = order.working_directory.clone().or(body.working_dir.take());
    let environment = body.env.get_or_insert_default();
    for (name, value) in &order.environment {
        let word = variable(name, value)?;
        environment.retain(|known| known.split('=').next() != Some(name));
        environment.push(word);
    }
    let host = body.host_config.get_or_insert_default();
    for mount in &order.mounts {
        put_mount(host, mount);
    }
    if let Some(policy) = &order.restart_policy {
        host.restart_policy = Some(engine_policy(policy)?);
    }
    host.network_mode = order.network.clone().or(host.network_mode.take());
    let mut exposed = body.exposed_ports.take().unwrap_or_default();
    put_ports(host, &mut exposed, &order.ports);
    body.exposed_ports = Some(exposed);
    Ok(())
}

/// `NAME=value`. What is wrong is said here: the engine would quote the value in its refusal.
pub(super) fn variable(name: &str, value: &Value) -> Result<String, Problem> {
    let text = value.exposed();
    if name.is_empty() || name.contains(['=', '\0']) || text.contains('\0') {
        return Err(Problem::Refused {
            status: 400,
            message: format!("{name:?} cannot be a variable, or its value holds a zero byte"),
        });
    }
    Ok(format!("{name}={text}"))
}

fn put_mount(host: &mut HostConfig, order: &MountOrder) {
    let target = order.target.trim_end_matches('/');
    let at = |known: &str| known.trim_end_matches('/') == target;
    if let Some(mounts) = &mut host.mounts {
        mounts.retain(|known| !known.target.as_deref().is_some_and(at));
    }
    if let Some(binds) = &mut host.binds {
        binds.retain(|known| !known.split(':').nth(1).is_some_and(at));
    }
    if let Some(tmpfs) = &mut host.tmpfs {
        tmpfs.retain(|known, _| !at(known));
    }
    let is_path = order.source.starts_with('/');
    host.mounts.get_or_insert_default().push(Mount {
        target: Some(order.target.clone()),
        source: Some(order.source.clone()),
        typ: Some(if is_path { MountType::BIND } else { MountType::VOLUME }),
        read_only: Some(!order.is_writable),
        ..Mount::default()
    });
}

fn put_ports(host: &mut HostConfig, exposed: &mut Vec<String>, ports: &[PublishedPort]) {
    let mut bindings: BTreeMap<String, Vec<PortBinding>> = BTreeMap::new();
    for port in ports {
        let key = format!("{}/tcp", port.container_port);
        bindings.entry(key).or_default().push(PortBinding {
            host_ip: Some(port.address.clone()),
            host_port: Some(port.host_port.to_string()),
        });
    }
    let known = host.port_bindings.get_or_insert_default();
    for (key, ways) in bindings {
        if !exposed.contains(&key) {
            exposed.push(key.clone());
        }
        known.insert(key, Some(ways));
    }
}
