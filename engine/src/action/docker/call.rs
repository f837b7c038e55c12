//! One attempt of an action on an engine: which container it is about, who made that, and what its errors become.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::{Begins, Topology};
use backstay_dsl::types::Type;
use backstay_dsl::units;

use super::Engine;
use super::error::{Error, clean};
use crate::action::common::describe::{self, Describe};
use crate::action::common::engine::Request;
use crate::action::common::project::OfProject;
use crate::action::{Action, Arguments, Context, GroundCall, Leftover, Outcome, Settled, Simulated};
use crate::containers::{Container, Containers, labels};
use crate::event::End;
use crate::value::{Answer, Unanswered};

/// An action on an engine. What went wrong becomes an outcome in one place: [`OnEngine`].
#[async_trait]
pub(super) trait EngineAction: Send + Sync {
    fn signature(&self) -> Signature;

    async fn preview(&self, _call: Call<'_>) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// What a person types to do the same to a container; `None` where there is no such command.
    fn by_hand(&self, _container: &str, _arguments: &Arguments) -> Option<String> {
        None
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error>;

    async fn settle(&self, _call: Call<'_>) -> Result<Settled, Error> {
        Err(Error::Failed("this action cannot tell whether it happened".to_owned()))
    }

    fn simulate(&self, _call: &GroundCall, _production: &mut dyn Simulated) -> Option<Answer> {
        None
    }

    async fn conclude(&self, _engine: &Engine, _run_directory: &Path, _end: End) -> Vec<Leftover> {
        Vec::new()
    }
}

struct OnEngine<A>(Engine, A);

pub(super) fn on(engine: &Engine, action: impl EngineAction + 'static) -> Arc<dyn Action> {
    Arc::new(OnEngine(engine.clone(), action))
}

impl<A> OnEngine<A> {
    fn call<'a>(&'a self, context: &'a Context, arguments: &'a Arguments) -> Call<'a> {
        Call {
            engine: &self.0,
            context,
            arguments,
        }
    }
}

#[async_trait]
impl<A: EngineAction> Action for OnEngine<A> {
    fn signature(&self) -> Signature {
        self.1.signature()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let preview = self.1.preview(self.call(context, arguments)).await;
        let text = preview.unwrap_or_else(|error| Some(format!("cannot be said yet: {}", error.reason())))?;
        Some(clean(context, &text))
    }

    fn by_hand(&self, _folder: &Path, topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        let member = topology.member(arguments.text("service")?)?;
        self.1.by_hand(member.runs.named(ServiceKind::Container)?, arguments)
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let done = self.1.perform(self.call(context, arguments)).await;
        done.unwrap_or_else(|error| match error {
            Error::Failed(reason) => Outcome::failed(clean(context, &reason)),
            Error::Unknown(reason) => Outcome::unknown(clean(context, &reason)),
        })
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let settled = self.1.settle(self.call(context, arguments)).await;
        settled.unwrap_or_else(|error| Settled::Undecidable(clean(context, error.reason())))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        self.1.simulate(call, production)
    }

    async fn conclude(&self, run_directory: &Path, end: End) -> Vec<Leftover> {
        self.1.conclude(&self.0, run_directory, end).await
    }
}

/// The parameter that names a service, in the signature of an action.
pub(super) fn about_service(describe: Describe) -> Describe {
    describe.needs("service", Type::Service, "A service that runs container(\"NAME\").")
}

/// That service.
pub(super) fn the_service() -> Resource<Pattern> {
    describe::of(ResourceKind::Service, "service")
}

#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) engine: &'a Engine,
    pub(super) context: &'a Context,
    pub(super) arguments: &'a Arguments,
}

