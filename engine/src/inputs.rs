//! Inputs: what was given on the command line and in files becomes typed values, before anything else.
//!
//! All mistakes are told in one go, each with the input's name, what was given and what is wanted.
//! Invariants: a secret never comes from the command line or an inputs file, and never stands in an error.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use backstay_dsl::model::{ExprKind, Input, Runbook, SecretSource};
use backstay_dsl::types::Type;
use backstay_dsl::walk;

use crate::eval::{Places, Recorded, from_json, parse_as};
use crate::redact::{Redactor, SECRET_BYTES_MIN};
use crate::value::{Secret, Value};

/// The longest message about an input, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// What was given for one input.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// `--input name=value`.
    Text(String),
    /// A value of an inputs file.
    Data(serde_json::Value),
}

/// Everything that was given, by name of the input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GivenInputs(pub BTreeMap<String, Given>);

impl GivenInputs {
    /// Adds one `name=value` of the command line, before any file: it wins over them. The error is for the user.
    pub fn add_argument(&mut self, argument: &str) -> Result<(), InputError> {
        let Some((name, value)) = argument.split_once('=') else {
            return Err(InputError::new(
                argument,
                format!("`--input {argument}` has no value"),
                "write --input name=value",
            ));
        };
        let name = name.trim();
        if self.0.insert(name.to_owned(), Given::Text(value.to_owned())).is_some() {
            return Err(InputError::new(
                name,
                format!("input `{name}` is given twice"),
                "give it once",
            ));
        }
        Ok(())
    }

    /// Adds the content of an inputs file, as an object; what was added before stays.
    pub fn add_file(&mut self, content: serde_json::Map<String, serde_json::Value>) {
        for (name, value) in content {
            self.0.entry(name).or_insert(Given::Data(value));
        }
    }
}

/// A mistake in the inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InputError {
    pub input: String,
    /// What is wrong: one line.
    pub message: String,
    /// What to do: one line.
    pub help: String,
}

impl InputError {
    fn new(input: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            input: input.to_owned(),
            message: message.into(),
            help: help.into(),
        }
    }
}

/// Where a secret is read from, worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroundSecretSource {
    /// A variable of the environment.
    Env(String),
    /// A file: an absolute path.
    File(String),
    /// A prompt, with the input's name and what is said of it.
    Prompt {
        name: String,
        words: String,
    },
    Command(Vec<String>),
}

/// Reads secrets.
#[async_trait]
pub trait SecretReader: Send + Sync {
    /// The secret; the error is one line for the user and never holds a part of the secret.
    async fn read(&self, source: &GroundSecretSource) -> Result<String, String>;
}

/// The values of all inputs, or every mistake.
pub async fn resolve(
    runbook: &Runbook,
    given: &GivenInputs,
    places: &Places,
    secrets: &dyn SecretReader,
) -> Result<BTreeMap<String, Value>, Vec<InputError>> {
    resolve_with(runbook, given, BTreeMap::new(), places, secrets).await
}

/// The same where some values are known already, as of a run that is resumed.
pub(crate) async fn resolve_with(
    runbook: &Runbook,
    given: &GivenInputs,
    known: BTreeMap<String, Value>,
    places: &Places,
    secrets: &dyn SecretReader,
) -> Result<BTreeMap<String, Value>, Vec<InputError>> {
    let mut errors = unknown_names(runbook, given);
    let recorded: BTreeSet<String> = known.keys().cloned().collect();
    let mut values = known;
    for input in &runbook.inputs {
        // Defaults may use the inputs before them, and nothing else.
        let before = Recorded::of_inputs(runbook, places, &Redactor::NONE, &values);
        match value_of(input, given, &before, secrets).await {
            Ok(value) => {
                values.insert(input.name.clone(), value);
            }
            Err(Some(error)) => errors.push(error),
            Err(None) => {}
        }
    }
    let redactor = Redactor::of_values(values.values());
    let new = values.iter().filter(|(name, _)| !recorded.contains(*name));
    // The canonical form of a secret is its name, which may well be another's content.
    let plain = new.filter(|(_, value)| !matches!(value, Value::Secret(_)));
    let with_secret = plain.filter(|(_, value)| redactor.finds(value.canonical().as_bytes()));
    errors.extend(with_secret.map(|(name, _)| {
        InputError::new(
            name,
            format!("the value of input `{name}` holds a secret, and it would be written into the record"),
            "give it without the secret, or make it an input of type secret",
        )
    }));
    if errors.is_empty() {
        return Ok(values);
    }
    for error in &mut errors {
        error.message = redactor.shortened(&error.message, MESSAGE_CHARACTERS_MAX);
    }
    Err(errors)
}

/// The value of one input. `Err(None)` where it only fails because an earlier input has failed.
async fn value_of(
    input: &Input,
    given: &GivenInputs,
    before: &Recorded<'_>,
    secrets: &dyn SecretReader,
) -> Result<Value, Option<InputError>> {
    if let Some(source) = &input.secret {
        if given.0.contains_key(&input.name) {
            return Err(Some(InputError::new(
                &input.name,
                format!(
                    "input `{}` is a secret; it cannot be given on the command line or in a file of inputs",
                    input.name
                ),
                format!("it is read from {}", source_words(source)),
            )));
        }
        return secret(input, source, before, secrets).await;
    }
    match given.0.get(&input.name) {
        Some(given) => typed(input, given, before.places).map_err(Some),
        None => match &input.default {
            Some(default) => default_value(input, default, before).await,
            None if matches!(input.ty, Type::Optional(_)) => Ok(Value::Absent),
            None => Err(Some(missing(input))),
        },
    }
}

