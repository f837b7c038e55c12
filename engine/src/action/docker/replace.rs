//! Puts a new container in the place of a service's old one, so that at every point a second attempt can go on.
//!
//! | what is there | what comes next |
//! | --- | --- |
//! | the old one | make ours beside it anew, under a name of this statement, like the old one; stop the old one and prove it; remove it |
//! | none, ours beside | give ours its name |
//! | none, one of another statement of this run beside | give that one the name: it is now the old one, and alone knows what was given to the service |
//! | ours under its name | start it, see that it stays up |
//! | none | make ours under its name |
//!
//! Ours is known by its label. It never runs before the old one is proved stopped and removed.

use super::awaken::{awaken, sweep, waiting};
use super::create_volume::refuse_missing;
use super::halt::{grace_within, halt};
use super::settings::order_of;
use super::target::{is_of_statement, is_own, labels_of, look_again, look_up, short_key};
use super::trouble::Trouble;
use super::{Engine, policy, target};
use crate::action::{Arguments, Context};
use crate::containers::{Container, ContainerOrder, Image, Like, Problem, labels};

pub(super) struct Replacement<'a> {
    engine: &'a Engine,
    context: &'a Context,
    arguments: &'a Arguments,
    name: String,
    /// The name that ours has until the old one is gone.
    beside: String,
    order: ContainerOrder,
}

impl<'a> Replacement<'a> {
    /// What a call wants; an `Err` says what is wrong with it.
    pub(super) fn new(engine: &'a Engine, context: &'a Context, arguments: &'a Arguments) -> Result<Self, String> {
        let name = target::name_of(context, arguments)?;
        let order = order_of(arguments)?;
        let beside = format!("{name}.backstay-{}", short_key(context));
        Ok(Self {
            engine,
            context,
            arguments,
            name,
            beside,
            order,
        })
    }

    /// Goes on from what is there until the new container runs.
    pub(super) async fn carry_out(&self) -> Result<String, Trouble> {
        let image = self.image().await?;
        refuse_missing(self.engine, &self.order).await?;
        let current = match self.find(&self.name).await? {
            Some(current) => Some(current),
            None => self.heir().await?,
        };
        // Not before: what stands beside may be all that is left of the old one's settings.
        sweep(self.engine, self.context, &self.name, &self.beside).await;
        let beside = self.find(&self.beside).await?;
        let ours = match current {
            Some(current) if self.is_ours(&current, &image) => {
                self.discard(beside).await?;
                current
            }
            Some(old) => self.displace(&old, beside).await?,
            None => {
                self.refuse_without_mounts()?;
                let id = self.create(&self.name, None).await?;
                self.must_find(&id).await?
            }
        };
        awaken(self.engine, self.context, &ours).await
    }

    /// Where nothing has the service's name, a container that this run made for it and did not put in place, given
    /// the name. A statement of this run may have ended between the removal of the old one and that.
    async fn heir(&self) -> Result<Option<Container>, Trouble> {
        let heir = match self.find(&self.beside).await? {
            Some(ours) => Some(ours),
            None => waiting(self.engine, self.context, &self.name)
                .await
                .map_err(Trouble::of_question)?
                .pop(),
        };
        match heir {
            Some(heir) if heir.labels.get(labels::RUN) == Some(&self.context.run) => {
                self.put_in_place(&heir).await.map(Some)
            }
            Some(other) => Err(target::foreign(&other.name)),
            None => Ok(None),
        }
    }

    /// A service that writes protected state must have that mounted: with no container to take it over from, the call
    /// must say it.
    fn refuse_without_mounts(&self) -> Result<(), Trouble> {
        let service = self.arguments.text("service").unwrap_or_default();
        let known = self.context.topology.services.get(service);
        let writes = known.and_then(|known| known.writes.first());
        match writes {
            Some(writes) if self.order.mounts.is_empty() => Err(Trouble::Failed(format!(
                "there is no container {} whose settings could be taken over, and the call says no `mounts`, so it would run \
                 without `{}`: say everything that it needs",
                self.name, writes.state
            ))),
            _ => Ok(()),
        }
    }

    /// The image, which must be here.
    async fn image(&self) -> Result<Image, Trouble> {
        let reference = &self.order.image;
        let found = self.engine.ask(|it| it.image(reference)).await;
        found
            .map_err(Trouble::of_question)?
            .ok_or_else(|| Trouble::Failed(format!("the image {reference} is not here; pull it first: docker.pull")))
    }

    fn is_ours(&self, container: &Container, image: &Image) -> bool {
        is_of_statement(self.context, container) && container.image_id == image.id
    }

