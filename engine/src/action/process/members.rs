//! Which processes a service is.

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::types::Type;

use crate::action::common::child::PROCESS_MARK;
use crate::action::common::describe::Describe;
use crate::action::common::processes::{self, Process};
use crate::action::{Arguments, Context};

/// The parameter that names a service, in the signature of an action.
pub(super) fn about_service(describe: Describe) -> Describe {
    describe.needs("service", Type::Service, "A service that runs process(\"NAME\").")
}

/// The mark of the service that a call names.
pub(super) fn mark_of(context: &Context, arguments: &Arguments) -> Result<String, String> {
    let mark = context.name_of_service(arguments, ServiceKind::Process, "plain process")?;
    Ok(mark.to_owned())
}

/// The living processes that carry the mark.
pub(super) fn marked(mark: &str) -> BTreeMap<i32, Process> {
    processes::marked(&processes::all(), PROCESS_MARK, |value| value == mark)
}

/// The living processes of the service: what carries the mark, what shares a session that one of those
/// leads, and what descends from any of them.
pub(super) fn all_of(mark: &str) -> BTreeMap<i32, Process> {
    let all = processes::all();
    let mut found = processes::marked(&all, PROCESS_MARK, |value| value == mark);
    // The session of somebody's terminal is led by a shell without the mark, so it is never taken along.
    let sessions: BTreeSet<i32> = found
        .values()
        .filter(|process| process.session == process.pid)
        .map(|process| process.session)
        .collect();
    let ours = processes::ancestors(&all);
    found.extend(
        all.iter()
            .filter(|(pid, process)| sessions.contains(&process.session) && !ours.contains(pid))
            .filter(|(_, process)| !process.has_ended())
            .map(|(pid, process)| (*pid, process.clone())),
    );
    let roots = found.keys().copied().collect();
    found.extend(
        processes::descendants(&all, &roots)
            .into_iter()
            .filter(|(pid, _)| !ours.contains(pid)),
    );
    found
}

/// `process 12`, `processes 12, 13 and 2 more`.
pub(super) fn in_words<'a>(pids: impl Iterator<Item = &'a i32>) -> String {
    const SHOWN_MAX: usize = 5;
    let pids: Vec<String> = pids.map(i32::to_string).collect();
    match pids.len() {
        1 => format!("process {}", pids[0]),
        count if count > SHOWN_MAX => format!(
            "processes {} and {} more",
            pids[..SHOWN_MAX].join(", "),
            count - SHOWN_MAX
        ),
        _ => format!("processes {}", pids.join(", ")),
    }
}
