//! What was given to a container, told apart from what came from its image.
//!
//! The engine fills in from the image whatever is not given, and does not say later which is which. What differs
//! from the image was given. What does not differ is taken for the image's, except where a label of ours remembers
//! that it was given: else a variable that happens to equal the next image's default would be lost on the way back.

use std::collections::{BTreeSet, HashMap};

use bollard::models::{ContainerConfig, ContainerCreateBody, HealthConfig, ImageConfig};

use crate::containers::{CreateContainer, labels};

/// Labels of ours: never taken over.
const OURS: [&str; 4] = [labels::RUN, labels::STEP, labels::KEY, labels::GIVEN];

/// The names of settings that were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Given(BTreeSet<String>);

impl Given {
    /// What a container's label remembers; nothing where it has none.
    pub(super) fn remembered(config: &ContainerConfig) -> Self {
        let label = config.labels.as_ref().and_then(|labels| labels.get(labels::GIVEN));
        Self(
            label
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        )
    }

    /// Adds what an order says.
    pub(super) fn add_order(&mut self, order: &CreateContainer) {
        let single = [
            ("entrypoint", order.entry.is_some()),
            ("command", order.command.is_some()),
            ("user", order.user.is_some()),
            ("folder", order.working_directory.is_some()),
        ];
        let names = single.into_iter().filter(|(_, is_given)| *is_given);
        self.0.extend(names.map(|(name, _)| name.to_owned()));
        self.0
            .extend(order.environment.keys().map(|name| format!("variable {name}")));
    }

    /// As the label has it: names only, no values.
    pub(super) fn label(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

/// Collects what is a container's own.
struct Sieve<'a> {
    remembered: &'a Given,
    given: Given,
}

impl Sieve<'_> {
    fn is_own(&mut self, name: String, differs: bool) -> bool {
        let is_own = differs || self.remembered.0.contains(&name);
        if is_own {
            self.given.0.insert(name);
        }
        is_own
    }

    fn text(&mut self, name: &str, value: Option<String>, image: Option<&String>) -> Option<String> {
        let value = value.filter(|text| !text.is_empty())?;
        let differs = image != Some(&value);
        self.is_own(name.to_owned(), differs).then_some(value)
    }

    fn number(&mut self, name: &str, value: Option<i64>, image: Option<i64>) -> Option<i64> {
        let value = value.filter(|number| *number != 0)?;
        let differs = image != Some(value);
        self.is_own(name.to_owned(), differs).then_some(value)
    }

    /// Of a list the entries that are not the image's.
    fn entries(&mut self, kind: &str, values: Option<Vec<String>>, image: Option<&Vec<String>>) -> Option<Vec<String>> {
        let mut own: Vec<String> = values.unwrap_or_default();
        own.retain(|value| {
            // Of a variable the name, of others the whole.
            let name = value.split('=').next().unwrap_or_default();
            let differs = !image.is_some_and(|known| known.contains(value));
            self.is_own(format!("{kind} {name}"), differs)
        });
        (!own.is_empty()).then_some(own)
    }

    fn labels(
        &mut self,
        values: Option<HashMap<String, String>>,
        image: Option<&HashMap<String, String>>,
    ) -> Option<HashMap<String, String>> {
        let mut own = values.unwrap_or_default();
        own.retain(|name, value| {
            let differs = image.and_then(|known| known.get(name)) != Some(value);
            !OURS.contains(&name.as_str()) && self.is_own(format!("label {name}"), differs)
        });
        (!own.is_empty()).then_some(own)
    }

    /// The program: its entry and its words hang together, because who gives an entry drops the image's words.
    fn program(&mut self, config: &mut ContainerConfig, image: &ImageConfig, body: &mut ContainerCreateBody) {
        let some = |words: Option<Vec<String>>| words.filter(|words| !words.is_empty());
        let entry = some(config.entrypoint.take());
        let words = some(config.cmd.take());
        let (image_entry, image_words) = (some(image.entrypoint.clone()), some(image.cmd.clone()));
        let is_cleared = words.is_none() && image_words.is_some();
        if self.is_own("entrypoint".to_owned(), entry != image_entry || is_cleared) {
            // One empty word takes the image's entry away.
            body.entrypoint = Some(entry.unwrap_or_else(|| vec![String::new()]));
        }
        let differs = body.entrypoint.is_some() || words != image_words;
        if words.is_some() && self.is_own("command".to_owned(), differs) {
            body.cmd = words;
        }
    }

    fn healthcheck(&mut self, value: Option<HealthConfig>, image: Option<&HealthConfig>) -> Option<HealthConfig> {
        let value = value?;
        let nothing = HealthConfig::default();
        let image = image.unwrap_or(&nothing);
        let test = value.test.filter(|words| !words.is_empty());
        let differs = test != image.test;
        let own = HealthConfig {
            test: test.filter(|_| self.is_own("healthcheck".to_owned(), differs)),
            interval: self.number("healthcheck interval", value.interval, image.interval),
            timeout: self.number("healthcheck timeout", value.timeout, image.timeout),
            retries: self.number("healthcheck retries", value.retries, image.retries),
            start_period: self.number("healthcheck start", value.start_period, image.start_period),
            start_interval: self.number("healthcheck start interval", value.start_interval, image.start_interval),
        };
        (own != nothing).then_some(own)
    }
}

/// A container's own settings, and their names. Host name and networks are not looked at here.
pub(super) fn own(mut config: ContainerConfig, image: &ImageConfig) -> (ContainerCreateBody, Given) {
    let remembered = Given::remembered(&config);
    let mut sieve = Sieve {
        remembered: &remembered,
        given: Given::default(),
    };
    let mut body = ContainerCreateBody {
        user: sieve.text("user", config.user.take(), image.user.as_ref()),
        working_dir: sieve.text("folder", config.working_dir.take(), image.working_dir.as_ref()),
        stop_signal: sieve.text("stop signal", config.stop_signal.take(), image.stop_signal.as_ref()),
        env: sieve.entries("variable", config.env.take(), image.env.as_ref()),
        exposed_ports: sieve.entries("port", config.exposed_ports.take(), image.exposed_ports.as_ref()),
        volumes: sieve.entries("volume", config.volumes.take(), image.volumes.as_ref()),
        labels: sieve.labels(config.labels.take(), image.labels.as_ref()),
        healthcheck: sieve.healthcheck(config.healthcheck.take(), image.healthcheck.as_ref()),
        domainname: config.domainname.take().filter(|name| !name.is_empty()),
        attach_stdin: config.attach_stdin,
        attach_stdout: config.attach_stdout,
        attach_stderr: config.attach_stderr,
        tty: config.tty,
        open_stdin: config.open_stdin,
        stdin_once: config.stdin_once,
        network_disabled: config.network_disabled,
        stop_timeout: config.stop_timeout,
        ..ContainerCreateBody::default()
    };
    sieve.program(&mut config, image, &mut body);
    (body, sieve.given)
}
