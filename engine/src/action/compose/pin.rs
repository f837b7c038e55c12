//! Where the image of a service is pinned: a setting of a file that its project takes it from.

use std::path::{Path, PathBuf};

use backstay_dsl::effect::ResourceKind;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::others::{Others, arguments};
use super::project::{Error, Project};
use crate::action::common::kept;
use crate::action::{Arguments, Outcome, Settled};
use crate::containers::Container;
use crate::digest::short;
use crate::value::Value;

/// A setting of a file.
pub(super) struct Pin {
    file: PathBuf,
    key: String,
    /// Where it is kept what was pinned before.
    kept: PathBuf,
}

/// What was pinned when this run first changed it, and what ran then.
#[derive(Serialize, Deserialize)]
struct Before {
    value: String,
    /// The local id of the image; nothing ran where it is empty.
    image_id: String,
}

impl Pin {
    /// The place that the text says, else the one that the project names in its image.
    pub(super) async fn of(project: &Project<'_>, arguments: &Arguments) -> Result<Self, Error> {
        let member = project
            .context
            .topology
            .member(arguments.text("service").unwrap_or_default());
        let (file, key) = match member.and_then(|member| member.pinned_by.as_ref()) {
            Some(pin) if pin.kind == ResourceKind::Key && pin.key.len() == 2 => {
                (project.context.working_directory.join(&pin.key[0]), pin.key[1].clone())
            }
            Some(pin) => {
                let what = format!("{pin} cannot be what pins a service of a Compose project: {WHAT_TO_DO}");
                return Err(what.into());
            }
            None => (project.of.folder.join(".env"), variable_of(project).await?),
        };
        let name = format!("compose-pin-{}.json", short(&format!("{}\n{key}", file.display())));
        let kept = project.context.run_directory.join(name);
        Ok(Self { file, key, kept })
    }

    /// Its variable with another value: it wins over the file.
    pub(super) fn as_variable<'v>(&'v self, value: &'v str) -> [(&'v str, &'v str); 1] {
        [(&self.key, value)]
    }

    /// Sees that the project takes the image of the service from here.
    pub(super) async fn expect_used(&self, project: &Project<'_>, image: &str) -> Result<(), Error> {
        let config = project.config(&self.as_variable(image), true).await?;
        let used = project.service(&config)?.image.clone().unwrap_or_default();
        if used == image {
            return Ok(());
        }
        Err(Error::Failed(format!(
            "the project takes the image of `{}` from elsewhere ({used}), not from `{}` in {}: {WHAT_TO_DO}",
            project.of.service,
            self.key,
            self.file.display()
        )))
    }

    fn setting(&self) -> [(&'static str, Value); 2] {
        [
            ("file", Value::Path(self.file.to_string_lossy().into_owned())),
            ("key", Value::text(&self.key)),
        ]
    }

    /// What is pinned.
    pub(super) async fn value(&self, project: &Project<'_>, others: &Others) -> Result<String, Error> {
        let read = others.ask("fs.key", project.context, &arguments(self.setting())).await;
        read.map(|value| value.canonical())
            .map_err(|unanswered| Error::Failed(unanswered.reason))
    }

    /// What is to be written for an image: what was pinned before where that is what ran then and still means it.
    pub(super) async fn wanted(&self, engine: &Engine, image: &str) -> Result<String, Error> {
        let Some(before) = kept::read::<Before>(&self.kept)? else {
            return Ok(image.to_owned());
        };
        let wanted = engine.ask(|it| it.image(image)).await?.map(|found| found.id);
        let meant = engine.ask(|it| it.image(&before.value)).await?.map(|found| found.id);
        let is_that = wanted.as_ref() == Some(&before.image_id) && meant == wanted;
        Ok(if is_that { before.value } else { image.to_owned() })
    }

    /// Keeps what is pinned before it is first changed.
    async fn keep(&self, project: &Project<'_>, others: &Others, container: Option<&Container>) -> Result<(), Error> {
        if kept::read::<Before>(&self.kept)?.is_some() {
            return Ok(());
        }
        let value = self.value(project, others).await?;
        let image_id = container.map_or_else(String::new, |container| container.image_id.clone());
        Ok(kept::write(&self.kept, &Before { value, image_id })?)
    }

    /// Writes it.
    pub(super) async fn set(
        &self,
        project: &Project<'_>,
        others: &Others,
        (to, container): (&str, Option<&Container>),
    ) -> Result<(), Outcome> {
        self.keep(project, others, container).await.map_err(Outcome::from)?;
        match others.perform("fs.edit_key", project.context, &self.edit(to)).await {
            Outcome::Done(_) => Ok(()),
            other => Err(other),
        }
    }

    /// Whether it was written.
    pub(super) async fn settle(&self, project: &Project<'_>, others: &Others, to: &str) -> Settled {
        others.settle("fs.edit_key", project.context, &self.edit(to)).await
    }

    pub(super) async fn preview(&self, project: &Project<'_>, others: &Others, to: &str) -> Option<String> {
        others.preview("fs.edit_key", project.context, &self.edit(to)).await
    }

    fn edit(&self, to: &str) -> Arguments {
        let [file, key] = self.setting();
        arguments([file, key, ("to", Value::text(to))])
    }

    /// In words.
    pub(super) fn place(&self) -> String {
        format!("`{}` in {}", self.key, self.file.display())
    }
}

/// Forgets what was kept of all pins of a run.
pub(super) fn forget(run_directory: &Path) {
    let entries = std::fs::read_dir(run_directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("compose-pin-")) {
        // What stays behind goes with the run's directory.
        let _ = std::fs::remove_file(entry.path());
    }
}

const WHAT_TO_DO: &str = "let its file say `image: ${NAME}` and its `.env` have NAME, and the service \
                          `pinned by key(FOLDER / \".env\", \"NAME\")`";

/// The one variable that the image of a service is, as its file writes it: `${NAME}`, `$NAME`, `${NAME:-or}`.
async fn variable_of(project: &Project<'_>) -> Result<String, Error> {
    let config = project.config(&[], false).await?;
    let written = project.service(&config)?.image.clone().unwrap_or_default();
    variable_in(&written).map(str::to_owned).ok_or_else(|| {
        Error::Failed(format!(
            "the image of `{}` is written `{written}`, which no setting pins: {WHAT_TO_DO}",
            project.of.service
        ))
    })
}

fn variable_in(written: &str) -> Option<&str> {
    let rest = written.strip_prefix('$')?;
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|one| one.is_ascii_alphanumeric() || one == '_');
    let name = match rest.strip_prefix('{') {
        Some(inner) => inner.strip_suffix('}')?.split([':', '-', '?', '+']).next()?,
        None => rest,
    };
    is_name(name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::variable_in;

    #[test]
    fn an_image_is_one_variable_or_is_not_pinned_by_one() {
        for (written, name) in [
            ("${APP_IMAGE}", Some("APP_IMAGE")),
            ("$APP_IMAGE", Some("APP_IMAGE")),
            ("${APP_IMAGE:-registry.example/app:1}", Some("APP_IMAGE")),
            ("${APP_IMAGE:?say which}", Some("APP_IMAGE")),
            ("registry.example/app:${TAG}", None),
            ("${APP}:${TAG}", None),
            ("registry.example/app:1", None),
            ("", None),
        ] {
            assert_eq!(variable_in(written), name, "{written}");
        }
    }
}
