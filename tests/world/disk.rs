//! Disks that are full or closed: a clear failure, and what was there stays.

use std::path::Path;
use std::process::Command;

use crate::support::bench::{path_value, text};
use crate::support::left_out::leave_out;
use crate::support::worlds::real;

/// A small disk that is taken away at the end.
struct Disk<'p>(&'p Path);

impl<'p> Disk<'p> {
    fn mount(at: &'p Path, options: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(at)
            .output();
        done.is_ok_and(|done| done.status.success()).then_some(Self(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).output();
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let bench = real();
    let at = bench.path("small");
    let Some(disk) = Disk::mount(&at, "size=64k") else {
        return leave_out("a_full_disk_loses_nothing", "mounting a disk needs root");
    };
    let file = at.join("app.env");
    std::fs::write(&file, "A=1\n").unwrap();
    let write = [("path", path_value(&file)), ("content", text(&"x".repeat(200_000)))];
    let reason = bench.fails("fs.write", &write).await;
    assert!(reason.contains("free some space"), "{reason}");
    // Not even a page is left for the new file now.
    let _ = std::fs::write(at.join("filler"), vec![0; 200_000]);
    let edit = [("file", path_value(&file)), ("key", text("A")), ("to", text("2"))];
    let reason = bench.fails("fs.edit_key", &edit).await;
    assert!(reason.contains("free some space"), "{reason}");
    let copy = [("from", path_value(&file)), ("to", path_value(&at.join("copy")))];
    assert!(bench.fails("fs.copy", &copy).await.contains("free some space"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "A=1\n");
    assert_eq!(std::fs::read_dir(&at).unwrap().count(), 2, "nothing prepared is left");
    let reason = bench.fails("fs.remove", &[("path", path_value(&at))]).await;
    assert!(reason.contains("mount point"), "{reason}");
    drop(disk);
}

#[tokio::test]
async fn a_disk_that_is_read_only_is_said_to_be() {
    let bench = real();
    let at = bench.path("closed");
    let Some(disk) = Disk::mount(&at, "size=64k") else {
        return leave_out("a_disk_that_is_read_only", "mounting a disk needs root");
    };
    let file = at.join("app.env");
    std::fs::write(&file, "A=1\n").unwrap();
    let done = Command::new("mount").args(["-o", "remount,ro"]).arg(&at).status();
    assert!(done.unwrap().success());
    let edit = [("file", path_value(&file)), ("key", text("A")), ("to", text("2"))];
    let remove = [("path", path_value(&file))];
    let make = [("path", path_value(&at.join("folder")))];
    for (action, arguments) in [("fs.edit_key", &edit[..]), ("fs.remove", &remove), ("fs.mkdir", &make)] {
        let reason = bench.fails(action, arguments).await;
        assert!(reason.contains("mount it writable"), "{action}: {reason}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "A=1\n");
    drop(disk);
}