async fn default_value(
    input: &Input,
    default: &backstay_dsl::model::Expr,
    before: &Recorded<'_>,
) -> Result<Value, Option<InputError>> {
    before.evaluator().value(default).await.map_err(|unanswered| {
        let waits_for_other = walk::deep(default)
            .iter()
            .any(|part| matches!(&part.kind, ExprKind::Input(other) if !before.inputs.contains_key(other)));
        (!waits_for_other).then(|| {
            InputError::new(
                &input.name,
                format!(
                    "the default of input `{}` has no value: {}",
                    input.name, unanswered.reason
                ),
                format!("give it: --input {}=…", input.name),
            )
        })
    })
}

fn missing(input: &Input) -> InputError {
    let doc = input.doc.lines().next().unwrap_or("").trim();
    let about = if doc.is_empty() {
        String::new()
    } else {
        format!(" ({doc})")
    };
    InputError::new(
        &input.name,
        format!("input `{}` is not given: {} is wanted{about}", input.name, input.ty),
        format!("give it: --input {}=…", input.name),
    )
}

fn typed(input: &Input, given: &Given, places: &Places) -> Result<Value, InputError> {
    let (parsed, shown) = match given {
        Given::Text(text) => (parse_as(&input.ty, text, places), text.clone()),
        Given::Data(json) => (from_json(&input.ty, json, places), json.to_string()),
    };
    let value = parsed.map_err(|reason| {
        InputError::new(
            &input.name,
            format!("input `{}` wants {}, not {shown:?}", input.name, input.ty),
            reason,
        )
    })?;
    match (&value, input.at_most) {
        (Value::List(values), Some(at_most)) if u64::try_from(values.len()).unwrap_or(u64::MAX) > at_most => {
            let count = values.len();
            Err(InputError::new(
                &input.name,
                format!("input `{}` takes at most {at_most} elements, not {count}", input.name),
                "give fewer",
            ))
        }
        _ => Ok(value),
    }
}

async fn secret(
    input: &Input,
    source: &SecretSource,
    before: &Recorded<'_>,
    secrets: &dyn SecretReader,
) -> Result<Value, Option<InputError>> {
    let evaluator = before.evaluator();
    let unreadable = |reason: String| {
        InputError::new(
            &input.name,
            format!(
                "secret `{}` cannot be read from {}: {reason}",
                input.name,
                source_words(source)
            ),
            "provide it there, then call again",
        )
    };
    let ground = match source {
        SecretSource::Env(name) => GroundSecretSource::Env(name.clone()),
        SecretSource::Prompt(words) => GroundSecretSource::Prompt {
            name: input.name.clone(),
            words: words.as_ref().unwrap_or(&input.doc).clone(),
        },
        SecretSource::File(path) => {
            let path = evaluator
                .value(path)
                .await
                .map_err(|unanswered| Some(unreadable(unanswered.reason)))?;
            GroundSecretSource::File(path.canonical())
        }
        SecretSource::Command(argv) => {
            match evaluator
                .value(argv)
                .await
                .map_err(|unanswered| Some(unreadable(unanswered.reason)))?
            {
                Value::List(words) => GroundSecretSource::Command(words.iter().map(Value::canonical).collect()),
                word => GroundSecretSource::Command(vec![word.canonical()]),
            }
        }
    };
    let text = secrets.read(&ground).await.map_err(|reason| Some(unreadable(reason)))?;
    // Editors and shells put a mark of the byte order in front; no service takes it as a part.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if !Redactor::is_long_enough(text) {
        return Err(Some(unreadable(format!(
            "it has fewer than {SECRET_BYTES_MIN} bytes beside blanks, too few to be kept out of what others print"
        ))));
    }
    Ok(Value::Secret(Secret::new(&input.name, text)))
}

fn source_words(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("the environment variable {name}"),
        SecretSource::File(_) => "its file".to_owned(),
        SecretSource::Prompt(_) => "a prompt".to_owned(),
        SecretSource::Command(_) => "its command".to_owned(),
    }
}

fn unknown_names(runbook: &Runbook, given: &GivenInputs) -> Vec<InputError> {
    let is_known = |name: &str| runbook.inputs.iter().any(|input| input.name == name);
    given
        .0
        .keys()
        .filter(|name| !is_known(name))
        .map(|name| {
            let nearest = runbook
                .inputs
                .iter()
                .map(|input| (strsim::damerau_levenshtein(name, &input.name), &input.name))
                .min()
                .filter(|(distance, known)| *distance <= known.len().max(name.len()) / 3 + 1);
            let names: Vec<_> = runbook.inputs.iter().map(|input| input.name.as_str()).collect();
            let help = match nearest {
                Some((_, known)) => format!("did you mean `{known}`?"),
                None if names.is_empty() => "this runbook takes no inputs".to_owned(),
                None => format!("this runbook takes: {}", names.join(", ")),
            };
            InputError::new(name, format!("there is no input `{name}`"), help)
        })
        .collect()
}
