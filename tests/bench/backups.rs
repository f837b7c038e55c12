//! Benchmark of `backup.create` and `backup.verify` on real files, beside tar with zstd and beside restic.
//!
//! What `backup.create` does beside compressing (hashes, a sync, reading back, looking whether anything changed) tar
//! does not; what `backup.verify` does is unpacking, reading what came out, and removing it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use backstay::action::{Arguments, Outcome, builtin};
use backstay::containers::Containers;
use backstay::value::Value;
use backstay::world::real::DockerEngine;
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::topology::Topology;

use crate::bench::measure::in_turn;
use crate::support::attempt::attempt;

/// How much is backed up at most.
const MEBIBYTES_MAX: u64 = 700;
/// How often each is done.
const ROUNDS: usize = 3;

pub(crate) fn compare() {
    let folder = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in("/var/tmp")
        .unwrap();
    let tree = folder.path().join("tree");
    furnish(&tree);
    let desk = Desk {
        folder: folder.path().to_owned(),
        tree,
    };
    let restic = || desk.restic();
    let has_restic = Command::new("restic").arg("version").output().is_ok();
    let create = || drop(desk.create());
    let tar = || desk.shell("tar -C tree -cf - . | zstd -3 -T0 -q -f -o tar.tar.zst");
    let mut subjects: Vec<(&str, &dyn Fn())> = vec![("backup.create, read back", &create)];
    if has_restic {
        subjects.push(("restic init, backup", &restic));
    }
    subjects.push(("tar | zstd -3 -T0", &tar));
    in_turn("A backup of real files", ROUNDS, &subjects);

    let backup = desk.create();
    let verify = || desk.verify(&backup);
    let unpack =
        || desk.shell("mkdir x; zstd -dcq tar.tar.zst | tar -C x -xf - && find tree -type f -exec cat {} + > read");
    let remove = || desk.shell("rm -rf x read");
    let unpack_and_remove = || {
        unpack();
        remove();
    };
    let subjects: [(&str, &dyn Fn()); 2] = [
        ("backup.verify", &verify),
        ("zstd -d | tar x, a read of the original, rm -r", &unpack_and_remove),
    ];
    in_turn("A proof that it comes back", ROUNDS, &subjects);
    println!("\nMemory of backup.create: {} MiB", peak_mebibytes(&create));
    // Each backup takes the place of the one before.
    let backup = desk.create();
    let verify = || desk.verify(&backup);
    println!("Memory of backup.verify: {} MiB", peak_mebibytes(&verify));
}

/// What programs come with, up to a size.
fn furnish(tree: &Path) {
    fs::create_dir(tree).unwrap();
    let mut left = MEBIBYTES_MAX << 20;
    for (number, source) in ["/usr/share", "/usr/lib"].iter().enumerate() {
        left = copy(
            Path::new(source),
            &tree.join(number.to_string()),
            left / (2 - number as u64),
        );
    }
    rustix::fs::sync();
}

/// Copies files and folders in the order of their names; gives what is left of so many bytes.
fn copy(source: &Path, target: &Path, mut left: u64) -> u64 {
    fs::create_dir(target).unwrap();
    let mut entries: Vec<_> = fs::read_dir(source).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        let data = entry.metadata().unwrap();
        if data.is_dir() {
            left = copy(&from, &to, left);
        } else if data.is_file() && data.len() <= left && fs::copy(&from, &to).is_ok() {
            left -= data.len();
        }
    }
    left
}

struct Desk {
    folder: PathBuf,
    tree: PathBuf,
}

impl Desk {
    fn shell(&self, script: &str) {
        let mut command = Command::new("sh");
        let status = command.args(["-ec", script]).current_dir(&self.folder).status();
        assert!(status.unwrap().success(), "{script}");
    }

    fn restic(&self) {
        self.shell(
            "rm -rf repository; export RESTIC_PASSWORD=bench RESTIC_REPOSITORY=repository; \
             restic init -q --no-cache; restic backup -q --no-cache tree",
        );
    }

    /// A new backup.
    fn create(&self) -> Value {
        let to = self.folder.join("backups");
        let _ = fs::remove_dir_all(&to);
        let arguments = [
            ("state".to_owned(), Value::State("data".to_owned())),
            ("to".to_owned(), Value::Path(to.display().to_string())),
        ];
        self.perform("backup.create", arguments)
    }

    fn verify(&self, backup: &Value) {
        let verified = self.perform("backup.verify", [("backup".to_owned(), backup.clone())]);
        assert!(format!("{verified:?}").contains("Bool(true)"), "{verified:?}");
    }

    fn perform<const N: usize>(&self, action: &str, arguments: [(String, Value); N]) -> Value {
        let containers: Arc<dyn Containers> = Arc::new(DockerEngine::new(None));
        let registry = builtin(&containers);
        let state = vec![Resource::new(ResourceKind::Tree, self.tree.display().to_string())];
        let mut context = attempt("bench", "1", &self.folder);
        context.limit = Duration::from_mins(30);
        context.topology = Arc::new(Topology {
            states: BTreeMap::from([("data".to_owned(), state)]),
            ..Topology::default()
        });
        let arguments = Arguments(BTreeMap::from(arguments));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let action = registry.get(action).unwrap();
        match runtime.block_on(action.perform(&context, &arguments)) {
            Outcome::Done(evidence) => evidence.value.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// The most memory that this process has meanwhile.
fn peak_mebibytes(work: &dyn Fn()) -> u64 {
    // Forgets what was the most until now.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    work();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes >> 10
}
