//! What every world must do: a change is seen by the read that belongs to it, and an unknown outcome is
//! settled as it really is.

use std::time::{Duration, Instant};

use backstay::action::Outcome;
use backstay::value::Value;

use crate::support::bench::{Bench, Call, STATE, is_done, is_not_done, path_value, service, text, words};
use crate::support::worlds;

/// Each test in each world.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod real {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::worlds::real()).await;
            })+
        }

        mod simulated {
            $(#[test]
            fn $name() {
                crate::support::worlds::in_simulation(super::$name);
            })+
        }
    };
}

contract!(
    a_read_sees_what_was_written,
    a_link_leads_where_it_was_switched,
    a_setting_is_what_it_was_set_to,
    a_setting_comes_and_goes,
    what_was_removed_does_not_exist,
    a_service_lives_from_start_to_stop,
    an_unknown_outcome_is_settled_as_it_is,
    a_start_and_a_stop_are_settled_as_they_are,
    a_backup_is_unpacked_and_one_of_another_tool_is_taken,
    what_failed_is_noted_to_be_kept,
    a_request_to_stop_is_obeyed,
    a_limit_is_obeyed,
);

async fn a_read_sees_what_was_written(bench: Bench) {
    let path = path_value(&bench.path("note"));
    for content in ["one\n", "two, longer than before\n", ""] {
        bench
            .does("fs.write", &[("path", path.clone()), ("content", text(content))])
            .await;
        let read = bench.does("fs.read", &[("path", path.clone())]).await;
        assert_eq!(read, Some(text(content)));
    }
}

async fn a_link_leads_where_it_was_switched(bench: Bench) {
    let at = path_value(&bench.path("current"));
    for release in ["one", "two", "one"] {
        let to = path_value(&bench.path(release));
        bench.does("fs.mkdir", &[("path", to.clone())]).await;
        bench.does("fs.link", &[("at", at.clone()), ("to", to.clone())]).await;
        let target = bench.does("fs.target", &[("link", at.clone())]).await;
        assert_eq!(target, Some(to));
    }
}

async fn a_setting_is_what_it_was_set_to(bench: Bench) {
    let file = path_value(&bench.given("app.env", "# settings\nPOOL=16\nNAME='x'\n").await);
    let key = |key: &str| [("file", file.clone()), ("key", text(key))];
    for (name, value) in [("POOL", "32"), ("NAME", "y z"), ("POOL", "16")] {
        let mut arguments = key(name).to_vec();
        arguments.push(("to", text(value)));
        bench.does("fs.edit_key", &arguments).await;
        assert_eq!(bench.does("fs.key", &key(name)).await, Some(text(value)));
    }
}

async fn a_setting_comes_and_goes(bench: Bench) {
    let file = path_value(&bench.given("app.env", "POOL=16\n").await);
    let key = [("file", file), ("key", text("POOL"))];
    let set = [key.to_vec(), vec![("to", text("16")), ("add", Value::Bool(true))]].concat();
    for _ in 0..2 {
        bench.does("fs.remove_key", &key).await;
        bench.fails("fs.key", &key).await;
        bench.does("fs.remove_key", &key).await;
        bench.does("fs.edit_key", &set).await;
        assert_eq!(bench.does("fs.key", &key).await, Some(text("16")));
    }
}

async fn what_was_removed_does_not_exist(bench: Bench) {
    let path = [("path", path_value(&bench.given("gone", "x").await))];
    assert_eq!(bench.does("fs.exists", &path).await, Some(Value::Bool(true)));
    bench.does("fs.remove", &path).await;
    assert_eq!(bench.does("fs.exists", &path).await, Some(Value::Bool(false)));
    bench.does("fs.remove", &path).await;
}

async fn a_service_lives_from_start_to_stop(bench: Bench) {
    let one = [("service", service())];
    let start = [("service", service()), ("argv", words(&["sleep", "300"]))];
    assert_eq!(bench.does("process.alive", &one).await, Some(Value::Bool(false)));
    bench.does("process.start", &start).await;
    assert_eq!(bench.does("process.alive", &one).await, Some(Value::Bool(true)));
    bench.does("process.stop", &one).await;
    assert_eq!(bench.does("process.alive", &one).await, Some(Value::Bool(false)));
    bench.does("process.stop", &one).await;
}

