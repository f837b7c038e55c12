//! Questions that stand while a run goes on, as files in its directory: whoever may read that can answer from another
//! terminal. `questions/ID.json` is there while the question stands, `questions/ID.answer` until it is taken, and then
//! `questions/ID.taken`, empty, until whoever answered has seen it.
//!
//! An answer is taken at most once, and only by a runner that asks: whoever gave it waits for that, and takes it back
//! otherwise, so that nothing is acknowledged and then lost.

#![expect(clippy::disallowed_methods, reason = "questions are files")]

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event::{SignalChoice, is_one_person};
use crate::private_files::{make_private, read_if_there, write_json};
use crate::run::directory::RunDirectory;
use crate::value::Value;
use crate::world::real::{GivenAnswer, WrittenAnswer};
use crate::world::{Clock, Person, PersonAnswer, PersonQuestion, PersonWants};

/// How often answers are looked for.
const POLL: Duration = Duration::from_millis(250);

/// How long the runner may take to take an answer.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// The longest question or answer that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 16;

/// A question that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingQuestion {
    /// The statement that asks.
    pub key: String,
    /// The step's title.
    pub step: String,
    pub prompt: String,
    /// Who is to answer, as people know them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Whether the answer is yes or no, and not a text.
    pub is_yes_or_no: bool,
    /// Who has answered already: somebody else has to say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub besides: Option<String>,
}

impl StandingQuestion {
    /// The answer that a text is; `None` where it is none to this question.
    pub(crate) fn read(&self, text: &str) -> Option<GivenAnswer> {
        if !self.is_yes_or_no {
            return Some(GivenAnswer::Text(text.to_owned()));
        }
        yes_or_no(text).map(GivenAnswer::Confirm)
    }
}

/// `y` and `yes`, `n` and `no`, in whatever case.
pub fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

/// Why an answer was not given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("it wants yes or no")]
    NotYesOrNo,
    #[error("{0} has answered already, and somebody else has to")]
    SamePerson(String),
    #[error("it is being answered from elsewhere")]
    Busy,
    #[error("the run did not take it")]
    NotTaken,
    #[error(transparent)]
    File(#[from] io::Error),
}

/// The questions of one run.
#[derive(Debug, Clone)]
pub(crate) struct Questions(RunDirectory);

impl Questions {
    pub(crate) fn new(directory: RunDirectory) -> Self {
        Self(directory)
    }

    /// Those that stand now.
    pub(crate) fn standing(&self) -> io::Result<Vec<StandingQuestion>> {
        let mut found: Vec<StandingQuestion> = Vec::new();
        let entries = match fs::read_dir(self.0.file("questions")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                found.extend(read(&path)?);
            }
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    /// Answers a question, and waits until the runner has taken the answer.
    pub(crate) async fn answer(
        &self,
        question: &StandingQuestion,
        text: &str,
        who: &str,
        clock: &dyn Clock,
    ) -> Result<(), AnswerError> {
        let answer = question.read(text).ok_or(AnswerError::NotYesOrNo)?;
        if let Some(first) = question.besides.as_ref().filter(|first| is_one_person(first, who)) {
            return Err(AnswerError::SamePerson(first.clone()));
        }
        let who = who.to_owned();
        let path = self.file((&question.key, &question.besides), "answer");
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(AnswerError::Busy),
            opened => opened?,
        };
        let content = serde_json::to_vec(&WrittenAnswer {
            answer,
            who,
            attempt: None,
        })
        .map_err(io::Error::other)?;
        if let Err(error) = file.write_all(&content) {
            // Half an answer would keep everybody from giving one.
            let _ = fs::remove_file(&path);
            return Err(error.into());
        }
        let taken = self.file((&question.key, &question.besides), "taken");
        let until = clock.boot_ns().saturating_add(nanoseconds(TAKEN_WITHIN));
        let question = self.file((&question.key, &question.besides), "json");
        while clock.boot_ns() < until && path.exists() && question.exists() {
            clock.sleep(POLL / 5).await;
        }
        // Only the runner takes it; it may also have been cleared away.
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::remove_file(taken) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(AnswerError::NotTaken),
                removed => Ok(removed?),
            },
            Err(error) => Err(error.into()),
            Ok(()) => Err(AnswerError::NotTaken),
        }
    }

    /// Clears away what a runner that was killed asked, and what it was answered.
    pub(crate) fn clear(&self) {
        // What is not there need not be cleared.
        let _ = fs::remove_dir_all(self.0.file("questions"));
    }

    /// Says that a question stands, until what it gives is dropped.
    fn ask(&self, question: &PersonQuestion) -> io::Result<Standing> {
        make_private(&self.0.file("questions"))?;
        let standing = Standing {
            question: self.file((&question.key, &question.besides), "json"),
            answer: self.file((&question.key, &question.besides), "answer"),
            taken: self.file((&question.key, &question.besides), "taken"),
        };
        // An answer to what was asked before is none to this.
        for old in [&standing.answer, &standing.taken] {
            let _ = fs::remove_file(old);
        }
        let content = StandingQuestion {
            key: question.key.clone(),
            step: question.step.clone(),
            prompt: question.prompt.clone(),
            of: question.of.clone(),
            is_yes_or_no: question.wants != PersonWants::Text,
            besides: question.besides.clone(),
        };
        write_json(&standing.question, &content)?;
        Ok(standing)
    }

    /// The second of two people is asked beside what became of the first answer.
    fn file(&self, (key, besides): (&str, &Option<String>), kind: &str) -> PathBuf {
        let second = if besides.is_some() { "#2" } else { "" };
        let digest = crate::digest::sha256(format!("{key}{second}").as_bytes());
        let short: String = digest.chars().skip("sha256:".len()).take(16).collect();
        self.0.file("questions").join(format!("{short}.{kind}"))
    }
}

