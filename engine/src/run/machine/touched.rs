//! What statements touch: whether two of them have anything to do with each other.
//!
//! A service is all that it runs as, is pinned by and writes; a protected state is its parts. What cannot be told
//! counts as everything.

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::model::{ActionCall, Expr, StatementKind};
use backstay_dsl::program::StatementId;
use backstay_dsl::term::{Term, ground};
use backstay_dsl::topology::Topology;

use super::progress::View;
use crate::value::GroundResource;

/// The things that some statements touch.
pub(super) enum Touched {
    /// Each with whether it is changed.
    Known(Vec<(Resource<Term>, bool)>),
    CannotTell,
}

impl Touched {
    /// What these statements touch, the holds that they take or release among it.
    pub(super) fn of(view: View<'_>, statements: impl IntoIterator<Item = StatementId>) -> Self {
        let topology = Topology::grounded(&view.plan.topology);
        let mut known = Vec::new();
        for statement in statements {
            if add(view, &topology, statement, &mut known).is_none() {
                return Self::CannotTell;
            }
        }
        Self::Known(known)
    }

    /// What these things are, none of which is changed.
    pub(super) fn looked_at(view: View<'_>, read: &[GroundResource]) -> Self {
        let topology = Topology::grounded(&view.plan.topology);
        let things = read.iter().flat_map(|resource| seen_through(view, &topology, resource));
        Self::Known(things.map(|thing| (thing, false)).collect())
    }

    /// Whether both touch one thing, and one of them changes it.
    pub(super) fn shares(&self, view: View<'_>, other: &Self) -> bool {
        let (Self::Known(one), Self::Known(two)) = (self, other) else {
            return true;
        };
        let topology = Topology::grounded(&view.plan.topology);
        let mut pairs = one.iter().flat_map(|one| two.iter().map(move |two| (one, two)));
        pairs.any(|((one, changes), (two, also))| (*changes || *also) && topology.relation(one, two).overlaps())
    }
}

/// Whether all that an action changes is excepted from protected state: nobody owes that anything.
pub(super) fn is_excepted(view: View<'_>, action: &ActionCall) -> bool {
    let topology = Topology::grounded(&view.plan.topology);
    let mut changing = action.effects.list.iter().filter(|effect| effect.is_changing());
    !topology.excepted.is_empty()
        && changing.all(|effect| {
            let resource = effect.resource().filter(|_| !effect.is_of_service());
            let resource = resource.and_then(|resource| view.recorded(|recorded| recorded.resource(resource)));
            resource.is_some_and(|resource| topology.is_owed_nothing(&ground(&resource)))
        })
}

/// `None` where it cannot be told.
fn add(
    view: View<'_>,
    topology: &Topology<Term>,
    statement: StatementId,
    known: &mut Vec<(Resource<Term>, bool)>,
) -> Option<()> {
    let program = &view.plan.program;
    let hold = match &program.statement(statement).kind {
        StatementKind::Do(action) => {
            for effect in &action.call.effects.list {
                let changes = !effect.is_observing();
                let things = things(view, topology, effect)?;
                known.extend(things.into_iter().map(|thing| (thing, changes)));
            }
            return Some(());
        }
        StatementKind::Take(name) => program.hold_named(name).map(|hold| program.take(hold)),
        StatementKind::Release(name) => program.hold_named(name).map(|hold| program.release(hold)),
        _ => None,
    };
    let inner = hold.into_iter().flat_map(|block| program.statements_of(block));
    inner
        .into_iter()
        .try_for_each(|inner| add(view, topology, inner, known))
}

fn things(view: View<'_>, topology: &Topology<Term>, effect: &Effect<Expr>) -> Option<Vec<Resource<Term>>> {
    let Some(resource) = effect.resource() else {
        return Some(Vec::new());
    };
    let resource = match (effect, view.recorded(|recorded| recorded.resource(resource))) {
        // Which state it was made of is not said by its name.
        (Effect::Restores(_), _) => return None,
        // Its name comes with the result: nobody else knows it.
        (Effect::Adds(_) | Effect::Captures { .. }, None) => return Some(Vec::new()),
        (_, resource) => resource?,
    };
    Some(seen_through(view, topology, &resource))
}

fn seen_through(view: View<'_>, topology: &Topology<Term>, resource: &GroundResource) -> Vec<Resource<Term>> {
    let term = ground(resource);
    let mut things = Vec::new();
    for id in topology.members_of(&term) {
        let members = topology.members().filter(|(known, _, _)| *known == id);
        for (_, member, service) in members {
            things.push(Resource::new(ResourceKind::Service, Term::text(id.as_str())));
            things.extend(member.resource());
            things.extend(member.pinned_by.clone());
            things.extend(service.behind.clone());
            let written = service
                .writes
                .iter()
                .filter_map(|writes| topology.states.get(&writes.state));
            things.extend(written.flatten().cloned());
        }
    }
    if term.kind == ResourceKind::State {
        let parts = view.plan.topology.states.get(resource.first());
        things.extend(parts.into_iter().flatten().map(ground));
    }
    things.push(term);
    things
}
