//! Files and settings at their edges.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use backstay::value::Value;

use crate::support::bench::{Bench, path_value, text};
use crate::support::worlds::real;

/// What stands in the folder, by name; what an attempt prepared would be among it.
fn names(bench: &Bench) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(&bench.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_write_keeps_mode_and_link_and_leaves_nothing_beside() {
    let bench = real();
    let file = bench.given("real", "old").await;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o604)).unwrap();
    symlink("real", bench.path("alias")).unwrap();
    let alias = path_value(&bench.path("alias"));
    bench
        .does("fs.write", &[("path", alias), ("content", text("new"))])
        .await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o604);
    assert!(bench.path("alias").is_symlink());
    assert_eq!(names(&bench), ["alias", "real"]);
}

#[tokio::test]
async fn an_edit_changes_the_value_only_and_refuses_what_is_unclear() {
    let bench = real();
    let before = "# c\r\nexport A = \"1\" # one\r\nB='x'\nA2=3";
    let file = bench.given(".env", before).await;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let edit = |key: &str, to: &str| [("file", path_value(&file)), ("key", text(key)), ("to", text(to))];
    let shown = bench
        .preview(&bench.call("fs.edit_key", &edit("A", "2")))
        .await
        .unwrap();
    assert!(
        shown.contains("+export A = \"2\" # one") && !shown.contains("B="),
        "{shown}"
    );
    bench.does("fs.edit_key", &edit("A", "2")).await;
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        before.replace("\"1\"", "\"2\"")
    );
    assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o640);
    let inode = file.metadata().unwrap().ino();
    bench.does("fs.edit_key", &edit("A", "2")).await;
    assert_eq!(
        file.metadata().unwrap().ino(),
        inode,
        "what is right already is not written"
    );
    let reason = bench.fails("fs.edit_key", &edit("NONE", "2")).await;
    assert!(reason.contains("there is no setting `NONE`"), "{reason}");
    std::fs::write(&file, "A=1\nA=2\n").unwrap();
    let reason = bench.fails("fs.edit_key", &edit("A", "3")).await;
    assert!(reason.contains("lines 1 and 2"), "{reason}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "A=1\nA=2\n");
}

#[tokio::test]
async fn what_is_no_small_text_is_not_read() {
    let bench = real();
    let read = |name: &str| [("path", path_value(&bench.path(name)))];
    std::fs::write(bench.path("bytes"), b"ab\xff").unwrap();
    assert!(bench.fails("fs.read", &read("bytes")).await.contains("byte 3"));
    std::fs::write(bench.path("large"), vec![b'x'; 64 * 1024 + 1]).unwrap();
    assert!(bench.fails("fs.read", &read("large")).await.contains("64KiB"));
    assert!(bench.fails("fs.read", &read(".")).await.contains("is not a file"));
    assert!(bench.fails("fs.read", &read("none")).await.contains("no such file"));
    assert!(
        bench
            .fails("fs.read", &read("no/such"))
            .await
            .contains("folder it should be in")
    );
    symlink("loop", bench.path("loop")).unwrap();
    assert!(bench.fails("fs.read", &read("loop")).await.contains("symbolic links"));
    let write = [("path", path_value(&bench.path("loop"))), ("content", text("x"))];
    assert!(bench.fails("fs.write", &write).await.contains("symbolic links"));
    let write = [("path", path_value(&bench.path("no/such"))), ("content", text("x"))];
    assert!(bench.fails("fs.write", &write).await.contains("does not exist"));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert!(bench.fails("fs.read", &read("pipe")).await.contains("is not a file"));
}

