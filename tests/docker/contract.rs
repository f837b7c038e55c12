//! What every world must do with a container: as it begins, started, stopped, made anew, removed, and what
//! is found out about attempts whose outcome nobody knows.

use backstay::action::Outcome;
use backstay::value::Value;

use crate::support::bench::{Bench, container, is_done, is_not_done, text};

/// Each test in the simulated world, and in the real one where there is an engine.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod real {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let engine = || crate::support::worlds::engine(concat!("docker::contract::real::", stringify!($name)));
                if let Some(bench) = tokio::task::block_in_place(engine) {
                    super::$name(bench).await;
                }
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
    a_container_lives_from_the_first_start_to_its_removal,
    an_unknown_outcome_is_settled_as_it_is,
    what_is_asked_of_a_container_that_runs,
    a_volume_is_made_once,
);

/// Whether it runs, and the word for how it is.
async fn state(bench: &Bench) -> (bool, String) {
    let Some(Value::Record(fields)) = bench.does("docker.state", &[("service", container())]).await else {
        panic!("no record");
    };
    (fields["ok"] == Value::Bool(true), fields["status"].canonical())
}

async fn a_container_lives_from_the_first_start_to_its_removal(bench: Bench) {
    let one = [("service", container())];
    let run = [("service", container()), ("image", bench.image())];
    assert_eq!(state(&bench).await, (false, "absent".to_owned()));
    bench.fails("docker.running_image", &one).await;
    bench.fails("docker.start", &one).await;

    bench.does("docker.run", &run).await;
    assert_eq!(state(&bench).await, (true, "running".to_owned()));
    assert_eq!(bench.does("docker.running_image", &one).await, Some(bench.image()));

    for _ in 0..2 {
        bench.does("docker.stop", &one).await;
        assert_eq!(state(&bench).await, (false, "exited".to_owned()));
    }
    bench.fails("docker.running_image", &one).await;
    for _ in 0..2 {
        bench.does("docker.start", &one).await;
        assert_eq!(state(&bench).await, (true, "running".to_owned()));
    }
    assert_eq!(bench.does("docker.running_image", &one).await, Some(bench.image()));

    for _ in 0..2 {
        bench.does("docker.remove", &one).await;
        assert_eq!(state(&bench).await, (false, "absent".to_owned()));
    }
}

async fn an_unknown_outcome_is_settled_as_it_is(bench: Bench) {
    let one = [("service", container())];
    let run = [("service", container()), ("image", bench.image())];
    let calls = [
        ("docker.run", run.as_slice()),
        ("docker.stop", &one),
        ("docker.start", &one),
        ("docker.remove", &one),
    ];
    for (number, (action, arguments)) in calls.into_iter().enumerate() {
        let call = bench.call(action, arguments).keyed(&number.to_string(), 1);
        is_not_done(&bench, &call, action).await;
        let outcome = bench.perform(&call).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{action}: {outcome:?}");
        is_done(&bench, &call, action).await;
        // A second attempt of the same statement finds the first one.
        let again = bench.call(action, arguments).keyed(&number.to_string(), 2);
        is_done(&bench, &again, action).await;
    }
}

async fn what_is_asked_of_a_container_that_runs(bench: Bench) {
    let one = [("service", container())];
    bench
        .does("docker.run", &[("service", container()), ("image", bench.image())])
        .await;
    assert_eq!(bench.does("docker.restarts", &one).await, Some(Value::Int(0)));
    assert_eq!(bench.does("docker.logs", &one).await, Some(text("")));
    assert_eq!(bench.does("docker.mounts", &one).await, Some(Value::List(Vec::new())));
    let Some(Value::Record(version)) = bench.does("docker.version", &[]).await else {
        panic!("no record");
    };
    assert_eq!(version["ok"], Value::Bool(true));
    bench.does("docker.remove", &one).await;
    bench.fails("docker.restarts", &one).await;
}

async fn a_volume_is_made_once(bench: Bench) {
    let name = [("name", text(&bench.volume()))];
    let call = bench.call("docker.create_volume", &name).keyed("volume", 1);
    is_not_done(&bench, &call, "docker.create_volume").await;
    for attempt in [1, 2] {
        let call = bench.call("docker.create_volume", &name).keyed("volume", attempt);
        let outcome = bench.perform(&call).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        is_done(&bench, &call, "docker.create_volume").await;
    }
}
