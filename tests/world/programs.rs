//! `exec` against real programs.

use std::path::Path;
use std::time::{Duration, Instant};

use backstay::action::{Evidence, Outcome};
use backstay::value::Value;
use backstay_dsl::effect::Cancel;

use crate::support::bench::{Bench, Call, text, words};
use crate::support::worlds::real;

fn shell(bench: &Bench, script: &str) -> Call {
    bench.call("exec.run", &[("argv", words(&["sh", "-c", script]))])
}

async fn read(bench: &Bench, arguments: &[(&str, Value)]) -> (bool, i64, String) {
    match bench.does("exec.read", arguments).await {
        Some(Value::Record(fields)) => match (&fields["ok"], &fields["status"], &fields["stdout"]) {
            (Value::Bool(ok), Value::Int(status), Value::Text(stdout)) => (*ok, *status, stdout.clone()),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn said(outcome: &Outcome, name: &str) -> String {
    let Evidence { outputs, .. } = outcome.evidence();
    let found = outputs.iter().find(|(known, _)| known == name);
    found.map_or_else(String::new, |(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
}

/// The living processes with this in their environment or, where they wiped it, in their words.
fn living(needle: &str) -> Vec<String> {
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    let own = std::process::id().to_string();
    folders
        .filter(|folder| folder.file_name().to_string_lossy().parse::<u32>().is_ok() && *folder.file_name() != *own)
        .filter(|folder| {
            ["environ", "cmdline"].iter().any(|file| {
                let bytes = std::fs::read(folder.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains(needle)
            })
        })
        .map(|folder| folder.path().display().to_string())
        .collect()
}

async fn wait_for(path: &Path) -> String {
    for _ in 0..500 {
        if let Ok(content) = std::fs::read_to_string(path)
            && content.ends_with('\n')
        {
            return content.trim().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} never came", path.display());
}

#[tokio::test]
async fn words_and_environment_arrive_as_they_are() {
    let bench = real();
    let words_in = ["sh", "-c", "printf '<%s>' \"$@\"; pwd", "x", "a b", "$HOME;`id`", ""];
    let (ok, status, stdout) = read(&bench, &[("argv", words(&words_in))]).await;
    assert!(ok && status == 0);
    assert_eq!(stdout, format!("<a b><$HOME;`id`><>{}", bench.folder.display()));
    let env = Value::Map([("COLOUR".to_owned(), text("a=b c"))].into());
    let (_, _, stdout) = read(&bench, &[("argv", words(&["env"])), ("env", env)]).await;
    assert!(stdout.lines().any(|line| line == "COLOUR=a=b c"), "{stdout}");
    assert!(stdout.contains("BACKSTAY_KEY=") && stdout.contains("PATH="), "{stdout}");
    assert!(
        !stdout.contains("CARGO"),
        "what is not on the list is not inherited: {stdout}"
    );
    let (ok, status, stdout) = read(
        &bench,
        &[("argv", words(&["sh", "-c", "cat; exit 3"])), ("stdin", text("in"))],
    )
    .await;
    assert_eq!((ok, status, stdout.as_str()), (false, 3, "in"));
}

#[tokio::test]
async fn a_failure_says_the_last_line_and_what_to_check() {
    let bench = real();
    let outcome = bench
        .perform(&shell(&bench, "echo out; echo why >&2; echo >&2; exit 4"))
        .await;
    assert!(matches!(outcome, Outcome::Failed(_)));
    assert_eq!(outcome.evidence().summary, "sh ended with status 4: why");
    assert_eq!(outcome.evidence().exit, Some(4));
    assert_eq!(said(&outcome, "stdout"), "out\n");
    let reason = bench.fails("exec.run", &[("argv", words(&["no-such-program"]))]).await;
    assert!(reason.contains("was not found; check that it is installed"), "{reason}");
    let reason = bench.fails("exec.read", &[("argv", words(&["./none"]))]).await;
    assert!(reason.contains("check the path"), "{reason}");
    bench.given("script", "echo").await;
    let reason = bench.fails("exec.run", &[("argv", words(&["./script"]))]).await;
    assert!(reason.contains("chmod +x"), "{reason}");
    let reason = bench
        .fails("exec.run", &[("argv", words(&["true"])), ("cwd", text("none"))])
        .await;
    assert!(reason.contains("does not exist"), "{reason}");
    let reason = bench.fails("exec.run", &[("argv", words(&[]))]).await;
    assert!(reason.contains("no program"), "{reason}");
}

#[tokio::test]
async fn a_secret_is_nowhere_in_what_is_kept() {
    let secret = "hunter-2-hunter";
    let bench = real().with_secret(secret);
    let script = "read -r x; echo $TOKEN; echo \"$x\" | base64 >&2; head -c 100000 /dev/zero | tr '\\0' x; \
                  echo \"$TOKEN\" >&2; exit 1";
    let arguments = [
        ("argv", words(&["sh", "-c", script])),
        ("env", Value::Map([("TOKEN".to_owned(), bench.secret())].into())),
        ("stdin", bench.secret()),
    ];
    let outcome = bench.perform(&bench.call("exec.run", &arguments)).await;
    let kept = format!("{outcome:?}{}{}", said(&outcome, "stdout"), said(&outcome, "stderr"));
    assert!(
        !kept.contains(secret) && !kept.contains("aHVudGVyLTIt"),
        "{}",
        &kept[..300]
    );
    assert!(said(&outcome, "stdout").starts_with("***\n"));
    assert_eq!(outcome.evidence().summary, "sh ended with status 1: ***");
}

#[tokio::test]
async fn of_much_the_beginning_and_the_end_are_kept() {
    let bench = real();
    let script = "echo first; head -c 6000000 /dev/zero | tr '\\0' x; printf '\\nlast\\n\\n'; exit 1";
    let outcome = bench.perform(&shell(&bench, script)).await;
    let kept = said(&outcome, "stdout");
    assert!(kept.starts_with("first\nxxx") && kept.ends_with("xxx\nlast\n\n"));
    let note: Vec<&str> = kept
        .split("\n[… ")
        .nth(1)
        .unwrap()
        .split(" bytes left out …]\n")
        .collect();
    let left_out: usize = note[0].parse().unwrap();
    let shown = kept.split("\n[… ").next().unwrap().len() + note[1].len();
    assert_eq!(left_out + shown, 6 + 6_000_000 + 7);
    assert!(shown < 4 << 20, "{shown} bytes were kept");
    assert_eq!(outcome.evidence().summary, "sh ended with status 1: last");
}

#[tokio::test]
async fn one_final_line_end_is_cut_and_a_secret_at_the_cut_is_no_value() {
    let bench = real().with_secret("hunter-2-hunter");
    for (printed, expected) in [(r"a\n\n", "a\n"), (r"a\r\n", "a"), ("", "")] {
        let (_, _, stdout) = read(&bench, &[("argv", words(&["printf", printed]))]).await;
        assert_eq!(stdout, expected);
    }
    let script = "head -c 65532 /dev/zero | tr '\\0' x; echo hunter-2-hunter and more";
    let reason = bench
        .fails("exec.read", &[("argv", words(&["sh", "-c", script]))])
        .await;
    assert_eq!(reason, "sh printed more than 64 KiB with a secret in it");
}

#[tokio::test]
async fn much_output_neither_blocks_nor_fills_the_value() {
    let bench = real();
    let script = "yes line | head -c 9000000; yes err | head -c 300000 >&2";
    let outcome = bench
        .perform(&bench.call("exec.read", &[("argv", words(&["sh", "-c", script]))]))
        .await;
    let Some(Value::Record(fields)) = &outcome.evidence().value else {
        panic!("{outcome:?}")
    };
    assert!(matches!(&fields["stdout"], Value::Text(text) if text.len() == 64 * 1024));
    assert!(said(&outcome, "stdout").contains("bytes left out"));
    assert!(outcome.evidence().summary.contains("cut at 64 KiB"));
}

#[tokio::test]
async fn what_a_program_leaves_behind_lives_and_holds_nothing_up() {
    let bench = real();
    let call = shell(&bench, "sleep 300 & echo $! > pid");
    let began = Instant::now();
    assert!(matches!(bench.perform(&call).await, Outcome::Done(_)));
    assert!(began.elapsed() < Duration::from_secs(3));
    let pid = std::fs::read_to_string(bench.path("pid")).unwrap();
    assert_eq!(living(&call.mark()), [format!("/proc/{}", pid.trim())]);
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// A background grandchild that ignores TERM and has called setsid.
const HIDES: &str = "setsid sh -c 'trap \"\" TERM; echo up > up; while :; do sleep 1; done' & sleep 300";

#[tokio::test]
async fn nothing_survives_the_limit() {
    let bench = real();
    let call = shell(&bench, HIDES)
        .within(Duration::from_millis(700))
        .stopped_by(Cancel::Grace { ms: 500 });
    let outcome = bench.perform(&call).await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert!(outcome.evidence().summary.contains("not done within 700ms"));
    wait_for(&bench.path("up")).await;
    assert_eq!(living(&call.mark()), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_survives_a_request_to_stop() {
    let bench = real();
    let call = shell(&bench, HIDES).stopped_by(Cancel::Kill);
    let (outcome, ()) = tokio::join!(bench.perform(&call), async {
        wait_for(&bench.path("up")).await;
        call.cancel();
    });
    assert!(outcome.evidence().summary.contains("stopped on request"), "{outcome:?}");
    assert_eq!(living(&call.mark()), Vec::<String>::new());
}

#[tokio::test]
async fn a_program_may_end_in_order_when_it_is_asked_to() {
    let bench = real();
    let script = "trap 'echo tidy > tidy; exit 0' TERM; echo up > up; while :; do sleep 0.1; done";
    let call = shell(&bench, script);
    let (outcome, ()) = tokio::join!(bench.perform(&call), async {
        wait_for(&bench.path("up")).await;
        call.cancel();
    });
    assert!(!matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(wait_for(&bench.path("tidy")).await, "tidy");
}

/// One that also wiped its environment and lost its parent, while other tests run beside it.
#[tokio::test]
async fn nothing_survives_that_wiped_its_marks() {
    let bench = real();
    let up = bench.path("up");
    let needle = format!("wiped-{}", std::process::id());
    let script = format!(
        "(env -i PATH=\"$PATH\" setsid sh -c 'trap \"\" TERM; echo up > {}; while :; do sleep 1; done' {needle} &) ; sleep 300",
        up.display()
    );
    // The needle is among the words of the first shell too, until it is ended.
    let call = shell(&bench, &script).stopped_by(Cancel::Grace { ms: 500 });
    let (outcome, ()) = tokio::join!(bench.perform(&call), async {
        wait_for(&up).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!living(&needle).is_empty());
        call.cancel();
    });
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(living(&needle), Vec::<String>::new());
}

/// A question that nobody waits for any more is dropped half-way.
#[tokio::test]
async fn nothing_survives_that_is_dropped() {
    let bench = real();
    let call = bench.call("exec.read", &[("argv", words(&["sh", "-c", HIDES]))]);
    let up = bench.path("up");
    tokio::select! {
        outcome = bench.perform(&call) => panic!("{outcome:?}"),
        _ = wait_for(&up) => {}
    }
    for _ in 0..100 {
        if living(&call.mark()).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still there: {:?}", living(&call.mark()));
}
