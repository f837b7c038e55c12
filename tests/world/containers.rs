//! What the actions make of what an engine tells, with an engine that tells it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backstay::action::builtin_with;
use backstay::containers::{
    Container, Containers, CreateContainer, Image, Problem, PublishedPort, RestartPolicy, Sharer, Timeouts, labels,
};
use backstay::value::Value;
use backstay::world::real::RealWorld;

use crate::support::bench::{Bench, container, text};
use crate::support::worlds::real;

/// An engine with one container, under whatever name.
#[derive(Default)]
struct One {
    container: Mutex<Container>,
    image: Mutex<Option<Image>>,
}

impl One {
    fn run(&self, is_running: bool) -> bool {
        let state = &mut self.container.lock().unwrap().state;
        state.status = String::from(if is_running { "running" } else { "exited" });
        std::mem::replace(&mut state.is_running, is_running) != is_running
    }

    fn policy(&self) -> String {
        let policy = self.container.lock().unwrap().restart_policy.clone();
        format!("{}:{}", policy.name, policy.maximum_retries)
    }
}

#[async_trait]
impl Containers for One {
    async fn container(&self, _name: &str) -> Result<Option<Container>, Problem> {
        Ok(Some(self.container.lock().unwrap().clone()))
    }

    async fn labelled(&self, _labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        Ok(Vec::new())
    }

    async fn sharers(&self, _container: &str) -> Result<Vec<Sharer>, Problem> {
        Ok(Vec::new())
    }

    async fn obstacles(&self, _container: &str, _other: Option<&str>) -> Result<Vec<String>, Problem> {
        Ok(Vec::new())
    }

    async fn start(&self, _container: &str) -> Result<bool, Problem> {
        Ok(self.run(true))
    }

    async fn stop(&self, _container: &str, _grace: Duration) -> Result<bool, Problem> {
        Ok(self.run(false))
    }

    async fn set_restart_policy(&self, _container: &str, policy: &RestartPolicy) -> Result<(), Problem> {
        self.container.lock().unwrap().restart_policy = policy.clone();
        Ok(())
    }

    async fn image(&self, _reference: &str) -> Result<Option<Image>, Problem> {
        Ok(self.image.lock().unwrap().clone())
    }
}

/// An engine without a container, which keeps what it is asked to make and refuses it.
#[derive(Default)]
struct Empty {
    orders: Mutex<Vec<CreateContainer>>,
}

#[async_trait]
impl Containers for Empty {
    async fn container(&self, _name: &str) -> Result<Option<Container>, Problem> {
        Ok(None)
    }

    async fn labelled(&self, _labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        Ok(Vec::new())
    }

    async fn image(&self, _reference: &str) -> Result<Option<Image>, Problem> {
        Ok(Some(Image {
            id: "sha256:local".to_owned(),
            repository_digests: Vec::new(),
        }))
    }

    async fn create(&self, order: &CreateContainer) -> Result<String, Problem> {
        self.orders.lock().unwrap().push(order.clone());
        Err(Problem::Refused {
            status: 400,
            message: "not here".to_owned(),
        })
    }
}

/// A bench around an engine with one container, which this run made.
fn bench() -> (Bench, Arc<One>) {
    let one = Arc::new(One::default());
    let engine: Arc<dyn Containers> = one.clone();
    let moment = Duration::from_millis(1);
    let timeouts = Timeouts {
        look: moment,
        probation: moment,
        stays: moment,
        ..Timeouts::default()
    };
    let bench = Bench::new(|_| Arc::new(RealWorld::new(builtin_with(&engine, timeouts))), None);
    let run = format!("run{}", bench.folder.display());
    *one.container.lock().unwrap() = Container {
        id: "0123456789abcdef".repeat(4),
        name: "app".to_owned(),
        labels: [(labels::RUN.to_owned(), run)].into(),
        restart_policy: RestartPolicy {
            name: "on-failure".to_owned(),
            maximum_retries: 3,
        },
        ..Container::default()
    };
    one.run(true);
    (bench, one)
}