async fn an_unknown_outcome_is_settled_as_it_is(bench: Bench) {
    let old = path_value(&bench.given("old", "old\n").await);
    let env = path_value(&bench.given("app.env", "POOL=16\n").await);
    let at = |name: &str| path_value(&bench.path(name));
    bench.does("fs.mkdir", &[("path", at("release"))]).await;
    let calls = [
        ("fs.write", vec![("path", at("new")), ("content", text("x"))]),
        (
            "fs.install",
            vec![("path", at("private")), ("content", text("x")), ("mode", text("0640"))],
        ),
        (
            "fs.template",
            vec![
                ("path", at("made")),
                ("text", text("port {{ port }}\n")),
                ("values", Value::Map([("port".to_owned(), Value::Port(80))].into())),
            ],
        ),
        (
            "fs.replace",
            vec![
                ("path", old.clone()),
                ("pattern", text("^o")),
                ("with", text("oo")),
                ("expect", Value::Int(1)),
            ],
        ),
        ("fs.mkdir", vec![("path", at("a/b"))]),
        ("fs.link", vec![("at", at("current")), ("to", at("release"))]),
        (
            "fs.edit_key",
            vec![("file", env.clone()), ("key", text("POOL")), ("to", text("32"))],
        ),
        ("fs.remove_key", vec![("file", env.clone()), ("key", text("POOL"))]),
        (
            "fs.edit_key",
            vec![
                ("file", env),
                ("key", text("SIZE")),
                ("to", text("1")),
                ("add", Value::Bool(true)),
            ],
        ),
        ("fs.copy", vec![("from", old.clone()), ("to", at("copy"))]),
        ("fs.move", vec![("from", at("copy")), ("to", at("moved"))]),
        ("fs.remove", vec![("path", old)]),
        ("notify.file", vec![("path", at("news")), ("message", text("done"))]),
    ];
    for (number, (action, arguments)) in calls.into_iter().enumerate() {
        let call = bench.call(action, &arguments).keyed(&number.to_string(), 1);
        is_not_done(&bench, &call, action).await;
        let outcome = bench.perform(&call).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{action}: {outcome:?}");
        is_done(&bench, &call, action).await;
    }
}

async fn a_backup_is_unpacked_and_one_of_another_tool_is_taken(bench: Bench) {
    let at = |name: &str| path_value(&bench.path(name));
    let state = || Value::State(STATE.to_owned());
    bench.does("fs.mkdir", &[("path", at("data"))]).await;
    let made = bench
        .does("backup.create", &[("state", state()), ("to", at("backups"))])
        .await;
    let arguments = [("backup", made.unwrap()), ("into", at("files"))];
    let unpack = bench.call("backup.unpack", &arguments).keyed("unpack", 1);
    is_not_done(&bench, &unpack, "backup.unpack").await;
    let outcome = bench.perform(&unpack).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    is_done(&bench, &unpack, "backup.unpack").await;
    let there = bench.does("fs.exists", &[("path", at("files"))]).await;
    assert_eq!(there, Some(Value::Bool(true)));

    let dump = path_value(&bench.given("dump.sql", "create table t;\n").await);
    let arguments = [
        ("path", dump),
        ("of", state()),
        ("newer_than", Value::Duration(3_600_000)),
    ];
    let adopted = bench.does("backup.adopt", &arguments).await;
    assert!(matches!(&adopted, Some(Value::Backup(_))), "{adopted:?}");
}

/// Also where the log of a container cannot be had.
async fn what_failed_is_noted_to_be_kept(bench: Bench) {
    let call = bench.call("backup.keep_failed", &[("what", text("what failed"))]);
    let call = call.keyed("keep", 1);
    is_not_done(&bench, &call, "backup.keep_failed").await;
    bench.perform(&call).await;
    is_done(&bench, &call, "backup.keep_failed").await;
}

async fn a_start_and_a_stop_are_settled_as_they_are(bench: Bench) {
    let start = bench
        .call(
            "process.start",
            &[("service", service()), ("argv", words(&["sleep", "300"]))],
        )
        .keyed("start", 1);
    let stop = bench.call("process.stop", &[("service", service())]).keyed("stop", 1);
    is_not_done(&bench, &start, "start").await;
    bench.perform(&start).await;
    // A second attempt of the same statement finds the first one.
    let again = bench
        .call(
            "process.start",
            &[("service", service()), ("argv", words(&["sleep", "300"]))],
        )
        .keyed("start", 2);
    is_done(&bench, &again, "start").await;
    assert!(matches!(bench.perform(&again).await, Outcome::Done(_)));
    is_not_done(&bench, &stop, "stop").await;
    bench.perform(&stop).await;
    is_done(&bench, &stop, "stop").await;
}

fn endless(bench: &Bench) -> Call {
    bench
        .call("exec.run", &[("argv", words(&["sleep", "300"]))])
        .keyed(worlds::ENDLESS, 1)
}

async fn a_request_to_stop_is_obeyed(bench: Bench) {
    let call = endless(&bench);
    let began = Instant::now();
    let (outcome, ()) = tokio::join!(bench.perform(&call), async {
        bench.pause(Duration::from_millis(150)).await;
        call.cancel();
    });
    assert!(!matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

async fn a_limit_is_obeyed(bench: Bench) {
    let call = endless(&bench).within(Duration::from_millis(200));
    let began = Instant::now();
    let outcome = bench.perform(&call).await;
    assert!(!matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
