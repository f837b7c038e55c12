//! A text run by the driver with real files.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backstay::action::builtin;
use backstay::containers::{Containers, NoEngine};
use backstay::eval::Places;
use backstay::event::{Event, Stamped};
use backstay::plan::Plan;
use backstay::rehearse::{Case, SimulatedClock, SimulatedPerson, walk};
use backstay::run::driver::{Driver, MacKey, Ports, Rest, Settings};
use backstay::world::real::{RealClock, RealWorld};
use backstay::world::{Clock, Journal, JournalError};
use tokio::sync::mpsc;

use super::texts::{ANCHORS, TARGETS, Thing, Things};

/// What is at each path below a folder: a text, where a link leads, or nothing more of a folder.
pub(super) type Tree = BTreeMap<String, Thing>;

#[derive(Default)]
struct Memory(Mutex<Vec<Stamped>>);

#[async_trait]
impl Journal for Memory {
    async fn append(&self, event: Event) -> Result<Stamped, JournalError> {
        let stamped = Stamped {
            at_ms: RealClock.wall_ms(),
            boot_ns: RealClock.boot_ns(),
            event,
        };
        self.0.lock().unwrap().push(stamped.clone());
        Ok(stamped)
    }

    async fn keep_blob(&self, _content: &[u8]) -> Result<String, JournalError> {
        Err(JournalError {
            reason: "no action of these texts prints".to_owned(),
        })
    }
}

/// Makes what is there at the start.
pub(super) fn make(root: &Path, things: &Things) {
    for target in TARGETS {
        std::fs::create_dir(root.join(target)).unwrap();
    }
    for anchor in ANCHORS {
        std::fs::write(root.join(anchor), "A=0").unwrap();
    }
    for (path, thing) in things {
        let path = root.join(path);
        match thing {
            Thing::File(text) => std::fs::write(path, text.replace(';', "\n")).unwrap(),
            Thing::Link(to) => symlink(root.join(to), path).unwrap(),
            Thing::Folder => std::fs::create_dir(path).unwrap(),
        }
    }
}

/// What is below a folder.
pub(super) fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let data = path.symlink_metadata().unwrap();
            let thing = if data.is_symlink() {
                Thing::Link(std::fs::read_link(&path).unwrap().display().to_string())
            } else if data.is_dir() {
                folders.push(path.clone());
                Thing::Folder
            } else {
                Thing::File(std::fs::read_to_string(&path).unwrap())
            };
            found.insert(path.strip_prefix(root).unwrap().display().to_string(), thing);
        }
    }
    found
}

/// Runs a plan with real files; its records and how it came to rest.
pub(super) fn run(plan: &Arc<Plan>, folder: &Path) -> (Vec<Stamped>, Rest) {
    let run_directory = folder.join("run");
    std::fs::create_dir(&run_directory).unwrap();
    let containers: Arc<dyn Containers> = Arc::new(NoEngine);
    let journal = Arc::new(Memory::default());
    let ports = Ports {
        world: Arc::new(RealWorld::new(builtin(&containers))),
        clock: Arc::new(RealClock),
        journal: journal.clone(),
        person: Arc::new(SimulatedPerson::new(SimulatedClock::new(), Case::default())),
    };
    let settings = Settings {
        run: "simulated".to_owned(),
        run_directory,
        places: Places {
            working_directory: PathBuf::from("/work"),
            home: None,
        },
        mac_key: MacKey([7; 32]),
        is_clock_watched: false,
        said: None,
        pending: None,
        progress: None,
    };
    // Kept, so that the driver never sees the end of its controls.
    let (_sender, controls) = mpsc::channel(1);
    let driver = Driver::new(Arc::clone(plan), ports, settings, controls, None, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let opening = walk::started(plan, RealClock.boot_id());
    let rest = runtime
        .block_on(driver.run(vec![opening]))
        .expect("the journal is in memory");
    let events = journal.0.lock().unwrap().clone();
    (events, rest)
}
