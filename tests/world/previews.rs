//! What would change is said in words, and saying it changes nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use backstay::action::catalogue;
use backstay::value::{Backup, Value};
use backstay_dsl::catalogue::Signature;

use crate::support::bench::{Bench, STATE, path_value, service, text, words};
use crate::support::worlds::real;

/// A call, and what its preview must hold; `{}` stands for the folder.
type Case = (&'static str, Vec<(&'static str, Value)>, &'static str);

fn of_backups(bench: &Bench) -> Vec<Case> {
    let path = |name: &str| path_value(&bench.path(name));
    let state = || Value::State(STATE.to_owned());
    let backup = Backup {
        path: "/backups/data.tar.zst".to_owned(),
        digest: "sha256:00".to_owned(),
        state: STATE.to_owned(),
        bytes: 1,
        entries: 1,
        places: Vec::new(),
    };
    vec![
        (
            "backup.create",
            vec![("state", state()), ("to", path("kept"))],
            "an archive of data (",
        ),
        (
            "backup.restore",
            vec![("backup", Value::Backup(backup.clone()))],
            "replaces the directory {}/data by what /backups/data",
        ),
        (
            "backup.unpack",
            vec![("backup", Value::Backup(backup)), ("into", path("files"))],
            "unpacks /backups/data.tar.zst into {}/files",
        ),
        (
            "backup.keep_failed",
            vec![("what", text("the state of the new release"))],
            "keeps what a restore of",
        ),
        (
            "backup.adopt",
            vec![
                ("path", path("dump")),
                ("of", state()),
                ("newer_than", Value::Duration(1_000)),
            ],
            "cannot be said yet: there is no {}/dump",
        ),
    ]
}

fn of_programs(bench: &Bench) -> Vec<Case> {
    let path = |name: &str| path_value(&bench.path(name));
    let env = Value::Map([("TOKEN".to_owned(), bench.secret())].into());
    let argv = || words(&["tar", "-x", "a b", "s3cret-t0ken"]);
    vec![
        (
            "exec.run",
            vec![("argv", argv()), ("env", env), ("cwd", path("data"))],
            "runs tar -x 'a b'",
        ),
        ("exec.run", vec![("argv", argv()), ("stdin", bench.secret())], "(in {})"),
        (
            "exec.run",
            vec![(
                "argv",
                words(&[
                    "tar",
                    "",
                    "--to=/srv/a",
                    "--to=/srv/a b",
                    "A=b",
                    "$(reboot)",
                    "it's",
                    "a\nb'\u{1b}",
                    "~root",
                ]),
            )],
            r"runs tar '' --to=/srv/a '--to=/srv/a b' A=b '$(reboot)' 'it'\''s' $'a\nb\'\u001b' '~root' (in",
        ),
        (
            "notify.file",
            vec![("path", path("log")), ("message", text("all\nwell"))],
            "adds to {}/log: all well",
        ),
        (
            "process.start",
            vec![("service", service()), ("argv", argv()), ("log", path("log"))],
            "starts tar -x 'a b'",
        ),
        (
            "process.start",
            vec![("service", service()), ("argv", argv()), ("log", path("log"))],
            "goes to {}/log",
        ),
        ("process.stop", vec![("service", service())], "nothing runs"),
    ]
}

fn image() -> Value {
    Value::Image(format!("localhost:1/app@sha256:{}", "0".repeat(64)))
}

/// The bench's service is no container and there is no engine, so only what needs neither is said.
fn of_containers(bench: &Bench) -> Vec<Case> {
    let env = || Value::Map([("TOKEN".to_owned(), bench.secret())].into());
    let argv = || words(&["migrate", "a b", "s3cret-t0ken"]);
    let mounts = Value::Map([("/data".to_owned(), text("app_data"))].into());
    let no_container = "cannot be said yet: the service app is no container";
    vec![
        (
            "docker.exec",
            vec![("service", service()), ("argv", argv()), ("env", env())],
            no_container,
        ),
        (
            "docker.job",
            vec![("image", image()), ("argv", argv()), ("env", env()), ("mounts", mounts)],
            "with migrate 'a b' ***; mounts {/data: app_data}; variables TOKEN",
        ),
        (
            "docker.create_volume",
            vec![("name", text("v"))],
            "cannot be said yet: ",
        ),
        ("docker.pull", vec![("image", image())], "cannot be said yet: "),
        ("docker.remove", vec![("service", service())], no_container),
        (
            "docker.run",
            vec![("service", service()), ("image", image()), ("env", env())],
            no_container,
        ),
        (
            "docker.run",
            vec![("service", service()), ("image", image()), ("restart", text("never"))],
            "`never` is no restart policy",
        ),
        ("docker.start", vec![("service", service())], no_container),
        ("docker.stop", vec![("service", service())], no_container),
    ]
}

fn of_projects() -> Vec<Case> {
    let no_project = "cannot be said yet: the service is no service of a Compose project";
    let with_image = || vec![("service", service()), ("image", image())];
    vec![
        ("compose.pull", with_image(), "cannot be said yet: "),
        ("compose.start", vec![("service", service())], no_project),
        (
            "compose.stop",
            vec![("service", service())],
            "cannot be said yet: the service app is no container",
        ),
        ("compose.up", with_image(), no_project),
    ]
}

