//! The live view: one plain line for every event, and below them, on a terminal, a status line that is
//! drawn again in its place. It has a thread of its own: a slow or lost terminal stops no run.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use backstay::event::{Event, Pending, Stamped};
use backstay::render::{Line, Timeline, Tone};

use crate::streams;

/// How often the status line is drawn again.
const REDRAW: Duration = Duration::from_secs(1);
/// How long nothing may happen before a line says that the run goes on, where nothing is drawn again.
const HEARTBEAT: Duration = Duration::from_mins(1);

/// How often a line of progress is written where nothing is drawn again, milliseconds.
const PROGRESS_MS: u64 = 10_000;

enum Message {
    /// What has happened so far.
    Begin(Vec<Stamped>),
    Event(Box<Stamped>),
    /// How far a statement is: its key and a line.
    Progress(String, String),
    /// What a program says: the key of its statement and a line.
    Said(String, String),
    /// What is under way and waited for.
    Pending(Vec<Pending>),
    /// What stands below everything while a person is asked.
    Prompt(String),
    /// A line of so many characters was typed below the prompt.
    Typed(usize),
    /// Nobody is asked any more.
    Answered,
    Finish,
}

/// How long the screen may take for what stands in one line before nobody waits for it any more.
const DRAINED_WITHIN: Duration = Duration::from_secs(5);

/// The live view of one run.
pub(crate) struct Screen {
    sender: Sender<Message>,
    /// Says so for each message that was shown, and goes with the last.
    shown: Receiver<()>,
}

/// Hands things to a screen.
#[derive(Clone)]
pub(crate) struct Handle(Sender<Message>);

impl Handle {
    /// Tells what has happened so far, which is not shown again.
    pub(crate) fn begin(&self, history: &[Stamped]) {
        self.send(Message::Begin(history.to_vec()));
    }

    /// Shows an event.
    pub(crate) fn event(&self, stamped: &Stamped) {
        self.send(Message::Event(Box::new(stamped.clone())));
    }

    /// Shows how far a statement is.
    pub(crate) fn progress(&self, key: &str, line: &str) {
        self.send(Message::Progress(key.to_owned(), line.to_owned()));
    }

    /// Shows a line that a program says.
    pub(crate) fn said(&self, key: &str, line: &str) {
        self.send(Message::Said(key.to_owned(), line.to_owned()));
    }

    /// Shows what is under way and waited for.
    pub(crate) fn pending(&self, pending: Vec<Pending>) {
        self.send(Message::Pending(pending));
    }

    /// Shows a prompt below everything else until it is answered or given up.
    pub(crate) fn prompt(&self, prompt: impl Into<String>) {
        self.send(Message::Prompt(prompt.into()));
    }

    /// A line of so many characters was typed: the cursor stands below the prompt.
    pub(crate) fn typed(&self, characters: usize) {
        self.send(Message::Typed(characters));
    }

    /// Lets the prompt go: it was answered, or given up.
    pub(crate) fn answered(&self) {
        self.send(Message::Answered);
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
            status_is: StatusIs::Nowhere,
            progress_ms: 0,
        };
        let (tick, shown) = channel();
        std::thread::Builder::new()
            .name("screen".to_owned())
            .spawn(move || view.run(&receiver, &tick))?;
        Ok(Self { sender, shown })
    }

    /// A way to hand things over.
    pub(crate) fn handle(&self) -> Handle {
        Handle(self.sender.clone())
    }

    /// Shows what was handed over and takes the status line away. Where nobody takes what is written, nothing more is.
    pub(crate) fn finish(self) {
        Handle(self.sender).send(Message::Finish);
        loop {
            match self.shown.recv_timeout(DRAINED_WITHIN) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => return streams::give_up_talk(),
            }
        }
    }
}

struct View {
    timeline: Timeline,
    is_live: bool,
    has_colour: bool,
    prompt: Option<String>,
    status_is: StatusIs,
    /// When a line was last written.
    progress_ms: i64,
}

/// Where the status line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StatusIs {
    Nowhere,
    /// Below the lines: the cursor is behind it.
    Last,
    AbovePrompt,
}

impl View {
    fn run(mut self, messages: &Receiver<Message>, shown: &Sender<()>) {
        let wait = if self.is_live { REDRAW } else { HEARTBEAT };
        loop {
            match messages.recv_timeout(wait) {
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(message) => self.show(message),
                Err(RecvTimeoutError::Timeout) => self.tick(),
            }
            // Who does not wait yet has no use for it.
            let _ = shown.send(());
        }
        self.clear();
        if self.prompt.is_some() {
            streams::talk("\n");
        }
    }

