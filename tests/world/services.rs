//! `process` against real processes.

use std::path::Path;
use std::time::Duration;

use backstay::action::{Outcome, Settled};
use backstay::value::Value;

use crate::support::bench::{Bench, path_value, service, words};
use crate::support::worlds::real;

fn start(bench: &Bench, script: &str) -> [(&'static str, Value); 3] {
    [
        ("service", service()),
        ("argv", words(&["sh", "-c", script])),
        ("log", path_value(&bench.path("log"))),
    ]
}

fn stop(grace_ms: u64) -> [(&'static str, Value); 2] {
    [("service", service()), ("grace", Value::Duration(grace_ms))]
}

/// The numbers of the living processes with a word in their environment.
fn marked(mark: &str) -> Vec<i32> {
    let entry = format!("BACKSTAY_PROCESS={mark}\0");
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    folders
        .filter_map(|folder| folder.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&bytes).contains(&entry)
        })
        .collect()
}

/// Parent, group and session.
fn family(pid: i32) -> [i32; 3] {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit_once(')').unwrap().1;
    let numbers: Vec<i32> = rest
        .split_whitespace()
        .skip(1)
        .take(3)
        .map(|word| word.parse().unwrap())
        .collect();
    [numbers[0], numbers[1], numbers[2]]
}

async fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

