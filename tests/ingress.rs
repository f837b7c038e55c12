//! The standard modules of ingresses, each on the real server and under traffic: who is under way is answered, who comes
//! meanwhile is turned away in words, nobody is lost, and users come in again on every ending.

mod site;

use std::fs;

use serde_json::Value;

use crate::support::sandbox::{finish, signal, wait_until};
use site::{Front, Site};

#[test]
fn users_are_turned_away_and_let_in_again() {
    for site in Site::all() {
        let slow = site.asks_slowly();
        let traffic = site.traffic();
        let run = site.start();
        wait_until("users are turned away", || traffic.has(503));
        site.answers_the_slow();
        let name = site.front.name();
        assert_eq!(slow.join().unwrap(), 200, "{name}: what was under way");
        let is_drained = |record: &Value| record["label"] == "users are turned away" && record["result"] == "holds";
        wait_until("all are turned away", || {
            site.sandbox.records_of("evaluated").iter().any(is_drained)
        });
        let begins = traffic.count();
        wait_until("some more have come", || traffic.count() > begins + 10);
        let ends = traffic.count();
        site.lets_the_change_go_on();
        finish(run).exits(0);
        wait_until("users are let in again", || traffic.last() == Some(200));
        let seen = traffic.end();
        // One who came before that is answered a moment later.
        assert!(
            seen[begins + 1..ends].iter().all(|status| *status == 503),
            "{name}: {seen:?}"
        );
        assert!(
            seen.iter().all(|status| [200, 503].contains(status)),
            "{name}: {seen:?}"
        );
    }
}

#[test]
fn what_does_not_end_fails_the_drain_and_users_come_in_again() {
    for site in Site::all() {
        let slow = site.asks_slowly();
        let run = site.start();
        wait_until("users are turned away", || site.asks() == 503);
        // The change is turned back while it waits for what is under way.
        signal(run.id(), "INT");
        // It comes back although that is under way still.
        finish(run).exits(5);
        assert_eq!(site.asks(), 200, "{}", site.front.name());
        let asked = site.sandbox.records_of("evaluated");
        assert!(asked.iter().all(|one| one["label"] != "it may go on"), "{asked:?}");
        assert!(site.sandbox.records_of("intent").len() > 1, "drained, and let in again");
        site.answers_the_slow();
        assert_eq!(slow.join().unwrap(), 200);
    }
}

#[test]
fn a_run_that_is_killed_while_users_are_turned_away_lets_them_in_when_it_is_resumed() {
    for site in Site::all() {
        let mut run = site.start();
        wait_until("the change has begun", || site.asks() == 503);
        signal(run.id(), "KILL");
        drop(run.wait());
        assert_eq!(site.asks(), 503, "{}: they stay away", site.front.name());
        site.lets_the_change_go_on();
        let name = site.sandbox.run_name();
        site.sandbox.call(&["resume", &name]).exits(0);
        assert_eq!(site.asks(), 200);
    }
}

/// What is under way at `HAProxy` and does not end is cut where the runbook says so.
#[test]
fn what_does_not_end_can_be_cut() {
    let site = Site::of(Front::HaProxy).cutting();
    site.lets_the_change_go_on();
    let slow = site.asks_slowly();
    site.start_and_finish().exits(0);
    assert_ne!(slow.join().unwrap(), 200);
    assert_eq!(site.asks(), 200);
}

#[test]
fn a_site_that_the_server_does_not_know_is_refused_before_anything_is_changed() {
    for (front, name, other, why) in [
        (
            Front::HaProxy,
            "shop/app",
            "shop/nobody",
            "HAProxy says nothing of a server shop/nobody",
        ),
        (
            Front::Nginx,
            "\"shop\"",
            "\"nobody\"",
            "the configuration includes the site's file",
        ),
        (
            Front::Caddy,
            "\"shop\"",
            "\"nobody\"",
            "the configuration looks for the site's file",
        ),
    ] {
        let site = Site::of(front);
        let text = fs::read_to_string(site.sandbox.path("site.runbook")).unwrap();
        site.sandbox.write("site.runbook", text.replace(name, other));
        let refused = site.start_and_finish().exits(4);
        assert!(refused.in_one_line().contains(why), "{refused:?}");
        assert!(site.sandbox.records_of("intent").is_empty(), "{refused:?}");
        assert_eq!(site.asks(), 200);
    }
}
