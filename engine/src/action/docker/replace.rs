//! Puts a container into a service's place, so that at every point a second attempt can go on: one that is made, or
//! the very one that was there before, where an earlier statement took it out and the call says no more than its
//! image.
//!
//! | what is there | what comes next |
//! | --- | --- |
//! | the old one, which an earlier statement only found and the call wants | start it where it does not run |
//! | the old one | make ours beside it anew, under a name of this statement, like the old one; stop the old one and prove it; give it another name |
//! | none, ours beside | give ours its name |
//! | none, one of another statement of this run beside, and none was taken out | give that one the name: it is now the old one, and alone knows what was given to the service |
//! | none | make ours under its name |
//! | ours under its name | start it, see that it stays up |
//!
//! Ours is known by its label, and what was taken out by what [`Place`] keeps; the old one is removed when the run
//! has ended. Ours never runs before the old one is proved stopped.

use super::call::{Call, foreign, short};
use super::create_volume::refuse_missing;
use super::error::Error;
use super::make::make;
use super::neighbours::{Touch, refuse_cut_off, refuse_unstartable};
use super::place::{Next, Place};
use super::policy;
use super::pull::must_be_here;
use super::settings::order_of;
use super::start_and_watch::{never_started, start_and_watch, sweep};
use super::stop_and_prove::{stop_and_prove, within};
use crate::containers::{Container, CreateContainer, Image, Like, MountKind, Problem, labels};

