//! The arguments of the program.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use backstay::event::Stops;
use backstay_dsl::units::{self, Number};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::streams;

const EXIT_CODES: &str = "\
Exit codes: 0 completed · 1 a negative answer · 2 usage · 3 runbook invalid · 4 refused, nothing changed · \
5 rolled back and verified · 6 stuck, a person is needed · 7 paused, resumable · 8 parked · 75 locked by another run";

/// Checks, plans and carries out runbooks, and takes them back when they fail.
#[derive(Debug, Parser)]
#[command(name = "backstay", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// When to use colours; `auto`: on a terminal, unless the environment says otherwise
    #[arg(long, value_name = "WHEN", global = true, value_enum, default_value_t = Colour::Auto)]
    pub(crate) color: Colour,
    /// Writes the diagnostic log to a file as well; warnings always go to standard error
    #[arg(long, value_name = "FILE", global = true, env = "BACKSTAY_LOG")]
    pub(crate) log: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Says everything that is wrong with runbooks, each at its place
    Check(Check),
    /// Shows what would be done, with real readings up to the first change; changes nothing
    Plan(Plan),
    /// Carries a runbook out
    Run(Run),
    /// Goes on with a run that was paused or killed
    Resume(Resume),
    /// Turns a run back: one that goes on elsewhere, or one that was paused or killed
    TurnBack(TurnBack),
    /// Pauses a run that goes on elsewhere
    Pause(Pause),
    /// Answers a question of a run that goes on elsewhere, or says what it asks
    Answer(Answer),
    /// Says where runs stand: what goes on, what has not ended, and what they have on this machine
    Status(Status),
    /// Says that nobody will finish a run that was paused, killed or got stuck; puts nothing back
    GiveUp(GiveUp),
    /// Answers the runbook's questions about production, and compares with the last run
    Anchors(Anchors),
    /// Looks a symptom up in the runbook's tables: what to suspect and what to do
    Symptoms(Symptoms),
    /// Shows the catalogue of actions: types, effects, documentation
    Actions(Actions),
    /// Explains a diagnostic, with a bad and a good example
    Explain(Explain),
    /// Verifies or shows the transcript of a run
    #[command(subcommand)]
    Transcript(Transcript),
}

#[derive(Debug, Args)]
pub(crate) struct FormatOption {
    /// What to print on standard output: text for people, or one JSON object for scripts
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct StateOption {
    /// Where runs are kept [default: backstay/runs in the user's state directory]
    #[arg(long, value_name = "DIR", env = "BACKSTAY_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Where runs say what they have on this machine; the same for all its users [default: /var/tmp]
    #[arg(long, value_name = "DIR", env = "BACKSTAY_LOCK_DIR")]
    pub(crate) lock_dir: Option<PathBuf>,
}

/// A run that is there.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// The run: its name, its directory, or the file of its records
    #[arg(value_name = "RUN", index = 1)]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) state: StateOption,
}

#[derive(Debug, Args)]
pub(crate) struct InputOptions {
    /// Gives an input its value; may stand several times
    #[arg(long = "input", value_name = "NAME=VALUE")]
    pub(crate) inputs: Vec<String>,
    /// Takes inputs from a TOML file; --input wins
    #[arg(long = "inputs", value_name = "FILE")]
    pub(crate) inputs_file: Option<PathBuf>,
}

#[derive(Debug, Default, Clone, Args)]
pub(crate) struct PersonOptions {
    /// Takes answers to questions from a TOML file: a statement's key or the exact question, and the answer
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    /// Asks nobody: what is not in the answers file has no answer
    #[arg(long)]
    pub(crate) no_input: bool,
}

/// Who is asked and what is shown while something runs.
#[derive(Debug, Default, Args)]
pub(crate) struct SittingOptions {
    #[command(flatten)]
    pub(crate) person: PersonOptions,
    /// Shows what programs say, line by line as they say it
    #[arg(long)]
    pub(crate) verbose: bool,
}

