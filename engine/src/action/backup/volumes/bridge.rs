//! Streams of the engine, read and written from a thread that waits.

use std::io::{self, Read, Write};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::runtime::Handle;

use crate::action::common::blocking::Stop;

/// The longest that nothing may come or go.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// A stream with the runtime that moves it.
pub(super) struct Bridge<S> {
    stream: S,
    runtime: Handle,
    stop: Stop,
}

impl<S> Bridge<S> {
    pub(super) fn new(stream: S, runtime: Handle, stop: &Stop) -> Self {
        Self {
            stream,
            runtime,
            stop: stop.clone(),
        }
    }

    fn check(&self) -> io::Result<()> {
        self.stop
            .check()
            .map_err(|problem| io::Error::other(problem.to_string()))
    }
}

fn idle<T>(_: T) -> io::Error {
    let text = format!("nothing moved for {} s", IDLE_MAX.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, text)
}

impl<S: AsyncRead + Unpin> Read for Bridge<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let read = async { tokio::time::timeout(IDLE_MAX, self.stream.read(buffer)).await };
        self.runtime.block_on(read).map_err(idle)?
    }
}

impl<S: AsyncWrite + Unpin> Write for Bridge<S> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.check()?;
        let write = async { tokio::time::timeout(IDLE_MAX, self.stream.write(buffer)).await };
        self.runtime.block_on(write).map_err(idle)?
    }

    fn flush(&mut self) -> io::Result<()> {
        let flush = async { tokio::time::timeout(IDLE_MAX, self.stream.flush()).await };
        self.runtime.block_on(flush).map_err(idle)?
    }
}
