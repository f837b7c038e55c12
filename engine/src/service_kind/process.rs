//! `runs process("NAME")`: what was started here under this name, or fits what the text says.

use async_trait::async_trait;
use backstay_dsl::service_kind::ServiceKind;

use super::{Asked, Kind, MemberState, about};
use crate::value::{Unanswered, Value};

pub(super) struct Process;

#[async_trait]
impl Kind for Process {
    fn kind(&self) -> ServiceKind {
        ServiceKind::Process
    }

    async fn state(&self, asked: &dyn Asked, member: &str) -> Result<MemberState, Unanswered> {
        let alive = asked.answer_to(&about("process.alive", member)).await?;
        Ok(MemberState {
            runs: alive == Value::Bool(true),
            is_there: None,
            status: String::new(),
        })
    }
}
