//! Every program that the text names is there before the first change, those of the ways back first: one that is
//! missing would be found when it is needed, at night.
//!
//! Looked for is what follows from the text and the inputs. What the run itself may make, or puts where programs
//! are looked for, is not.

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::model::{ActionCall, Expr, ExprKind};
use backstay_dsl::term::ground_relation;
use backstay_dsl::topology::service_of;
use backstay_dsl::walk;

use super::calls::calls;
use crate::action::{Arguments, GroundCall};
use crate::eval::Evaluator;
use crate::plan::Plan;
use crate::value::{GroundResource, Value};
use crate::world::World;

/// The programs that are not there or may not be run, one sentence each.
pub(super) async fn missing(plan: &Plan, world: &dyn World, evaluator: &Evaluator<'_>) -> Vec<String> {
    let made = Made::by(plan, evaluator).await;
    let folder = &evaluator.places().working_directory;
    let mut found: Vec<String> = Vec::new();
    for (place, call) in calls(plan) {
        let known = match stop_command(plan, call) {
            Some(words) => Some(naming(call, Value::Text(words.first().cloned().unwrap_or_default()))),
            None => known(call, evaluator).await,
        };
        let Some(known) = known else { continue };
        let name = known.arguments.words("argv").and_then(|words| words.into_iter().next());
        let in_folder = known
            .arguments
            .path("cwd")
            .map_or_else(|| folder.clone(), |cwd| folder.join(cwd));
        if name.is_none_or(|name| made.may_hold(&in_folder.join(name).to_string_lossy())) {
            continue;
        }
        let Err(missing) = world.program(folder, &known).await else {
            continue;
        };
        let mut looked_at = missing.looked_at.iter();
        if looked_at.any(|path| made.may_hold(&path.to_string_lossy()))
            || found.iter().any(|told| told.ends_with(&missing.reason))
        {
            continue;
        }
        found.push(format!("{place}: {}", missing.reason));
    }
    found
}

/// The command by which a service says that it is to be stopped, of a call that stops it without a command of its
/// own.
fn stop_command<'a>(plan: &'a Plan, call: &ActionCall) -> Option<&'a [String]> {
    if call.argument("argv").is_some() {
        return None;
    }
    let mut stopped = call.effects.list.iter().filter_map(|effect| match effect {
        Effect::Stops(service) => service.key.first(),
        _ => None,
    });
    stopped.find_map(|service| match &service.kind {
        ExprKind::Service(name) => {
            let members = plan.topology.services.get(service_of(name))?.members.iter();
            let mut members = members.filter(|(id, _)| service_of(name) == name || id.as_str() == name);
            members.find_map(|(_, member)| member.runs.known_by.get("stop_command").map(Vec::as_slice))
        }
        _ => None,
    })
}

/// A call of which only the name of its program is known.
fn naming(call: &ActionCall, name: Value) -> GroundCall {
    let mut arguments = Arguments::default();
    arguments.0.insert("argv".to_owned(), Value::List(vec![name]));
    GroundCall {
        action: call.action.clone(),
        arguments,
        effects: Vec::new(),
        of_result: Vec::new(),
        healthy: None,
    }
}

/// The call with what is known of where its program is; `None` where that is not known.
async fn known(call: &ActionCall, evaluator: &Evaluator<'_>) -> Option<GroundCall> {
    let argv = call.argument("argv")?;
    let name = match &argv.kind {
        ExprKind::List(words) => known_value(words.first()?, evaluator).await?,
        _ => match known_value(argv, evaluator).await? {
            Value::List(words) => words.into_iter().next()?,
            _ => return None,
        },
    };
    let mut named = naming(call, name);
    if let Some(cwd) = call.argument("cwd") {
        let cwd = known_value(cwd, evaluator).await?;
        named.arguments.0.insert("cwd".to_owned(), cwd);
    }
    let sets_path = call.argument("env").is_some_and(|env| match &env.kind {
        ExprKind::Map(variables) => variables.iter().any(|(name, _)| name == "PATH"),
        _ => true,
    });
    (!sets_path).then_some(named)
}

/// What follows from the text and the inputs alone.
async fn known_value(expr: &Expr, evaluator: &Evaluator<'_>) -> Option<Value> {
    let parts = walk::deep(expr);
    let mut kinds = parts.iter().map(|part| &part.kind);
    let is_fixed = kinds.all(|kind| matches!(kind, ExprKind::Literal(_) | ExprKind::Input(_) | ExprKind::Binary(..)));
    if is_fixed {
        evaluator.value(expr).await.ok()
    } else {
        None
    }
}

/// What the run may make or change.
struct Made {
    known: Vec<GroundResource>,
    /// It may make files whose names are not known yet, or install something.
    is_open: bool,
}

impl Made {
    async fn by(plan: &Plan, evaluator: &Evaluator<'_>) -> Self {
        let mut made = Self {
            known: Vec::new(),
            is_open: false,
        };
        for effect in plan.program.actions().flat_map(|action| &action.call.effects.list) {
            let writes = effect.is_changing() || matches!(effect, Effect::Adds(_));
            if let Some(resource) = effect.resource().filter(|_| writes) {
                made.note(resource, evaluator).await;
            }
        }
        made
    }

    async fn note(&mut self, resource: &Resource<Expr>, evaluator: &Evaluator<'_>) {
        match resource.kind {
            ResourceKind::Package => self.is_open = true,
            ResourceKind::File | ResourceKind::Tree | ResourceKind::Link => {
                match evaluator.ground_resource(resource).await {
                    Ok(ground) => self.known.push(ground),
                    // A backup's archive has no name yet, and is no program.
                    Err(_) if resource.key.iter().any(is_result) => {}
                    Err(_) => self.is_open = true,
                }
            }
            _ => {}
        }
    }

    fn may_hold(&self, path: &str) -> bool {
        let program = Resource::new(ResourceKind::File, path.to_owned());
        self.is_open || self.known.iter().any(|made| ground_relation(&program, made).overlaps())
    }
}

fn is_result(expr: &Expr) -> bool {
    walk::deep(expr)
        .iter()
        .any(|part| matches!(part.kind, ExprKind::Result(_)))
}
