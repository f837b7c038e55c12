//! A reply that is lost on purpose, for every changing action: what is settled is what happened, and a second attempt
//! ends as if nothing had been lost.

use std::time::Duration;

use backstay::action::Settled;
use backstay::containers::Timeouts;
use backstay::event::End;
use backstay_dsl::topology::Begins;

use crate::docker::actions_bench::{Bench, Call, image, map, service_script, short, text, words};
use crate::support::daemon::Daemon;
use crate::support::proxy::Proxy;
use crate::support::sandbox::wait_until;

/// What is lost of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// The request itself: it was not done.
    Request,
    /// Only the reply: it was done.
    Reply,
}

impl Lost {
    const BOTH: [Self; 2] = [Self::Request, Self::Reply];

    fn of(self, proxy: &Proxy, method: &str, pattern: &str) {
        match self {
            Self::Request => proxy.before(method, pattern),
            Self::Reply => proxy.after(method, pattern),
        }
    }

    /// Performs a call of which this is lost, and gives what is settled then.
    async fn settled(self, proxy: &Proxy, method: &str, pattern: &str, call: &Call<'_>) -> Settled {
        let before = proxy.swallowed();
        self.of(proxy, method, pattern);
        call.is_lost().await;
        assert_eq!(proxy.swallowed(), before + 1, "{method} {pattern}");
        call.settle().await
    }

    /// The same; what is settled must be what happened.
    async fn is_settled_truly(self, proxy: &Proxy, method: &str, pattern: &str, call: &Call<'_>) {
        let settled = self.settled(proxy, method, pattern, call).await;
        let is_true = match self {
            Self::Request => matches!(settled, Settled::NotDone(_)),
            Self::Reply => matches!(settled, Settled::Done(_)),
        };
        assert!(is_true, "{method} {pattern}: {settled:?}");
    }

    /// The same for the last request of several: without it the action is neither done nor not done, because what is
    /// not done has no way back.
    async fn is_last(self, proxy: &Proxy, method: &str, pattern: &str, call: &Call<'_>) {
        let settled = self.settled(proxy, method, pattern, call).await;
        let is_true = match self {
            Self::Request => matches!(settled, Settled::Undecidable(ref why) if why.starts_with("half-way")),
            Self::Reply => matches!(settled, Settled::Done(_)),
        };
        assert!(is_true, "{method} {pattern}: {settled:?}");
    }
}

#[tokio::test]
async fn a_stop_is_settled_by_what_stays_stopped() {
    let Some(daemon) = Daemon::shared("a_stop_is_settled_by_what_stays_stopped") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "lost-stop", Begins::Running);
    let app = daemon.image("lost-stop", &service_script("A"));
    let call = bench.call("stop", &[]);
    for lost in Lost::BOTH {
        daemon.docker(&["run", "--detach", "--name=lost-stop", "--restart=always", &app]);
        // Without its policy off it is not stopped for good, whoever lost the reply.
        let update = lost.settled(&proxy, "POST", "/containers/*/update", &call).await;
        let is_off = lost == Lost::Reply;
        assert_eq!(
            matches!(update, Settled::Undecidable(_)),
            is_off,
            "{lost:?}: {update:?}"
        );
        assert_eq!(matches!(update, Settled::NotDone(_)), !is_off, "{lost:?}: {update:?}");
        lost.is_last(&proxy, "POST", "/containers/*/stop", &call).await;
        assert!(call.does().await.summary.contains("its restart policy always is kept"));
        bench.does("start", &[]).await;
        assert_eq!(bench.asks("restart_policy").await, "always", "{lost:?}");
        daemon.docker(&["rm", "--force", "lost-stop"]);
    }
    assert!(matches!(call.settle().await, Settled::Done(_)));
}

#[tokio::test]
async fn a_start_is_settled_by_what_runs() {
    let Some(daemon) = Daemon::shared("a_start_is_settled_by_what_runs") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "lost-start", Begins::Running);
    let app = daemon.image("lost-start", &service_script("A"));
    let call = bench.call("start", &[]);
    daemon.docker(&["run", "--detach", "--name=lost-start", "--restart=always", &app]);
    bench.does("stop", &[]).await;
    let started = Lost::Request
        .settled(&proxy, "POST", "/containers/*/start", &call)
        .await;
    assert!(matches!(started, Settled::NotDone(_)), "{started:?}");
    // It runs, but its policy is not back: neither done nor not done.
    let started = Lost::Reply.settled(&proxy, "POST", "/containers/*/start", &call).await;
    assert!(
        matches!(started, Settled::Undecidable(ref reason) if reason.contains("policy")),
        "{started:?}"
    );
    for lost in Lost::BOTH {
        lost.is_last(&proxy, "POST", "/containers/*/update", &call).await;
    }
    call.does().await;
    assert_eq!(bench.asks("restart_policy").await, "always");
}

