//! The two streams: data on standard output, talk on standard error. A stream that nobody reads any more
//! is no error: whoever closed it has seen enough.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::ColorChoice;

/// Writes data.
pub(crate) fn data(text: &str) {
    let mut stream = io::stdout().lock();
    let written = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        talk(&format!("backstay: standard output cannot be written: {error}\n"));
    }
}

/// Writes one JSON object as data.
pub(crate) fn json(value: &serde_json::Value) {
    data(&format!("{value}\n"));
}

/// Whether nobody takes what is written to standard error.
static IS_TALK_STUCK: AtomicBool = AtomicBool::new(false);

/// Nothing more is written to standard error: somebody waits in a write that does not end.
pub(crate) fn give_up_talk() {
    IS_TALK_STUCK.store(true, Ordering::Relaxed);
}

/// Writes talk.
pub(crate) fn talk(text: &str) {
    if IS_TALK_STUCK.load(Ordering::Relaxed) {
        return;
    }
    let mut stream = io::stderr().lock();
    // Nobody is left who could be told.
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// Sets what `--color` says; without it the environment (`NO_COLOR`, `CLICOLOR_FORCE`, `TERM`) decides.
pub(crate) fn set_colour(choice: Option<bool>) {
    let choice = match choice {
        None => ColorChoice::Auto,
        Some(true) => ColorChoice::Always,
        Some(false) => ColorChoice::Never,
    };
    choice.write_global();
}

/// Whether data is shown in colour.
pub(crate) fn data_has_colour() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Whether talk is shown in colour.
pub(crate) fn talk_has_colour() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Whether a line of standard error can be drawn again in its place.
pub(crate) fn can_redraw() -> bool {
    io::stderr().is_terminal() && talk_has_colour()
}

/// Whether a person can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// How many characters a line of standard error can have.
pub(crate) fn talk_width() -> usize {
    // A terminal that does not know its width says zero.
    let width = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    if width == 0 { 80 } else { width.max(20) }
}
