//! Archives made to do harm: each has the right digest, none gets anything outside of its own place, and
//! none gets the live state touched. They are written here, byte for byte as `backup.create` would write them.

use std::fs;
use std::io::Write as _;

use backstay::action::Outcome;
use backstay::value::Backup;
use backstay_dsl::effect::{Resource, ResourceKind};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::EntryType;

use crate::support::backup::{Site, failure};

/// A member of an archive.
#[derive(Clone)]
struct Member {
    name: &'static str,
    kind: EntryType,
    link: &'static str,
    size: usize,
    content: Vec<u8>,
}

fn member(name: &'static str, kind: EntryType, link: &'static str) -> Member {
    Member {
        name,
        kind,
        link,
        size: 0,
        content: Vec::new(),
    }
}

fn directory(name: &'static str) -> Member {
    member(name, EntryType::Directory, "")
}

fn symlink(name: &'static str, to: &'static str) -> Member {
    member(name, EntryType::Symlink, to)
}

fn hard_link(name: &'static str, to: &'static str) -> Member {
    member(name, EntryType::Link, to)
}

fn file(name: &'static str, content: &str) -> Member {
    Member {
        size: content.len(),
        content: content.as_bytes().to_vec(),
        ..member(name, EntryType::Regular, "")
    }
}