/// The file in which a container's restart policy is kept.
fn kept(bench: &Bench, one: &One) -> PathBuf {
    let id = one.container.lock().unwrap().id.clone();
    let run = bench.folder.with_file_name("runs").join("run");
    run.join(format!("docker-restart-policy-{id}.json"))
}

#[tokio::test]
async fn the_policy_that_was_first_kept_is_given_back_and_forgotten() {
    let (bench, one) = bench();
    let service = [("service", container())];
    bench.does("docker.stop", &service).await;
    assert_eq!(one.policy(), "no:0");
    assert!(kept(&bench, &one).exists());
    // Another policy and a run of it, by somebody else: what this run found first is what it gives back.
    one.container.lock().unwrap().restart_policy = RestartPolicy {
        name: "always".to_owned(),
        maximum_retries: 0,
    };
    one.run(true);
    bench.does("docker.stop", &service).await;
    assert_eq!(one.policy(), "no:0");
    bench.does("docker.start", &service).await;
    assert_eq!(one.policy(), "on-failure:3");
    assert!(!kept(&bench, &one).exists());
    let asked = bench.does("docker.restart_policy", &service).await;
    assert_eq!(asked, Some(text("on-failure:3")));
}

#[tokio::test]
async fn a_damaged_kept_policy_is_told_and_not_overwritten() {
    let (bench, one) = bench();
    std::fs::write(kept(&bench, &one), "{").unwrap();
    for action in ["docker.stop", "docker.start"] {
        let reason = bench.fails(action, &[("service", container())]).await;
        assert!(reason.contains("is damaged"), "{reason}");
    }
    assert_eq!(std::fs::read(kept(&bench, &one)).unwrap(), b"{");
    assert_eq!(one.policy(), "on-failure:3");
}

#[tokio::test]
async fn an_image_is_called_by_the_digest_of_the_repository_it_was_made_from() {
    let (bench, one) = bench();
    let local = "sha256:local";
    let many = [
        "a.example/x@sha256:1",
        "localhost:5000/app@sha256:2",
        "localhost:5000/app@sha256:3",
    ];
    let hub = ["b.example/nginx@sha256:1", "nginx@sha256:1"];
    let cases: [(&str, Option<&[&str]>, &str); 9] = [
        ("localhost:5000/app:1.2", Some(&many), "localhost:5000/app@sha256:2"),
        (
            "localhost:5000/app@sha256:3",
            Some(&many),
            "localhost:5000/app@sha256:3",
        ),
        (
            "localhost:5000/app:1.2@sha256:3",
            Some(&many),
            "localhost:5000/app@sha256:3",
        ),
        ("other", Some(&many), "a.example/x@sha256:1"),
        ("docker.io/library/nginx:1", Some(&hub), "nginx@sha256:1"),
        // It came from no registry.
        ("app:dev", Some(&[]), local),
        ("app:dev", None, local),
        // It lost its names while the container ran on.
        ("h:1/app@sha256:9", None, "h:1/app@sha256:9"),
        ("h:1/app@sha256:9", Some(&[]), "h:1/app@sha256:9"),
    ];
    for (named, digests, expected) in cases {
        {
            let mut container = one.container.lock().unwrap();
            named.clone_into(&mut container.image);
            local.clone_into(&mut container.image_id);
        }
        *one.image.lock().unwrap() = digests.map(|digests| Image {
            id: local.to_owned(),
            repository_digests: digests.iter().map(|digest| (*digest).to_owned()).collect(),
        });
        let found = bench.does("docker.running_image", &[("service", container())]).await;
        assert_eq!(found, Some(Value::Image(expected.to_owned())), "{named} {digests:?}");
    }
}

