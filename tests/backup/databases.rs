//! Databases of `SQLite` with a live writer in another process: refused, or, where the text says `live because`, copied
//! as they are at one moment. And what is asked of them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use backstay::action::{Arguments, Outcome};
use backstay::value::Value;

use crate::support::backup::{Site, failure, look};
use crate::support::sandbox::wait_until;

/// What the `sqlite3` program answers.
fn sqlite(database: &Path, text: &str) -> String {
    let output = Command::new("sqlite3").arg(database).arg(text).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A site with a database of this mode: two tables that have equally many rows at every moment.
fn site(mode: &str) -> Site {
    let site = Site::new();
    let setup = format!(
        "pragma journal_mode={mode}; pragma user_version=7; create table a(x); create table b(x); insert into a values('old'); insert into b values('old')"
    );
    sqlite(&site.state().join("shop.db"), &setup);
    fs::write(site.state().join("notes"), "kept").unwrap();
    site
}

/// Writes a row into both tables, again and again, until it is killed.
struct Writer(Child);

impl Writer {
    fn start(database: &Path) -> Self {
        let turn = "begin immediate; insert into a values(hex(randomblob(2000))); insert into b values(1); commit; select 'written';";
        let script = format!("echo '.timeout 20000'; while :; do echo \"{turn}\"; done");
        let shell = format!("({script}) | exec sqlite3 '{}'", database.display());
        let mut command = Command::new("setsid");
        let child = command
            .args(["sh", "-c", &shell])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut writer = Self(child);
        let mut lines = BufReader::new(writer.0.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "written");
        // Nobody may wait for a reader of what it prints.
        std::thread::spawn(move || lines.for_each(drop));
        writer
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Its group: the shell, what feeds the writer, and the writer.
        drop(
            Command::new("kill")
                .args(["-KILL", "--", &format!("-{}", self.0.id())])
                .status(),
        );
        self.0.wait().unwrap();
    }
}

#[test]
fn a_database_with_a_live_writer_is_refused_unless_the_text_says_why_not() {
    let site = site("wal");
    let writer = Writer::start(&site.state().join("shop.db"));
    let text = failure(&site.perform("backup.create", &site.create_arguments()));
    assert!(
        text.contains("SQLite") && text.contains("stop the writer first"),
        "{text}"
    );
    drop(writer);
}

#[test]
fn a_live_database_is_copied_as_it_is_at_one_moment_and_put_back() {
    for mode in ["wal", "delete"] {
        let mut site = site(mode);
        let database = site.state().join("shop.db");
        site.context.is_live = true;
        let writer = Writer::start(&database);
        let outcome = site.perform("backup.create", &site.create_arguments());
        let Outcome::Done(evidence) = &outcome else {
            panic!("{mode}: {outcome:?}")
        };
        assert!(
            evidence.summary.contains("as it was at one moment"),
            "{}",
            evidence.summary
        );
        let Some(Value::Backup(archive)) = evidence.value.clone() else {
            panic!("{outcome:?}")
        };
        assert_eq!(
            site.names_in("backups").len(),
            1,
            "copies are cleared away: {:?}",
            site.names_in("backups")
        );
        drop(writer);
        assert_eq!(site.verify(&archive), (true, String::new()));

        sqlite(&database, "delete from a");
        let outcome = site.restore(&archive);
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        assert_eq!(site.names_in("state"), ["notes", "shop.db"]);
        let counts = sqlite(
            &database,
            "select (select count(*) from a) - (select count(*) from b), (select count(*) > 1 from a)",
        );
        assert_eq!(counts, "0|1", "both tables are of one moment, with what was written");
        assert_eq!(sqlite(&database, "pragma integrity_check"), "ok");
        assert_eq!(sqlite(&database, "pragma journal_mode"), mode);
        site.conclude();
    }
}

/// What is in the log of a database that nobody has open is in the copy too.
#[test]
fn what_a_killed_writer_committed_is_in_the_copy() {
    let mut site = site("wal");
    let database = site.state().join("shop.db");
    drop(Writer::start(&database));
    assert!(site.state().join("shop.db-wal").metadata().unwrap().len() > 0);
    site.context.is_live = true;
    let archive = site.create();
    let rows = sqlite(&database, "select count(*) from a");
    assert!(matches!(site.restore(&archive), Outcome::Done(_)));
    assert_eq!(sqlite(&database, "select count(*) from a"), rows);
}

fn ask(site: &Site, action: &str, path: &Path, query: Option<&str>) -> Outcome {
    let path = Value::Path(path.to_str().unwrap().to_owned());
    let query = query.map(|text| ("query".to_owned(), Value::Text(text.to_owned())));
    site.perform(
        action,
        &Arguments([("path".to_owned(), path)].into_iter().chain(query).collect()),
    )
}

#[test]
fn a_database_is_asked_and_nothing_is_left_beside_it() {
    for mode in ["wal", "delete"] {
        let site = site(mode);
        let database = site.state().join("shop.db");
        let before = look(&site.state());
        let value = |outcome: Outcome| match outcome {
            Outcome::Done(evidence) => evidence.value.unwrap(),
            other => panic!("{mode}: {other:?}"),
        };
        assert_eq!(value(ask(&site, "sqlite.user_version", &database, None)), Value::Int(7));
        let query = "select x, 1 + 1, null from a union all select 'ü', 2.5, 3";
        let rows = value(ask(&site, "sqlite.query", &database, Some(query)));
        let row = |text: &str| Value::Text(text.to_owned());
        assert_eq!(rows, Value::List(vec![row("old|2|"), row("ü|2.5|3")]));
        for (query, words) in [
            ("delete from a", "changes the database"),
            ("select", "incomplete input"),
            ("select * from none", "no such table"),
            ("select x'00'", "hex"),
            (
                "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
                "more than 1000 rows",
            ),
        ] {
            let text = failure(&ask(&site, "sqlite.query", &database, Some(query)));
            assert!(text.contains(words), "{query}: {text}");
        }
        let text = failure(&ask(&site, "sqlite.user_version", &site.state().join("notes"), None));
        assert!(text.contains("no database of SQLite"), "{text}");
        assert_eq!(look(&site.state()), before, "{mode}");

        let writer = Writer::start(&database);
        let rows = value(ask(
            &site,
            "sqlite.query",
            &database,
            Some("select (select count(*) from a) - (select count(*) from b)"),
        ));
        assert_eq!(rows, Value::List(vec![row("0")]), "{mode}: both are of one moment");
        let rows = value(ask(
            &site,
            "sqlite.query",
            &database,
            Some("select count(*) > 1 from a"),
        ));
        assert_eq!(
            rows,
            Value::List(vec![row("1")]),
            "{mode}: what was just written is seen"
        );
        drop(writer);
    }
}

/// What stands beside a database stands beside the file that a link leads to.
#[test]
fn what_is_written_is_seen_through_a_link_too() {
    let site = site("wal");
    let database = site.state().join("shop.db");
    let link = site.path("link.db");
    std::os::unix::fs::symlink(&database, &link).unwrap();
    let writer = Writer::start(&database);
    let written: i64 = sqlite(&database, "select count(*) from a").parse().unwrap();
    let query = format!("select count(*) >= {written} from a");
    let Outcome::Done(evidence) = ask(&site, "sqlite.query", &link, Some(&query)) else {
        panic!("no answer")
    };
    assert_eq!(evidence.value, Some(Value::List(vec![Value::Text("1".to_owned())])));
    drop(writer);
}

/// A query that is given up lets the database go.
#[test]
fn a_query_without_end_ends_with_its_time() {
    let mut site = site("delete");
    let database = site.state().join("shop.db");
    site.context.limit = Duration::from_millis(300);
    let query = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n, a";
    let text = failure(&ask(&site, "sqlite.query", &database, Some(query)));
    assert!(text.contains("not done within 300ms"), "{text}");
    wait_until("somebody else can write", || {
        let insert = ["delete from b", "select changes()"].join("; ");
        let written = Command::new("sqlite3").arg(&database).arg(insert).output().unwrap();
        written.status.success()
    });
}
