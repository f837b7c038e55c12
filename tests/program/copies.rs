//! Copies and moves keep all that belongs to a file, or say what they cannot.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::left_out::leave_out;
use crate::support::sandbox::{Finished, Sandbox};

/// An access list: another user may write.
const ACL: &[u8] = &[
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 6, 0, 1, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 6, 0,
    255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
];
/// A capability: raw sockets.
const CAPABILITY: &[u8] = &[1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn set(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

fn touch(path: &Path, when: &str) {
    let done = Command::new("touch")
        .args(["-h", "-d", when])
        .arg(path)
        .status()
        .unwrap();
    assert!(done.success());
}

/// A tree with links of both kinds, a hole, times and modes.
fn plant(root: &Path) {
    fs::create_dir_all(root.join("inner/closed")).unwrap();
    fs::write(root.join("a"), "content").unwrap();
    fs::hard_link(root.join("a"), root.join("inner/again")).unwrap();
    let sparse = File::create(root.join("inner/sparse")).unwrap();
    sparse.write_all_at(&[7; 5000], 4 << 20).unwrap();
    sparse.set_len(16 << 20).unwrap();
    symlink("../a", root.join("inner/link")).unwrap();
    symlink("/nowhere", root.join("dangling")).unwrap();
    std::os::unix::fs::lchown(root.join("inner/link"), Some(12), Some(34)).unwrap();
    std::os::unix::fs::chown(root.join("a"), Some(56), Some(78)).unwrap();
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(root.join("inner/closed"), fs::Permissions::from_mode(0o1500)).unwrap();
    for (nth, name) in ["a", "inner/sparse", "inner/link", "inner/closed", "inner", ""]
        .iter()
        .enumerate()
    {
        touch(&root.join(name), &format!("2020-02-0{} 03:04:05.123456789", nth + 1));
    }
}

/// What only some file systems keep.
fn plant_attributes(root: &Path) {
    set(&root.join("a"), "user.note", b"kept");
    set(&root.join("a"), "security.capability", CAPABILITY);
    set(&root.join("inner"), "user.folder", b"kept too");
    set(&root.join("inner"), "system.posix_acl_default", ACL);
    set(&root.join("inner/sparse"), "system.posix_acl_access", ACL);
    set(&root.join("inner/link"), "trusted.link", b"of a link");
}

fn mark(marks: &str, path: &Path) {
    assert!(Command::new("chattr").arg(marks).arg(path).status().unwrap().success());
}

/// All that can be seen of a tree.
fn picture(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    let mut inodes = BTreeMap::new();
    while let Some(path) = left.pop() {
        let data = path.symlink_metadata().unwrap();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let mut attributes = Vec::with_capacity(4096);
        rustix::fs::llistxattr(&path, rustix::buffer::spare_capacity(&mut attributes)).unwrap();
        let attributes = attributes
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| {
                let mut value = Vec::with_capacity(4096);
                rustix::fs::lgetxattr(&path, name, rustix::buffer::spare_capacity(&mut value)).unwrap();
                (String::from_utf8_lossy(name).into_owned(), value)
            });
        let attributes: BTreeMap<_, _> = attributes.collect();
        let content = match (data.is_file(), data.is_symlink()) {
            (true, _) => {
                let mut hasher = DefaultHasher::new();
                hasher.write(&fs::read(&path).unwrap());
                hasher.finish().to_string()
            }
            (_, true) => fs::read_link(&path).unwrap().display().to_string(),
            _ => String::new(),
        };
        let marks = if data.is_symlink() {
            0
        } else {
            rustix::fs::ioctl_getflags(File::open(&path).unwrap()).map_or(0, |flags| flags.bits() & 0xff)
        };
        let first = inodes.entry(data.ino()).or_insert_with(|| name.clone()).clone();
        let has_holes = data.is_file() && data.blocks() * 512 < data.len() / 2;
        let line = format!(
            "{:o} {}:{} {}.{} of {first} holes {has_holes} marks {marks:x} {attributes:?} {content}",
            data.mode(),
            data.uid(),
            data.gid(),
            data.mtime(),
            data.mtime_nsec()
        );
        if data.is_dir() {
            let mut below: Vec<_> = fs::read_dir(&path)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            below.sort();
            left.extend(below);
        }
        found.insert(name, line);
    }
    found
}

fn run(desk: &Sandbox, change: &str) -> Finished {
    let text = format!("runbook copies \"Copies\"\nstep one \"One\" {{ do {change} no undo because \"a test\" }}\n");
    desk.write("copies.runbook", text);
    desk.call(&["run", "copies.runbook", "--no-input"])
}

#[test]
fn a_copy_keeps_all_that_belongs_to_a_tree() {
    let desk = Sandbox::desk();
    let (from, to) = (desk.path("from"), desk.path("to"));
    plant(&from);
    plant_attributes(&from);
    mark("+dAS", &from.join("a"));
    mark("+d", &from.join("inner"));
    // What it is copied into would hand its own rights on.
    set(&desk.path(""), "system.posix_acl_default", ACL);
    let before = picture(&from);
    let copied = run(
        &desk,
        &format!("fs.copy(\"{}\", to: \"{}\")", from.display(), to.display()),
    )
    .exits(0);
    assert_eq!(picture(&to), before);
    assert_eq!(picture(&from), before);
    assert!(!format!("{copied:?}").contains("could not keep"), "{copied:?}");
}

#[test]
fn a_move_to_another_disk_keeps_all_or_is_refused() {
    let test = "a_move_to_another_disk_keeps_all_or_is_refused";
    let Ok(shm) = tempfile::tempdir_in("/dev/shm") else {
        return leave_out(test, "there is no /dev/shm");
    };
    let desk = Sandbox::desk();
    if shm.path().metadata().unwrap().dev() == desk.path("").metadata().unwrap().dev() {
        return leave_out(test, "/dev/shm is the disk of temporary files");
    }
    let (from, to) = (desk.path("from"), shm.path().join("to"));
    let change = |action: &str| format!("{action}(\"{}\", to: \"{}\")", from.display(), to.display());
    plant(&from);
    // The memory knows no writes at once, which this says.
    mark("+S", &from.join("a"));
    let before = picture(&from);
    let refused = run(&desk, &change("fs.move"));
    let said = format!("{refused:?}");
    assert!(
        refused.exit != 0 && said.contains("would be lost: the marks that `lsattr` shows of "),
        "{said}"
    );
    assert_eq!(picture(&from), before);
    assert_eq!(fs::read_dir(shm.path()).unwrap().count(), 0);
    let copied = run(&desk, &change("fs.copy")).exits(0);
    let said = format!("{copied:?}");
    assert!(
        said.contains("could not keep the marks that `lsattr` shows of "),
        "{said}"
    );
    fs::remove_dir_all(&to).unwrap();
    mark("-S", &from.join("a"));
    let before = picture(&from);
    run(&desk, &change("fs.move")).exits(0);
    assert_eq!(picture(&to), before);
    assert!(!from.exists());
    // A link by itself, too.
    symlink("/nowhere", desk.path("link")).unwrap();
    let moved = shm.path().join("link");
    run(
        &desk,
        &format!(
            "fs.move(\"{}\", to: \"{}\")",
            desk.path("link").display(),
            moved.display()
        ),
    )
    .exits(0);
    assert_eq!(fs::read_link(&moved).unwrap(), Path::new("/nowhere"));
    assert!(desk.path("link").symlink_metadata().is_err());
}
