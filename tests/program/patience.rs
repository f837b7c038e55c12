//! How long questions may take: the time that the text gives them, not their own.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use crate::support::sandbox::Sandbox;

/// Longer than any question takes of itself.
const SLOW: Duration = Duration::from_secs(11);

/// A server each of whose answers takes a while, and its address.
fn slow_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 2048]);
                thread::sleep(SLOW);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            });
        }
    });
    address
}

#[test]
fn a_question_has_the_time_of_what_asks_it() {
    let desk = Sandbox::desk();
    let steps = [
        (
            "alone",
            "check \"x\": exec.read([\"sleep\", \"11\"], effects: nothing) is ok within 5m",
        ),
        (
            "polled",
            "check \"x\": exec.read([\"sleep\", \"11\"], effects: nothing) is ok within 5m every 1s",
        ),
        ("asked", "check \"x\": slow.sleeps() is ok within 5m"),
        ("web", "check \"x\": http.get(url) is ok within 5m"),
        ("said", "check \"x\": http.get(url, timeout: 2m) is ok"),
        ("said_inside", "check \"x\": slow.answers(url)"),
        (
            "limited",
            "check \"x\": exec.read([\"sleep\", \"11\"], effects: { limit 2m }) is ok",
        ),
        ("named", "let x = http.get(url, timeout: 2m)  record x"),
        (
            "required",
            "require http.get(url, timeout: patience) is ok else \"wait\"",
        ),
    ];
    let steps = steps.map(|(name, statement)| format!("step {name} \"{name}\" after nothing {{ {statement} }}\n"));
    let text = format!(
        "use \"./slow.runbook\" as slow\nrunbook slow_questions \"T\"\ninputs {{\n  url : url\n  patience : duration = 2m\n}}\n{}",
        steps.concat()
    );
    desk.write("slow_questions.runbook", text);
    desk.write(
        "slow.runbook",
        "type Ran { ok: bool }\nquestion sleeps() -> Ran { give exec.read([\"sleep\", \"11\"], effects: nothing) }\n\
         question answers(url: url) -> bool { give http.get(url, timeout: 2m) is ok }\n",
    );
    let url = format!("url={}", slow_server());
    desk.call(&["run", "slow_questions.runbook", "--input", &url, "--no-input"])
        .exits(0);
    for seen in desk.records_of("evaluated") {
        assert_eq!(seen["polls"], 1, "{seen}");
    }
}

#[test]
fn what_a_question_says_of_itself_holds_in_any_time() {
    let desk = Sandbox::desk();
    desk.write(
        "short.runbook",
        "runbook short \"T\"\nstep a \"A\" { check \"x\": exec.read([\"sleep\", \"500\"], effects: { limit 1s }) is ok within 5m }\n",
    );
    let failed = desk.call(&["run", "short.runbook", "--no-input"]).exits(4);
    assert!(failed.stderr.contains("within 1s"), "{}", failed.stderr);
}
