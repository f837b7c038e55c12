//! A site with protected state, and an independent look at what is on disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay::action::{Arguments, Context, Outcome, Registry, Settled, builtin};
use backstay::containers::{Containers, NoEngine};
use backstay::event::End;
use backstay::value::{Backup, Value};
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::topology::Topology;

use crate::support::attempt::{attempt, concluded};

/// A directory with `state/` (a tree), `settings.env` (a file), `backups/` and a run directory.
pub(crate) struct Site {
    pub(crate) root: tempfile::TempDir,
    pub(crate) context: Context,
    registry: Registry,
}

impl Site {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
        fs::create_dir(root.path().join("state")).unwrap();
        fs::write(root.path().join("settings.env"), "RELEASE=1\n").unwrap();
        let parts = vec![
            Resource::new(ResourceKind::Tree, path("state")),
            Resource::new(ResourceKind::File, path("settings.env")),
        ];
        let topology = Topology {
            states: BTreeMap::from([("app state".to_owned(), parts)]),
            ..Topology::default()
        };
        let mut context = attempt("run-1", "backup.0", root.path());
        context.topology = Arc::new(topology);
        Self {
            root,
            context,
            registry: builtin(&(Arc::new(NoEngine) as Arc<dyn Containers>)),
        }
    }

    /// The run has ended.
    pub(crate) fn conclude(&self) {
        let restore = self.registry.get("backup.restore").unwrap();
        let left = concluded(restore.as_ref(), &self.context.run_directory, End::Completed);
        assert_eq!(left, []);
    }

    pub(crate) fn cancel(&self) {
        self.context.cancelled.cancel();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Performs an action with the key of its name.
    pub(crate) fn perform(&self, action: &str, arguments: &Arguments) -> Outcome {
        let context = Context {
            key: format!("run-1/{action}"),
            ..self.context.clone()
        };
        wait(self.registry.get(action).unwrap().perform(&context, arguments))
    }

    pub(crate) fn settle(&self, action: &str, arguments: &Arguments) -> Settled {
        let context = Context {
            key: format!("run-1/{action}"),
            ..self.context.clone()
        };
        wait(self.registry.get(action).unwrap().settle(&context, arguments))
    }

    pub(crate) fn create_arguments(&self) -> Arguments {
        let to = self.path("backups").to_str().unwrap().to_owned();
        Arguments(BTreeMap::from([
            ("state".to_owned(), Value::State("app state".to_owned())),
            ("to".to_owned(), Value::Path(to)),
        ]))
    }

    pub(crate) fn create(&self) -> Backup {
        backup_of(&self.perform("backup.create", &self.create_arguments()))
    }

    /// `ok` and `reason` of a verification.
    pub(crate) fn verify(&self, backup: &Backup) -> (bool, String) {
        let outcome = self.perform("backup.verify", &backup_argument(backup));
        let Outcome::Done(evidence) = &outcome else {
            panic!("{outcome:?}")
        };
        let Some(Value::Record(record)) = &evidence.value else {
            panic!("{outcome:?}")
        };
        assert!(matches!(record["took"], Value::Duration(_)));
        assert_eq!(record["entries"], Value::Int(i64::try_from(backup.entries).unwrap()));
        (record["ok"] == Value::Bool(true), record["reason"].canonical())
    }

    pub(crate) fn restore(&self, backup: &Backup) -> Outcome {
        self.perform("backup.restore", &backup_argument(backup))
    }

    /// What a restore could change or leave behind: the state and everything beside it.
    pub(crate) fn seen(&self) -> BTreeMap<PathBuf, Seen> {
        let mut all = look(&self.state());
        all.extend(look(&self.path("settings.env")));
        all
    }

    /// Names in the site's directory.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.root.path())
    }

    /// Names in a directory of the site.
    pub(crate) fn names_in(&self, name: &str) -> Vec<String> {
        names(&self.path(name))
    }
}

/// The names in a folder, in order; none where it is not there.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()))
        .into_iter()
        .flatten()
        .collect();
    names.sort();
    names
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn backup_argument(backup: &Backup) -> Arguments {
    Arguments(BTreeMap::from([("backup".to_owned(), Value::Backup(backup.clone()))]))
}

pub(crate) fn backup_of(outcome: &Outcome) -> Backup {
    match outcome {
        Outcome::Done(evidence) => match &evidence.value {
            Some(Value::Backup(backup)) => backup.clone(),
            other => panic!("no backup: {other:?}"),
        },
        other => panic!("no backup: {other:?}"),
    }
}

/// The line of a failure; panics where it did not fail.
pub(crate) fn failure(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(evidence) => evidence.summary.clone(),
        other => panic!("did not fail: {other:?}"),
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Everything that a restore has to give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    mode: u32,
    owner: (u32, u32),
    changed: (i64, i64),
    content: Vec<u8>,
    attributes: Vec<(OsString, Vec<u8>)>,
    /// The first path with the same inode.
    first_name: PathBuf,
}

/// Looks at a place and all below it.
pub(crate) fn look(place: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut all = BTreeMap::new();
    let mut first_names = BTreeMap::new();
    look_into(place, &mut all, &mut first_names);
    all
}

fn look_into(place: &Path, all: &mut BTreeMap<PathBuf, Seen>, first_names: &mut BTreeMap<u64, PathBuf>) {
    let Ok(data) = place.symlink_metadata() else { return };
    let content = if data.is_symlink() {
        fs::read_link(place).unwrap().into_os_string().into_encoded_bytes()
    } else if data.is_file() {
        fs::read(place).unwrap()
    } else {
        Vec::new()
    };
    let first_name = first_names
        .entry(data.ino())
        .or_insert_with(|| place.to_owned())
        .clone();
    let mut attributes = Vec::new();
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(place, &mut names[..]).unwrap_or(0);
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 4096];
        let length = rustix::fs::lgetxattr(place, name, &mut value[..]).unwrap();
        let name = std::os::unix::ffi::OsStringExt::from_vec(name.to_vec());
        attributes.push((name, value[..length].to_vec()));
    }
    let seen = Seen {
        mode: data.permissions().mode(),
        owner: (data.uid(), data.gid()),
        changed: (data.mtime(), data.mtime_nsec()),
        content,
        attributes,
        first_name,
    };
    all.insert(place.to_owned(), seen);
    if data.is_dir() {
        let mut names: Vec<_> = fs::read_dir(place)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort();
        for name in names {
            look_into(&name, all, first_names);
        }
    }
}
