//! Trees: size, digest, copy, move, remove.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use backstay::action::{Outcome, Settled};
use backstay::value::Value;

use crate::support::bench::{Bench, path_value, text};
use crate::support::worlds::real;

/// A tree with a folder that is closed to writing, links, and two names of one file.
fn plant(root: &Path) {
    std::fs::create_dir_all(root.join("inner/deep")).unwrap();
    std::fs::write(root.join("a"), vec![b'a'; 1000]).unwrap();
    std::fs::write(root.join("inner/b"), vec![b'b'; 24]).unwrap();
    std::fs::hard_link(root.join("a"), root.join("inner/again")).unwrap();
    symlink("../a", root.join("inner/deep/link")).unwrap();
    symlink("/nowhere", root.join("dangling")).unwrap();
    std::fs::set_permissions(root.join("a"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn one(path: &Path) -> [(&'static str, Value); 1] {
    [("path", path_value(path))]
}

fn two(from: &Path, to: &Path) -> [(&'static str, Value); 2] {
    [("from", path_value(from)), ("to", path_value(to))]
}

async fn digest(bench: &Bench, path: &Path) -> Option<Value> {
    bench.does("fs.digest", &one(path)).await
}

#[tokio::test]
async fn size_and_digest_see_what_is_there() {
    let bench = real();
    let root = bench.path("tree");
    plant(&root);
    assert_eq!(bench.does("fs.size", &one(&root)).await, Some(Value::Size(1024)));
    let before = digest(&bench, &root).await;
    std::fs::set_permissions(root.join("a"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let other_mode = digest(&bench, &root).await;
    assert_ne!(before, other_mode);
    std::fs::rename(root.join("inner/b"), root.join("inner/c")).unwrap();
    assert_ne!(other_mode, digest(&bench, &root).await);
    let file = bench.given("abc", "abc").await;
    let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest(&bench, &file).await, Some(Value::Digest(expected.to_owned())));
    assert!(
        bench
            .fails("fs.size", &one(&bench.path("none")))
            .await
            .contains("no such file")
    );
    let free = bench.does("fs.free", &one(&bench.folder)).await;
    assert!(matches!(free, Some(Value::Size(1..))), "{free:?}");
}

#[tokio::test]
async fn a_copy_is_the_same_tree_or_is_not_there() {
    let bench = real();
    let (from, to) = (bench.path("tree"), bench.path("copy"));
    plant(&from);
    bench.does("fs.copy", &two(&from, &to)).await;
    assert_eq!(digest(&bench, &from).await, digest(&bench, &to).await);
    assert_eq!(to.join("a").metadata().unwrap().mode() & 0o777, 0o755);
    bench.does("fs.copy", &two(&from, &to)).await;
    std::fs::write(to.join("extra"), "x").unwrap();
    assert!(
        bench
            .fails("fs.copy", &two(&from, &to))
            .await
            .contains("is there already")
    );
    let inside = bench.fails("fs.copy", &two(&from, &from.join("inner/self"))).await;
    assert!(inside.contains("lies in"), "{inside}");
    std::os::unix::net::UnixListener::bind(from.join("socket")).unwrap();
    let reason = bench.fails("fs.copy", &two(&from, &bench.path("other"))).await;
    assert!(reason.contains("socket is neither file nor folder"), "{reason}");
    let left: Vec<_> = std::fs::read_dir(&bench.folder).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let missing = bench
        .fails("fs.copy", &two(&from.join("a"), &bench.path("no/such")))
        .await;
    assert!(missing.contains("no such file"), "{missing}");
}

#[tokio::test]
async fn a_move_replaces_nothing() {
    let bench = real();
    let (from, to) = (bench.path("tree"), bench.path("moved"));
    plant(&from);
    let before = digest(&bench, &from).await;
    std::fs::create_dir(&to).unwrap();
    assert!(
        bench
            .fails("fs.move", &two(&from, &to))
            .await
            .contains("is there already")
    );
    std::fs::remove_dir(&to).unwrap();
    bench.does("fs.move", &two(&from, &to)).await;
    assert!(!from.exists());
    assert_eq!(before, digest(&bench, &to).await);
}

/// `/dev/shm` is another disk than the folder on nearly every machine.
#[tokio::test]
async fn a_move_to_another_disk_copies_all_of_it() {
    let bench = real();
    let Ok(shm) = tempfile::tempdir_in("/dev/shm") else {
        return crate::support::left_out::leave_out("a_move_to_another_disk", "there is no /dev/shm");
    };
    if shm.path().metadata().unwrap().dev() == bench.folder.metadata().unwrap().dev() {
        return crate::support::left_out::leave_out(
            "a_move_to_another_disk",
            "/dev/shm is the disk of temporary files",
        );
    }
    let (from, to) = (bench.path("tree"), shm.path().join("moved"));
    plant(&from);
    let before = digest(&bench, &from).await;
    bench.does("fs.move", &two(&from, &to)).await;
    assert!(!from.exists());
    assert_eq!(before, digest(&bench, &to).await);
}

#[tokio::test]
async fn what_nobody_means_to_remove_is_refused() {
    let bench = real();
    for path in ["/", "/usr", "/proc", "/tmp"] {
        let reason = bench.fails("fs.remove", &one(Path::new(path))).await;
        assert!(reason.contains("will not be removed"), "{path}: {reason}");
    }
    if let Some(home) = std::env::home_dir().filter(|home| home.is_dir()) {
        assert!(
            bench
                .fails("fs.remove", &one(&home))
                .await
                .contains("will not be removed")
        );
    }
    // The folder above also holds the directory of the run.
    let reason = bench.fails("fs.remove", &one(bench.folder.parent().unwrap())).await;
    assert!(reason.contains("record of this run"), "{reason}");
}

#[tokio::test]
async fn a_removal_takes_links_not_what_they_lead_to() {
    let bench = real();
    let (tree, alias) = (bench.path("tree"), bench.path("alias"));
    plant(&tree);
    symlink(&tree, &alias).unwrap();
    let shown = bench.preview(&bench.call("fs.remove", &one(&tree))).await.unwrap();
    assert!(shown.contains("8 entries, 1KiB"), "{shown}");
    bench.does("fs.remove", &one(&alias)).await;
    assert!(tree.exists() && !alias.is_symlink());
    bench.does("fs.remove", &one(&tree)).await;
    assert_eq!(std::fs::read_dir(&bench.folder).unwrap().count(), 0);
}

/// An interrupted attempt left what it had prepared: settling clears it.
#[tokio::test]
async fn what_an_interrupted_attempt_prepared_is_cleared() {
    let bench = real();
    let path = bench.given("file", "old").await;
    let call = bench.call("fs.write", &[("path", path_value(&path)), ("content", text("new"))]);
    // The name is the attempt's own: learn it from an attempt that cannot finish.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(bench.perform(&call).await, Outcome::Failed(_)));
    assert_eq!(
        std::fs::read_dir(&bench.folder).unwrap().count(),
        1,
        "nothing is left of a failure"
    );
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "old").unwrap();
    assert!(matches!(bench.settle(&call).await, Settled::NotDone(_)));
    assert!(matches!(bench.perform(&call).await, Outcome::Done(_)));
    assert!(matches!(bench.settle(&call).await, Settled::Done(_)));
}