#[tokio::test]
async fn a_secret_becomes_a_private_file_and_is_never_told() {
    let bench = real().with_secret("hunter-2-hunter");
    let path = bench.path("token");
    let arguments = [("path", path_value(&path)), ("content", bench.secret())];
    let call = bench.call("fs.install", &arguments);
    let told = format!("{:?} {:?}", bench.preview(&call).await, bench.perform(&call).await);
    assert!(!told.contains("hunter"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "hunter-2-hunter");
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    let odd = [
        ("path", path_value(&path)),
        ("content", text("x")),
        ("mode", text("rw")),
    ];
    assert!(bench.fails("fs.install", &odd).await.contains("no mode"));
}

#[tokio::test]
async fn a_link_keeps_its_form_and_replaces_nothing_else() {
    let bench = real();
    for release in ["r/1", "r/2"] {
        std::fs::create_dir_all(bench.path(release)).unwrap();
    }
    symlink("r/1", bench.path("current")).unwrap();
    let link = |at: &str, to: &str| [("at", path_value(&bench.path(at))), ("to", path_value(&bench.path(to)))];
    let target = [("link", path_value(&bench.path("current")))];
    assert_eq!(
        bench.does("fs.target", &target).await,
        Some(path_value(&bench.path("r/1")))
    );
    bench.does("fs.link", &link("current", "r/2")).await;
    assert_eq!(std::fs::read_link(bench.path("current")).unwrap().to_str(), Some("r/2"));
    assert_eq!(
        bench.does("fs.target", &target).await,
        Some(path_value(&bench.path("r/2")))
    );
    assert!(
        bench
            .fails("fs.link", &link("current", "r/3"))
            .await
            .contains("no such file")
    );
    assert!(
        bench
            .fails("fs.link", &link("r", "r/1"))
            .await
            .contains("not a symbolic link")
    );
    assert!(
        bench
            .fails("fs.target", &[("link", path_value(&bench.path("r")))])
            .await
            .contains("not a symbolic")
    );
    // `..` behind a linked folder means the real parent.
    symlink(bench.path("r/1"), bench.path("door")).unwrap();
    symlink("../2", bench.path("r/1/next")).unwrap();
    let through = [("link", path_value(&bench.path("door/next")))];
    assert_eq!(
        bench.does("fs.target", &through).await,
        Some(path_value(&bench.path("r/2")))
    );
}

#[tokio::test]
async fn a_message_is_added_once_and_stays_one_line() {
    let bench = real();
    let tell = |message: &str| [("path", path_value(&bench.path("news"))), ("message", text(message))];
    for attempt in [1, 2] {
        let call = bench.call("notify.file", &tell("begins\nnow")).keyed("1", attempt);
        bench.perform(&call).await;
    }
    bench
        .perform(&bench.call("notify.file", &tell("ends")).keyed("2", 1))
        .await;
    let news = std::fs::read_to_string(bench.path("news")).unwrap();
    let said: Vec<&str> = news.lines().filter_map(|line| line.split('\t').nth(2)).collect();
    assert_eq!(said, ["begins now", "ends"]);
}

#[tokio::test]
async fn settings_of_json_are_read_and_edited_by_path() {
    let bench = real();
    let before = "{\n\t\"port\" : 80, \"list\":[{\"name\": \"a\"}]\n}";
    let file = bench.given("c.json", before).await;
    let edit = |key: &str, to: &str| [("file", path_value(&file)), ("key", text(key)), ("to", text(to))];
    bench.does("fs.edit_key", &edit("list.0.name", "b\"")).await;
    bench.does("fs.edit_key", &edit("port", "81")).await;
    assert!(
        bench
            .fails("fs.edit_key", &edit("port", "many"))
            .await
            .contains("a number")
    );
    let expected = before.replace("80", "81").replace("\"a\"", "\"b\\\"\"");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    let key = [("file", path_value(&file)), ("key", text("list.0.name"))];
    assert_eq!(bench.does("fs.key", &key).await, Some(Value::Text("b\"".to_owned())));
}

#[tokio::test]
async fn an_edit_keeps_access_lists_and_what_users_added() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    let bench = real();
    let file = bench.given("app.env", "A=1\n").await;
    if setxattr(&file, "user.note", b"kept", XattrFlags::empty()).is_err() {
        return crate::support::left_out::leave_out(
            "an_edit_keeps_access_lists",
            "this disk has no extended attributes",
        );
    }
    let edit = [("file", path_value(&file)), ("key", text("A")), ("to", text("2"))];
    bench.does("fs.edit_key", &edit).await;
    let mut value = [0_u8; 16];
    let length = getxattr(&file, "user.note", &mut value).unwrap();
    assert_eq!(&value[..length], b"kept");
}