impl SittingOptions {
    /// Nobody is asked.
    pub(crate) fn nobody() -> Self {
        Self::from(PersonOptions {
            no_input: true,
            ..PersonOptions::default()
        })
    }
}

impl From<PersonOptions> for SittingOptions {
    fn from(person: PersonOptions) -> Self {
        Self { person, verbose: false }
    }
}

/// How far a run goes in this sitting.
#[derive(Debug, Args)]
pub(crate) struct StopOptions {
    /// Pauses once this step is done; `backstay resume` goes on
    #[arg(long, value_name = "STEP")]
    pub(crate) until: Option<String>,
    /// Asks at the terminal before each step, showing what it does; `no` pauses the run
    #[arg(long)]
    pub(crate) confirm_each_step: bool,
}

impl StopOptions {
    pub(crate) fn stops(&self) -> Stops {
        Stops {
            until: self.until.clone(),
            each_step: self.confirm_each_step,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The runbooks
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The runbook
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) inputs: InputOptions,
    /// Saves the plan as it is shown, for `backstay run --approved FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) person: PersonOptions,
    #[command(flatten)]
    pub(crate) state: StateOption,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The runbook
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) inputs: InputOptions,
    #[command(flatten)]
    pub(crate) sitting: SittingOptions,
    /// Refuses to run any other plan than the one of this digest, or of this file of `backstay plan --out`
    #[arg(long, value_name = "DIGEST|FILE")]
    pub(crate) approved: Option<String>,
    /// The change ticket, for the transcript
    #[arg(long, value_name = "TICKET")]
    pub(crate) ticket: Option<String>,
    /// When the window starts, as in 2026-11-03T22:00:00+01:00 [default: with the first step that is not `before window`]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) window_start: Option<i64>,
    #[command(flatten)]
    pub(crate) stops: StopOptions,
    #[command(flatten)]
    pub(crate) state: StateOption,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Makes the window longer: 30m, 1h30m; needs --because
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "because")]
    pub(crate) extend: Option<u64>,
    /// Why the window is made longer
    #[arg(long, value_name = "REASON", requires = "extend")]
    pub(crate) because: Option<String>,
    #[command(flatten)]
    pub(crate) stops: StopOptions,
    #[command(flatten)]
    pub(crate) sitting: SittingOptions,
    #[command(flatten)]
    pub(crate) run: RunOptions,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct TurnBack {
    #[command(flatten)]
    pub(crate) sitting: SittingOptions,
    #[command(flatten)]
    pub(crate) run: RunOptions,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    #[command(flatten)]
    pub(crate) run: RunOptions,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// yes, no, or the text that is asked for [default: says what is asked]
    #[arg(value_name = "ANSWER", index = 2)]
    pub(crate) words: Option<String>,
    /// The statement that asks, where several questions stand
    #[arg(long, value_name = "KEY", requires = "words")]
    pub(crate) question: Option<String>,
    /// Who answers, where that is somebody else
    #[arg(long = "as", value_name = "NAME", requires = "words")]
    pub(crate) who: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunOptions,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Lists also all runs that are over
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) state: StateOption,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct GiveUp {
    /// Why nobody will finish it
    #[arg(long, value_name = "REASON")]
    pub(crate) because: String,
    #[command(flatten)]
    pub(crate) run: RunOptions,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Anchors {
    /// The runbook
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) inputs: InputOptions,
    #[command(flatten)]
    pub(crate) state: StateOption,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Symptoms {
    /// The runbook
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Words of a title or of what is suspected; all of them must be there [default: every symptom]
    #[arg(value_name = "WORDS")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Actions {
    /// A family (`fs`) or an action (`fs.link`) [default: all, one line each]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The diagnostic's name, as it stands in brackets [default: a list of all]
    #[arg(value_name = "SLUG")]
    pub(crate) slug: Option<String>,
}

/// What to do with a transcript.
#[derive(Debug, Subcommand)]
pub(crate) enum Transcript {
    /// Says whether a transcript is, byte for byte, what a run wrote
    Verify(Verify),
    /// Shows a transcript, one line for every event
    Show(Show),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Accepts only the transcript that has this head, as it stands in the change ticket
    #[arg(long, value_name = "HASH", value_parser = head)]
    pub(crate) head: Option<String>,
    /// Accepts only what is signed
    #[arg(long)]
    pub(crate) require_signature: bool,
    #[command(flatten)]
    pub(crate) run: RunOptions,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Shows what the programs of a step, or of one statement, were called with and said: `cutover`, `cutover/3`
    #[arg(long, value_name = "STEP")]
    pub(crate) output: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

impl Arguments {
    /// What the command prints on standard output.
    pub(crate) fn format(&self) -> Format {
        match &self.command {
            Command::Check(command) => command.format.format,
            Command::Plan(command) => command.format.format,
            Command::Run(command) => command.format.format,
            Command::Resume(command) => command.format.format,
            Command::TurnBack(command) => command.format.format,
            Command::Pause(command) => command.format.format,
            Command::Answer(command) => command.format.format,
            Command::Status(command) => command.format.format,
            Command::GiveUp(command) => command.format.format,
            Command::Anchors(command) => command.format.format,
            Command::Symptoms(command) => command.format.format,
            Command::Transcript(Transcript::Verify(command)) => command.format.format,
            Command::Transcript(Transcript::Show(_)) | Command::Actions(_) | Command::Explain(_) => Format::Text,
        }
    }
}

/// The arguments; else what was asked for (help) or what is wrong has been printed.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, ExitCode> {
    let words: Vec<OsString> = words.into_iter().collect();
    match Arguments::try_parse_from(&words) {
        Ok(arguments) => {
            streams::set_colour(match arguments.color {
                Colour::Auto => None,
                Colour::Always => Some(true),
                Colour::Never => Some(false),
            });
            Ok(arguments)
        }
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            streams::data(&error.render().to_string());
            Err(ExitCode::SUCCESS)
        }
        Err(error) => {
            if wants_json(&words) {
                Err(ExitCode::from(usage(&error).report(Format::Json)))
            } else {
                streams::talk(&error.render().to_string());
                Err(ExitCode::from(crate::failure::exit::USAGE))
            }
        }
    }
}

fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let reason = lines.next().unwrap_or("the arguments are wrong");
    let mut reason = reason.strip_prefix("error: ").unwrap_or(reason).to_owned();
    if reason.ends_with(':')
        && let Some(what) = lines.next()
    {
        reason = format!("{reason} {what}");
    }
    lines.fold(Failure::usage(reason), Failure::help)
}

fn wants_json(words: &[OsString]) -> bool {
    let pairs = words
        .windows(2)
        .any(|pair| matches!(pair, [option, value] if option == "--format" && value == "json"));
    pairs || words.iter().any(|word| word == OsStr::new("--format=json"))
}

/// RFC 3339 as milliseconds since 1970.
fn time(text: &str) -> Result<i64, String> {
    text.parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| "write it as RFC 3339 with its offset: 2026-11-03T22:00:00+01:00".to_owned())
}

/// The head of a transcript: a SHA-256 in hexadecimal digits.
fn head(text: &str) -> Result<String, String> {
    let head = text.trim().to_ascii_lowercase();
    if head.len() == 64 && head.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(head)
    } else {
        Err("it has 64 hexadecimal digits, and is printed at the end of a run".to_owned())
    }
}

/// A duration as runbooks write it, in milliseconds.
fn duration(text: &str) -> Result<u64, String> {
    match units::read(text) {
        Ok(Number::Duration(ms)) if ms > 0 => Ok(ms),
        _ => Err("write it with its unit: 30m, 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_need_units() {
        assert_eq!(duration("1h30m"), Ok(5_400_000));
        for wrong in ["", "30", "m", "30 m", "30M", "0m", "99999999999999999d", "-5m"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