/// A file as long as a size can say.
fn endless(name: &'static str) -> Member {
    Member {
        size: usize::MAX,
        ..file(name, "x")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn owner() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

fn mode(member: &Member) -> u32 {
    if member.kind == EntryType::Symlink {
        0o777
    } else {
        0o700
    }
}

/// The line of the manifest; `None` for what can have none.
fn line(member: &Member) -> Option<Value> {
    let path = |name: &'static str| name.strip_prefix("part-0").map(|rest| rest.trim_start_matches('/'));
    let mut line = json!({ "part": 0, "path": path(member.name)? });
    let kind = match member.kind {
        EntryType::Directory => json!({ "type": "directory" }),
        EntryType::Regular => {
            json!({ "type": "file", "size": member.size, "sha256": hex(&Sha256::digest(&member.content)) })
        }
        EntryType::Link => json!({ "type": "hard_link", "to": path(member.link)? }),
        _ => json!({ "type": "symlink", "to": member.link }),
    };
    let rest = json!({
        "mode": format!("{:04o}", mode(member)),
        "uid": owner().0,
        "gid": owner().1,
        "mtime_s": 1_000_000,
        "mtime_ns": 5,
    });
    for more in [kind, rest] {
        line.as_object_mut()?.extend(more.as_object()?.clone());
    }
    Some(line)
}

fn record(name: &str, value: &str) -> String {
    let rest = format!(" {name}={value}\n");
    let length = (1..1_000_000).find(|length: &usize| length.to_string().len() + rest.len() == *length);
    format!("{}{rest}", length.unwrap())
}

fn block(name: &str, kind: EntryType, size: usize, mode: u32) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn bytes(member: &Member, mode: u32, (uid, gid): (u32, u32), time: &str) -> Vec<u8> {
    let slash = if member.kind == EntryType::Directory { "/" } else { "" };
    let name = format!("{}{slash}", member.name);
    let mut records = record("path", &name);
    if !member.link.is_empty() {
        records += &record("linkpath", member.link);
    }
    let size = member.size.to_string();
    for (name, value) in [
        ("uid", &uid.to_string()),
        ("gid", &gid.to_string()),
        ("size", &size),
        ("mtime", &time.to_owned()),
    ] {
        records += &record(name, value);
    }
    [
        block(&name, EntryType::XHeader, records.len(), 0o644),
        padded(records.into_bytes()),
        block(&name, member.kind, member.size, mode),
        padded(member.content.clone()),
    ]
    .concat()
}

fn own(name: &'static str, content: &str) -> Vec<u8> {
    bytes(&file(name, content), 0o600, (0, 0), "0.000000000")
}

/// How many bytes an archive says that it holds.
const SAID: usize = 100_000;

/// Writes an archive of these members with these lines in its manifest, and gives the backup that speaks of it: its
/// digest is right, so only what is inside can be refused.
fn archive(site: &Site, members: &[Member], lines: &[Value]) -> Backup {
    archive_for(site, members, lines, None)
}

/// The same, of a state that the archive says lay elsewhere.
fn archive_for(site: &Site, members: &[Member], lines: &[Value], goes_to: Option<&str>) -> Backup {
    let state = site.state().to_str().unwrap().to_owned();
    let header = json!({
        "format": 1,
        "program": "a test",
        "key": "run/1",
        "state": "app state",
        "made_at": "2026-01-01T00:00:00Z",
        "bytes": SAID,
        "parts": [{ "kind": "tree", "path": goes_to.unwrap_or(&state), "named": state, "present": true, "bytes": SAID }],
    });
    let last = json!({ "entries": lines.len() });
    let manifest: String = std::iter::once(&header)
        .chain(lines)
        .chain([&last])
        .map(|line| line.to_string() + "\n")
        .collect();
    let mut tar = own("backstay/header.json", &header.to_string());
    for member in members {
        tar.extend(bytes(member, mode(member), owner(), "1000000.000000005"));
    }
    tar.extend(own("backstay/manifest.jsonl", &manifest));
    tar.extend([0; 1024]);
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.write_all(&tar).unwrap();
    let bytes = encoder.finish().unwrap();
    let path = site.path("archive");
    fs::write(&path, &bytes).unwrap();
    Backup {
        path: path.to_str().unwrap().to_owned(),
        digest: format!("sha256:{}", hex(&Sha256::digest(&bytes))),
        state: "app state".to_owned(),
        bytes: bytes.len() as u64,
        entries: lines.len() as u64,
        places: vec![state],
    }
}

/// A state of one tree, which holds `live`, and a victim beside it.
fn site() -> Site {
    let mut site = Site::new();
    let state = site.state().to_str().unwrap().to_owned();
    let mut topology = (*site.context.topology).clone();
    topology
        .states
        .insert("app state".to_owned(), vec![Resource::new(ResourceKind::Tree, state)]);
    site.context.topology = topology.into();
    fs::remove_file(site.path("settings.env")).unwrap();
    fs::write(site.state().join("live"), "live").unwrap();
    fs::create_dir(site.path("victim")).unwrap();
    fs::write(site.path("victim/kept"), "kept").unwrap();
    site
}

/// Where links of the root try to lead: what is extracted lies two below the site.
const OUTSIDE: &str = "../../victim";

fn corpus() -> Vec<(&'static str, Vec<Member>)> {
    let below = |member: Member| vec![directory("part-0"), member];
    let through = |link: Member, member: Member| vec![directory("part-0"), link, member];
    vec![
        // Names that leave their place.
        ("parent", below(file("part-0/../escaped", "x"))),
        ("parent in the middle", below(file("part-0/a/../../../escaped", "x"))),
        ("absolute", below(file("/escaped", "x"))),
        ("absolute inside", below(file("part-0//escaped", "x"))),
        ("dot", below(file("part-0/./x", "x"))),
        ("other part", below(file("part-1/x", "x"))),
        ("part by another spelling", below(file("part-00/x", "x"))),
        // Links that leave it.
        (
            "root is a link",
            vec![symlink("part-0", "../victim"), file("part-0/x", "x")],
        ),
        (
            "through a link",
            through(symlink("part-0/a", OUTSIDE), file("part-0/a/x", "x")),
        ),
        (
            "through two links",
            vec![
                directory("part-0"),
                symlink("part-0/a", ".."),
                symlink("part-0/b", "a/../victim"),
                file("part-0/b/x", "x"),
            ],
        ),
        (
            "over a link",
            through(symlink("part-0/a", "../../victim/kept"), file("part-0/a", "x")),
        ),
        (
            "directory over a link",
            through(symlink("part-0/a", OUTSIDE), directory("part-0/a")),
        ),
        (
            "hard link outside",
            below(hard_link("part-0/a", "part-0/../../../victim/kept")),
        ),
        ("absolute hard link", below(hard_link("part-0/a", "/etc/passwd"))),
        ("hard link to another part", below(hard_link("part-0/a", "part-1/x"))),
        (
            "hard link through a link",
            through(symlink("part-0/a", OUTSIDE), hard_link("part-0/b", "part-0/a/kept")),
        ),
        ("hard link to nothing", below(hard_link("part-0/a", "part-0/none"))),
        // What is never written.
        ("file twice", through(file("part-0/a", "x"), file("part-0/a", "y"))),
        ("directory twice", vec![directory("part-0"), directory("part-0")]),
        ("no parent", below(file("part-0/a/b", "x"))),
        ("below a file", through(file("part-0/a", "x"), file("part-0/a/b", "x"))),
        ("file for a directory", vec![file("part-0", "x")]),
        ("nothing", vec![]),
        ("our own name", below(file("backstay/header.json", "x"))),
        ("zero byte", below(file("part-0/a\0b", "x"))),
        (
            "more content than its size",
            below(Member {
                content: vec![7; 512],
                ..file("part-0/a", "")
            }),
        ),
        ("a size that no block can end", below(endless("part-0/a"))),
        ("a pipe", below(member("part-0/a", EntryType::Fifo, ""))),
        ("a device", below(member("part-0/a", EntryType::Char, ""))),
    ]
}

fn lines(members: &[Member]) -> Vec<Value> {
    members.iter().filter_map(line).collect()
}

fn assert_untouched(site: &Site, what: &str) {
    assert!(
        site.names()
            .iter()
            .all(|name| ["archive", "run", "state", "victim"].contains(&name.as_str())),
        "{what}: {:?}",
        site.names()
    );
    assert_eq!(site.names_in("state"), ["live"], "{what}");
    assert_eq!(site.names_in("victim"), ["kept"], "{what}");
    assert_eq!(fs::read_to_string(site.path("victim/kept")).unwrap(), "kept", "{what}");
}

#[test]
fn nothing_leaves_its_place() {
    for (what, members) in corpus() {
        let site = site();
        let backup = archive(&site, &members, &lines(&members));
        let reason = failure(&site.restore(&backup));
        assert!(reason.contains("archive"), "{what}: {reason}");
        assert_untouched(&site, what);
    }
}

/// What is small as an archive and large on the disk ends where the header says that it ends.
#[test]
fn no_more_comes_out_than_the_header_says() {
    let many = (0..200).map(|nth| -> &'static str { format!("part-0/{nth}").leak() });
    let many: Vec<Member> = std::iter::once(directory("part-0"))
        .chain(many.map(|name| file(name, "")))
        .collect();
    for members in [vec![directory("part-0"), file("part-0/a", &"x".repeat(4 * SAID))], many] {
        let site = site();
        let backup = archive(&site, &members, &lines(&members));
        let reason = failure(&site.restore(&backup));
        assert!(
            reason.contains("the archive holds more than its header says"),
            "{reason}"
        );
        assert_untouched(&site, "more than its header says");
        let (is_well, reason) = site.verify(&backup);
        assert!(
            !is_well && reason.contains("holds more than its header says"),
            "{reason}"
        );
    }
}

/// The same means do restore what is not hostile: the corpus is refused for the right reasons.
#[test]
fn a_harmless_archive_is_restored() {
    let site = site();
    let members = [
        directory("part-0"),
        symlink("part-0/a", OUTSIDE),
        file("part-0/b", "content"),
        hard_link("part-0/c", "part-0/b"),
    ];
    let backup = archive(&site, &members, &lines(&members));
    let outcome = site.restore(&backup);
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(fs::read_to_string(site.state().join("c")).unwrap(), "content");
}

/// A manifest that does not fit its archive: missing, more, other content, other order, other rights; and one that
/// says the same in other words.
#[test]
fn a_manifest_that_lies_is_found() {
    let members = [
        directory("part-0"),
        file("part-0/a", "content"),
        file("part-0/b", "content"),
    ];
    let honest = lines(&members);
    let mut lies = vec![honest; 6];
    lies[0].pop();
    lies[1].swap(1, 2);
    lies[2].extend(line(&file("part-0/c", "")));
    lies[3][1] = line(&file("part-0/a", "CONTENT")).unwrap();
    lies[4][1]["mode"] = json!("4755");
    lies[5][1]["mode"] = json!("00700");
    for (number, lie) in lies.into_iter().enumerate() {
        let site = site();
        let backup = archive(&site, &members, &lie);
        let reason = failure(&site.restore(&backup));
        assert!(reason.contains("manifest"), "{number}: {reason}");
        assert_untouched(&site, &number.to_string());
    }
}

/// Where it goes back to is what the record of the run says; the archive is not asked.
#[test]
fn an_archive_goes_back_to_no_other_place() {
    let site = site();
    let victim = site.path("victim");
    let members = [directory("part-0"), file("part-0/kept", "taken")];
    let backup = archive_for(&site, &members, &lines(&members), victim.to_str());
    let said = failure(&site.restore(&backup));
    assert!(
        said.contains("the archive says that it goes back to ") && said.contains("/victim"),
        "{said}"
    );
    assert_untouched(&site, "another place");
}
