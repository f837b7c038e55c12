//! Images: what is here, and what is fetched.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bollard::models::{CreateImageInfo, ImageInspect};
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt as _;

use crate::containers::Problem;

use super::DockerEngine;
use super::port::if_there;
use super::{credentials, problem};

/// A line of progress at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(400);

/// What the engine tells of an image, whole.
pub(super) async fn inspect(engine: &DockerEngine, reference: &str) -> Result<Option<ImageInspect>, Problem> {
    let reference = problem::reference(reference)?;
    let docker = engine.docker().await?;
    let what = format!("what image {reference} is like");
    if_there(engine.ask(&what, docker.inspect_image(reference)).await)
}

/// A reference as the engine wants it: the repository, and the digest or else the tag.
fn halves(reference: &str) -> (&str, &str) {
    let (named, digest) = match reference.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (reference, None),
    };
    let folder = named.rfind('/').map_or(0, |at| at + 1);
    let (repository, tag) = match named[folder..].rfind(':') {
        Some(at) => (&named[..folder + at], &named[folder + at + 1..]),
        // Without a tag the engine would fetch every one.
        None => (named, "latest"),
    };
    (repository, digest.unwrap_or(tag))
}

pub(super) async fn pull(
    engine: &DockerEngine,
    reference: &str,
    progress: &mut (dyn FnMut(String) + Send),
) -> Result<(), Problem> {
    let (repository, version) = halves(problem::reference(reference)?);
    let options = CreateImageOptions {
        from_image: Some(repository.to_owned()),
        tag: Some(version.to_owned()),
        ..CreateImageOptions::default()
    };
    let docker = engine.docker().await?;
    let what = format!("fetch of image {reference}");
    let credentials = credentials::credentials(repository);
    let mut told = docker.create_image(Some(options), None, credentials);
    let mut layers = Layers::default();
    loop {
        let next = async { told.next().await.transpose() };
        match engine.within(&what, engine.limits().silence, next).await? {
            Some(info) => layers.hear(info, progress),
            None => return Ok(()),
        }
    }
}

/// How far each layer is.
#[derive(Default)]
struct Layers {
    known: BTreeMap<String, Layer>,
    last_said: Option<Instant>,
    last_line: String,
}

#[derive(Default)]
struct Layer {
    bytes: u64,
    bytes_total: u64,
    is_here: bool,
}

impl Layers {
    fn hear(&mut self, info: CreateImageInfo, progress: &mut (dyn FnMut(String) + Send)) {
        let (Some(id), Some(status)) = (info.id, info.status) else {
            return;
        };
        if status.starts_with("Pulling from") {
            return;
        }
        let layer = self.known.entry(id).or_default();
        match status.as_str() {
            "Downloading" => {
                let amount = |bytes: Option<i64>| bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
                if let Some(detail) = info.progress_detail {
                    layer.bytes = amount(detail.current);
                    layer.bytes_total = amount(detail.total);
                }
            }
            "Download complete" | "Verifying Checksum" => layer.bytes = layer.bytes_total,
            "Pull complete" | "Already exists" => {
                layer.bytes = layer.bytes_total;
                layer.is_here = true;
            }
            _ => {}
        }
        let line = self.line();
        let is_time = self.last_said.is_none_or(|said| said.elapsed() >= PROGRESS_EVERY);
        if is_time && line != self.last_line {
            self.last_said = Some(Instant::now());
            self.last_line.clone_from(&line);
            progress(line);
        }
    }

    fn line(&self) -> String {
        let here = self.known.values().filter(|layer| layer.is_here).count();
        let bytes: u64 = self.known.values().map(|layer| layer.bytes).sum();
        let total: u64 = self.known.values().map(|layer| layer.bytes_total).sum();
        let layers = format!("{here} of {} layers", self.known.len());
        if total == 0 {
            return layers;
        }
        let mebibytes = |bytes: u64| format!("{}.{}", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20);
        format!("{layers}, {} of {} MiB", mebibytes(bytes), mebibytes(total))
    }
}
