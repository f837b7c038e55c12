//! The person at the terminal. There is no blanket yes: each question has its own answer.

use std::io::{BufRead as _, IsTerminal as _};

use async_trait::async_trait;
use backstay::event::{SignalChoice, is_one_person};
use backstay::render::visible;
use backstay::run::questions::yes_or_no;
use backstay::value::Value;
use backstay::world::{Person, PersonAnswer, PersonQuestion, PersonWants};
use tokio::sync::{Mutex, mpsc, watch};

use crate::screen::Handle;

/// How many typed lines may wait to be read.
const TYPED_LINES_MAX: usize = 64;

/// The person at the terminal.
pub(crate) struct Operator {
    name: String,
    screen: Handle,
    /// One question at a time. Holds what is typed, once somebody was asked.
    terminal: Mutex<Option<mpsc::Receiver<String>>>,
    /// Whether the question about Ctrl-C is being asked: it goes before all others.
    interrupted: watch::Sender<bool>,
}

impl Operator {
    /// A person of this name.
    pub(crate) fn new(name: String, screen: Handle) -> Self {
        Self {
            name,
            screen,
            terminal: Mutex::new(None),
            interrupted: watch::Sender::new(false),
        }
    }

    /// Shows a prompt and gives the first typed line that `read` understands; `None` at the end of the
    /// input. Steps aside while the question about Ctrl-C is asked, and asks again afterwards.
    async fn typed<T>(&self, prompt: &str, again: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut interrupted = self.interrupted.subscribe();
        loop {
            is(&mut interrupted, false).await?;
            tokio::select! {
                answer = self.read(prompt, again, &read) => return answer,
                _ = is(&mut interrupted, true) => {}
            }
        }
    }

    async fn read<T>(&self, prompt: &str, again: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut terminal = self.terminal.lock().await;
        let lines = terminal.get_or_insert_with(read_terminal);
        // What was typed before the question was shown is no answer to it.
        while lines.try_recv().is_ok() {}
        let shown = Shown::new(&self.screen, prompt);
        loop {
            let line = lines.recv().await?;
            self.screen.typed(line.chars().count());
            if let Some(answer) = read(&line) {
                return Some(answer);
            }
            shown.again(again);
        }
    }
}

/// Waits until the question about Ctrl-C is asked, or is not asked any more.
async fn is(interrupted: &mut watch::Receiver<bool>, asked: bool) -> Option<()> {
    interrupted.wait_for(|now| *now == asked).await.ok().map(|_| ())
}

/// Makes other questions step aside while it lives.
struct Interruption<'a>(&'a watch::Sender<bool>);

impl<'a> Interruption<'a> {
    fn new(interrupted: &'a watch::Sender<bool>) -> Self {
        interrupted.send_replace(true);
        Self(interrupted)
    }
}

impl Drop for Interruption<'_> {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

/// A prompt on the screen, taken away when the question is answered or given up.
struct Shown<'a> {
    screen: &'a Handle,
    prompt: &'a str,
}

impl<'a> Shown<'a> {
    fn new(screen: &'a Handle, prompt: &'a str) -> Self {
        screen.prompt(prompt);
        Self { screen, prompt }
    }

    /// Asks again: what is expected, and the last line of the prompt.
    fn again(&self, expected: &str) {
        let last = self.prompt.lines().last().unwrap_or("");
        self.screen.prompt(format!("{expected}\n{last}"));
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.screen.answered();
    }
}

/// Reads typed lines on a thread of its own, which ends with the program: a read cannot be called back. It ends before
/// only where the terminal is lost.
fn read_terminal() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(TYPED_LINES_MAX);
    let read = move || {
        let stdin = std::io::stdin();
        let mut lines = stdin.lock().lines();
        loop {
            let line = match lines.next() {
                Some(Ok(line)) => line,
                // Ctrl-D ends a line, and not the terminal.
                None if stdin.is_terminal() => String::new(),
                _ => break,
            };
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("terminal".to_owned()).spawn(read) {
        tracing::warn!(%error, "the terminal cannot be read");
    }
    receiver
}

#[async_trait]
impl Person for Operator {
    async fn ask(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        let prompt: Vec<String> = question
            .prompt
            .lines()
            .map(|line| format!("  {}\n", visible(line)))
            .collect();
        let title = format!("\n  {}\n{}", visible(&question.step), prompt.concat());
        let (title, who) = match (&question.besides, &question.of) {
            (None, None) => (title, self.name.clone()),
            (None, Some(of)) => {
                let prompt = format!("{title}  {} has to say this: who are you? ", visible(of));
                let read = |line: &str| (!line.trim().is_empty()).then(|| line.trim().to_owned());
                let who = self.typed(&prompt, "  Please type your name.", read).await?;
                (String::new(), who)
            }
            (Some(first), _) => {
                let prompt = format!(
                    "{title}  {} has answered. Somebody else has to say the same: who are you? ",
                    visible(first)
                );
                let read = |line: &str| {
                    let is_other = !line.trim().is_empty() && !is_one_person(first, line);
                    is_other.then(|| line.trim().to_owned())
                };
                let who = self.typed(&prompt, "  Please type another name.", read).await?;
                (String::new(), who)
            }
        };
        let value = match question.wants {
            PersonWants::Confirm | PersonWants::Verdict(_) => {
                let prompt = format!("{title}  yes or no? ");
                let read = |line: &str| yes_or_no(line).map(Value::Bool);
                self.typed(&prompt, "  Please type yes or no.", read).await?
            }
            PersonWants::Text => {
                let prompt = format!("{title}  > ");
                let read = |line: &str| {
                    let line = line.trim();
                    (!line.is_empty()).then(|| Value::Text(line.to_owned()))
                };
                self.typed(&prompt, "  Please type an answer.", read).await?
            }
        };
        Some(PersonAnswer {
            value,
            who,
            via: "terminal".to_owned(),
        })
    }

    async fn ask_signal(&self, can_turn_back: bool) -> Option<SignalChoice> {
        let (answers, why) = if can_turn_back {
            ("Type back (b), pause (p) or go on (g).", "After 30s it turns back.")
        } else {
            (
                "Type pause (p) or go on (g).",
                "After 30s it pauses.\n  It cannot turn back any more: the point of no return is passed.",
            )
        };
        let prompt = format!(
            "\n  Stop here? {answers} {why}\n  Ctrl-C once more kills the run where it stands; it can be resumed.\n  > "
        );
        let read = |line: &str| match line.trim().to_lowercase().as_str() {
            "b" | "back" | "turn back" if can_turn_back => Some(SignalChoice::TurnBack),
            "p" | "pause" => Some(SignalChoice::Pause),
            "g" | "go" | "go on" => Some(SignalChoice::GoOn),
            _ => None,
        };
        let _others_step_aside = Interruption::new(&self.interrupted);
        let again = format!("  That is none of the answers. {answers}");
        self.read(&prompt, &again, read).await
    }

    fn can_answer(&self, _question: &PersonQuestion) -> bool {
        true
    }
}
