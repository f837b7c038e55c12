//! A real engine whose client dies at a chosen change, or that does not say where its volumes lie.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backstay::containers::{
    Container, Containers, CreateContainer, EngineVersion, Image, LogEnd, Printed, Problem, ProgramOrder,
    RestartPolicy, Sharer, Volume,
};
use backstay::world::real::DockerEngine;
use tokio::io::AsyncRead;

/// When the client dies: before the change that comes after so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Death {
    /// How many changes it still asks for.
    pub(crate) changes: usize,
}

/// The engine as one test wants it.
pub(crate) struct Wrapped {
    inner: DockerEngine,
    /// Whether it says where volumes lie.
    hides_mountpoints: bool,
    death: Option<Death>,
    changes: AtomicUsize,
    is_dead: AtomicBool,
    /// Done just before all containers are listed for the second time.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    listings: AtomicUsize,
    /// The labels of every container and volume that was ordered.
    ordered: Mutex<Vec<BTreeMap<String, String>>>,
}

type Stream = Box<dyn AsyncRead + Send + Unpin>;

impl Wrapped {
    pub(crate) fn new(host: &str, hides_mountpoints: bool, death: Option<Death>) -> Self {
        Self {
            inner: DockerEngine::new(Some(host)),
            hides_mountpoints,
            death,
            changes: AtomicUsize::new(0),
            is_dead: AtomicBool::new(false),
            meanwhile: Mutex::new(None),
            listings: AtomicUsize::new(0),
            ordered: Mutex::default(),
        }
    }

    /// Has something happen between the first and the second look at all containers.
    pub(crate) fn meanwhile(&self, happens: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(happens));
    }

    /// The labels of every container and volume that was ordered.
    pub(crate) fn ordered(&self) -> Vec<BTreeMap<String, String>> {
        self.ordered.lock().unwrap().clone()
    }

    /// Whether it died.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    fn alive(&self) -> Result<&DockerEngine, Problem> {
        if self.is_dead() {
            // What is not reached, or does not answer, is asked again for a while; this is not.
            return Err(Problem::Refused {
                status: 500,
                message: "died in a test".to_owned(),
            });
        }
        Ok(&self.inner)
    }

    async fn change<T>(&self, change: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        self.alive()?;
        let earlier = self.changes.fetch_add(1, Ordering::SeqCst);
        if self.death.is_some_and(|death| earlier >= death.changes) {
            self.is_dead.store(true, Ordering::SeqCst);
        }
        self.alive()?;
        change.await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods, reason = "what it does not pass on is not examined")]
impl Containers for Wrapped {
    async fn version(&self) -> Result<EngineVersion, Problem> {
        self.alive()?.version().await
    }
    async fn container(&self, name: &str) -> Result<Option<Container>, Problem> {
        self.alive()?.container(name).await
    }
    async fn all(&self) -> Result<Vec<Container>, Problem> {
        if self.listings.fetch_add(1, Ordering::SeqCst) == 1
            && let Some(happens) = self.meanwhile.lock().unwrap().take()
        {
            happens();
        }
        self.alive()?.all().await
    }
    async fn labelled(&self, labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        self.alive()?.labelled(labels).await
    }
    async fn sharers(&self, container: &str) -> Result<Vec<Sharer>, Problem> {
        self.alive()?.sharers(container).await
    }
    async fn obstacles(&self, container: &str, other: Option<&str>) -> Result<Vec<String>, Problem> {
        self.alive()?.obstacles(container, other).await
    }
    async fn create(&self, order: &CreateContainer) -> Result<String, Problem> {
        self.ordered.lock().unwrap().push(order.labels.clone());
        self.change(self.inner.create(order)).await
    }
    async fn start(&self, container: &str) -> Result<bool, Problem> {
        self.change(self.inner.start(container)).await
    }
    async fn stop(&self, container: &str, grace: Duration) -> Result<bool, Problem> {
        self.change(self.inner.stop(container, grace)).await
    }
    async fn set_restart_policy(&self, container: &str, policy: &RestartPolicy) -> Result<(), Problem> {
        self.change(self.inner.set_restart_policy(container, policy)).await
    }
    async fn rename(&self, container: &str, name: &str) -> Result<(), Problem> {
        self.change(self.inner.rename(container, name)).await
    }
    async fn remove(&self, container: &str, with_volumes: bool) -> Result<bool, Problem> {
        self.change(self.inner.remove(container, with_volumes)).await
    }
    async fn ended(&self, container: &str) -> Result<i64, Problem> {
        self.alive()?.ended(container).await
    }
    async fn logs(&self, container: &str, end: &LogEnd) -> Result<Printed, Problem> {
        self.alive()?.logs(container, end).await
    }
    async fn run_in(
        &self,
        container: &str,
        program: &ProgramOrder,
        limit: Duration,
    ) -> Result<(i64, Printed), Problem> {
        self.change(self.inner.run_in(container, program, limit)).await
    }
    async fn image(&self, reference: &str) -> Result<Option<Image>, Problem> {
        self.alive()?.image(reference).await
    }
    async fn pull(&self, reference: &str, progress: &mut (dyn FnMut(String) + Send)) -> Result<(), Problem> {
        self.alive()?.pull(reference, progress).await
    }
    async fn volume(&self, name: &str) -> Result<Option<Volume>, Problem> {
        let volume = self.alive()?.volume(name).await?;
        Ok(volume.map(|mut volume| {
            if self.hides_mountpoints {
                volume.mountpoint.clear();
            }
            volume
        }))
    }
    async fn create_volume(&self, name: &str, labels: &[(String, String)]) -> Result<(), Problem> {
        self.ordered.lock().unwrap().push(labels.iter().cloned().collect());
        self.change(self.inner.create_volume(name, labels)).await
    }
    async fn remove_volume(&self, name: &str) -> Result<bool, Problem> {
        self.change(self.inner.remove_volume(name)).await
    }
    async fn labelled_volumes(&self, labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        self.alive()?.labelled_volumes(labels).await
    }
    async fn read_tree(&self, container: &str, path: &str) -> Result<Stream, Problem> {
        self.alive()?.read_tree(container, path).await
    }
    async fn write_tree(&self, container: &str, path: &str, tar: Stream) -> Result<(), Problem> {
        self.change(self.inner.write_tree(container, path, tar)).await
    }
}
