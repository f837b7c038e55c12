//! A new container: the order as the engine wants it.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, PortBinding};
use bollard::query_parameters::CreateContainerOptions;

use crate::containers::{ContainerOrder, MountOrder, Problem, PublishedPort};
use crate::value::Value;

use super::DockerEngine;
use super::containers::engine_policy;
use super::problem;

pub(super) async fn create(engine: &DockerEngine, order: &ContainerOrder) -> Result<String, Problem> {
    let name = problem::name(&order.name)?;
    problem::reference(&order.image)?;
    let mut body = ContainerCreateBody::default();
    apply(&mut body, order)?;
    let options = CreateContainerOptions {
        name: Some(name.to_owned()),
        ..CreateContainerOptions::default()
    };
    let docker = engine.docker().await?;
    let what = format!("new container {name}");
    let made = engine
        .change(&what, docker.create_container(Some(options), body))
        .await?;
    Ok(made.id)
}

/// Puts what the order says into a body.
fn apply(body: &mut ContainerCreateBody, order: &ContainerOrder) -> Result<(), Problem> {
    body.image = Some(order.image.clone());
    let labels = body.labels.get_or_insert_default();
    labels.extend(order.labels.clone());
    if let Some(entry) = &order.entry {
        body.entrypoint = Some(entry.clone());
    }
    if let Some(command) = &order.command {
        body.cmd = Some(command.clone());
    }
    let environment = body.env.get_or_insert_default();
    for (name, value) in &order.environment {
        let word = variable(name, value)?;
        environment.retain(|known| known.split('=').next() != Some(name));
        environment.push(word);
    }
    if let Some(user) = &order.user {
        body.user = Some(user.clone());
    }
    if let Some(folder) = &order.working_directory {
        body.working_dir = Some(folder.clone());
    }
    let host = body.host_config.get_or_insert_default();
    for mount in &order.mounts {
        put_mount(host, mount);
    }
    if let Some(policy) = &order.restart_policy {
        host.restart_policy = Some(engine_policy(policy)?);
    }
    if let Some(network) = &order.network {
        host.network_mode = Some(network.clone());
    }
    let mut exposed = body.exposed_ports.take().unwrap_or_default();
    put_ports(host, &mut exposed, &order.ports);
    body.exposed_ports = Some(exposed);
    Ok(())
}

/// `NAME=value`. What is wrong is said here: the engine would quote the value in its refusal.
pub(super) fn variable(name: &str, value: &Value) -> Result<String, Problem> {
    let text = match value {
        Value::Secret(secret) => secret.expose().to_owned(),
        other => other.canonical(),
    };
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
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in ports {
        let key = format!("{}/tcp", port.container_port);
        bindings
            .entry(key)
            .or_default()
            .get_or_insert_default()
            .push(PortBinding {
                host_ip: Some(port.address.clone()),
                host_port: Some(port.host_port.to_string()),
            });
    }
    for key in bindings.keys() {
        if !exposed.contains(key) {
            exposed.push(key.clone());
        }
    }
    exposed.sort();
    host.port_bindings.get_or_insert_default().extend(bindings);
}
