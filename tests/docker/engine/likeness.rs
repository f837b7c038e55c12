//! A container like another: what was given is taken over, what came from the image is not.

use std::collections::BTreeMap;

use backstay::containers::{Containers, CreateContainer, Like, MountOrder, PublishedPort, RestartPolicy};
use backstay::value::Value;
use serde_json::Value as Json;

use super::{Cleared, SERVE, engine, inspected, order};
use crate::support::daemon::Daemon;

/// What of an inspected container must not change on the way there and back.
fn settings(mut told: Json) -> Json {
    let id = told["Id"].as_str().unwrap().to_owned();
    let mut config = told["Config"].take();
    config["Image"] = Json::Null;
    config["Labels"].as_object_mut().unwrap().remove("backstay.given");
    let mut env: Vec<String> = serde_json::from_value(config["Env"].take()).unwrap();
    env.sort();
    config["Env"] = env.into();
    let mut host = told["HostConfig"].take();
    host["Mounts"] = Json::Null;
    let mut mounts: Vec<String> = Vec::new();
    for mount in told["Mounts"].as_array().unwrap() {
        mounts.push(format!(
            "{} {} {} {}",
            mount["Type"], mount["Name"], mount["Destination"], mount["RW"]
        ));
    }
    mounts.sort();
    let mut networks: BTreeMap<String, Json> = BTreeMap::new();
    for (name, endpoint) in told["NetworkSettings"]["Networks"].as_object().unwrap() {
        let mut aliases: Vec<String> = serde_json::from_value(endpoint["Aliases"].clone()).unwrap_or_default();
        aliases.retain(|alias| !id.starts_with(alias.as_str()));
        networks.insert(name.clone(), serde_json::json!([aliases, endpoint["IPAMConfig"]]));
    }
    serde_json::json!({"config": config, "host": host, "mounts": mounts, "networks": networks})
}

/// Everything that can be given, in the words of the `docker` program.
const GIVEN: &str = "run --detach --name=engine-old --env=LEVEL=2 --env=OWN=a=b --label=colour=blue \
    --volume=engine-kept:/data --volume=/nameless --volume=/etc:/host:ro --tmpfs=/scratch:size=1m \
    --publish=127.0.0.1::8080 --network=engine-net --network-alias=other --ip=172.31.91.77 \
    --restart=unless-stopped --hostname=boat --cap-add=NET_ADMIN --cap-drop=MKNOD --ulimit=nofile=1000:2000 \
    --memory=64m --cpus=0.5 --pids-limit=99 --log-opt=max-size=1m --device=/dev/null:/dev/nothing \
    --add-host=mast:10.0.0.9 --shm-size=8m --init --read-only --stop-timeout=7 --stop-signal=INT --group-add=1000 \
    --oom-score-adj=100 --dns=10.0.0.3 --health-cmd=true --health-interval=30s --sysctl=net.ipv4.ip_forward=0 \
    --entrypoint=/entry";
const OLD: [&str; 6] = [
    "ENV LEVEL=1 COLOUR=red",
    "ENV FROM_OLD=1",
    "VOLUME /made",
    "LABEL maker=old",
    "CMD [\"old\"]",
    "EXPOSE 81",
];
const NEW: [&str; 6] = [
    "ENV LEVEL=2 FROM_NEW=1",
    "LABEL maker=new",
    "CMD [\"new\"]",
    "WORKDIR /tmp",
    "USER app",
    "EXPOSE 82",
];

/// An order for a container like another.
fn order_like(other: &str, name: &str, image: &str) -> CreateContainer {
    CreateContainer {
        like: Some(Like {
            container: other.to_owned(),
        }),
        ..order(name, image)
    }
}

