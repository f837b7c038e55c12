//! The diagnostic log: what the program says about its own work, beside the transcript and no part of it.
//!
//! Warnings go to standard error, so that nothing that is lost is lost silently; with a file named, all goes there
//! too. Only what this program says is written: libraries may put whole requests into their logs.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::failure::Failure;
use crate::streams;

/// Begins to write the log.
pub(crate) fn start(file: Option<&Path>) -> Result<(), Failure> {
    let file = file.map(open).transpose()?;
    let of_this_program = |level: LevelFilter| Targets::new().with_target("backstay", level);
    let warnings = layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(|| Talk)
        .with_filter(of_this_program(LevelFilter::WARN));
    let all = file.map(|file| {
        layer()
            .with_ansi(false)
            .with_writer(std::sync::Mutex::new(file))
            .with_filter(of_this_program(LevelFilter::TRACE))
    });
    tracing_subscriber::registry().with(warnings).with(all).init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "begins");
    Ok(())
}

fn open(path: &Path) -> Result<std::fs::File, Failure> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    file.map_err(|error| Failure::usage(format!("the log {} cannot be written: {error}", path.display())))
}

/// Standard error, a whole line at a time.
struct Talk;

impl io::Write for Talk {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A status line may stand there; it is drawn again.
        let clear = if streams::can_redraw() { "\r\x1b[2K" } else { "" };
        let line_text = String::from_utf8_lossy(line);
        streams::talk(&format!("{clear}backstay: {}", line_text.trim_start()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