impl<'a> Call<'a> {
    /// An argument that is a text; empty where it was not given.
    pub(super) fn text(self, name: &str) -> &'a str {
        self.arguments.text(name).unwrap_or_default()
    }

    /// An argument that is a list of words; empty where it was not given.
    pub(super) fn words(self, name: &str) -> Vec<String> {
        self.arguments.words(name).unwrap_or_default()
    }

    /// The name of the container that the service of the call is.
    pub(super) fn name(self) -> Result<&'a str, Error> {
        let named = self
            .context
            .name_of_service(self.arguments, ServiceKind::Container, "container");
        Ok(named?)
    }

    /// A question before anything is changed, asked again while the engine is being restarted.
    pub(super) async fn ask<T>(
        self,
        question: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
    ) -> Result<T, Error> {
        self.engine.ask(question).await.map_err(Error::of_question)
    }

    /// A question after something was changed: without an answer nobody knows what came of that.
    pub(super) async fn ask_after<T>(
        self,
        question: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
    ) -> Result<T, Error> {
        self.engine.ask(question).await.map_err(Error::of_proof)
    }

    pub(super) async fn change<T>(
        self,
        change: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
    ) -> Result<T, Error> {
        self.engine.change(change).await.map_err(Error::of_change)
    }

    /// The container of the service, asked for once; `None` where there is none.
    pub(super) async fn find(self) -> Result<(&'a str, Option<Container>), Error> {
        if let Some(of) = self.of_project() {
            return self.find_in(&of).await;
        }
        let name = self.name()?;
        let found = self.engine.container(name).await.map_err(Error::of_question)?;
        Ok((name, found))
    }

    /// As [`Self::find`]; that there is none is a failure.
    pub(super) async fn must_find(self) -> Result<Container, Error> {
        let (name, found) = self.find().await?;
        found.ok_or_else(|| Error::Failed(format!("there is no container {name}")))
    }

    /// As [`Self::find`], also while the engine is being restarted.
    pub(super) async fn find_with_retries(self) -> Result<(&'a str, Option<Container>), Error> {
        if let Some(of) = self.of_project() {
            return self.find_in(&of).await;
        }
        let name = self.name()?;
        Ok((name, self.ask(|it| it.container(name)).await?))
    }

    /// The service of the call, where it is one of a Compose project.
    pub(super) fn of_project(self) -> Option<OfProject> {
        OfProject::of(self.context, self.arguments)
    }

    /// The container of a service of a project, and what the project calls it.
    async fn find_in(self, of: &OfProject) -> Result<(&'a str, Option<Container>), Error> {
        let member = self.context.topology.member(self.text("service"));
        let name = member.map_or("", |member| member.runs.name.as_str());
        let found = of.container(self.engine).await.map_err(Error::of_question)?;
        Ok((name, found?))
    }

    /// Refuses a container of the service's name that may not be taken for the service's.
    pub(super) fn own(self, found: Option<Container>) -> Result<Option<Container>, Error> {
        match found {
            Some(container) if !self.is_own(&container) => Err(foreign(&container.name)),
            found => Ok(found),
        }
    }

    /// Whether a container may be taken for the service's: it was there at the start, or this run made it.
    pub(super) fn is_own(self, container: &Container) -> bool {
        let member = self.context.topology.member(self.text("service"));
        // A project makes its containers itself, and says whose they are.
        let is_new = self.of_project().is_none() && member.is_some_and(|member| member.begins == Begins::Absent);
        !is_new || container.labels.get(labels::RUN) == Some(&self.context.run)
    }

    /// Whether this statement made it, in any of its attempts.
    pub(super) fn is_of_statement(self, container: &Container) -> bool {
        container.labels.get(labels::KEY) == Some(&self.context.key)
    }

    /// The labels of what this statement makes.
    pub(super) fn labels(self) -> BTreeMap<String, String> {
        let Context { run, key, .. } = self.context;
        let labels = [
            (labels::RUN, run.as_str()),
            (labels::STEP, labels::step_of(key)),
            (labels::KEY, key),
        ];
        BTreeMap::from(labels.map(|(label, value)| (label.to_owned(), value.to_owned())))
    }

    /// A short name of this statement, the same in each attempt: an engine has no two containers of one name, so a
    /// late create and a second attempt cannot both succeed.
    pub(super) fn short_key(self) -> String {
        crate::digest::short(&self.context.key)
    }

    /// Within the limit of the action: what was done by then is not known.
    pub(super) async fn within_limit<T>(self, work: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
        let limit = self.context.limit;
        let done = tokio::time::timeout(limit, work).await;
        done.unwrap_or_else(|_| {
            let limit = units::duration_of(limit);
            Err(Error::Unknown(format!(
                "the container engine gave no answer within {limit}"
            )))
        })
    }

    /// The outcome of a change that gives one line, within the limit.
    pub(super) async fn bounded(
        self,
        change: impl Future<Output = Result<String, Error>> + Send,
    ) -> Result<Outcome, Error> {
        let line = self.within_limit(change).await?;
        Ok(Outcome::done(clean(self.context, &line)))
    }

    /// Looks at something that should come to something within a time; the pauses between them count.
    pub(super) fn looks(self, time: Duration) -> Looks {
        Looks {
            left: time,
            every: self.engine.timeouts.look,
        }
    }
}

pub(super) struct Looks {
    left: Duration,
    every: Duration,
}

impl Looks {
    pub(super) fn is_last(&self) -> bool {
        self.left.is_zero()
    }

    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.every).await;
        self.left = self.left.saturating_sub(self.every);
    }
}

/// The service of a call, where a simulated production has its container.
pub(super) fn simulated<'a>(call: &'a GroundCall, production: &dyn Simulated) -> Result<&'a str, Unanswered> {
    let service = call.arguments.text("service").unwrap_or_default();
    if production.is_there(service) {
        Ok(service)
    } else {
        Err(Unanswered::new(format!("the service `{service}` has no container")))
    }
}

/// A container of the service's name that is somebody else's.
pub(super) fn foreign(name: &str) -> Error {
    Error::Failed(format!(
        "there is a container {name} already, which this run did not make, though the service begins absent; look at it, \
         and remove or rename it yourself"
    ))
}

/// The first twelve digits of an id, as people know it.
pub(super) fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

/// The name of an image with the first twelve digits of its digest.
pub(super) fn short_image(reference: &str) -> String {
    match reference.split_once("@sha256:") {
        Some((name, digits)) if digits.len() > 12 => format!("{name}@sha256:{}…", short(digits)),
        _ => reference.to_owned(),
    }
}
