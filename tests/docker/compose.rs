//! Services of Compose projects, through the real `docker compose`: forward, turned back, killed, with a lost reply, and
//! what is refused.

mod project;
mod refused;

use crate::docker::compose::project::{Project, Started};
use crate::support::at_each::{at_each, every_record};
use crate::support::daemon::Daemon;
use crate::support::proxy::Proxy;
use crate::support::sandbox::{Finished, finish, signal, wait_until};

/// Most of the time of a run is waiting for what containers do.
const WORKERS: usize = 6;

#[test]
fn a_new_image_is_pinned_and_runs_and_what_shares_its_network_is_made_anew() {
    let Some(daemon) = Daemon::with_compose("a_new_image_is_pinned_and_runs_and_what_shares_its_network_is_made_anew")
    else {
        return;
    };
    let project = Project::started(daemon, Started::default());
    let plan = project.call("plan", "two").exits(0).in_one_line();
    for said in [
        "Docker Compose 2",
        "stops the container app within 5s",
        "mounted into `app`: the volume",
    ] {
        assert!(plan.contains(said), "{said}: {plan}");
    }
    project.call("run", "two").exits(0);
    project.runs("two").unwrap();
    project.is_pinned_to("two").unwrap();
    project.shares_its_network().unwrap();
    assert_eq!(project.inspect("app", "{{.HostConfig.RestartPolicy.Name}}"), "always");
    assert_eq!(project.book(), ["one", "two"]);
}

#[test]
fn a_release_that_fails_is_taken_back_with_the_very_bytes_of_its_pin() {
    let Some(daemon) = Daemon::with_compose("a_release_that_fails_is_taken_back_with_the_very_bytes_of_its_pin") else {
        return;
    };
    // The pin is a tag, between quotes, and stays that.
    let project = Project::started(
        daemon,
        Started {
            is_by_tag: true,
            ..Started::default()
        },
    );
    let before = project.settings();
    project.call("run", "broken").exits(5);
    project.runs("one").unwrap();
    assert_eq!(project.settings(), before);
    project.shares_its_network().unwrap();
    assert_eq!(project.inspect("app", "{{.HostConfig.RestartPolicy.Name}}"), "always");
    // What the broken one wrote went with the restore; the old one has started once more.
    assert_eq!(project.book(), ["one", "one"]);
}

#[test]
fn a_project_is_called_as_it_was_called() {
    let Some(daemon) = Daemon::with_compose("a_project_is_called_as_it_was_called") else {
        return;
    };
    let started = Started {
        is_elsewhere: true,
        ..Started::default()
    };
    let project = Project::started(daemon, started);
    project.call("run", "two").exits(0);
    project.runs("two").unwrap();
    project.is_pinned_to("two").unwrap();
    // The second file still counts, and so does the profile that the service is in.
    assert_eq!(
        project.inspect("app", "{{index .Config.Labels \"of.the.second.file\"}}"),
        "yes"
    );
    project.has_only_its_two().unwrap();
}

#[test]
fn a_runner_that_is_killed_anywhere_is_resumed() {
    let test = "a_runner_that_is_killed_anywhere_is_resumed";
    let Some(daemon) = Daemon::with_compose(test) else {
        return;
    };
    for (release, exit) in [("two", 0), ("broken", 5)] {
        let whole = Project::started(daemon, Started::default());
        whole.call("run", release).exits(exit);
        let records = whole.sandbox.records().len();
        drop(whole);
        at_each(
            &every_record(records),
            WORKERS,
            || (),
            |(), failpoint| {
                let project = Project::started(daemon, Started::default());
                let before = project.settings();
                let killed = project
                    .command("run", release)
                    .env("BACKSTAY_FAILPOINT", failpoint)
                    .output()
                    .unwrap();
                if killed.status.code().is_some() {
                    return Err(format!(
                        "it was not killed: {}",
                        String::from_utf8_lossy(&killed.stderr)
                    ));
                }
                let Some(resumed) = project.resume() else {
                    return project.runs("one");
                };
                let is_back = match resumed.exit {
                    0 if exit == 0 => false,
                    5 => true,
                    // It had ended.
                    2 | 4 if failpoint.ends_with(&format!(":{records}")) => exit == 5,
                    other => return Err(format!("exit {other}: {}\n{}", resumed.stdout, resumed.stderr)),
                };
                project.runs(if is_back { "one" } else { release })?;
                project.shares_its_network()?;
                project.has_only_its_two()?;
                match (is_back, project.settings() == before) {
                    (true, false) => Err(format!("the settings are otherwise: {}", project.settings())),
                    _ => Ok(()),
                }
            },
        );
    }
}

#[test]
fn a_runner_that_is_killed_while_compose_works_leaves_nothing_running_and_is_resumed() {
    let test = "a_runner_that_is_killed_while_compose_works_leaves_nothing_running_and_is_resumed";
    let Some(daemon) = Daemon::with_compose(test) else {
        return;
    };
    let project = Project::started(daemon, Started::default());
    let proxy = Proxy::new(daemon);
    let child = project
        .command("run", "two")
        .env("DOCKER_HOST", proxy.host())
        .spawn()
        .unwrap();
    // The new container is made, and the old one is still there.
    let is_made = |seen: &String| seen.starts_with("POST /containers/create");
    wait_until("compose makes the container", || proxy.seen().iter().any(is_made));
    signal(child.id(), "KILL");
    let killed = finish(child);
    assert_ne!(killed.exit, 0);
    project.resume().unwrap().exits(0);
    project.runs("two").unwrap();
    project.is_pinned_to("two").unwrap();
    project.shares_its_network().unwrap();
    project.has_only_its_two().unwrap();
    assert!(project.sandbox.processes().is_empty());
}

#[test]
fn a_reply_that_is_lost_is_found_out() {
    let Some(daemon) = Daemon::with_compose("a_reply_that_is_lost_is_found_out") else {
        return;
    };
    for (method, lost) in [
        ("POST", "/containers/create"),
        ("POST", "/containers/*/start"),
        ("POST", "/containers/*/stop"),
        ("POST", "/containers/*/rename"),
        ("DELETE", "/containers/*"),
    ] {
        let project = Project::started(daemon, Started::default());
        let proxy = Proxy::new(daemon);
        proxy.after(method, lost);
        let run = Finished::of(project.command("run", "two").env("DOCKER_HOST", proxy.host()));
        assert_eq!(proxy.swallowed(), 1, "{lost}");
        match run.exit {
            0 => project.runs("two").unwrap(),
            5 => project.runs("one").unwrap(),
            _ => panic!("{lost}: {run:?}"),
        }
        project.shares_its_network().unwrap();
        project.has_only_its_two().unwrap();
    }
}
