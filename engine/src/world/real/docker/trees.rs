//! Files of a container as tar streams.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::errors::Error;
use bollard::query_parameters::{DownloadFromContainerOptions, UploadToContainerOptions};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::containers::Problem;

use super::DockerEngine;
use super::problem;

/// Bytes of a piece that is sent.
const PIECE_BYTES: usize = 256 * 1024;

type Pieces = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

pub(super) async fn read(
    engine: &DockerEngine,
    container: &str,
    path: &str,
) -> Result<Box<dyn AsyncRead + Send + Unpin>, Problem> {
    let name = problem::name(container)?.to_owned();
    let options = DownloadFromContainerOptions { path: path.to_owned() };
    let docker = engine.docker().await?;
    let what = format!("files of container {name}");
    let mut pieces: Pieces = Box::pin(docker.download_from_container(&name, Some(options)));
    // The first piece tells whether there is anything at all.
    let first = async { pieces.next().await.transpose() };
    let first = engine.within(&what, engine.limits().silence, first).await?;
    let silence = engine.limits().silence;
    let rest = stream::unfold(pieces, move |mut pieces| async move {
        let piece = match tokio::time::timeout(silence, pieces.next()).await {
            Ok(None) => return None,
            Ok(Some(piece)) => piece.map_err(io::Error::other),
            Err(_) => Err(too_silent(silence)),
        };
        Some((piece, pieces))
    });
    let whole = stream::iter(first.map(Ok)).chain(rest);
    Ok(Box::new(StreamReader::new(Box::pin(whole))))
}

fn too_silent(silence: Duration) -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("the container engine has sent nothing for {} s", silence.as_secs_f64()),
    )
}

pub(super) async fn write(
    engine: &DockerEngine,
    container: &str,
    path: &str,
    tar: Box<dyn AsyncRead + Send + Unpin>,
) -> Result<(), Problem> {
    let name = problem::name(container)?;
    let options = UploadToContainerOptions {
        path: path.to_owned(),
        // A folder must not become a file, nor the other way round.
        no_overwrite_dir_non_dir: Some("true".to_owned()),
        ..UploadToContainerOptions::default()
    };
    let docker = engine.docker().await?;
    let what = format!("files for container {name}");
    let taken = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&taken);
    let pieces = ReaderStream::with_capacity(tar, PIECE_BYTES).inspect(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let mut sent = std::pin::pin!(docker.upload_to_container(name, Some(options), bollard::body_try_stream(pieces)));
    let mut seen = 0;
    loop {
        match tokio::time::timeout(engine.limits().silence, &mut sent).await {
            Ok(answer) => return answer.map_err(|error| problem::problem(&engine.shared.address, &what, error)),
            Err(_) if taken.load(Ordering::Relaxed) != seen => seen = taken.load(Ordering::Relaxed),
            Err(_) => {
                let silence = engine.limits().silence;
                return Err(Problem::Lost(problem::silent(&engine.shared.address, &what, silence)));
            }
        }
    }
}
