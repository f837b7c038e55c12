//! Backup, change, restore: byte and metadata equal.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use backstay::action::Outcome;
use proptest::prelude::*;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags};

use crate::support::backup::{Site, is_root};
use crate::support::effort::cases;
use crate::support::left_out::leave_out;

/// One change to a tree. Names are chosen from a few, so that changes meet.
#[derive(Debug, Clone)]
enum Change {
    Directory(Name, u32),
    File(Name, usize, u8, u32),
    Symlink(Name, Name),
    HardLink(Name, Name),
    Remove(Name),
    Time(Name, i64, u32),
    Attribute(Name, u8),
    Owner(Name, u32),
}

type Name = (usize, usize);

fn names() -> Vec<Vec<u8>> {
    vec![
        b"a".to_vec(),
        b"b".to_vec(),
        b"%2F percent".to_vec(),
        b"new\nline".to_vec(),
        "\u{e4}\u{1f980}".as_bytes().to_vec(),
        b"\xff\xfe not utf-8".to_vec(),
        vec![b'l'; 255],
        vec![b'm'; 120],
    ]
}

fn path(root: &Path, name: &Name) -> std::path::PathBuf {
    let names = names();
    let first = OsStr::from_bytes(&names[name.0 % names.len()]).to_owned();
    let path = root.join(first);
    match name.1 % (2 * names.len()) {
        second if second < names.len() => path.join(OsStr::from_bytes(&names[second])),
        _ => path,
    }
}

fn change() -> impl Strategy<Value = Change> {
    let name = || (0..8usize, 0..16usize);
    let mode = || {
        prop::sample::select(vec![0o755, 0o700, 0o1777, 0o2750, 0o500])
            .prop_map(|mode| if is_root() { mode } else { mode | 0o700 })
    };
    let file_mode = prop::sample::select(vec![0o644u32, 0o600, 0o4755, 0o400]);
    let size = prop::sample::select(vec![0usize, 1, 511, 512, 513, 70_000]);
    prop_oneof![
        3 => (name(), mode()).prop_map(|(name, mode)| Change::Directory(name, mode)),
        5 => (name(), size, any::<u8>(), file_mode).prop_map(|(name, size, byte, mode)| Change::File(name, size, byte, mode)),
        1 => (name(), name()).prop_map(|(name, to)| Change::Symlink(name, to)),
        2 => (name(), name()).prop_map(|(name, to)| Change::HardLink(name, to)),
        1 => name().prop_map(Change::Remove),
        2 => (name(), -5_000_000_000i64..5_000_000_000, 0u32..1_000_000_000).prop_map(|(name, s, ns)| Change::Time(name, s, ns)),
        1 => (name(), any::<u8>()).prop_map(|(name, byte)| Change::Attribute(name, byte)),
        1 => (name(), 1000u32..1010).prop_map(|(name, user)| Change::Owner(name, user)),
    ]
}

