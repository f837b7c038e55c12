//! Requests that change something elsewhere: done, taken back, lost on the way, and repeated by their key.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use sha1::Digest as _;

use crate::support::sandbox::{Finished, Sandbox, signal, wait_until};

/// What a server saw: method, path, the headers that matter, the body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    line: String,
    key: String,
    body: String,
}

/// What it does with the first request; all others are carried out.
#[derive(Clone, Copy, PartialEq)]
enum First {
    IsDone,
    /// It is carried out, and the reply never comes.
    LosesReply,
    /// It is carried out, and the reply never comes, and the connection stays.
    Hangs,
}

/// A server, with what it saw.
fn server(first: First) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let of_the_thread = Arc::clone(&seen);
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some((request, upgrade)) = read(&stream) else {
                continue;
            };
            let is_first = of_the_thread.lock().unwrap().is_empty();
            let status = if request.line.contains("/gone") {
                "404 Not Found"
            } else {
                "200 OK"
            };
            of_the_thread.lock().unwrap().push(request);
            match (upgrade, first) {
                (Some(accepted), _) => {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accepted}\r\n\r\n"
                    );
                }
                (None, First::LosesReply) if is_first => drop(stream),
                (None, First::Hangs) if is_first => held.push(stream),
                _ => {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
                    );
                }
            }
        }
    });
    (format!("http://{address}"), seen)
}

/// A request, and the answer to its key where it asks for a `WebSocket`.
fn read(stream: &TcpStream) -> Option<(Seen, Option<String>)> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let header = |name: &str| {
        let found = lines.iter().find_map(|line| {
            line.to_lowercase()
                .starts_with(name)
                .then(|| line[name.len()..].trim().to_owned())
        });
        found.unwrap_or_default()
    };
    let mut body = vec![0; header("content-length:").parse().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let nonce = header("sec-websocket-key:");
    let is_right = lines[0].contains("/wrong");
    let accepted = (!nonce.is_empty() && !lines[0].contains("/plain")).then(|| {
        let magic = if is_right {
            "no"
        } else {
            "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        };
        base64::engine::general_purpose::STANDARD.encode(sha1::Sha1::digest(format!("{nonce}{magic}")))
    });
    let seen = Seen {
        line: lines[0].clone(),
        key: header("idempotency-key:"),
        body: String::from_utf8(body).unwrap(),
    };
    Some((seen, accepted))
}

fn runbook(keyed: &str, check: &str) -> String {
    format!(
        "runbook flag \"T\" {{ on interrupt pause }}\ninputs {{ site : url  token : secret from env TOKEN }}\nstep a \"A\" {{\n  \
         do http.post(site / \"off\", adds: \"a silence\", body: token{keyed}) undo http.delete(site / \"off\", removes: \"a silence\", \
         keyed_by: \"Idempotency-Key\") within 10s\n  check \"after\": {check}\n}}\n"
    )
}

const KEYED: &str = ", keyed_by: \"Idempotency-Key\"";

fn call(desk: &Sandbox, words: &[&str]) -> Finished {
    Finished::of(desk.command(words).env("TOKEN", "open-sesame-"))
}

fn run(first: First, keyed: &str, check: &str) -> (Finished, Vec<Seen>, Sandbox) {
    let desk = Sandbox::desk();
    desk.write("flag.runbook", runbook(keyed, check));
    let (site, seen) = server(first);
    let ended = call(
        &desk,
        &["run", "flag.runbook", "--no-input", "--input", &format!("site={site}")],
    );
    let seen = seen.lock().unwrap().clone();
    (ended, seen, desk)
}

#[test]
fn a_request_is_done_and_taken_back() {
    let (ended, seen, _) = run(First::IsDone, "", "true");
    ended.exits(0);
    assert_eq!(seen.len(), 1);
    let (line, body) = ("POST /off HTTP/1.1".to_owned(), "open-sesame-".to_owned());
    assert_eq!((&seen[0].line, &seen[0].body, seen[0].key.as_str()), (&line, &body, ""));
    let (ended, seen, _) = run(First::IsDone, "", "false");
    ended.exits(5);
    let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(lines, ["POST /off HTTP/1.1", "DELETE /off HTTP/1.1"]);
}

#[test]
fn a_lost_reply_is_repeated_by_its_key_and_never_without_one() {
    let (ended, seen, _) = run(First::LosesReply, KEYED, "true");
    ended.exits(0);
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(!seen[0].key.is_empty());
    assert_eq!(seen[0], seen[1]);
    let (ended, seen, desk) = run(First::LosesReply, "", "true");
    assert_ne!(ended.exit, 0, "{ended:?}");
    let posted = seen.iter().filter(|seen| seen.line.starts_with("POST"));
    assert_eq!(posted.count(), 1, "{seen:?}");
    let outcomes = desk.records_of("outcome");
    assert_eq!(outcomes[0]["result"], "unknown", "{outcomes:?}");
}

#[test]
fn a_killed_run_goes_on_with_the_same_key() {
    let desk = Sandbox::desk();
    desk.write("flag.runbook", runbook(KEYED, "true"));
    let (site, seen) = server(First::Hangs);
    let mut command = desk.command(&["run", "flag.runbook", "--no-input", "--input", &format!("site={site}")]);
    let mut child = command.env("TOKEN", "open-sesame-").spawn().unwrap();
    wait_until("the request is there", || !seen.lock().unwrap().is_empty());
    signal(child.id(), "KILL");
    drop(child.wait());
    call(&desk, &["resume", &desk.run_name(), "--no-input"]).exits(0);
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!((&seen[0].key, &seen[0].body), (&seen[1].key, &seen[1].body));
    assert!(seen[0].key.starts_with(&desk.run_name()), "{seen:?}");
}

#[test]
fn a_websocket_is_opened_or_the_status_is_given() {
    let desk = Sandbox::desk();
    let (site, _) = server(First::IsDone);
    desk.write(
        "live.runbook",
        "runbook live \"T\"\ninputs { site : url  token : secret from env TOKEN }\nstep a \"A\" {\n  \
         check \"open\": websocket.open(site / \"live\", headers: { Authorization: bearer(token) }) is ok\n  \
         check \"header\": entry(websocket.open(site).headers, \"upgrade\") default \"\" == \"websocket\"\n  \
         check \"plain\": websocket.open(site / \"plain\").status == 200 and websocket.open(site / \"plain\") is not ok\n  \
         check \"wrong\": websocket.open(site / \"wrong\") is not ok\n}\n",
    );
    call(
        &desk,
        &["run", "live.runbook", "--no-input", "--input", &format!("site={site}")],
    )
    .exits(0);
}

#[test]
fn a_plan_says_what_is_sent_and_through_which_proxy() {
    let desk = Sandbox::desk();
    desk.write("flag.runbook", runbook(KEYED, "true"));
    let mut command = desk.command(&["plan", "flag.runbook", "--input", "site=http://flags.example"]);
    command
        .env("TOKEN", "open-sesame-")
        .env("http_proxy", "http://me:pass@127.0.0.1:9");
    let planned = Finished::of(&mut command);
    let told = planned.in_one_line();
    assert!(
        told.contains(
            "POST http://flags.example/off, with Idempotency-Key, 12 bytes, through the proxy http://127.0.0.1:9"
        ),
        "{told}"
    );
    assert!(!told.contains("pass@") && !told.contains("open-sesame"), "{told}");
}
