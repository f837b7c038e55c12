//! A volume with something in it, and the actions that keep it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backstay::action::{Arguments, Context, Outcome, Settled, builtin};
use backstay::containers::Containers;
use backstay::event::End;
use backstay::value::{Backup, Value};
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::topology::Topology;

use super::wrapped::{Death, Wrapped};
use crate::support::attempt::{attempt, concluded};
use crate::support::backup::{Seen, backup_of, look, names, wait};
use crate::support::daemon::Daemon;

/// A script that waits for ever, and ends when asked.
pub(crate) const SERVE: &str = "trap 'exit 0' TERM; while :; do sleep 1 & wait; done";

/// How the actions reach the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Mountpoint,
    Helper,
}

pub(crate) struct Site<'d> {
    pub(crate) daemon: &'d Daemon,
    /// The volume's name; those of the test's containers begin with it.
    pub(crate) volume: String,
    pub(crate) root: tempfile::TempDir,
    pub(crate) way: Way,
    pub(crate) helper: Option<String>,
    /// A folder that belongs to the state too.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) limit: Duration,
}

impl<'d> Site<'d> {
    /// A volume of this name with a bit of everything in it.
    pub(crate) fn new(daemon: &'d Daemon, volume: &str, way: Way) -> Self {
        let site = Self {
            daemon,
            volume: volume.to_owned(),
            root: tempfile::tempdir().unwrap(),
            way,
            helper: None,
            folder: None,
            limit: Duration::from_mins(2),
        };
        site.clear();
        daemon.docker(&["volume", "create", "--label=of=the test", volume]);
        site.furnish();
        site
    }

    pub(crate) fn mountpoint(&self) -> PathBuf {
        self.daemon.mountpoint(&self.volume)
    }

    /// What the way in use promises to keep: times below a second and extended attributes by the mountpoint only.
    fn furnish(&self) {
        let place = self.mountpoint();
        fs::create_dir_all(place.join("notes/deep/empty")).unwrap();
        fs::write(place.join("notes/one"), "first").unwrap();
        fs::write(place.join("notes/two\nlines"), "second").unwrap();
        fs::write(place.join(".hidden"), "hidden").unwrap();
        fs::hard_link(place.join("notes/one"), place.join("notes/deep/again")).unwrap();
        std::os::unix::fs::symlink("../../outside", place.join("notes/link")).unwrap();
        fs::write(place.join(format!("notes/{}", "long".repeat(50))), "long").unwrap();
        let sparse = fs::File::create(place.join("sparse")).unwrap();
        sparse.set_len(3 << 20).unwrap();
        let name: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(b"not-\xff-text".to_vec());
        fs::write(place.join(name), "bytes").unwrap();
        std::os::unix::fs::lchown(place.join("notes"), Some(1234), Some(4321)).unwrap();
        std::os::unix::fs::lchown(place.join("notes/link"), Some(77), Some(78)).unwrap();
        std::os::unix::fs::chown(place.join("sparse"), Some(3_000_000), Some(5)).unwrap();
        let mode = |name: &str, mode| {
            let rights = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(place.join(name), rights).unwrap();
        };
        mode("notes", 0o1770);
        mode(".hidden", 0o4751);
        mode("", 0o2755);
        if self.way == Way::Mountpoint {
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(place.join("sparse"), "user.kept", b"value", flags).unwrap();
        } else {
            whole_seconds(&place);
        }
    }

    pub(crate) fn engine(&self, death: Option<Death>) -> Arc<Wrapped> {
        Arc::new(Wrapped::new(&self.daemon.host(), self.way == Way::Helper, death))
    }

    /// Performs an action with the key of its name.
    pub(crate) fn perform_with(&self, engine: &Arc<Wrapped>, action: &str, mut arguments: Arguments) -> Outcome {
        let containers: Arc<dyn Containers> = engine.clone();
        let registry = builtin(&containers);
        if let Some(helper) = &self.helper {
            arguments.0.insert("helper".to_owned(), Value::Image(helper.clone()));
        }
        let context = self.context(action);
        wait(registry.get(action).unwrap().perform(&context, &arguments))
    }

    /// Finds out what became of an action.
    pub(crate) fn settle(&self, action: &str, arguments: &Arguments) -> Settled {
        let containers: Arc<dyn Containers> = self.engine(None);
        let registry = builtin(&containers);
        let context = self.context(action);
        wait(registry.get(action).unwrap().settle(&context, arguments))
    }

