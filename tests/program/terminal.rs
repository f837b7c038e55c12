//! A person at a terminal: questions, Ctrl-C, the status line. `script` (util-linux) is the terminal.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::support::left_out::leave_out;
use crate::support::sandbox::{Sandbox, wait_until};

const ASKS: &str = r#"runbook asks "Ask first" { window 10m keep 2m for the way back }
step ask_it "Be sure" {
  budget 2m
  ask "Shall it be done?" confirm
  ask "Who decides?" text as who
  wait 2s because "the status line should be seen"
  record who
}
"#;

/// A program at a terminal.
struct Terminal {
    child: Child,
    shown: String,
    pieces: Receiver<String>,
}

impl Terminal {
    /// `None`, and a loud line, where this machine has no `script`.
    fn start(desk: &Sandbox, words: &str) -> Option<Self> {
        if Command::new("script").arg("--version").output().is_err() {
            leave_out("program::terminal", "`script` (util-linux) is missing");
            return None;
        }
        let call = format!("exec {} {words}", env!("CARGO_BIN_EXE_backstay"));
        let mut child = Command::new("script")
            .args(["-qefc", &call, "/dev/null"])
            .current_dir(desk.path("."))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", desk.path("."))
            .env("USER", "ada")
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env("BACKSTAY_STATE_DIR", desk.path("state"))
            .env("BACKSTAY_LOCK_DIR", desk.path("locks"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let (sender, pieces) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                if sender
                    .send(String::from_utf8_lossy(&buffer[..read]).into_owned())
                    .is_err()
                {
                    break;
                }
            }
        });
        Some(Self {
            child,
            shown: String::new(),
            pieces,
        })
    }

    /// Waits until this is shown after what was waited for before, then types.
    fn answer(&mut self, question: &str, typed: &str) {
        self.shows(question);
        // A person needs a moment; what is typed before the question is shown is no answer.
        std::thread::sleep(Duration::from_millis(300));
        self.child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
    }

    /// Waits until this is shown after what was waited for before.
    fn shows(&mut self, question: &str) {
        let start = Instant::now();
        let mut seen = String::new();
        while !seen.contains(question) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "waited in vain for {question}:\n{}{seen}",
                self.shown
            );
            if let Ok(piece) = self.pieces.recv_timeout(Duration::from_millis(100)) {
                seen.push_str(&piece);
            }
        }
        self.shown.push_str(&seen);
    }

    /// Waits for the end; gives the exit code and everything that was shown.
    fn finish(mut self) -> (i32, String) {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "it does not end:\n{}",
                self.shown
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.shown.extend(self.pieces.iter());
        (self.child.wait().unwrap().code().unwrap(), self.shown)
    }
}

#[test]
fn a_person_answers_and_what_is_neither_yes_nor_no_is_asked_again() {
    let desk = Sandbox::desk();
    desk.write("asks.runbook", ASKS);
    let Some(mut terminal) = Terminal::start(&desk, "run asks.runbook") else {
        return;
    };
    terminal.answer("yes or no? ", "perhaps\n");
    terminal.answer("Please type yes or no.", "Y\n");
    terminal.answer("Who decides?", "grace\n");
    let (exit, shown) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    for part in [
        "Who decides? – “grace” (ada, terminal)",
        "turns back at ",
        " of 2m: waits for an answer until ",
        " of 2m: waits until ",
        "window 9m",
        "\u{1b}[2K",
        "COMPLETED",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn the_second_of_two_people_is_somebody_else() {
    let desk = Sandbox::desk();
    desk.write(
        "two.runbook",
        "runbook two \"T\"\nstep a \"A\" {\n  ask \"Shall we?\" confirm by two people\n  \
         ask \"Really?\" confirm by two people\n}\n",
    );
    let Some(mut terminal) = Terminal::start(&desk, "run two.runbook") else {
        return;
    };
    terminal.answer("yes or no? ", "yes\n");
    terminal.answer(
        "ada has answered. Somebody else has to say the same: who are you? ",
        "Ada\n",
    );
    terminal.answer("Please type another name.", "grace\n");
    terminal.answer("yes or no? ", "yes\n");
    let run = desk.run_name();
    wait_until("the next question stands", || {
        desk.call(&["answer", &run]).stdout.contains("Really?")
    });
    desk.call(&["answer", &run, "yes"]).exits(0);
    wait_until("the second person is asked", || {
        let asked = desk.call(&["answer", &run]).stdout;
        asked.contains("ada has answered; somebody else has to say the same") && asked.contains(" --as NAME")
    });
    let refused = desk.call(&["answer", &run, "yes"]).exits(4);
    assert!(refused.stderr.contains("somebody else has to"), "{refused:?}");
    desk.call(&["answer", &run, "yes", "--as", "hedy"]).exits(0);
    let (exit, shown) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    let who: Vec<_> = desk
        .records_of("answer")
        .iter()
        .map(|said| said["who"].clone())
        .collect();
    assert_eq!(who, ["ada", "grace", "ada", "hedy"]);
}

#[test]
fn each_step_waits_for_a_word() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "two.runbook",
        "runbook two \"Two\"\nstep one \"One\" { do fs.write(\"ROOT/one\", content: \"1\") undo fs.remove(\"ROOT/one\") within 5s }\n\
         step two \"Two\" { do fs.write(\"ROOT/two\", content: \"2\") undo fs.remove(\"ROOT/two\") within 5s }\n",
    );
    let Some(mut terminal) = Terminal::start(&desk, "run two.runbook --confirm-each-step") else {
        return;
    };
    terminal.answer("Shall it begin?", "y\n");
    terminal.answer("Shall it begin?", "no\n");
    let (exit, shown) = terminal.finish();
    assert_eq!(exit, 7, "{shown}");
    assert!(
        shown.contains("Next is step two, which does this:") && shown.contains("/two\", content:"),
        "{shown}"
    );
    assert!(desk.path("one").exists() && !desk.path("two").exists());
}

