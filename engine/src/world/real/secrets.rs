//! Reading secrets: environment, file, prompt, command. No error holds a part of one.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;

use crate::inputs::{GroundSecretSource, SecretReader};

/// The longest secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// The longest that a command which prints a secret may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Asks for a secret at the terminal: the input's name and what is said of it; `None` where nobody can be asked.
pub type PromptForSecret = Box<dyn Fn(&str, &str) -> Option<String> + Send + Sync>;

/// Reads secrets from this machine.
pub struct RealSecrets {
    prompt: PromptForSecret,
}

impl RealSecrets {
    /// A reader that prompts in this way.
    pub fn new(prompt: PromptForSecret) -> Self {
        Self { prompt }
    }
}

#[async_trait]
impl SecretReader for RealSecrets {
    async fn read(&self, source: &GroundSecretSource) -> Result<String, String> {
        match source {
            GroundSecretSource::Env(name) => from_environment(name),
            GroundSecretSource::File(path) => from_file(path),
            GroundSecretSource::Prompt { name, words } => {
                (self.prompt)(name, words).ok_or_else(|| "nobody can be asked here".to_owned())
            }
            GroundSecretSource::Command(argv) => from_command(argv).await,
        }
    }
}

fn from_environment(name: &str) -> Result<String, String> {
    match std::env::var(name) {
        Ok(text) => Ok(text),
        Err(std::env::VarError::NotPresent) => Err("it is not set".to_owned()),
        Err(std::env::VarError::NotUnicode(_)) => Err("it is not valid UTF-8".to_owned()),
    }
}

fn from_file(path: &str) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > SECRET_BYTES_MAX {
        return Err("the file is longer than 64 KiB".to_owned());
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "the file is not valid UTF-8".to_owned())
}

async fn from_command(argv: &[String]) -> Result<String, String> {
    let (program, arguments) = argv.split_first().ok_or("the command is empty")?;
    let running = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_LIMIT, running)
        .await
        .map_err(|_| "the command did not end within 30s".to_owned())?
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("the command ended with {}", output.status));
    }
    if output.stdout.len() as u64 > SECRET_BYTES_MAX {
        return Err("the command printed more than 64 KiB".to_owned());
    }
    String::from_utf8(output.stdout).map_err(|_| "the command printed what is not valid UTF-8".to_owned())
}