#[tokio::test]
async fn a_removal_is_settled_by_what_is_there() {
    let Some(daemon) = Daemon::shared("a_removal_is_settled_by_what_is_there") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "lost-remove", Begins::Running);
    let app = daemon.image("lost-remove", &service_script("A"));
    let call = bench.call("remove", &[]);
    daemon.docker(&["run", "--detach", "--name=lost-remove", &app]);
    for lost in Lost::BOTH {
        lost.is_last(&proxy, "DELETE", "/containers/*", &call).await;
    }
    assert!(call.does().await.summary.contains("there was no container"));
}

#[tokio::test]
async fn a_pull_is_settled_by_the_digest_that_is_here() {
    let Some(daemon) = Daemon::shared("a_pull_is_settled_by_the_digest_that_is_here") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "lost-pull", Begins::Running);
    let app = daemon.image("lost-pull", "exit 0");
    daemon.docker(&["rmi", "--force", &app]);
    let _ = daemon.try_docker(&["rmi", "--force", &format!("{}/lost-pull:latest", daemon.registry())]);
    let call = bench.call("pull", &[("image", image(&app))]);
    for lost in Lost::BOTH {
        lost.is_settled_truly(&proxy, "POST", "/images/create", &call).await;
    }
    assert!(call.does().await.summary.ends_with("is here already"));
}

#[tokio::test]
async fn a_program_inside_cannot_be_settled() {
    let Some(daemon) = Daemon::shared("a_program_inside_cannot_be_settled") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "lost-exec", Begins::Running);
    let app = daemon.image("lost-exec", &service_script("A"));
    daemon.docker(&["run", "--detach", "--name=lost-exec", &app]);
    let call = bench.call("exec", &[("argv", words(&["sh", "-c", "echo x >> /tmp/done"]))]);
    for (lost, times) in [(Lost::Request, "0"), (Lost::Reply, "1")] {
        let settled = lost.settled(&proxy, "POST", "/exec/*/start", &call).await;
        assert!(matches!(settled, Settled::Undecidable(_)), "{lost:?}: {settled:?}");
        let count = "touch /tmp/done; wc -l < /tmp/done";
        assert_eq!(
            daemon.docker(&["exec", "lost-exec", "sh", "-c", count]),
            times,
            "{lost:?}"
        );
    }
}

/// Every request of a replacement, how many of its kind came before it, and what is settled when only its reply is
/// lost: done only by the last.
const OF_A_RUN: &[(&str, usize, bool)] = &[
    ("/containers/create", 0, false),
    ("/containers/*/update", 0, false),
    ("/containers/*/stop", 0, false),
    ("/containers/*/rename", 0, false),
    ("/containers/*/rename", 1, false),
    ("/containers/*/start", 0, true),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement_goes_on_wherever_it_was_lost() {
    let Some(daemon) = Daemon::shared("a_replacement_goes_on_wherever_it_was_lost") else {
        return;
    };
    let old = daemon.image("lost-run", &service_script("A"));
    let new = daemon.image("lost-run-new", &service_script("B"));
    let all = OF_A_RUN
        .iter()
        .flat_map(|request| Lost::BOTH.map(|lost| (request, lost)));
    let all = all.map(|(request, lost)| goes_on(daemon, &old, &new, *request, lost));
    futures_util::future::join_all(all).await;
}

async fn goes_on(daemon: &Daemon, old: &str, new: &str, request: (&str, usize, bool), lost: Lost) {
    let (pattern, earlier, ends_it) = request;
    let at = format!("{pattern} {earlier} {lost:?}");
    let word = pattern.rsplit('/').next().unwrap();
    let name = format!("lost-run-{word}{earlier}-{lost:?}").to_lowercase();
    let proxy = Proxy::new(daemon);
    let mut bench = Bench::reached_by(daemon, &proxy.host(), &name, Begins::Running);
    let volume = format!("{name}-data");
    let data = bench.volume(&volume);
    daemon.docker(&[
        "run",
        "--detach",
        &format!("--name={name}"),
        "--restart=always",
        &format!("--volume={volume}:/data"),
        old,
    ]);
    let call = bench.call("run", &[("image", image(new))]);
    for _ in 0..earlier {
        proxy.passes("POST", pattern);
    }
    let settled = lost.settled(&proxy, "POST", pattern, &call).await;
    let is_done = ends_it && lost == Lost::Reply;
    assert_eq!(matches!(settled, Settled::Done(_)), is_done, "{at}: {settled:?}");
    // Only what did not touch the old one is not done: anything else is to be turned back.
    let is_untouched = pattern.ends_with("create") || (pattern.ends_with("update") && lost == Lost::Request);
    assert_eq!(
        matches!(settled, Settled::NotDone(_)),
        is_untouched,
        "{at}: {settled:?}"
    );
    call.does().await;
    assert_eq!(bench.asks("running_image").await, new, "{at}");
    assert_eq!(bench.asks("restart_policy").await, "always", "{at}");
    assert_eq!(bench.of_the_run(), name, "{at}");
    assert!(data.join("lock").exists(), "{at}: the volume was not taken over");
    assert!(!data.join("two").exists(), "{at}: two wrote at once");
    assert_eq!(bench.concluded(End::Completed).await, "", "{at}");
    assert_eq!(bench.of_the_service(), name, "{at}");
}

#[tokio::test]
async fn a_first_container_is_found_by_its_label_when_the_reply_was_lost() {
    let Some(daemon) = Daemon::shared("a_first_container_is_found_by_its_label_when_the_reply_was_lost") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "lost-first", Begins::Absent);
    let app = daemon.image("lost-first", &service_script("A"));
    let call = bench.call("run", &[("image", image(&app)), ("restart", text("always"))]);
    for lost in Lost::BOTH {
        let settled = lost.settled(&proxy, "POST", "/containers/create", &call).await;
        let is_made = lost == Lost::Reply;
        assert_eq!(
            matches!(settled, Settled::NotDone(_)),
            !is_made,
            "{lost:?}: {settled:?}"
        );
        assert_eq!(
            matches!(settled, Settled::Undecidable(_)),
            is_made,
            "{lost:?}: {settled:?}"
        );
    }
    // What another makes in the meantime is not taken for ours.
    daemon.docker(&["rm", "lost-first"]);
    daemon.docker(&["run", "--detach", "--name=lost-first", &app]);
    assert!(matches!(call.settle().await, Settled::NotDone(_)));
    assert!(
        bench
            .fails("run", &[("image", image(&app))])
            .await
            .contains("did not make")
    );
    daemon.docker(&["rm", "--force", "lost-first"]);
    call.does().await;
    assert!(matches!(call.settle().await, Settled::Done(_)));
}

