//! `runs compose(FOLDER, name: "NAME")`: the container of this service of a project.

use async_trait::async_trait;
use backstay_dsl::service_kind::ServiceKind;

use super::container::{Container, is, text};
use super::{Asked, HangsOn, Kind, MemberState, Mounted, question};
use crate::value::{Unanswered, Value};

pub(super) struct Compose;

/// It is asked as any other container, which is found by its labels.
#[async_trait]
impl Kind for Compose {
    fn kind(&self) -> ServiceKind {
        ServiceKind::Compose
    }

    async fn reach(&self, asked: &dyn Asked) -> Result<Option<String>, String> {
        Container.reach(asked).await?;
        match asked.answer_to(&question("compose.version", [])).await {
            Ok(version) if !is(&version, "ok") => Err(text(&version, "reason")),
            Ok(version) => Ok(Some(format!("Docker Compose {} answers", text(&version, "version")))),
            Err(unanswered) => Err(unanswered.reason),
        }
    }

    async fn state(&self, asked: &dyn Asked, member: &str) -> Result<MemberState, Unanswered> {
        Container.state(asked, member).await
    }

    async fn obstacle(&self, asked: &dyn Asked, member: &str, changes: bool) -> Result<Option<String>, Unanswered> {
        let service = Value::Service(member.to_owned());
        let arguments = [("service", service), ("pinned", Value::Bool(changes))];
        let ready = asked.answer_to(&question("compose.ready", arguments)).await?;
        Ok((!is(&ready, "ok")).then(|| text(&ready, "reason")))
    }

    async fn mounts(&self, asked: &dyn Asked, member: &str) -> Result<Vec<Mounted>, Unanswered> {
        Container.mounts(asked, member).await
    }

    async fn sharers(&self, asked: &dyn Asked, member: &str) -> Result<Vec<HangsOn>, Unanswered> {
        Container.sharers(asked, member).await
    }

    async fn release(&self, asked: &dyn Asked, member: &str) -> Option<String> {
        Container.release(asked, member).await
    }
}
