//! The live view: one plain line for every event, and below them, on a terminal, a status line that is
//! drawn again in its place. It has a thread of its own: a slow or lost terminal stops no run.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use backstay::event::{Event, Stamped};
use backstay::render::{Line, Outline, Timeline, Tone};

use crate::streams;

/// How often the status line is drawn again.
const REDRAW: Duration = Duration::from_secs(1);
/// How long nothing may happen before a line says that the run goes on, where nothing is drawn again.
const HEARTBEAT: Duration = Duration::from_mins(1);

enum Message {
    /// What is about to run, and what has happened so far.
    Begin(Outline, Vec<Stamped>),
    Event(Box<Stamped>),
    /// What stands below everything while a person is asked; `None` when they have answered.
    Prompt(Option<String>),
    Text(String),
    Finish,
}

/// The live view of one run.
pub(crate) struct Screen {
    sender: Sender<Message>,
    thread: JoinHandle<()>,
}

/// Hands things to a screen.
#[derive(Clone)]
pub(crate) struct Handle(Sender<Message>);

impl Handle {
    /// Tells what is about to run, and what has happened so far, which is not shown again.
    pub(crate) fn begin(&self, outline: Outline, history: &[Stamped]) {
        self.send(Message::Begin(outline, history.to_vec()));
    }

    /// Shows an event.
    pub(crate) fn event(&self, stamped: &Stamped) {
        self.send(Message::Event(Box::new(stamped.clone())));
    }

    /// Shows a prompt until it is taken away.
    pub(crate) fn prompt(&self, prompt: Option<String>) {
        self.send(Message::Prompt(prompt));
    }

    /// Shows a line.
    pub(crate) fn text(&self, text: impl Into<String>) {
        self.send(Message::Text(text.into()));
    }

    fn send(&self, message: Message) {
        // A view that is gone is no reason to stop.
        let _ = self.0.send(message);
    }
}

impl Screen {
    /// Begins to show. The error is that there is no thread for it.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let view = View {
            timeline: Timeline::default(),
            is_live: streams::can_redraw(),
            has_colour: streams::talk_has_colour(),
            prompt: None,
            has_status: false,
        };
        let thread = std::thread::Builder::new()
            .name("screen".to_owned())
            .spawn(move || view.run(&receiver))?;
        Ok(Self { sender, thread })
    }

    /// A way to hand things over.
    pub(crate) fn handle(&self) -> Handle {
        Handle(self.sender.clone())
    }

    /// Shows what was handed over and takes the status line away.
    pub(crate) fn finish(self) {
        Handle(self.sender).send(Message::Finish);
        // A screen that panicked has nothing left to show.
        let _ = self.thread.join();
    }
}

struct View {
    timeline: Timeline,
    is_live: bool,
    has_colour: bool,
    prompt: Option<String>,
    has_status: bool,
}

impl View {
    fn run(mut self, messages: &Receiver<Message>) {
        let wait = if self.is_live { REDRAW } else { HEARTBEAT };
        loop {
            match messages.recv_timeout(wait) {
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(message) => self.show(message),
                Err(RecvTimeoutError::Timeout) => self.tick(),
            }
        }
        self.clear();
    }

    fn show(&mut self, message: Message) {
        self.clear();
        match message {
            Message::Begin(outline, history) => {
                self.timeline = Timeline::new(outline);
                for stamped in &history {
                    self.timeline.line(stamped);
                }
            }
            Message::Event(stamped) => {
                if matches!(stamped.event, Event::RunEnd(_) | Event::RunInterrupted { .. }) {
                    // Nobody waits for an answer any more.
                    self.prompt = None;
                }
                let line = self.timeline.line(&stamped);
                streams::talk(&paint(&line, self.has_colour));
            }
            Message::Text(text) => streams::talk(&format!("{text}\n")),
            Message::Finish => {}
            Message::Prompt(prompt) => {
                self.prompt = prompt;
                if let Some(prompt) = &self.prompt {
                    streams::talk(prompt);
                    return;
                }
            }
        }
        self.draw();
    }

    fn tick(&mut self) {
        if self.is_live {
            if self.prompt.is_none() {
                self.clear();
                self.draw();
            }
        } else if let Some(status) = self.timeline.status(now_ms()) {
            streams::talk(&format!("… {status}\n"));
        }
    }

    /// Draws what stands below the lines: the prompt, else the status.
    fn draw(&mut self) {
        if let Some(prompt) = &self.prompt {
            streams::talk(prompt);
        } else if self.is_live
            && let Some(status) = self.timeline.status(now_ms())
        {
            let text: String = status
                .to_string()
                .chars()
                .take(streams::talk_width().saturating_sub(1))
                .collect();
            streams::talk(&format!("\x1b[1m{text}\x1b[0m"));
            self.has_status = true;
        }
    }

    fn clear(&mut self) {
        if self.has_status {
            streams::talk("\r\x1b[2K");
            self.has_status = false;
        } else if self.prompt.is_some() {
            streams::talk(if self.is_live { "\r\x1b[2K" } else { "\n" });
        }
    }
}

/// A line with its line end, in the colour of its tone.
pub(crate) fn paint(line: &Line, has_colour: bool) -> String {
    let code = match line.tone {
        _ if !has_colour => "",
        Tone::Plain => "",
        Tone::Good => "\x1b[32m",
        Tone::Notable => "\x1b[33m",
        Tone::Bad => "\x1b[1;31m",
        Tone::Faint => "\x1b[2m",
    };
    let end = if code.is_empty() { "" } else { "\x1b[0m" };
    format!("{code}{line}{end}\n")
}

#[expect(clippy::disallowed_methods, reason = "the view shows what the wall clock says")]
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