#[tokio::test]
async fn a_volume_is_settled_by_whose_it_is() {
    let Some(daemon) = Daemon::shared("a_volume_is_settled_by_whose_it_is") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "lost-volume", Begins::Absent);
    let call = bench.call("create_volume", &[("name", text("lost-volume-data"))]);
    for lost in Lost::BOTH {
        lost.is_settled_truly(&proxy, "POST", "/volumes/create", &call).await;
        assert!(call.does().await.summary.contains("the volume lost-volume-data"));
        let label = daemon.docker(&[
            "volume",
            "inspect",
            "--format={{index .Labels \"backstay.run\"}}",
            "lost-volume-data",
        ]);
        assert_eq!(label, "run-lost-volume");
        daemon.docker(&["volume", "rm", "lost-volume-data"]);
    }
    daemon.docker(&["volume", "create", "lost-volume-data"]);
    assert!(matches!(call.settle().await, Settled::NotDone(_)));
    let refused = bench
        .fails("create_volume", &[("name", text("lost-volume-data"))])
        .await;
    assert!(refused.contains("which this run did not make"), "{refused}");
    daemon.docker(&["volume", "rm", "lost-volume-data"]);
    // A volume that is not there is no empty one: neither for a service nor for a job.
    let app = daemon.image("lost-volume", &service_script("A"));
    let arguments = [
        ("image", image(&app)),
        ("argv", words(&["true"])),
        ("mounts", map(&[("/data", "lost-volume-data")])),
    ];
    for (action, given) in [("run", vec![0, 2]), ("job", vec![0, 1, 2])] {
        let given: Vec<_> = given.into_iter().map(|place: usize| arguments[place].clone()).collect();
        let refused = bench.fails(action, &given).await;
        assert!(
            refused.contains("there is no volume lost-volume-data") && refused.contains("docker.create_volume"),
            "{action}: {refused}"
        );
    }
    assert_eq!(bench.of_the_run(), "");
    assert!(daemon.try_docker(&["volume", "inspect", "lost-volume-data"]).is_err());
}

/// A tool that counts how often it ran, takes its seconds, and ends with its status.
struct Tool<'a> {
    bench: Bench<'a>,
    image: String,
    data: std::path::PathBuf,
}

impl<'a> Tool<'a> {
    fn new(daemon: &'a Daemon, proxy: &Proxy, name: &str) -> Self {
        let mut bench = Bench::reached_by(daemon, &proxy.host(), name, Begins::Running);
        let data = bench.volume(&format!("{name}-data"));
        let image = daemon.image(name, "echo x >> /data/count; sleep $1; exit $2");
        Self { bench, image, data }
    }