    fn context(&self, action: &str) -> Context {
        let folder = self
            .folder
            .iter()
            .map(|path| Resource::new(ResourceKind::Tree, path.display().to_string()));
        let volume = Resource::new(ResourceKind::Volume, self.volume.clone());
        let state = [volume].into_iter().chain(folder).collect();
        let run = format!("run-{}", self.volume);
        let mut context = attempt(&run, &format!("step.{action}"), self.root.path());
        context.limit = self.limit;
        context.topology = Arc::new(Topology {
            states: BTreeMap::from([("data".to_owned(), state)]),
            ..Topology::default()
        });
        context
    }

    pub(crate) fn perform(&self, action: &str, arguments: Arguments) -> Outcome {
        self.perform_with(&self.engine(None), action, arguments)
    }

    pub(crate) fn try_create(&self) -> Outcome {
        let to = self.root.path().join("backups").to_str().unwrap().to_owned();
        let arguments = Arguments(BTreeMap::from([
            ("state".to_owned(), Value::State("data".to_owned())),
            ("to".to_owned(), Value::Path(to)),
        ]));
        self.perform("backup.create", arguments)
    }

    pub(crate) fn create(&self) -> Backup {
        backup_of(&self.try_create())
    }

    pub(crate) fn verify(&self, backup: &Backup) -> Outcome {
        self.perform("backup.verify", crate::support::backup::backup_argument(backup))
    }

    pub(crate) fn restore(&self, backup: &Backup) -> Outcome {
        self.perform("backup.restore", crate::support::backup::backup_argument(backup))
    }

    /// What is in the volume, by names below it.
    pub(crate) fn seen(&self) -> BTreeMap<PathBuf, Seen> {
        look(&self.mountpoint())
    }

    /// Spoils the volume: something is changed, gone, added, of another kind.
    pub(crate) fn spoil(&self) {
        let place = self.mountpoint();
        fs::write(place.join("notes/one"), "spoilt").unwrap();
        fs::remove_file(place.join(".hidden")).unwrap();
        fs::create_dir(place.join(".hidden")).unwrap();
        fs::create_dir_all(place.join("extra/..more")).unwrap();
        fs::write(place.join("extra/..more/file"), "extra").unwrap();
        fs::write(place.join("..two dots"), "extra").unwrap();
        fs::remove_file(place.join("sparse")).unwrap();
    }

    /// Runs a container with these options and `serve` as its program.
    pub(crate) fn container(&self, name: &str, options: &[&str]) -> String {
        let image = self.daemon.image("volumes-serve", SERVE);
        let name = format!("{}-{name}", self.volume);
        self.daemon.serve(&name, &image, options);
        name
    }

    /// Containers and volumes that carry labels of ours.
    pub(crate) fn labelled(&self) -> String {
        let label = format!("label=backstay.run=run-{}", self.volume);
        let containers = self.daemon.docker(&["ps", "--all", "--quiet", "--filter", &label]);
        let volumes = self.daemon.docker(&["volume", "ls", "--quiet", "--filter", &label]);
        format!("{containers}{volumes}")
    }

    /// Nothing of ours is left: in the engine, in the volume's folder, beside the archive.
    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(self.labelled(), "");
        let containers: Arc<dyn Containers> = self.engine(None);
        let restore = builtin(&containers).get("backup.restore").cloned().unwrap();
        let left = concluded(restore.as_ref(), &self.root.path().join("run"), End::Completed);
        assert_eq!(left, []);
        let folder = self.mountpoint().parent().unwrap().to_owned();
        assert_eq!(names(&folder), ["_data"]);
        let hidden = names(&self.root.path().join("backups"));
        let hidden: Vec<&String> = hidden.iter().filter(|name| name.starts_with('.')).collect();
        assert!(hidden.is_empty(), "{hidden:?}");
    }

    fn clear(&self) {
        let all = self.daemon.docker(&["ps", "--all", "--format={{.Names}}"]);
        for name in all.lines().filter(|name| name.starts_with(&self.volume)) {
            drop(self.daemon.try_docker(&["rm", "--force", "--volumes", name]));
        }
        drop(self.daemon.try_docker(&["volume", "rm", "--force", &self.volume]));
    }
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Cuts every time below a place to the second.
fn whole_seconds(place: &Path) {
    for path in look(place).into_keys().collect::<Vec<_>>().into_iter().rev() {
        let time = rustix::fs::Timespec {
            tv_sec: 1_700_000_000,
            tv_nsec: 0,
        };
        let times = rustix::fs::Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::utimensat(rustix::fs::CWD, &path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}
