//! `runs process("NAME")`: every process with this mark.

use async_trait::async_trait;
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::Begins;

use super::{Asked, Kind, MemberState, about};
use crate::value::{Unanswered, Value};

pub(super) struct Process;

#[async_trait]
impl Kind for Process {
    fn kind(&self) -> ServiceKind {
        ServiceKind::Process
    }

    /// One that was started by somebody else may carry no mark; what it answers says that it runs.
    fn is_asked(&self, begins: Begins, has_well: bool) -> bool {
        begins != Begins::Running || !has_well
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