    fn job(&self, statement: &str, seconds: &str, status: &str) -> Call<'_> {
        let volume = format!("{}-data", self.bench.name);
        let arguments = [
            ("image", image(&self.image)),
            ("argv", words(&[seconds, status])),
            ("mounts", map(&[("/data", volume.as_str())])),
        ];
        self.bench.call("job", &arguments).of_statement(statement)
    }

    fn wait_for_end(&self) {
        let label = format!("--filter=label=backstay.run=run-{}", self.bench.name);
        let ended = ["ps", "--all", "--quiet", "--filter=status=exited", label.as_str()];
        wait_until("the job has ended", || !self.bench.daemon.docker(&ended).is_empty());
    }

    /// How often it ran since this was last asked; no container may be left.
    fn count(&self) -> usize {
        let text = std::fs::read_to_string(self.data.join("count")).unwrap_or_default();
        let _ = std::fs::remove_file(self.data.join("count"));
        assert_eq!(self.bench.of_the_run(), "");
        text.lines().count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_never_runs_twice_at_once() {
    let Some(daemon) = Daemon::shared("a_job_never_runs_twice_at_once") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let tool = Tool::new(daemon, &proxy, "lost-job");
    let start = ("POST", "/containers/*/start");
    let unmade = tool.job("a.1", "0", "0");
    let settled = Lost::Request
        .settled(&proxy, "POST", "/containers/create", &unmade)
        .await;
    assert!(matches!(settled, Settled::NotDone(_)), "{settled:?}");
    assert_eq!(unmade.does().await.summary, "0 ended well");
    assert_eq!(tool.count(), 1);
    // A second attempt takes up what runs; settling waits for it, and ends it at the limit.
    let running = tool.job("b.1", "4", "0");
    Lost::Reply.of(&proxy, start.0, start.1);
    running.is_lost().await;
    assert_eq!(running.does().await.summary, "4 ended well");
    assert!(tool.bench.heard().iter().any(|line| line.contains("still runs")));
    assert_eq!(tool.count(), 1);
    let waited = tool.job("b.2", "4", "0");
    let settled = Lost::Reply.settled(&proxy, start.0, start.1, &waited).await;
    assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
    assert_eq!(tool.count(), 1);
    let endless = tool.job("b.3", "300", "0").within(Duration::from_secs(8));
    let settled = Lost::Reply.settled(&proxy, start.0, start.1, &endless).await;
    assert!(
        matches!(settled, Settled::Undecidable(ref why) if why.contains("was ended")),
        "{settled:?}"
    );
    assert_eq!(tool.count(), 1);
    let unstarted = tool.job("b.4", "0", "0");
    let settled = Lost::Request.settled(&proxy, start.0, start.1, &unstarted).await;
    assert!(matches!(settled, Settled::NotDone(_)), "{settled:?}");
    assert_eq!(tool.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_job_is_not_lost() {
    let Some(daemon) = Daemon::shared("the_end_of_a_job_is_not_lost") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let tool = Tool::new(daemon, &proxy, "ended-job");
    let ended = tool.job("c.1", "0", "0");
    Lost::Reply.of(&proxy, "POST", "/containers/*/start");
    ended.is_lost().await;
    tool.wait_for_end();
    assert!(matches!(ended.settle().await, Settled::Done(_)));
    assert_eq!(tool.count(), 1);
    assert!(matches!(ended.settle().await, Settled::Done(_)));
    let failed = tool.job("d.1", "0", "5");
    Lost::Reply.of(&proxy, "POST", "/containers/*/start");
    failed.is_lost().await;
    tool.wait_for_end();
    assert!(matches!(failed.settle().await, Settled::Undecidable(ref why) if why.contains("status 5")));
    let told = failed.perform().await;
    assert_eq!(told.evidence().summary, "0 ended with status 5");
    assert_eq!(tool.count(), 1);
}

#[tokio::test]
async fn an_engine_that_is_away_settles_nothing() {
    let Some(daemon) = Daemon::shared("an_engine_that_is_away_settles_nothing") else {
        return;
    };
    let bench = Bench::reached_by(daemon, "unix:///nowhere/docker.sock", "away", Begins::Running);
    let bench = bench.with(Timeouts {
        away: Duration::from_millis(300),
        ..short()
    });
    let pinned = image(&format!("localhost:1/a@sha256:{}", "0".repeat(64)));
    let calls = [
        bench.call("stop", &[]),
        bench.call("start", &[]),
        bench.call("remove", &[]),
        bench.call("run", &[("image", pinned.clone())]),
        bench.call("pull", &[("image", pinned.clone())]),
        bench.call("job", &[("image", pinned), ("argv", words(&[]))]),
    ];
    let settled = futures_util::future::join_all(calls.iter().map(Call::settle)).await;
    for settled in settled {
        assert!(matches!(settled, Settled::Undecidable(_)), "{settled:?}");
    }
    let version = bench.asks("version").await;
    assert!(
        version.contains("ok: false") && version.contains("/nowhere/docker.sock"),
        "{version}"
    );
}
