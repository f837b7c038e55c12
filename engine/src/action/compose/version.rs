//! `compose.version`: whether `docker compose` can be called.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::types::Type;

use super::project::{called, plain_words};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

pub(super) struct Version;

/// What to do where it cannot.
const WHAT_TO_DO: &str = "Compose 2 is needed, as a plugin of `docker` (Debian: docker-compose from Debian 13 on, Docker's \
                          own packages: docker-compose-plugin); `docker-compose` of version 1 is not used";

#[async_trait]
impl Action for Version {
    fn signature(&self) -> Signature {
        let fields = [("ok", Type::Bool), ("version", Type::Text), ("reason", Type::Text)];
        describe::read(
            "compose",
            "version",
            "Says whether `docker compose` can be called.\n\n`ok` says whether version 2 or later answers; `version` is what \
             it says of itself, and `reason` what to do where it does not.",
        )
        .gives(Type::record("ComposeVersion", &fields))
        .example(r#"check "Compose is there": compose.version() is ok"#)
        .done()
    }

    async fn perform(&self, context: &Context, _arguments: &Arguments) -> Outcome {
        let words = plain_words(&["version", "--short"]);
        let said = called(context, &context.working_directory, &words, &[], false).await;
        let (version, reason) = match said {
            Ok(said) => (said.stdout.trim().trim_start_matches('v').to_owned(), String::new()),
            Err(error) => (String::new(), error.reason().to_owned()),
        };
        let first: Option<u32> = version.split('.').next().and_then(|number| number.parse().ok());
        let is_known = first.is_some_and(|first| first >= 2);
        let reason = match (is_known, reason.is_empty()) {
            (true, _) => String::new(),
            (false, true) => format!("`docker compose version` says {version}: {WHAT_TO_DO}"),
            (false, false) => format!("{reason}: {WHAT_TO_DO}"),
        };
        Outcome::value(Value::record([
            ("ok", Value::Bool(is_known)),
            ("version", Value::Text(version)),
            ("reason", Value::Text(reason)),
        ]))
    }
}