    fn show(&mut self, message: Message) {
        match message {
            Message::Begin(history) => {
                for stamped in &history {
                    self.timeline.line(stamped);
                }
                self.clear();
                self.draw();
            }
            Message::Event(stamped) => {
                if matches!(stamped.event, Event::RunEnd(_) | Event::RunInterrupted { .. }) {
                    // Nobody waits for an answer any more.
                    self.drop_prompt();
                }
                self.progress_ms = now_ms();
                let line = self.timeline.line(&stamped);
                self.line(&paint(&line, self.has_colour), &line.to_string());
            }
            Message::Progress(key, line) => {
                self.timeline.progress(&key, &line);
                self.progress();
            }
            Message::Said(key, line) => {
                let line = self.timeline.said(&key, &line, now_ms());
                self.line(&paint(&line, self.has_colour), &line.to_string());
            }
            Message::Pending(pending) => {
                for line in self.timeline.pending(pending, now_ms()) {
                    self.line(&paint(&line, self.has_colour), &line.to_string());
                }
                if self.is_live {
                    self.tick();
                }
            }
            Message::Prompt(prompt) => {
                self.drop_prompt();
                self.clear();
                if let Some(status) = self.status() {
                    streams::talk(&format!("{status}\n"));
                    self.status_is = StatusIs::AbovePrompt;
                }
                streams::talk(&prompt);
                self.prompt = Some(prompt);
            }
            Message::Typed(characters) => {
                if let Some(prompt) = self.prompt.take() {
                    let typed = " ".repeat(characters);
                    self.take_status_away(rows_of(&format!("{prompt}{typed}")));
                }
            }
            Message::Answered => {
                self.drop_prompt();
                self.clear();
                self.draw();
            }
            Message::Finish => {}
        }
    }

    /// Writes a line above what stands below the lines; `plain` is the same without line end and colour.
    fn line(&mut self, painted: &str, plain: &str) {
        match &self.prompt {
            Some(prompt) if self.is_live => {
                let below = rows_of(prompt) + usize::from(self.status_is == StatusIs::AbovePrompt);
                streams::talk(&above(painted, rows_of(plain), below));
            }
            Some(prompt) => {
                let last = prompt.lines().last().unwrap_or("");
                streams::talk(&format!("\n{painted}{last}"));
            }
            None => {
                self.clear();
                streams::talk(painted);
                self.draw();
            }
        }
    }

    fn tick(&mut self) {
        if let Some(prompt) = &self.prompt {
            if self.status_is == StatusIs::AbovePrompt
                && let Some(status) = self.status()
            {
                let up = rows_of(prompt);
                streams::talk(&format!("\x1b7\x1b[{up}A\r\x1b[2K{status}\x1b8"));
            }
            return;
        }
        if self.is_live {
            self.clear();
            self.draw();
        } else if let Some(status) = self.timeline.status(now_ms()) {
            streams::talk(&format!("… {status}\n"));
        }
    }

    /// Shows how far long actions are: drawn again on a terminal, elsewhere a line now and then.
    fn progress(&mut self) {
        let now_ms = now_ms();
        let is_due = now_ms.abs_diff(self.progress_ms) >= PROGRESS_MS;
        if self.is_live || is_due {
            self.progress_ms = now_ms;
            self.tick();
        }
    }

    /// The status line, where it can be drawn again.
    fn status(&self) -> Option<String> {
        if !self.is_live {
            return None;
        }
        let status = self.timeline.status(now_ms())?.to_string();
        let width = streams::talk_width().saturating_sub(1);
        let text: String = status.chars().take(width).collect();
        Some(format!("\x1b[1m{text}\x1b[0m"))
    }

    /// Draws the status below the lines.
    fn draw(&mut self) {
        if let Some(status) = self.status() {
            streams::talk(&status);
            self.status_is = StatusIs::Last;
        }
    }

    /// Nobody is asked any more, and nothing was typed since.
    fn drop_prompt(&mut self) {
        if let Some(prompt) = self.prompt.take() {
            streams::talk("\n");
            self.take_status_away(rows_of(&prompt));
        }
    }

    /// Takes the status line away that stands above a prompt of so many rows, below which the cursor stands.
    fn take_status_away(&mut self, rows: usize) {
        if self.status_is == StatusIs::AbovePrompt {
            self.status_is = StatusIs::Nowhere;
            streams::talk(&format!("\x1b[{}A\x1b[M\x1b[{rows}B", rows + 1));
        }
    }

    fn clear(&mut self) {
        if self.status_is == StatusIs::Last {
            streams::talk("\r\x1b[2K");
            self.status_is = StatusIs::Nowhere;
        }
    }
}

/// How many rows of the terminal these lines take.
fn rows_of(text: &str) -> usize {
    let width = streams::talk_width();
    let rows = |line: &str| line.chars().count().div_ceil(width).max(1);
    text.lines().map(rows).sum()
}

/// What a terminal is sent to show a line above a prompt, in whose last row the cursor stands behind what
/// has been typed: make room below, insert the rows above the prompt, and go back to where the cursor was.
fn above(painted: &str, line_rows: usize, prompt_rows: usize) -> String {
    let room = "\n".repeat(line_rows);
    let up = line_rows + prompt_rows - 1;
    let text = painted.trim_end_matches('\n');
    format!("\x1b7{room}\x1b[{up}A\r\x1b[{line_rows}L{text}\x1b8\x1b[{line_rows}B")
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

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