    async fn find(&self, name: &str) -> Result<Option<Container>, Trouble> {
        look_up(self.engine, name).await
    }

    /// A container that was there a moment ago.
    async fn must_find(&self, id: &str) -> Result<Container, Trouble> {
        let found = look_again(self.engine, id).await?;
        found.ok_or_else(|| Trouble::Failed(format!("the container {} was made and is gone", self.name)))
    }

    /// Stops and removes the old container once the new one is made, and gives that its name.
    async fn displace(&self, old: &Container, beside: Option<Container>) -> Result<Container, Trouble> {
        if !is_own(self.context, self.arguments, old) {
            return Err(target::foreign(&self.name));
        }
        // What an earlier attempt made beside it may lack what is added after its making, a second network for one.
        self.discard(beside).await?;
        let id = self.create(&self.beside, Some(old)).await?;
        let ours = self.must_find(&id).await?;
        let grace = grace_within(self.engine, self.context.limit / 2, old, None);
        if let Err(trouble) = halt(self.engine, self.context, old, grace).await {
            return Err(self.leave_the_old_one(old, &ours, trouble).await);
        }
        self.engine
            .change(|it| it.remove(&old.id, false))
            .await
            .map_err(Trouble::of_change)?;
        let placed = self.put_in_place(&ours).await?;
        policy::forget(&self.context.run_directory, &old.id);
        Ok(placed)
    }

    /// The old one still runs: it gets its restart policy back, and ours goes.
    async fn leave_the_old_one(&self, old: &Container, ours: &Container, trouble: Trouble) -> Trouble {
        let Trouble::Failed(_) = trouble else {
            return trouble;
        };
        if let Ok(Some(kept)) = policy::kept(&self.context.run_directory, &old.id)
            && old.state.is_running
            && self.engine.set_restart_policy(&old.id, &kept).await.is_ok()
        {
            policy::forget(&self.context.run_directory, &old.id);
        }
        let _ = self.engine.remove(&ours.id, false).await;
        trouble
    }

    /// Gives ours the service's name.
    async fn put_in_place(&self, ours: &Container) -> Result<Container, Trouble> {
        match self.engine.change(|it| it.rename(&ours.id, &self.name)).await {
            Ok(()) => self.must_find(&ours.id).await,
            Err(Problem::Refused { status: 409, .. }) => Err(Trouble::Failed(format!(
                "another container took the name {} in the meantime; find out who made it (this run's own waits as {})",
                self.name, ours.name
            ))),
            Err(problem) => Err(Trouble::of_change(problem)),
        }
    }

    /// Makes ours, like the old one where there is one.
    async fn create(&self, name: &str, like: Option<&Container>) -> Result<String, Trouble> {
        let mut order = self.order.clone();
        name.clone_into(&mut order.name);
        order.labels = labels_of(self.context);
        if let Some(old) = like {
            order.like = Some(Like {
                container: old.id.clone(),
            });
            // What this run took off the old one is what the new one is to have.
            let kept = policy::kept(&self.context.run_directory, &old.id).map_err(Trouble::Failed)?;
            let given = kept.unwrap_or_else(|| old.restart_policy.clone());
            order.restart_policy.get_or_insert(given);
        }
        match self.engine.change(|it| it.create(&order)).await {
            Ok(id) => Ok(id),
            Err(problem @ Problem::Refused { status: 409, .. }) => self.taken(name, problem).await,
            Err(problem) => Err(Trouble::of_change(problem)),
        }
    }

    /// The name was taken in the meantime: by ours, whose reply an earlier attempt lost, or by somebody's.
    async fn taken(&self, name: &str, problem: Problem) -> Result<String, Trouble> {
        match self.find(name).await? {
            Some(there) if is_of_statement(self.context, &there) => Ok(there.id),
            Some(_) => Err(target::foreign(name)),
            None => Err(Trouble::of_change(problem)),
        }
    }

    /// Removes what stands beside and is of no use; a container that is not ours is refused.
    async fn discard(&self, beside: Option<Container>) -> Result<(), Trouble> {
        let Some(beside) = beside else { return Ok(()) };
        if !is_of_statement(self.context, &beside) {
            return Err(target::foreign(&beside.name));
        }
        let grace = grace_within(self.engine, self.context.limit / 2, &beside, None);
        if beside.state.is_running {
            halt(self.engine, self.context, &beside, grace).await?;
        }
        self.engine
            .change(|it| it.remove(&beside.id, false))
            .await
            .map_err(Trouble::of_change)?;
        Ok(())
    }
}