#[tokio::test]
async fn what_was_given_survives_the_way_there_and_back() {
    let Some(daemon) = Daemon::shared("what_was_given_survives_the_way_there_and_back") else {
        return;
    };
    let names = &[
        "engine-old",
        "engine-new",
        "engine-back",
        "engine-kept",
        "engine-net",
        "engine-side",
    ];
    let _cleared = Cleared(daemon, names);
    let old = daemon.image_with("engine-old", SERVE, &OLD);
    let new = daemon.image_with("engine-new", SERVE, &NEW);
    daemon.docker(&["network", "create", "--subnet=172.31.91.0/24", "engine-net"]);
    daemon.docker(&["network", "create", "--subnet=172.31.92.0/24", "engine-side"]);
    let mut call: Vec<&str> = GIVEN.split_whitespace().collect();
    call.extend([old.as_str(), "serve", "it"]);
    daemon.docker(&call);
    daemon.docker(&["network", "connect", "--alias=beside", "engine-side", "engine-old"]);
    let first = settings(inspected(daemon, "engine-old"));

    let engine = engine(daemon);
    let there = order_like("engine-old", "engine-new", &new);
    engine.create(&there).await.unwrap();
    has_nothing_of_the_old_image(&inspected(daemon, "engine-new")["Config"]);

    let back = order_like("engine-new", "engine-back", &old);
    engine.create(&back).await.unwrap();
    daemon.docker(&["rm", "--force", "engine-old"]);
    engine.start("engine-back").await.unwrap();
    let third = settings(inspected(daemon, "engine-back"));
    for part in ["config", "host", "mounts", "networks"] {
        assert_eq!(first[part], third[part], "{part}");
    }
}

fn has_nothing_of_the_old_image(config: &Json) {
    let env = config["Env"].to_string();
    for (variable, is_there) in [
        ("LEVEL=2", true),
        ("OWN=a=b", true),
        ("FROM_NEW=1", true),
        ("FROM_OLD=1", false),
        ("COLOUR=red", false),
    ] {
        assert_eq!(env.contains(variable), is_there, "{variable} in {env}");
    }
    assert_eq!(config["WorkingDir"], "/tmp");
    assert_eq!(config["User"], "app");
    assert_eq!(config["Labels"]["maker"], "new");
    assert_eq!(config["Cmd"], serde_json::json!(["serve", "it"]));
    assert!(config["ExposedPorts"].get("81/tcp").is_none());
    let given = config["Labels"]["backstay.given"].as_str().unwrap();
    assert!(given.contains("variable OWN") && !given.contains("a=b"), "{given}");
}

#[tokio::test]
async fn what_the_order_says_wins() {
    let Some(daemon) = Daemon::shared("what_the_order_says_wins") else {
        return;
    };
    let _cleared = Cleared(daemon, &["engine-wins", "engine-won", "engine-wins-a", "engine-wins-b"]);
    let image = daemon.image_with("engine-wins", SERVE, &["ENV LEVEL=1"]);
    daemon.docker(&[
        "run",
        "--detach",
        "--name=engine-wins",
        "--env=LEVEL=2",
        "--env=STAYS=1",
        "--volume=engine-wins-a:/data",
        "--publish=127.0.0.1::80",
        "--restart=always",
        &image,
    ]);
    let text = |text: &str| Value::Text(text.to_owned());
    let wins = CreateContainer {
        environment: [("LEVEL".to_owned(), text("1"))].into(),
        mounts: vec![MountOrder {
            source: "engine-wins-b".into(),
            target: "/data/".into(),
            is_writable: false,
        }],
        ports: vec![PublishedPort {
            address: "127.0.0.2".into(),
            host_port: 0,
            container_port: 80,
        }],
        network: Some("none".into()),
        command: Some(vec!["say".into()]),
        restart_policy: Some(RestartPolicy::never()),
        ..order_like("engine-wins", "engine-won", &image)
    };
    engine(daemon).create(&wins).await.unwrap();
    let told = inspected(daemon, "engine-won");
    let mut env: Vec<String> = serde_json::from_value(told["Config"]["Env"].clone()).unwrap();
    env.retain(|variable| !variable.starts_with("PATH="));
    env.sort();
    assert_eq!(env, ["LEVEL=1", "STAYS=1"]);
    assert_eq!(told["Mounts"].as_array().unwrap().len(), 1);
    assert_eq!(told["Mounts"][0]["Name"], "engine-wins-b");
    assert_eq!(told["Mounts"][0]["RW"], false);
    let ports = told["HostConfig"]["PortBindings"]["80/tcp"].as_array().unwrap();
    assert_eq!((ports.len(), &ports[0]["HostIp"]), (1, &Json::from("127.0.0.2")));
    assert_eq!(told["HostConfig"]["NetworkMode"], "none");
    assert_eq!(told["HostConfig"]["RestartPolicy"]["Name"], "no");
    assert_eq!(told["Config"]["Cmd"], serde_json::json!(["say"]));
    // Equal to the image's, and remembered as given.
    let given = told["Config"]["Labels"]["backstay.given"].as_str().unwrap();
    assert!(given.contains("variable LEVEL"), "{given}");
}