#[test]
fn a_no_turns_the_run_back() {
    let desk = Sandbox::desk();
    desk.write("asks.runbook", ASKS);
    let Some(mut terminal) = Terminal::start(&desk, "run asks.runbook") else {
        return;
    };
    terminal.answer("yes or no? ", "no\n");
    let (exit, shown) = terminal.finish();
    assert_eq!(exit, 4, "nothing was changed yet: {shown}");
}

#[test]
fn ctrl_c_goes_before_the_question_that_is_open() {
    let desk = Sandbox::desk();
    desk.write("asks.runbook", ASKS);
    let Some(mut terminal) = Terminal::start(&desk, "run asks.runbook") else {
        return;
    };
    terminal.answer("yes or no? ", "\u{3}");
    terminal.answer("Stop here?", "go on\n");
    terminal.answer("yes or no? ", "yes\n");
    terminal.answer("Who decides?", "\u{3}");
    terminal.answer("Stop here?", "pause\n");
    let (exit, shown) = terminal.finish();
    assert_eq!(exit, 7, "{shown}");
    assert!(
        shown.contains("signal INT arrived")
            && shown.contains("signal INT: go on")
            && shown.contains("backstay resume "),
        "{shown}"
    );
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let desk = Sandbox::desk();
    desk.write("asks.runbook", ASKS);
    desk.write("answers.toml", "\"ask_it/1\" = true\n\"ask_it/2\" = \"grace\"\n");
    let words = "run asks.runbook --answers answers.toml --color never";
    let Some(terminal) = Terminal::start(&desk, words) else {
        return;
    };
    let (exit, shown) = terminal.finish();
    assert_eq!(exit, 0, "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

/// Waits for this end of a lost terminal's run.
fn ends(desk: &Sandbox, end: &str) {
    wait_until("the run ends", || {
        let records = desk.records_of("run.end");
        records.iter().any(|record| record["end"] == end)
    });
}

#[test]
fn a_lost_terminal_is_no_silence_and_another_answers() {
    let desk = Sandbox::desk();
    desk.write("asks.runbook", ASKS);
    let Some(mut terminal) = Terminal::start(&desk, "run asks.runbook") else {
        return;
    };
    terminal.shows("yes or no? ");
    let run = desk.run_name();
    // It is shown here and written down for others at once, one a moment before the other.
    wait_until("the question can be answered elsewhere", || {
        desk.call(&["answer", &run]).stdout.contains("Shall it be done?")
    });
    let asked = desk.call(&["answer", &run, "--format", "json"]).exits(0).json();
    assert_eq!(asked["questions"][0]["prompt"], "Shall it be done?", "{asked}");
    assert_eq!(asked["questions"][0]["is_yes_or_no"], true);
    terminal.child.kill().unwrap();
    terminal.child.wait().unwrap();

    desk.call(&["answer", &run, "perhaps"]).exits(2);
    desk.call(&["answer", &run, "yes", "--question", "other/1"]).exits(2);
    desk.call(&["answer", &run, "yes"]).exits(0);
    wait_until("the next question stands", || {
        let asked = desk.call(&["answer", &run]);
        asked.stdout.contains("Who decides?")
    });
    desk.call(&["answer", &run, "grace", "--question", "ask_it/2"]).exits(0);
    ends(&desk, "completed");
    let answers = desk.records_of("answer");
    assert_eq!(answers.len(), 2);
    for answer in &answers {
        assert_eq!(
            (&answer["who"], &answer["via"]),
            (&"ada".into(), &"another terminal".into())
        );
    }
    desk.call(&["answer", &run, "yes"]).exits(4);
}

#[test]
fn the_end_of_the_input_is_no_answer() {
    let desk = Sandbox::desk();
    desk.write("asks.runbook", ASKS);
    let Some(mut terminal) = Terminal::start(&desk, "run asks.runbook") else {
        return;
    };
    terminal.answer("yes or no? ", "\u{4}");
    terminal.answer("Please type yes or no.", "yes\n");
    terminal.answer("Who decides?", "grace\n");
    assert_eq!(terminal.finish().0, 0);
}
