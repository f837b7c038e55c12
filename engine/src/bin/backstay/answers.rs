//! Files that the person wrote before the run: answers (`"cutover/2" = true`, `"Who decides?" = "ada"`) and
//! inputs.

use std::path::Path;

use backstay::inputs::GivenInputs;
use backstay::private_files::{read_plain, read_through};
use backstay::world::real::{GivenAnswer, WrittenAnswer, WrittenAnswers};

use crate::arguments::InputOptions;
use crate::failure::Failure;

/// The longest file of answers or inputs.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The answers of a file by a statement's key or by the exact question, as `who` wrote them down; none where no file
/// is given.
pub(crate) fn answers(path: Option<&Path>, who: &str) -> Result<WrittenAnswers, Failure> {
    let Some(path) = path else {
        return Ok(WrittenAnswers::new());
    };
    let table = read_toml(path, "answers")?;
    table
        .into_iter()
        .map(|(question, value)| match answer(value) {
            Some(answer) => {
                let who = who.to_owned();
                let attempt = None;
                Ok((question, WrittenAnswer { answer, who, attempt }))
            }
            None => Err(Failure::usage(format!(
                "{}: the answer to `{question}` is neither a text nor true or false, nor that of several people by name",
                path.display()
            ))
            .help("write the question in quotes: \"cutover/2\" = true")
            .help("where two people are asked: \"cutover/2\" = { ada = true, grace = true }")),
        })
        .collect()
}

fn answer(value: toml::Value) -> Option<GivenAnswer> {
    match value {
        toml::Value::Boolean(yes) => Some(GivenAnswer::Confirm(yes)),
        toml::Value::String(text) => Some(GivenAnswer::Text(text)),
        toml::Value::Integer(number) => Some(GivenAnswer::Text(number.to_string())),
        toml::Value::Table(people) if !people.is_empty() => {
            let people = people.into_iter().map(|(who, value)| match value {
                toml::Value::Table(_) => None,
                value => Some((who, answer(value)?)),
            });
            people.collect::<Option<_>>().map(GivenAnswer::Each)
        }
        _ => None,
    }
}

/// The inputs of the command line and of a file.
pub(crate) fn inputs(options: &InputOptions) -> Result<GivenInputs, Failure> {
    let mut given = GivenInputs::default();
    for argument in &options.inputs {
        given
            .add_argument(argument)
            .map_err(|error| Failure::usage(error.message).help(error.help))?;
    }
    if let Some(path) = &options.inputs_file {
        let table = read_toml(path, "inputs")?;
        let content = serde_json::to_value(table)
            .map_err(|error| Failure::usage(format!("the inputs file {} cannot be used: {error}", path.display())))?;
        if let serde_json::Value::Object(content) = content {
            given.add_file(content);
        }
    }
    Ok(given)
}

/// What a file holds, or what comes through an open pipe: `<(…)` of a shell, `/dev/stdin`.
fn read_given(path: &Path) -> std::io::Result<Vec<u8>> {
    let is_open_here = ["/dev/fd", "/proc/self/fd"].iter().any(|open| path.starts_with(open));
    if is_open_here || path == Path::new("/dev/stdin") {
        read_through(path, FILE_BYTES_MAX)
    } else {
        read_plain(path, FILE_BYTES_MAX)
    }
}

/// A TOML file as a table.
fn read_toml(path: &Path, what: &str) -> Result<toml::Table, Failure> {
    let help = match what {
        "answers" => "it holds lines like \"cutover/2\" = true",
        _ => "it holds lines like name = \"value\"",
    };
    let failure = |reason: String| Failure::usage(format!("the {what} file {} {reason}", path.display())).help(help);
    let bytes = read_given(path).map_err(|error| failure(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| failure(format!("cannot be read: {error}")))?;
    text.parse::<toml::Table>().map_err(|error| {
        let place = error.span().map_or(String::new(), |span| {
            let before = text.get(..span.start).unwrap_or_default();
            format!(" in line {}", before.split('\n').count())
        });
        failure(format!("is no TOML{place}: {}", error.message()))
    })
}