/// Makes a change; one that is not possible there is none.
fn apply(root: &Path, change: &Change) {
    match change {
        Change::Directory(name, mode) => {
            let path = path(root, name);
            if fs::create_dir(&path).is_ok() {
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
        Change::File(name, size, byte, mode) => {
            let path = path(root, name);
            if !path.is_symlink() && fs::write(&path, vec![*byte; *size]).is_ok() {
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
        Change::Symlink(name, to) => {
            let _ = symlink(path(Path::new("../elsewhere"), to), path(root, name));
        }
        Change::HardLink(name, to) => {
            let to = path(root, to);
            if to.is_file() && !to.is_symlink() {
                let _ = fs::hard_link(to, path(root, name));
            }
        }
        Change::Remove(name) => {
            let path = path(root, name);
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
        Change::Time(name, tv_sec, ns) => {
            let time = Timespec {
                tv_sec: *tv_sec,
                tv_nsec: (*ns).into(),
            };
            let times = Timestamps {
                last_access: time,
                last_modification: time,
            };
            let _ = rustix::fs::utimensat(CWD, path(root, name), &times, AtFlags::SYMLINK_NOFOLLOW);
        }
        Change::Attribute(name, byte) => {
            let path = path(root, name);
            let _ = rustix::fs::lsetxattr(path, "user.mark", &[*byte, 0, 255], XattrFlags::empty());
        }
        Change::Owner(name, user) => {
            if is_root() {
                let _ = std::os::unix::fs::lchown(path(root, name), Some(*user), Some(*user));
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn what_goes_in_comes_out(
        before in prop::collection::vec(change(), 0..40),
        after in prop::collection::vec(change(), 1..30),
        settings in any::<bool>(),
    ) {
        let site = Site::new();
        for change in &before {
            apply(&site.state(), change);
        }
        if !settings {
            fs::remove_file(site.path("settings.env")).unwrap();
        }
        let expected = site.seen();
        let backup = site.create();
        prop_assert_eq!(site.verify(&backup), (true, String::new()));
        prop_assert_eq!(&site.seen(), &expected, "a backup and its proof leave the state alone");

        for change in &after {
            apply(&site.state(), change);
        }
        fs::write(site.path("settings.env"), "RELEASE=2\n").unwrap();
        let outcome = site.restore(&backup);
        prop_assert!(matches!(outcome, Outcome::Done(_)), "{:?}", outcome);
        prop_assert_eq!(&site.seen(), &expected);
        let left: Vec<String> = fs::read_dir(site.path("backups")).unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        prop_assert_eq!(left.len(), 1, "only the archive is left: {:?}", left);
    }
}

#[test]
fn large_files_and_deep_trees_come_back() {
    let site = Site::new();
    let mut deep = site.state();
    for _ in 0..200 {
        deep.push("deep");
    }
    fs::create_dir_all(&deep).unwrap();
    // Longer than what is held in memory whole, and not a multiple of a block.
    let mut bytes = vec![0u8; 9 * 1024 * 1024 + 77];
    let mut value = 1u32;
    for byte in &mut bytes {
        value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = value.to_le_bytes()[3];
    }
    fs::write(deep.join("large"), &bytes).unwrap();
    let expected = site.seen();
    let backup = site.create();
    assert_eq!(site.verify(&backup), (true, String::new()));
    fs::write(deep.join("large"), "small").unwrap();
    site.restore(&backup);
    assert!(site.seen() == expected, "a large file in a deep tree did not come back");
}

/// Descriptions of entries count their own digits: at every length of a name and of an attribute.
#[test]
fn names_and_attributes_of_every_length_come_back() {
    let site = Site::new();
    for length in 1..=255 {
        let file = site.state().join("n".repeat(length));
        fs::write(&file, "").unwrap();
        if length >= 70 {
            let value = vec![b'='; length + 670];
            rustix::fs::lsetxattr(&file, "user.a=b%41", &value, XattrFlags::empty()).unwrap();
        }
    }
    let expected = site.seen();
    let backup = site.create();
    fs::remove_dir_all(site.state()).unwrap();
    site.restore(&backup);
    assert!(site.seen() == expected, "something did not come back");
}

/// What takes no room in the state takes none in what is asked for, nor in what comes back.
#[test]
fn holes_stay_holes() {
    let site = Site::new();
    let place = site.state().join("sparse");
    let sparse = fs::File::create(&place).unwrap();
    sparse.set_len(256 << 20).unwrap();
    for at in [0, (8 << 20) + 7, (256 << 20) - 1] {
        sparse.write_all_at(b"data", at).unwrap();
    }
    drop(sparse);
    fs::hard_link(&place, site.state().join("again")).unwrap();
    fs::write(site.state().join("zeros"), vec![0; 1 << 20]).unwrap();
    let blocks = |name: &str| fs::metadata(site.state().join(name)).unwrap().blocks() * 512;
    assert!(blocks("sparse") < 1 << 20, "no holes can be made here");
    let expected = site.seen();
    let backup = site.create();
    let archive = fs::File::open(&backup.path).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    let header: serde_json::Value =
        serde_json::from_reader(archive.entries().unwrap().next().unwrap().unwrap()).unwrap();
    assert!(header["parts"][0]["bytes"].as_u64().unwrap() < 2 << 20, "{header}");
    assert_eq!(site.verify(&backup), (true, String::new()));
    fs::write(&place, "small").unwrap();
    let restored = site.restore(&backup);
    assert!(matches!(restored, Outcome::Done(_)), "{restored:?}");
    assert!(site.seen() == expected, "something did not come back");
    assert!(blocks("sparse") < 1 << 20, "{}", blocks("sparse"));
    // What was written stays written, zeros too.
    assert!(blocks("zeros") >= 1 << 20, "{}", blocks("zeros"));
}

#[test]
fn marks_come_back() {
    let site = Site::new();
    fs::create_dir(site.state().join("folder")).unwrap();
    for name in ["marked", "plain", "folder/inner"] {
        fs::write(site.state().join(name), name).unwrap();
    }
    for (marks, name) in [("+dAS", "marked"), ("+dD", "folder")] {
        let set = std::process::Command::new("chattr")
            .arg(marks)
            .arg(site.state().join(name))
            .status();
        if !set.is_ok_and(|set| set.success()) {
            return leave_out("marks_come_back", "this disk knows no marks");
        }
    }
    let marks = || {
        ["marked", "plain", "folder", "folder/inner"].map(|name| {
            let file = fs::File::open(site.state().join(name)).unwrap();
            rustix::fs::ioctl_getflags(&file).unwrap()
        })
    };
    let (expected, before) = (site.seen(), marks());
    let backup = site.create();
    assert_eq!(site.verify(&backup), (true, String::new()));
    fs::remove_dir_all(site.state()).unwrap();
    site.restore(&backup);
    assert!(site.seen() == expected, "something did not come back");
    assert_eq!(marks(), before);
}

/// The archive is a plain tar: it can be read without this program.
#[test]
fn tar_reads_the_archive() {
    let site = Site::new();
    fs::write(site.state().join("notes"), "kept").unwrap();
    let backup = site.create();
    let archive = fs::File::open(&backup.path).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        names.push(entry.unwrap().path().unwrap().display().to_string());
    }
    let expected = [
        "backstay/header.json",
        "part-0/",
        "part-0/notes",
        "part-1",
        "backstay/manifest.jsonl",
    ];
    assert_eq!(names, expected);
}
