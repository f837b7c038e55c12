//! Makes a container under a name that an earlier attempt of the statement may still be making: a killed runner's
//! order is carried out all the same, and until then its name is taken and nobody has it.

use super::call::{Call, foreign};
use super::error::Error;
use crate::containers::{CreateContainer, Problem};

/// Gives the id of the new one. What an earlier attempt has made and never started is removed first, since it may lack
/// what is added after its making.
pub(super) async fn make(call: Call<'_>, order: &CreateContainer) -> Result<String, Error> {
    let name = order.name.as_str();
    let mut looks = call.looks(call.engine.timeouts.away);
    loop {
        let problem = match call.engine.change(|it| it.create(order)).await {
            Ok(id) => return Ok(id),
            Err(problem @ Problem::Refused { status: 409, .. }) => problem,
            Err(problem) => return Err(Error::of_change(problem)),
        };
        match call.ask_after(|it| it.container(name)).await? {
            Some(there) if !call.is_of_statement(&there) => return Err(foreign(name)),
            Some(ours) if !ours.state.started_at.is_empty() => return Ok(ours.id),
            _ if looks.is_last() => return Err(Error::of_change(problem)),
            Some(ours) => call.change(|it| it.remove(&ours.id, true)).await.map(drop)?,
            None => {}
        }
        looks.pause().await;
    }
}