/// A question that stands as long as this lives.
struct Standing {
    question: PathBuf,
    answer: PathBuf,
    /// What an answer becomes that was taken.
    taken: PathBuf,
}

impl Standing {
    /// The answer, where one was given that is whole.
    fn take(&self) -> Option<PersonAnswer> {
        let WrittenAnswer { answer, who, .. } = read(&self.answer).ok()??;
        fs::rename(&self.answer, &self.taken).ok()?;
        // Nothing of it stays: whoever answers may not know what a secret is.
        let _ = OpenOptions::new().write(true).truncate(true).open(&self.taken);
        Some(PersonAnswer {
            value: match answer {
                GivenAnswer::Confirm(is_yes) => Value::Bool(is_yes),
                GivenAnswer::Text(text) => Value::Text(text),
                GivenAnswer::Each(_) => return None,
            },
            who,
            via: "another terminal".to_owned(),
        })
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.question);
    }
}

/// The person at the terminal, and whoever answers from another one. A terminal that is lost is no silence.
pub(crate) struct AtAnyTerminal {
    pub(crate) here: Arc<dyn Person>,
    pub(crate) questions: Questions,
    pub(crate) clock: Arc<dyn Clock>,
}

impl AtAnyTerminal {
    /// The answer from another terminal, whenever it comes; `None` where none can come.
    async fn elsewhere(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        let standing = match self.questions.ask(question) {
            Ok(standing) => standing,
            Err(error) => {
                tracing::warn!(%error, "a question cannot be answered from another terminal");
                return None;
            }
        };
        loop {
            if let Some(answer) = standing.take() {
                return Some(answer);
            }
            self.clock.sleep(POLL).await;
        }
    }
}

#[async_trait]
impl Person for AtAnyTerminal {
    async fn ask(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        let (elsewhere, here) = (self.elsewhere(question), self.here.ask(question));
        tokio::pin!(elsewhere, here);
        tokio::select! {
            answer = &mut elsewhere => match answer {
                None => here.await,
                answer => answer,
            },
            answer = &mut here => match answer {
                None => elsewhere.await,
                answer => answer,
            },
        }
    }

    async fn ask_signal(&self, can_turn_back: bool) -> Option<SignalChoice> {
        self.here.ask_signal(can_turn_back).await
    }

    fn can_answer(&self, question: &PersonQuestion) -> bool {
        self.here.can_answer(question)
    }
}

/// What a file holds; `None` where it is not there, or not whole yet.
fn read<T: DeserializeOwned>(path: &std::path::Path) -> io::Result<Option<T>> {
    let content = read_if_there(path, FILE_BYTES_MAX)?;
    Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::world::real::RealClock;

    /// A terminal that is lost.
    struct Lost;

    #[async_trait]
    impl Person for Lost {
        async fn ask(&self, _question: &PersonQuestion) -> Option<PersonAnswer> {
            None
        }

        async fn ask_signal(&self, _: bool) -> Option<SignalChoice> {
            None
        }

        fn can_answer(&self, _question: &PersonQuestion) -> bool {
            true
        }
    }

    fn question() -> PersonQuestion {
        PersonQuestion {
            key: "a/1".to_owned(),
            step: "A".to_owned(),
            prompt: "Who?".to_owned(),
            wants: PersonWants::Text,
            of: None,
            by_two: false,
            besides: None,
        }
    }

    fn questions(folder: &tempfile::TempDir) -> Questions {
        Questions::new(RunDirectory {
            run: "x".to_owned(),
            path: folder.path().to_owned(),
        })
    }

    #[tokio::test]
    async fn only_what_the_run_took_is_acknowledged() {
        for is_taken in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let questions = questions(&folder);
            let standing = questions.ask(&question()).unwrap();
            let asked = questions.standing().unwrap().pop().unwrap();
            let taking = async {
                while !standing.answer.exists() {
                    RealClock.sleep(POLL / 10).await;
                }
                if is_taken {
                    assert_eq!(standing.take().unwrap().value, Value::text("ada"));
                } else {
                    questions.clear();
                }
            };
            let (answered, ()) = tokio::join!(questions.answer(&asked, "ada", "grace", &RealClock), taking);
            assert_eq!(answered.is_ok(), is_taken, "{answered:?}");
            assert!(!standing.taken.exists());
        }
    }

    #[tokio::test]
    async fn a_question_that_nobody_can_see_is_answered_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("questions"), "no folder").unwrap();
        let nobody = AtAnyTerminal {
            here: Arc::new(Lost),
            questions: questions(&folder),
            clock: Arc::new(RealClock),
        };
        assert_eq!(nobody.ask(&question()).await, None);
    }
}
