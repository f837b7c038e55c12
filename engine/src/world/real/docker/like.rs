//! A container like another: everything that was given to that one, nothing that came from its image.
//!
//! Its volumes are taken over by name, also those that have none of their own: what is in them belongs to the
//! service. That it is removed when it ends (`--rm`) is not taken over. A hardware address is not taken over: it cannot be told from one that the engine made up.

use std::collections::{BTreeMap, HashSet};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, EndpointSettings, HostConfig, Mount, MountPoint, MountType,
};

use crate::containers::{Like, Problem};

use super::DockerEngine;
use super::given::{self, Given};
use super::images;

/// Digits of an id that the engine uses as a host name and as a name in a network.
const SHORT_ID: usize = 12;

/// What is taken over from a container.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) body: ContainerCreateBody,
    pub(super) given: Given,
    /// The networks that it is in, by name.
    pub(super) networks: BTreeMap<String, EndpointSettings>,
}

pub(super) async fn take(engine: &DockerEngine, like: &Like) -> Result<Taken, Problem> {
    let name = &like.container;
    let Some(mut old) = engine.inspect(name).await? else {
        return Err(Problem::Refused {
            status: 404,
            message: format!("there is no container {name} whose settings could be taken over"),
        });
    };
    let Some(image) = images::inspect(engine, old.image.as_deref().unwrap_or_default()).await? else {
        return Err(Problem::Refused {
            status: 400,
            message: format!(
                "the image of container {name} is not here any more, so what was given to the container cannot be \
                 told from what came from its image: fetch that image again"
            ),
        });
    };
    let config = old.config.take().unwrap_or_default();
    let host_name = config.hostname.clone();
    let (mut body, given) = given::own(config, &image.config.unwrap_or_default());
    let mut host = old.host_config.take().unwrap_or_default();
    if is_own_host_name(engine, &old, &host, host_name.as_deref()).await? {
        body.hostname = host_name;
    } else if !is_made_of_id(&old, host_name.as_deref().unwrap_or_default()) {
        // Then it is the machine's or another container's, and its domain with it.
        body.domainname = None;
    }
    name_volumes(&mut host, old.mounts.take().unwrap_or_default());
    host.links = host
        .links
        .map(|links| links.iter().map(|link| link_as_given(link)).collect());
    let is_disabled = body.network_disabled == Some(true);
    let mode = host.network_mode.take().unwrap_or_default();
    let networks = networks(&mut old, &mode);
    host.network_mode = Some(if is_disabled { mode } else { mode_now(mode, &networks) });
    host.container_id_file = None;
    // One that fails must not vanish, and with it all that was given to the service.
    host.auto_remove = Some(false);
    host.console_size = None;
    body.host_config = Some(host);
    Ok(Taken { body, given, networks })
}

/// Whether a host name was given: not the one that is made of the id, nor one that is the machine's or another
/// container's.
async fn is_own_host_name(
    engine: &DockerEngine,
    old: &ContainerInspectResponse,
    host: &HostConfig,
    name: Option<&str>,
) -> Result<bool, Problem> {
    let name = name.unwrap_or_default();
    let mode = host.network_mode.as_deref().unwrap_or_default();
    let is_shared = mode.starts_with("container:") || host.uts_mode.as_deref() == Some("host");
    if name.is_empty() || is_shared || is_made_of_id(old, name) {
        return Ok(false);
    }
    if mode != "host" {
        return Ok(true);
    }
    let docker = engine.docker().await?;
    let machine = engine
        .ask("the name of its machine", docker.info())
        .await?
        .name
        .unwrap_or_default();
    Ok(machine.split('.').next() != Some(name) && machine != name)
}

fn is_made_of_id(old: &ContainerInspectResponse, name: &str) -> bool {
    old.id.as_deref().is_some_and(|id| id.starts_with(name))
}

/// Names every volume that is mounted, so that the same one is mounted again and not a new one.
fn name_volumes(host: &mut HostConfig, mounted: Vec<MountPoint>) {
    let mut named: HashSet<String> = HashSet::new();
    for bind in host.binds.iter().flatten() {
        named.extend(bind.split(':').nth(1).map(str::to_owned));
    }
    let mut mounts = host.mounts.take().unwrap_or_default();
    for mount in &mut mounts {
        if mount.typ == Some(MountType::VOLUME) && mount.source.as_deref().unwrap_or_default().is_empty() {
            let is_there = |known: &&MountPoint| known.destination == mount.target;
            mount.source = mounted.iter().find(is_there).and_then(|known| known.name.clone());
        }
        named.extend(mount.target.clone());
    }
    for point in mounted {
        let is_volume = point.typ.as_deref() == Some("volume");
        let (Some(name), Some(target), true) = (point.name, point.destination, is_volume) else {
            continue;
        };
        if !named.contains(&target) {
            mounts.push(Mount {
                target: Some(target),
                source: Some(name),
                typ: Some(MountType::VOLUME),
                read_only: Some(point.rw == Some(false)),
                ..Mount::default()
            });
        }
    }
    host.mounts = (!mounts.is_empty()).then_some(mounts);
}

/// `/database:/service/alias` as it was given: `database:alias`.
fn link_as_given(link: &str) -> String {
    match link.split_once(':') {
        Some((other, alias)) => {
            let alias = alias.rsplit('/').next().unwrap_or(alias);
            format!("{}:{alias}", other.trim_start_matches('/'))
        }
        None => link.to_owned(),
    }
}

/// The network mode of a container that is in these networks: the one that it was made in it may have been taken out
/// of since, and that may be gone.
fn mode_now(mode: String, networks: &BTreeMap<String, EndpointSettings>) -> String {
    let is_default = ["", "default", "bridge"].contains(&mode.as_str());
    let is_in = |name: &str| networks.contains_key(name);
    if mode == "host" || mode == "none" || mode.starts_with("container:") || is_in(&mode) {
        return mode;
    }
    if is_default && (is_in("bridge") || is_in("default")) {
        return mode;
    }
    networks.keys().next().cloned().unwrap_or_else(|| "none".to_owned())
}

/// What was given for each network that a container is in.
fn networks(old: &mut ContainerInspectResponse, mode: &str) -> BTreeMap<String, EndpointSettings> {
    let id = old.id.clone().unwrap_or_default();
    let short = id.get(..SHORT_ID).unwrap_or(&id).to_owned();
    let known = old.network_settings.take().and_then(|settings| settings.networks);
    let own = |told: EndpointSettings| EndpointSettings {
        aliases: told
            .aliases
            .map(|names| names.into_iter().filter(|name| *name != short).collect::<Vec<_>>())
            .filter(|names| !names.is_empty()),
        ipam_config: told.ipam_config,
        links: told.links,
        driver_opts: told.driver_opts,
        gw_priority: told.gw_priority,
        ..EndpointSettings::default()
    };
    let entries = known.into_iter().flatten();
    entries
        .map(|(name, told)| {
            // The mode may name its network by id.
            let id = told.network_id.as_deref().unwrap_or_default();
            let is_mode = mode.len() >= SHORT_ID && id.starts_with(mode);
            (if is_mode { mode.to_owned() } else { name }, own(told))
        })
        .collect()
}