/// What is wrong with a container that is to be made is said before any engine is asked.
#[tokio::test]
async fn what_cannot_be_made_is_refused_by_name() {
    let bench = real();
    let map = |key: &str, value: &str| Value::Map([(key.to_owned(), text(value))].into());
    let wrong = async |name: &str, value: Value| {
        let image = Value::Image(format!("localhost:1/app@sha256:{}", "0".repeat(64)));
        let call = bench.call(
            "docker.run",
            &[("service", container()), ("image", image), (name, value)],
        );
        let said = bench.preview(&call).await.unwrap();
        (!said.contains("no container engine in this world")).then_some(said)
    };
    for right in ["app_data", "app_data:ro", "/srv/a b:ro"] {
        assert_eq!(wrong("mounts", map("/data", right)).await, None, "{right}");
    }
    for source in ["", "./data", "../x", "a/b", "-x", "a:b"] {
        let said = wrong("mounts", map("/data", source)).await.unwrap();
        assert!(said.contains("cannot be mounted at /data"), "{said}");
    }
    assert!(
        wrong("mounts", map("data", "app_data"))
            .await
            .unwrap()
            .contains("no place to mount at")
    );
    for (outside, inside) in [("127.0.0.1:8080", "80"), ("8080", "80/tcp"), ("[::1]:8080", "80")] {
        assert_eq!(wrong("ports", map(outside, inside)).await, None, "{outside}");
    }
    for (outside, inside) in [
        ("0", "80"),
        ("80", ""),
        ("x:80", "80"),
        ("70000", "80"),
        ("80", "80/udp"),
    ] {
        let said = wrong("ports", map(outside, inside)).await.unwrap();
        assert!(said.contains("cannot be published"), "{said}");
    }
    for right in ["no", "always", "unless-stopped", "on-failure", "on-failure:3"] {
        assert_eq!(wrong("restart", text(right)).await, None, "{right}");
    }
    for policy in ["", "never", "always:3", "on-failure:x", "on-failure:"] {
        let said = wrong("restart", text(policy)).await.unwrap();
        assert!(said.contains("is no restart policy"), "{said}");
    }
    assert!(
        wrong("env", map("A=B", "c"))
            .await
            .unwrap()
            .contains("cannot be the name of a variable")
    );
}

/// What `docker.run` says of ports and of restarts reaches the engine, and what it does not say is left open.
#[tokio::test]
async fn ports_and_restarts_arrive_at_the_engine() {
    let empty = Arc::new(Empty::default());
    let engine: Arc<dyn Containers> = empty.clone();
    let bench = Bench::new(
        |_| Arc::new(RealWorld::new(builtin_with(&engine, Timeouts::default()))),
        None,
    );
    let order = async |more: &[(&str, Value)]| {
        let image = Value::Image(format!("localhost:1/app@sha256:{}", "0".repeat(64)));
        let all = [&[("service", container()), ("image", image)], more].concat();
        let reason = bench.fails("docker.run", &all).await;
        assert!(reason.contains("not here"), "{reason}");
        empty.orders.lock().unwrap().pop().unwrap()
    };
    for (outside, inside, address, host_port, container_port) in [
        ("127.0.0.1:8080", "80", "127.0.0.1", 8080, 80),
        ("8081", "81/tcp", "", 8081, 81),
        ("[::1]:8082", "82", "::1", 8082, 82),
    ] {
        let ports = Value::Map([(outside.to_owned(), text(inside))].into());
        let wanted = PublishedPort {
            address: address.to_owned(),
            host_port,
            container_port,
        };
        assert_eq!(order(&[("ports", ports)]).await.ports, [wanted]);
    }
    let two = [("127.0.0.1:1", "2"), ("3", "4")].map(|(outside, inside)| (outside.to_owned(), text(inside)));
    assert_eq!(order(&[("ports", Value::Map(two.into()))]).await.ports.len(), 2);
    for (said, name, maximum_retries) in [
        ("no", "no", 0),
        ("always", "always", 0),
        ("unless-stopped", "unless-stopped", 0),
        ("on-failure", "on-failure", 0),
        ("on-failure:3", "on-failure", 3),
    ] {
        let name = name.to_owned();
        let wanted = RestartPolicy { name, maximum_retries };
        assert_eq!(order(&[("restart", text(said))]).await.restart_policy, Some(wanted));
    }
    let silent = order(&[]).await;
    assert!(silent.ports.is_empty() && silent.restart_policy.is_none());
}