fn holds(path: &Path, text: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|content| content.contains(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_has_its_own_session_and_adds_to_its_log() {
    let bench = real();
    bench.given("log", "before\n").await;
    bench
        .does("process.start", &start(&bench, "echo up; env; exec sleep 300"))
        .await;
    let pids = marked(&bench.mark());
    assert_eq!(pids.len(), 1, "no wrapper is left: {pids:?}");
    assert_eq!(family(pids[0])[1..], [pids[0], pids[0]]);
    let log = std::fs::read_to_string(bench.path("log")).unwrap();
    assert!(
        log.starts_with("before\nup\n") && log.contains("BACKSTAY_KEY="),
        "{log}"
    );
    assert!(!log.contains("BACKSTAY_RUN="), "it is no orphan of the run: {log}");
    bench.does("process.stop", &stop(2000)).await;
    // Nobody is left, not even to be collected.
    wait_for("collected", || !Path::new(&format!("/proc/{}", pids[0])).exists()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_ends_at_once_was_not_started() {
    let bench = real().with_secret("hunter-2-hunter");
    bench.given("log", "old line\n").await;
    let reason = bench
        .fails(
            "process.start",
            &start(&bench, "echo no licence hunter-2-hunter >&2; exit 7"),
        )
        .await;
    assert_eq!(reason, "sh ended at once with status 7: no licence ***");
    let alive = bench.does("process.alive", &[("service", service())]).await;
    assert_eq!(alive, Some(Value::Bool(false)));
    let silent = bench.fails("process.start", &start(&bench, "exit 1")).await;
    assert!(silent.contains("said nothing"), "{silent}");
    // One that reads for a while what it needs, and then fails.
    let busy =
        "end=$(($(date +%s%N) + 600000000)); while [ \"$(date +%s%N)\" -lt $end ]; do :; done; echo no port; exit 3";
    let late = bench.fails("process.start", &start(&bench, busy)).await;
    assert_eq!(late, "sh ended at once with status 3: no port");
    let missing = [("service", service()), ("argv", words(&["no-such-program"]))];
    assert!(bench.fails("process.start", &missing).await.contains("was not found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_runs_already_is_left_alone() {
    let bench = real();
    let arguments = start(&bench, "exec sleep 300");
    let first = bench.call("process.start", &arguments).keyed("start", 1);
    assert!(matches!(bench.perform(&first).await, Outcome::Done(_)));
    let pids = marked(&bench.mark());
    let again = bench.call("process.start", &arguments).keyed("other", 1);
    let outcome = bench.perform(&again).await;
    assert!(
        outcome.evidence().summary.contains("runs already as process"),
        "{outcome:?}"
    );
    assert!(matches!(outcome, Outcome::Done(_)));
    let other = start(&bench, "exec sleep 301");
    let reason = bench.fails("process.start", &other).await;
    assert!(reason.contains("started with other words; stop it first"), "{reason}");
    assert_eq!(marked(&bench.mark()), pids);
    bench.does("process.stop", &stop(2000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_goes_into_the_background_runs() {
    let bench = real();
    bench
        .does("process.start", &start(&bench, "setsid sleep 300 & sleep 0.1"))
        .await;
    assert_eq!(marked(&bench.mark()).len(), 1);
    let call = bench.call("process.start", &start(&bench, "true"));
    assert!(matches!(bench.settle(&call).await, Settled::Done(_)));
    bench.does("process.stop", &stop(2000)).await;
    assert_eq!(marked(&bench.mark()), Vec::<i32>::new());
    assert!(matches!(bench.settle(&call).await, Settled::NotDone(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_all_of_it_and_kills_what_does_not_listen() {
    let bench = real();
    let folder = bench.folder.display();
    let script = format!(
        "trap '' TERM; env -i PATH=\"$PATH\" sh -c 'trap \"\" TERM; echo $$ > {folder}/child; while :; do sleep 1; done' & \
         while :; do sleep 1; done"
    );
    bench.does("process.start", &start(&bench, &script)).await;
    let child = bench.path("child");
    wait_for("the child", || holds(&child, "\n")).await;
    let child = std::fs::read_to_string(child).unwrap();
    let outcome = bench.perform(&bench.call("process.stop", &stop(300))).await;
    assert!(outcome.evidence().summary.contains("so it was killed"), "{outcome:?}");
    assert_eq!(marked(&bench.mark()), Vec::<i32>::new());
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    assert!(
        stat.is_empty() || stat.contains(") Z "),
        "the child without a mark is gone: {stat}"
    );
}

/// A service that somebody started by hand from a shell: the shell lives on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_spares_the_session_of_whoever_started_the_service() {
    let bench = real();
    let script = format!(
        "BACKSTAY_PROCESS='{}' sleep 300 & echo $! > {folder}/pid; wait; echo lives > {folder}/lives; exec sleep 300",
        bench.mark(),
        folder = bench.folder.display()
    );
    let mut shell = std::process::Command::new("setsid")
        .args(["sh", "-c", &script])
        .spawn()
        .unwrap();
    wait_for("the service", || !marked(&bench.mark()).is_empty()).await;
    bench.does("process.stop", &stop(2000)).await;
    let lives = bench.path("lives");
    wait_for("the shell goes on", || holds(&lives, "lives")).await;
    shell.kill().unwrap();
    shell.wait().unwrap();
}

/// The kernel writes the name in brackets before the numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_may_have_brackets_and_spaces_in_its_name() {
    let bench = real();
    let program = bench.path("(a) b) S 1");
    std::fs::copy("/bin/sleep", &program).unwrap();
    let argv = words(&[program.to_str().unwrap(), "300"]);
    bench
        .does("process.start", &[("service", service()), ("argv", argv)])
        .await;
    let alive = bench.does("process.alive", &[("service", service())]).await;
    assert_eq!(alive, Some(Value::Bool(true)));
    bench.does("process.stop", &stop(2000)).await;
    assert_eq!(marked(&bench.mark()), Vec::<i32>::new());
}

#[tokio::test]
async fn a_port_tells_who_holds_it() {
    let bench = real();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = [("port", Value::Port(socket.local_addr().unwrap().port()))];
    let own = Value::Int(i64::from(std::process::id()));
    let held = bench.does("process.listeners", &port).await;
    assert!(
        matches!(&held, Some(Value::List(pids)) if pids.contains(&own)),
        "{held:?}"
    );
    assert_eq!(bench.does("process.listening", &port).await, Some(Value::Bool(true)));
    // Who is connected does not listen.
    let near = std::net::TcpStream::connect(socket.local_addr().unwrap()).unwrap();
    let far = socket.accept().unwrap();
    drop(socket);
    assert_eq!(bench.does("process.listening", &port).await, Some(Value::Bool(false)));
    drop((near, far));
}

/// The runner is killed (SIGKILL): the service lives on.
#[test]
fn a_service_survives_its_runner() {
    const FOLDER: &str = "BACKSTAY_TEST_RUNNER";
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Some(note) = std::env::var_os(FOLDER) {
        runtime.block_on(async {
            let bench = real();
            bench.does("process.start", &start(&bench, "exec sleep 300")).await;
            std::fs::write(note, format!("{}\n", marked(&bench.mark())[0])).unwrap();
            std::future::pending::<()>().await;
        });
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("note");
    let mut runner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "world::services::a_service_survives_its_runner"])
        .env(FOLDER, &note)
        .spawn()
        .unwrap();
    runtime.block_on(wait_for("the service", || holds(&note, "\n")));
    runner.kill().unwrap();
    runner.wait().unwrap();
    let pid: i32 = std::fs::read_to_string(&note).unwrap().trim().parse().unwrap();
    let is_sleeping =
        || std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.contains("sleep"));
    std::thread::sleep(Duration::from_millis(200));
    assert!(is_sleeping());
    let service = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(service, rustix::process::Signal::KILL).unwrap();
}