fn of_trees(bench: &Bench) -> Vec<Case> {
    let path = |name: &str| path_value(&bench.path(name));
    vec![
        (
            "fs.copy",
            vec![("from", path("data")), ("to", path("copy"))],
            "copies {}/data (2B) to {}/copy",
        ),
        (
            "fs.copy",
            vec![("from", path("data/a")), ("to", path("data/b"))],
            ", in place of the file there",
        ),
        (
            "fs.copy",
            vec![("from", path("none")), ("to", path("copy"))],
            "cannot be said yet: ",
        ),
        ("fs.mkdir", vec![("path", path("x"))], "makes {}/x"),
        (
            "fs.mkdir",
            vec![("path", path("x/y/z"))],
            "makes {}/x/y/z, from {}/x on",
        ),
        ("fs.mkdir", vec![("path", path("data"))], "{}/data is there already"),
        (
            "fs.mkdir",
            vec![("path", path("app.env/x"))],
            "{}/app.env is there already and is no folder",
        ),
        (
            "fs.move",
            vec![("from", path("data")), ("to", path("old"))],
            "moves {}/data to {}/old",
        ),
        (
            "fs.move",
            vec![("from", path("data/a")), ("to", path("data/b"))],
            "{}/data/b is there already",
        ),
    ]
}

fn of_files(bench: &Bench) -> Vec<Case> {
    let path = |name: &str| path_value(&bench.path(name));
    let values = |value: Value| ("values", Value::Map([("a".to_owned(), value)].into()));
    vec![
        (
            "fs.edit_key",
            vec![("file", path("app.env")), ("key", text("A")), ("to", text("2"))],
            "+A=2",
        ),
        (
            "fs.install",
            vec![("path", path("new")), ("content", bench.secret())],
            "{}/new",
        ),
        (
            "fs.link",
            vec![("at", path("current")), ("to", path("data"))],
            "{}/data",
        ),
        (
            "fs.edit_key",
            vec![
                ("file", path("app.env")),
                ("key", text("B")),
                ("to", text("2")),
                ("add", Value::Bool(true)),
            ],
            "+B=2",
        ),
        ("fs.remove", vec![("path", path("data"))], "removes {}/data"),
        (
            "fs.remove_key",
            vec![("file", path("app.env")), ("key", text("A"))],
            "-A=1",
        ),
        (
            "fs.replace",
            vec![
                ("path", path("app.env")),
                ("pattern", text("^(A)=.*$")),
                ("with", text("$1=2")),
                ("expect", Value::Int(1)),
            ],
            "+A=2",
        ),
        (
            "fs.template",
            vec![
                ("path", path("app.env")),
                ("text", text("A={{ a }}\n")),
                values(text("4")),
            ],
            "+A=4",
        ),
        (
            "fs.template",
            vec![
                ("path", path("app.env")),
                ("text", text("A={{ a }}\n")),
                values(bench.secret()),
            ],
            "{}/app.env gets its content, mode 0600",
        ),
        (
            "fs.write",
            vec![("path", path("app.env")), ("content", text("A=3\n"))],
            "+A=3",
        ),
    ]
}

fn of_requests(bench: &Bench) -> Vec<Case> {
    let url = || ("url", Value::Url("http://127.0.0.1:9/silences".to_owned()));
    let headers = Value::Map([("Authorization".to_owned(), bench.secret())].into());
    vec![
        (
            "http.post",
            vec![
                url(),
                ("headers", headers),
                ("body", bench.secret()),
                ("adds", text("x")),
            ],
            "POST http://127.0.0.1:9/silences, with Authorization, 12 bytes",
        ),
        (
            "http.put",
            vec![url(), ("keyed_by", text("Key"))],
            "PUT http://127.0.0.1:9/silences, with Key",
        ),
        ("http.delete", vec![url()], "DELETE http://127.0.0.1:9/silences"),
        (
            "notify.webhook",
            vec![url(), ("message", text("all well"))],
            "sends to http://127.0.0.1:9/silences: all well",
        ),
    ]
}

#[tokio::test]
async fn every_change_says_what_it_would_do_and_does_nothing() {
    let bench = real().with_secret("s3cret-t0ken");
    std::fs::create_dir(bench.path("data")).unwrap();
    bench.given("data/a", "a").await;
    bench.given("data/b", "b").await;
    bench.given("app.env", "A=1\n").await;
    let before = everything(&bench.folder);
    let mut named = BTreeSet::new();
    let cases = [
        of_programs(&bench),
        of_backups(&bench),
        of_containers(&bench),
        of_projects(),
        of_trees(&bench),
        of_files(&bench),
        of_requests(&bench),
    ];
    for (action, arguments, expected) in cases.concat() {
        named.insert(action.to_owned());
        let preview = bench.preview(&bench.call(action, &arguments)).await.unwrap();
        let expected = expected.replace("{}", bench.folder.to_str().unwrap());
        assert!(preview.contains(&expected), "{action}: {preview}");
        assert!(!preview.contains("s3cret-t0ken"), "{action}: {preview}");
        assert_eq!(everything(&bench.folder), before, "{action}");
    }
    let catalogue = catalogue();
    let changing = catalogue
        .iter()
        .filter(|signature| !signature.is_read() && signature.is_carried_out);
    for action in changing.map(Signature::full_name) {
        assert!(named.contains(&action), "{action} has no case here");
    }
}

/// Every entry below the folder with its time and content.
fn everything(folder: &Path) -> Vec<(String, SystemTime, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = path.symlink_metadata().unwrap();
        if data.is_dir() {
            found.extend(everything(&path));
        }
        let content = if data.is_file() {
            std::fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        found.push((path.display().to_string(), data.modified().unwrap(), content));
    }
    found.sort();
    found
}