pub(super) struct Replacement<'a> {
    call: Call<'a>,
    name: &'a str,
    /// The name that ours has until the old one is out of its place.
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

    /// Goes on from what is there until the right container runs.
    pub(super) async fn carry_out(&self) -> Result<String, Error> {
        let image = must_be_here(self.call, &self.order.image).await?;
        refuse_missing(self.call, &self.order).await?;
        let mut place = Place::of(self.call, self.name)?;
        let current = self.find(self.name).await?;
        let next = self.decide(&mut place, current.as_ref(), &image).await?;
        let current = match current {
            Some(current) => Some(current),
            None if next == Next::Made => self.successor(&place).await?,
            None => None,
        };
        // Not before: what stands beside may be all that is left of the old one's settings.
        sweep(self.call, self.name, &self.beside).await;
        let beside = self.find(&self.beside).await?;
        let ours = match (current, &next) {
            (Some(current), _) if place.is_next(self.call, &current) && current.image_id == image.id => {
                self.discard(beside).await?;
                current
            }
            (Some(old), _) => self.displace(&mut place, &old, beside, &image).await?,
            (None, Next::Back(id)) => {
                self.discard(beside).await?;
                let earlier = self.must_be_there(id).await?;
                self.put_in_place(&earlier).await?
            }
            (None, Next::Made) => {
                let model = self.first_of(place.earlier(), |_| true).await?;
                let id = self.create(self.name, model.as_ref()).await?;
                self.must_find(&id).await?
            }
        };
        let line = start_and_watch(self.call, &ours).await?;
        match next {
            Next::Back(_) => Ok(format!("{line}: the one that was there before")),
            Next::Made => Ok(format!("{line}{}", self.new_volumes(&place, &ours).await?)),
        }
    }

    /// Whether this statement makes a container or brings one back: the last one of this image that an earlier
    /// statement found here, where the call says nothing else. The first attempt decides for all.
    async fn decide(&self, place: &mut Place, current: Option<&Container>, image: &Image) -> Result<Next, Error> {
        if let Some(next) = place.next(self.call) {
            return Ok(next.clone());
        }
        let is_wanted = |earlier: &Container| self.order.says_only_its_image() && earlier.image_id == image.id;
        let earlier = self.first_of(place.found(), is_wanted).await?;
        let next = earlier.map_or(Next::Made, |earlier| Next::Back(earlier.id));
        place.decide(self.call, current, next.clone())?;
        Ok(next)
    }

    /// The first of these containers which is still there and as wanted.
    async fn first_of(
        &self,
        ids: impl Iterator<Item = &str> + Send,
        is_wanted: impl Fn(&Container) -> bool + Send + Sync,
    ) -> Result<Option<Container>, Error> {
        for id in ids {
            if let Some(found) = self.find(id).await?.filter(&is_wanted) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Where nothing has the service's name, a container that this run made for it and did not put in place, given
    /// the name. A statement of this run may have ended just before that; another's counts only where the old one is
    /// gone, which the engine removes itself where it was asked to when it was made.
    async fn successor(&self, place: &Place) -> Result<Option<Container>, Error> {
        let made = match self.find(&self.beside).await? {
            Some(ours) => Some(ours),
            None if self.first_of(place.earlier(), |_| true).await?.is_some() => None,
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

    async fn find(&self, name: &str) -> Result<Option<Container>, Error> {
        self.call.ask(|it| it.container(name)).await
    }

    /// A container that was there a moment ago.
    async fn must_find(&self, id: &str) -> Result<Container, Error> {
        let found = self.call.ask_after(|it| it.container(id)).await?;
        found.ok_or_else(|| Error::Failed(format!("the container {} was made and is gone", self.name)))
    }

    /// The container that is brought back.
    async fn must_be_there(&self, id: &str) -> Result<Container, Error> {
        self.find(id).await?.ok_or_else(|| {
            Error::Failed(format!(
                "the container {} that ran as {} before is gone: find out who removed it, and make one like it by hand",
                short(id),
                self.name
            ))
        })
    }

    async fn stop(&self, container: &Container) -> Result<(), Error> {
        let grace = within(self.call, self.call.context.limit / 2, container, None);
        stop_and_prove(self.call, container, grace).await.map(drop)
    }

    /// Takes the old container out of the place once the next one is ready, and gives that the name.
    async fn displace(
        &self,
        place: &mut Place,
        old: &Container,
        beside: Option<Container>,
        image: &Image,
    ) -> Result<Container, Error> {
        if !self.call.is_own(old) {
            return Err(foreign(self.name));
        }
        refuse_cut_off(self.call, old, Touch::Replace).await?;
        // What an earlier attempt made beside it may lack what is added after its making, a second network for one.
        self.discard(beside).await?;
        let next = if let Some(Next::Back(id)) = place.next(self.call) {
            self.must_be_there(id).await?
        } else {
            // What is changed step by step adds up; else what another image was given stays with that.
            let is_same = |earlier: &Container| earlier.image_id == image.id && earlier.image_id != old.image_id;
            let model = self.first_of(place.earlier(), is_same).await?;
            let id = self.create(&self.beside, Some(model.as_ref().unwrap_or(old))).await?;
            self.must_find(&id).await?
        };
        match self.take_out(place, old, &next).await {
            Ok(()) => self.put_in_place(&next).await,
            Err(error) => Err(self.leave_the_old_one(old, &next, error).await),
        }
    }

    /// Stops the old container and gives it another name, under which it waits for the end of the run.
    async fn take_out(&self, place: &mut Place, old: &Container, next: &Container) -> Result<(), Error> {
        refuse_unstartable(self.call, next, Some(old)).await?;
        place.take_out(self.call, old)?;
        self.stop(old).await?;
        let outside = place.name_outside(&old.id);
        match self.call.engine.change(|it| it.rename(&old.id, &outside)).await {
            Err(problem) if problem.is_missing() => Ok(()),
            renamed => renamed.map_err(Error::of_change),
        }
    }

    /// The old one stays in its place: where it still runs it gets its restart policy back, and ours goes.
    async fn leave_the_old_one(&self, old: &Container, next: &Container, error: Error) -> Error {
        let Error::Failed(_) = error else {
            return error;
        };
        if let Ok(Some(kept)) = policy::kept(self.call, &old.id)
            && old.state.is_running
            && self.call.engine.set_restart_policy(&old.id, &kept).await.is_ok()
        {
            policy::forget(&self.call.context.run_directory, &old.id);
        }
        if !self.call.is_of_statement(next) || next.name != self.beside {
            return error;
        }
        match self.discard(Some(next.clone())).await {
            Ok(()) => error,
            Err(problem) => error.and(&format!(
                "what was made in its place is left behind ({}): docker rm {}",
                problem.reason(),
                next.name
            )),
        }
    }

    /// Gives a container the service's name.
    async fn put_in_place(&self, next: &Container) -> Result<Container, Error> {
        match self.call.engine.change(|it| it.rename(&next.id, self.name)).await {
            Ok(()) => self.must_find(&next.id).await,
            Err(Problem::Refused { status: 409, .. }) => Err(Error::Failed(format!(
                "another container took the name {} in the meantime; find out who made it (this run's own waits as {})",
                self.name, next.name
            ))),
            Err(problem) => Err(Error::of_change(problem)),
        }
    }

    /// Makes ours, like another where there is one.
    async fn create(&self, name: &str, like: Option<&Container>) -> Result<String, Error> {
        let mut order = self.order.clone();
        name.clone_into(&mut order.name);
        order.labels = self.call.labels();
        match like {
            None => self.refuse_without_mounts()?,
            Some(model) => {
                order.like = Some(Like {
                    container: model.id.clone(),
                });
                // What this run took off the other one is what the new one is to have.
                let kept = policy::kept(self.call, &model.id)?;
                let given = kept.unwrap_or_else(|| model.restart_policy.clone());
                order.restart_policy.get_or_insert(given);
            }
        }
        make(self.call, &order).await
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
        // The volumes that its image brought with it are as new as itself.
        let is_new = beside.state.started_at.is_empty();
        self.call.change(|it| it.remove(&beside.id, is_new)).await.map(drop)
    }

    /// The volumes without a name that came with the container and are none of the one before: what is in them is
    /// nobody's yet.
    async fn new_volumes(&self, place: &Place, ours: &Container) -> Result<String, Error> {
        let earlier = self.first_of(place.earlier(), |_| true).await?;
        let known: Vec<&str> = earlier
            .iter()
            .flat_map(anonymous_volumes)
            .map(|(name, _)| name)
            .collect();
        let new: Vec<String> = anonymous_volumes(ours)
            .filter(|(name, _)| !known.contains(name))
            .map(|(name, target)| format!("{} at {target}", short(name)))
            .collect();
        Ok(if new.is_empty() {
            String::new()
        } else {
            format!("; new volumes that its image asks for: {}", new.join(", "))
        })
    }
}

/// The volumes without a name of their own that a container has, and where.
fn anonymous_volumes(container: &Container) -> impl Iterator<Item = (&str, &str)> {
    container.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Volume { name, .. } => {
            let is_anonymous = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_anonymous.then_some((name.as_str(), mount.target.as_str()))
        }
        _ => None,
    })
}
