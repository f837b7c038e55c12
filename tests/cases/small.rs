//! The small runbook of the language, as it stands: only its paths, its port and its patience are the sandbox's.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::support::sandbox::{Finished, Sandbox, repository};

/// Answers every request with this status; gives the port.
fn health(status: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 1024]));
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    port
}

/// Runs it against a worker whose health answers so; gives the end and the sandbox.
fn run(status: &'static str) -> (Finished, Sandbox) {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("worker.env"), "# Sizes.\nPOOL=16\n").unwrap();
    let worker = sandbox.path("worker");
    let log = sandbox.path("reloads").display().to_string();
    fs::write(&worker, format!("#!/bin/sh\necho \"$1\" >> {log}\n")).unwrap();
    fs::set_permissions(&worker, fs::Permissions::from_mode(0o755)).unwrap();
    let text = fs::read_to_string(repository().join("tests/reference/small.runbook")).unwrap();
    let mut changed = text.clone();
    for (from, to) in [
        ("/etc/worker.env", sandbox.path("worker.env").display().to_string()),
        ("[\"worker\"", format!("[\"{}\"", worker.display())),
        ("127.0.0.1:9000", format!("127.0.0.1:{}", health(status))),
        ("within 1m every 2s", "within 2s every 200ms".to_owned()),
    ] {
        assert!(changed.contains(from), "the runbook has no `{from}`");
        changed = changed.replace(from, &to);
    }
    let file = sandbox.path("small.runbook");
    fs::write(&file, changed).unwrap();
    let finished = sandbox.call(&["run", &file.display().to_string(), "--format", "json", "--no-input"]);
    (finished, sandbox)
}

#[test]
fn the_small_runbook_runs_as_it_stands() {
    let (finished, sandbox) = run("200 OK");
    assert_eq!(finished.exits(0).json()["end"], "completed");
    assert_eq!(
        fs::read_to_string(sandbox.path("worker.env")).unwrap(),
        "# Sizes.\nPOOL=32\n"
    );
    assert_eq!(fs::read_to_string(sandbox.path("reloads")).unwrap(), "reload\n");
}

#[test]
fn the_small_runbook_turns_back_and_reloads_the_worker_once_more() {
    let (finished, sandbox) = run("503 Service Unavailable");
    assert_eq!(finished.exits(5).json()["end"], "rolled_back");
    assert_eq!(
        fs::read_to_string(sandbox.path("worker.env")).unwrap(),
        "# Sizes.\nPOOL=16\n"
    );
    assert_eq!(fs::read_to_string(sandbox.path("reloads")).unwrap(), "reload\nreload\n");
}
