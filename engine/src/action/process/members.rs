//! Which processes a service is: by what was written down when it was started here, and by what its text says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::types::Type;
use rustix::process::Signal;

use super::described;
use crate::action::common::child::PROCESS_MARK;
use crate::action::common::control_group;
use crate::action::common::describe::Describe;
use crate::action::common::processes::{self, Ask, NotEnded, Presence, Processes};
use crate::action::common::started::{self, Note, Signs};
use crate::action::common::tag::Tag;
use crate::action::{Arguments, Context};

/// The parameter that names a service, in the signature of an action.
pub(super) fn about_service(describe: Describe) -> Describe {
    describe.needs("service", Type::Service, "A service that runs process(\"NAME\").")
}

/// A service, and by what it is known.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// What it is called in the text.
    pub(super) service: String,
    /// The name behind `runs`.
    pub(super) name: String,
    /// How one is known that others may have started, and how it is asked to stop.
    pub(super) words: BTreeMap<&'static str, Vec<String>>,
    /// What was written down of its last start by any run.
    notes_file: PathBuf,
    /// The number of the user that the text names, once it was looked up.
    user: OnceLock<Result<u32, String>>,
}

impl Known {
    /// The service that a call names.
    pub(super) fn of(context: &Context, arguments: &Arguments) -> Result<Self, String> {
        let name = context.name_of_service(arguments, ServiceKind::Process, "plain process")?;
        let service = arguments.text("service").unwrap_or_default();
        let member = context.topology.member(service);
        Ok(Self {
            service: service.to_owned(),
            name: name.to_owned(),
            words: member.map_or_else(BTreeMap::new, |member| member.runs.known_by.clone()),
            notes_file: started::of_service(context.state_directory(), name),
            user: OnceLock::new(),
        })
    }

    /// The signal that the text names.
    pub(super) fn stop_signal(&self) -> Option<Signal> {
        Some(match self.words.get("stop")?.first()?.as_str() {
            "INT" => Signal::INT,
            "QUIT" => Signal::QUIT,
            "HUP" => Signal::HUP,
            "USR1" => Signal::USR1,
            "USR2" => Signal::USR2,
            "WINCH" => Signal::WINCH,
            _ => Signal::TERM,
        })
    }

    /// The command that the text names.
    pub(super) fn stop_command(&self) -> Option<&[String]> {
        self.words.get("stop_command").map(Vec::as_slice)
    }

    pub(super) fn tag(&self) -> Tag {
        Tag::of_service(&self.name)
    }

    pub(super) fn control_group(&self) -> String {
        control_group::name_of(&self.name)
    }

    /// What is written down of it.
    pub(super) fn notes(&self) -> Result<Vec<Note>, String> {
        Note::read(&self.notes_file)
    }

    /// Writes down what it is now.
    pub(super) fn write_down(&self, note: &Note) -> Result<(), String> {
        started::write_down(&self.notes_file, note).map_err(|error| {
            format!(
                "it cannot be written down in {} what was started ({error}); make room there, or make it writable",
                self.notes_file.display()
            )
        })
    }

    /// Clears what was kept of it, once it is proved gone.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(&self.notes_file);
        control_group::remove(&self.control_group());
    }

    /// Whether it runs.
    pub(super) fn presence(&self) -> Presence {
        let looked_up = self.looked_up().unwrap_or_else(Presence::CannotTell);
        let Presence::CannotTell(reason) = looked_up else {
            return looked_up;
        };
        Presence::CannotTell(format!("whether {} runs cannot be told: {reason}", self.service))
    }

    /// Ends it, with the processes that are known to be of it already, and proves that it is gone.
    pub(super) async fn end(&self, grace: Duration, how: Ask, mut seen: Processes) -> Result<bool, NotEnded> {
        // What belongs to it only by its session is out of sight when the leader has ended, so it is remembered.
        let living = || {
            match self.presence() {
                Presence::There(found) => seen.extend(found),
                Presence::NotThere => {}
                Presence::CannotTell(reason) => return Err(reason),
            }
            seen.retain(|_, process| process.lives());
            Ok(seen.clone())
        };
        processes::end(grace, how, living).await
    }

    fn looked_up(&self) -> Result<Presence, String> {
        let all = processes::all()?;
        for pid in processes::ancestors(&all) {
            if pid != processes::own_pid() && Tag::of(pid)? == Some(self.tag()) {
                return Err("this program was started inside of it; call it from elsewhere".to_owned());
            }
        }
        let ours = self.ours(&all)?;
        let fitting = described::fitting(&all, &self.words, |name| {
            self.user.get_or_init(|| described::user_number(name)).clone()
        })?;
        if fitting.keys().all(|pid| ours.contains_key(pid)) {
            return Ok(Presence::of(ours));
        }
        Ok(described::one_tree(ours.into_iter().chain(fitting).collect(), &all))
    }

    /// What was started here.
    fn ours(&self, all: &Processes) -> Result<Processes, String> {
        let signs = Signs {
            notes: &self.notes()?,
            tag: self.tag(),
            mark: (PROCESS_MARK, &self.name),
            control_group: Some(self.control_group()),
        };
        signs.among(all)
    }
}
