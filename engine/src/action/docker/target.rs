//! Which container a service is, and whether this statement or this run made it.

use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::Begins;

use super::Engine;
use super::trouble::Trouble;
use crate::action::{Arguments, Context, GroundCall, Simulated};
use crate::containers::{Container, labels};
use crate::value::Unanswered;

/// The name of the container that the service of a call is.
pub(super) fn name_of(context: &Context, arguments: &Arguments) -> Result<String, String> {
    let service = arguments.text("service").unwrap_or_default();
    match context
        .topology
        .member(service)
        .map(|member| member.runs.named(ServiceKind::Container))
    {
        Some(Some(name)) => Ok(name.clone()),
        Some(None) => Err(format!(
            "the service {service} is no container; the `docker` actions are for services that run container(\"NAME\")"
        )),
        None => Err(format!("there is no service {service}")),
    }
}

/// A container by name or id, before anything is changed.
pub(super) async fn look_up(engine: &Engine, name: &str) -> Result<Option<Container>, Trouble> {
    let found = engine.ask(|it| it.container(name)).await;
    found.map_err(Trouble::of_question)
}

/// A container after something was changed: without an answer nobody knows what came of that.
pub(super) async fn look_again(engine: &Engine, id: &str) -> Result<Option<Container>, Trouble> {
    let found = engine.ask(|it| it.container(id)).await;
    found.map_err(Trouble::of_proof)
}

/// The container of the service of a call; `None` where there is none.
pub(super) async fn find(
    engine: &Engine,
    context: &Context,
    arguments: &Arguments,
) -> Result<(String, Option<Container>), Trouble> {
    let name = name_of(context, arguments).map_err(Trouble::Failed)?;
    let found = engine.container(&name).await.map_err(Trouble::of_question)?;
    Ok((name, found))
}

/// The container of the service of a call; that there is none is a failure.
pub(super) async fn must_find(engine: &Engine, context: &Context, arguments: &Arguments) -> Result<Container, Trouble> {
    match find(engine, context, arguments).await? {
        (_, Some(container)) => Ok(container),
        (name, None) => Err(Trouble::Failed(format!("there is no container {name}"))),
    }
}

/// Whether this statement made it, in any of its attempts.
pub(super) fn is_of_statement(context: &Context, container: &Container) -> bool {
    container.labels.get(labels::KEY) == Some(&context.key)
}

/// Whether a container of this service's name may be taken for the service's: it was there at the start, or
/// this run made it.
pub(super) fn is_own(context: &Context, arguments: &Arguments, container: &Container) -> bool {
    let service = arguments.text("service").unwrap_or_default();
    let begins = context.topology.member(service).map(|member| member.begins);
    begins != Some(Begins::Absent) || container.labels.get(labels::RUN) == Some(&context.run)
}

/// The labels of what this statement makes.
pub(super) fn labels_of(context: &Context) -> std::collections::BTreeMap<String, String> {
    [
        (labels::RUN, context.run.as_str()),
        (labels::STEP, labels::step_of(&context.key)),
        (labels::KEY, context.key.as_str()),
    ]
    .into_iter()
    .map(|(label, value)| (label.to_owned(), value.to_owned()))
    .collect()
}

/// A short name of this statement, the same in each attempt: an engine has no two containers of one name, so a
/// late create and a second attempt cannot both succeed.
pub(super) fn short_key(context: &Context) -> String {
    crate::digest::short(&context.key)
}

/// The first twelve digits of an id, as people know it.
pub(super) fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

/// As [`find`], also while the engine is being restarted: for finding out what became of an attempt.
pub(super) async fn find_patiently(
    engine: &Engine,
    context: &Context,
    arguments: &Arguments,
) -> Result<(String, Option<Container>), Trouble> {
    let name = name_of(context, arguments).map_err(Trouble::Failed)?;
    let found = look_up(engine, &name).await?;
    Ok((name, found))
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
pub(super) fn foreign(name: &str) -> Trouble {
    Trouble::Failed(format!(
        "there is a container {name} already, which this run did not make, though the service begins absent; look at it, \
         and remove or rename it yourself"
    ))
}

/// The name of an image with the first twelve digits of its digest.
pub(super) fn short_image(reference: &str) -> String {
    match reference.split_once("@sha256:") {
        Some((name, digits)) if digits.len() > 12 => format!("{name}@sha256:{}…", short(digits)),
        _ => reference.to_owned(),
    }
}
