//! Programs that are run inside of containers: in that of a service, and in one of their own.

use std::time::Duration;

use backstay::action::{Outcome, Settled};

use crate::docker::actions_bench::{Bench, SECRET, beside, image, map, secret_variables, words};
use crate::support::daemon::Daemon;
use crate::support::sandbox::wait_until;

#[tokio::test]
async fn a_program_inside_gets_its_words_and_its_secrets() {
    let Some(daemon) = Daemon::shared("a_program_inside_gets_its_words_and_its_secrets") else {
        return;
    };
    let (bench, _) = Bench::served(daemon, "inside", &[]);
    let script = "echo \"$1 $TOKEN\" > /tmp/said; echo \"$TOKEN\"; test \"$1\" = 'a b'";
    let call = |word: &str| {
        [
            ("argv", words(&["sh", "-c", script, "x", word])),
            ("env", secret_variables()),
        ]
    };
    let preview = bench.call("exec", &call("a b")).preview().await;
    assert!(
        preview.ends_with("inside the container inside") && !preview.contains(SECRET),
        "{preview}"
    );
    let done = bench.does("exec", &call("a b")).await;
    assert_eq!(done.summary, "sh ended well");
    assert_eq!(done.outputs, vec![("stdout".to_owned(), b"***\n".to_vec())]);
    let said = bench.does("read", &[("argv", words(&["cat", "/tmp/said"]))]).await;
    assert!(
        said.value
            .unwrap()
            .canonical()
            .contains(&format!("stdout: a b {SECRET}"))
    );
    assert_eq!(bench.fails("exec", &call("c")).await, "sh ended with status 1: ***");
    let slow = bench
        .call("exec", &[("argv", words(&["sleep", "30"]))])
        .within(Duration::from_secs(1));
    slow.is_lost().await;
    assert!(matches!(slow.settle().await, Settled::Undecidable(_)));
}

#[tokio::test]
async fn a_job_may_run_another_program_than_the_entry_point() {
    let Some(daemon) = Daemon::shared("a_job_may_run_another_program_than_the_entry_point") else {
        return;
    };
    let bench = Bench::new(daemon, "entry");
    let tool = daemon.image("entry", "echo the entry point");
    let arguments = [
        ("image", image(&tool)),
        ("entry", words(&["sh", "-c"])),
        ("argv", words(&["echo instead"])),
    ];
    let evidence = bench.call("job", &arguments).does().await;
    assert_eq!(evidence.summary, "sh ended well");
    assert_eq!(evidence.outputs, vec![("stdout".to_owned(), b"instead\n".to_vec())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_waited_for_and_leaves_no_container() {
    let Some(daemon) = Daemon::shared("a_job_is_waited_for_and_leaves_no_container") else {
        return;
    };
    let mut bench = Bench::new(daemon, "job");
    let data = bench.volume("job-data");
    let tool = daemon.image("job", "echo \"at $TOKEN\"; echo x >> /data/count; sleep $1; exit $2");
    let call = |seconds: &str, status: &str| {
        let arguments = [
            ("image", image(&tool)),
            ("argv", words(&[seconds, status])),
            ("mounts", map(&[("/data", "job-data")])),
            ("env", secret_variables()),
        ];
        bench.call("job", &arguments)
    };
    let count = || {
        std::fs::read_to_string(data.join("count"))
            .unwrap_or_default()
            .lines()
            .count()
    };
    let failed = match call("0", "3").perform().await {
        Outcome::Failed(evidence) => evidence,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (failed.summary.as_str(), failed.exit),
        ("0 ended with status 3: at ***", Some(3))
    );
    assert_eq!(failed.outputs, vec![("stdout".to_owned(), b"at ***\n".to_vec())]);
    assert_eq!((bench.of_the_run().as_str(), count()), ("", 1));
    // A job that failed is run again, one that ended well is not.
    assert_eq!(call("0", "0").does().await.summary, "0 ended well");
    assert_eq!(call("0", "0").does().await.summary, "an earlier attempt ended well");
    assert_eq!(count(), 2);
    let slow = call("60", "0").of_statement("slow.1").within(Duration::from_secs(2));
    let Outcome::Failed(ended) = slow.perform().await else {
        panic!("it must be ended")
    };
    assert!(
        ended.summary.starts_with("not done within 2s: it ended with status"),
        "{}",
        ended.summary
    );
    let cancelled = call("60", "0").of_statement("slow.2");
    let outcome = beside(cancelled.perform(), || {
        wait_until("it runs", || count() == 4);
        cancelled.cancel();
    });
    assert!(
        matches!(outcome, Outcome::Failed(ref evidence) if evidence.summary.contains("on request")),
        "{outcome:?}"
    );
    assert_eq!(bench.of_the_run(), "");
}
