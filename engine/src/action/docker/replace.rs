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

use super::call::{Call, foreign};
use super::create_volume::refuse_missing;
use super::error::Error;
use super::policy;
use super::pull::must_be_here;
use super::settings::order_of;
use super::start_and_watch::{never_started, start_and_watch, sweep};
use super::stop_and_prove::{stop_and_prove, within};
use crate::containers::{Container, CreateContainer, Image, Like, Problem, labels};

pub(super) struct Replacement<'a> {
    call: Call<'a>,
    name: &'a str,
    /// The name that ours has until the old one is gone.
    beside: String,
    order: CreateContainer,
}

impl<'a> Replacement<'a> {
    /// What a call wants; an `Err` says what is wrong with it.
    pub(super) fn new(call: Call<'a>) -> Result<Self, Error> {
        let name = call.name()?;
        Ok(Self {
            call,
            name,
            beside: format!("{name}.backstay-{}", call.short_key()),
            order: order_of(call.arguments)?,
        })
    }

    /// Goes on from what is there until the new container runs.
    pub(super) async fn carry_out(&self) -> Result<String, Error> {
        let image = must_be_here(self.call, &self.order.image).await?;
        refuse_missing(self.call, &self.order).await?;
        let current = match self.find(self.name).await? {
            Some(current) => Some(current),
            None => self.successor().await?,
        };
        // Not before: what stands beside may be all that is left of the old one's settings.
        sweep(self.call, self.name, &self.beside).await;
        let beside = self.find(&self.beside).await?;
        let ours = match current {
            Some(current) if self.is_ours(&current, &image) => {
                self.discard(beside).await?;
                current
            }
            Some(old) => self.displace(&old, beside).await?,
            None => {
                self.refuse_without_mounts()?;
                let id = self.create(self.name, None).await?;
                self.must_find(&id).await?
            }
        };
        start_and_watch(self.call, &ours).await
    }

    /// Where nothing has the service's name, a container that this run made for it and did not put in place, given
    /// the name. A statement of this run may have ended between the removal of the old one and that.
    async fn successor(&self) -> Result<Option<Container>, Error> {
        let made = match self.find(&self.beside).await? {
            Some(ours) => Some(ours),
            None => never_started(self.call, self.name).await?.pop(),
        };
        match made {
            Some(made) if made.labels.get(labels::RUN) == Some(&self.call.context.run) => {
                self.put_in_place(&made).await.map(Some)
            }
            Some(other) => Err(foreign(&other.name)),
            None => Ok(None),
        }
    }

    /// A service that writes protected state must have that mounted: with no container to take it over from, the call
    /// must say it.
    fn refuse_without_mounts(&self) -> Result<(), Error> {
        let service = self.call.text("service");
        let known = self.call.context.topology.services.get(service);
        let writes = known.and_then(|known| known.writes.first());
        match writes {
            Some(writes) if self.order.mounts.is_empty() => Err(Error::Failed(format!(
                "there is no container {} whose settings could be taken over, and the call says no `mounts`, so it would run \
                 without `{}`: say everything that it needs",
                self.name, writes.state
            ))),
            _ => Ok(()),
        }
    }

    fn is_ours(&self, container: &Container, image: &Image) -> bool {
        self.call.is_of_statement(container) && container.image_id == image.id
    }

    async fn find(&self, name: &str) -> Result<Option<Container>, Error> {
        self.call.ask(|it| it.container(name)).await
    }

    /// A container that was there a moment ago.
    async fn must_find(&self, id: &str) -> Result<Container, Error> {
        let found = self.call.ask_after(|it| it.container(id)).await?;
        found.ok_or_else(|| Error::Failed(format!("the container {} was made and is gone", self.name)))
    }

    async fn stop(&self, container: &Container) -> Result<(), Error> {
        let grace = within(self.call, self.call.context.limit / 2, container, None);
        stop_and_prove(self.call, container, grace).await.map(drop)
    }

    async fn remove(&self, container: &Container) -> Result<(), Error> {
        self.call.change(|it| it.remove(&container.id, false)).await.map(drop)
    }

    /// Stops and removes the old container once the new one is made, and gives that its name.
    async fn displace(&self, old: &Container, beside: Option<Container>) -> Result<Container, Error> {
        if !self.call.is_own(old) {
            return Err(foreign(self.name));
        }
        // What an earlier attempt made beside it may lack what is added after its making, a second network for one.
        self.discard(beside).await?;
        let id = self.create(&self.beside, Some(old)).await?;
        let ours = self.must_find(&id).await?;
        if let Err(error) = self.stop(old).await {
            return Err(self.leave_the_old_one(old, &ours, error).await);
        }
        self.remove(old).await?;
        let placed = self.put_in_place(&ours).await?;
        policy::forget(self.call, &old.id);
        Ok(placed)
    }

    /// The old one still runs: it gets its restart policy back, and ours goes.
    async fn leave_the_old_one(&self, old: &Container, ours: &Container, error: Error) -> Error {
        let Error::Failed(_) = error else {
            return error;
        };
        if let Ok(Some(kept)) = policy::kept(self.call, &old.id)
            && old.state.is_running
            && self.call.engine.set_restart_policy(&old.id, &kept).await.is_ok()
        {
            policy::forget(self.call, &old.id);
        }
        let _ = self.call.engine.remove(&ours.id, false).await;
        error
    }

    /// Gives ours the service's name.
    async fn put_in_place(&self, ours: &Container) -> Result<Container, Error> {
        match self.call.engine.change(|it| it.rename(&ours.id, self.name)).await {
            Ok(()) => self.must_find(&ours.id).await,
            Err(Problem::Refused { status: 409, .. }) => Err(Error::Failed(format!(
                "another container took the name {} in the meantime; find out who made it (this run's own waits as {})",
                self.name, ours.name
            ))),
            Err(problem) => Err(Error::of_change(problem)),
        }
    }

    /// Makes ours, like the old one where there is one.
    async fn create(&self, name: &str, like: Option<&Container>) -> Result<String, Error> {
        let mut order = self.order.clone();
        name.clone_into(&mut order.name);
        order.labels = self.call.labels();
        if let Some(old) = like {
            order.like = Some(Like {
                container: old.id.clone(),
            });
            // What this run took off the old one is what the new one is to have.
            let kept = policy::kept(self.call, &old.id)?;
            let given = kept.unwrap_or_else(|| old.restart_policy.clone());
            order.restart_policy.get_or_insert(given);
        }
        match self.call.engine.change(|it| it.create(&order)).await {
            Ok(id) => Ok(id),
            Err(problem @ Problem::Refused { status: 409, .. }) => self.taken(name, problem).await,
            Err(problem) => Err(Error::of_change(problem)),
        }
    }

    /// The name was taken in the meantime: by ours, whose reply an earlier attempt lost, or by somebody's.
    async fn taken(&self, name: &str, problem: Problem) -> Result<String, Error> {
        match self.find(name).await? {
            Some(there) if self.call.is_of_statement(&there) => Ok(there.id),
            Some(_) => Err(foreign(name)),
            None => Err(Error::of_change(problem)),
        }
    }

    /// Removes what stands beside and is of no use; a container that is not ours is refused.
    async fn discard(&self, beside: Option<Container>) -> Result<(), Error> {
        let Some(beside) = beside else { return Ok(()) };
        if !self.call.is_of_statement(&beside) {
            return Err(foreign(&beside.name));
        }
        if beside.state.is_running {
            self.stop(&beside).await?;
        }
        self.remove(&beside).await
    }
}
