//! People are told where they are: by the shapes that the services document, with secrets in their places alone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::sandbox::{Sandbox, files_with};

const SECRET: &str = "R0UTINGKEY0123456789abcdefABCDEF";

/// The head of a request and its JSON.
type Seen = Arc<Mutex<Vec<(String, Value)>>>;

/// A server that says it has taken everything, or that it has not.
fn server(answer: &'static str) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let of_the_thread = Arc::clone(&seen);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
            of_the_thread.lock().unwrap().push((head, json));
            let length = answer.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
            );
        }
    });
    (address, seen)
}

fn sandbox(steps: &str) -> Sandbox {
    let sandbox = Sandbox::desk();
    sandbox.write("token", SECRET);
    let text = format!(
        "use std.notify.slack as slack\nuse std.notify.pagerduty as pagerduty\nuse std.notify.jira as jira\n\
         use std.notify.github as github\nuse std.notify.email as email\n\n\
         runbook told \"People are told\" {{ label \"shop one\" }}\n\ninputs {{ token : secret from file \"token\" }}\n\n\
         step tell \"Tell them\" {{\n{steps}\n}}\n"
    );
    std::fs::write(sandbox.path("told.runbook"), text).unwrap();
    sandbox
}

#[test]
fn each_service_gets_what_it_documents() {
    let (address, seen) = server("{\"ok\":true}");
    let sandbox = sandbox(&format!(
        "  do slack.say(\"C024BE91L\", message: \"it \\\"begins\\\"\\nnow\", token: token, api: \"{address}/api\")\n  \
         do pagerduty.trigger(\"it failed\", source: \"db1\", key: \"upgrade\", routing_key: token, api: \"{address}/v2\")\n  \
         do pagerduty.resolve(\"it is back\", source: \"db1\", key: \"upgrade\", routing_key: token, api: \"{address}/v2\")\n  \
         do jira.comment(\"{address}\", issue: \"OPS-7\", message: \"begins\", user: \"ada\", token: token)\n  \
         do github.comment(\"shop\", repository: \"site\", issue: 12, message: \"begins\", token: token, api: \"{address}\")"
    ));
    sandbox.call(&["run", "told.runbook"]).exits(0);
    let seen = seen.lock().unwrap();
    let first = |head: &str| head.lines().next().unwrap_or_default().to_owned();
    let got: Vec<(String, Value)> = seen.iter().map(|(head, json)| (first(head), json.clone())).collect();
    let event = |action: &str, summary: &str, severity: &str| {
        json!({
            "routing_key": SECRET, "event_action": action, "dedup_key": "upgrade",
            "payload": {"summary": format!("[shop one] {summary}"), "source": "db1", "severity": severity},
        })
    };
    let post = |path: &str| format!("POST {path} HTTP/1.1");
    let expected = [
        (
            post("/api/chat.postMessage"),
            json!({"channel": "C024BE91L", "text": "[shop one] it \"begins\"\nnow"}),
        ),
        (post("/v2/enqueue"), event("trigger", "it failed", "critical")),
        (post("/v2/enqueue"), event("resolve", "it is back", "info")),
        (
            post("/rest/api/2/issue/OPS-7/comment"),
            json!({"body": "[shop one] begins"}),
        ),
        (
            post("/repos/shop/site/issues/12/comments"),
            json!({"body": "[shop one] begins"}),
        ),
    ];
    assert_eq!(got, expected);
    let has = |at: usize, line: &str| assert!(seen[at].0.contains(line), "{line}\n{}", seen[at].0);
    has(0, &format!("authorization: Bearer {SECRET}\r\n"));
    has(3, "authorization: Basic YWRhOlIwVVRJTkdLRVkw");
    has(4, &format!("authorization: Bearer {SECRET}\r\n"));
    has(4, "accept: application/vnd.github+json\r\n");
    assert!(
        seen.iter()
            .all(|(head, _)| head.contains("content-type: application/json\r\n"))
    );
    assert_eq!(
        files_with(&sandbox.state_directory(), SECRET),
        Vec::<std::path::PathBuf>::new()
    );
}

/// Slack says with status 200 that it did not take a message; nobody listens at the other.
#[test]
fn nobody_who_could_not_be_told_fails_a_run_and_it_is_said() {
    let (address, seen) = server("{\"ok\":false,\"error\":\"channel_not_found\"}");
    let sandbox = sandbox(&format!(
        "  do slack.say(\"nowhere\", message: \"begins\", token: token, api: \"{address}/api\")\n  \
         do jira.comment(\"http://127.0.0.1:9\", issue: \"OPS-7\", message: \"begins\", user: \"ada\", token: token)"
    ));
    let finished = sandbox.call(&["run", "told.runbook"]).exits(0);
    assert!(finished.stderr.contains("channel_not_found"), "{finished:?}");
    assert!(
        finished.stderr.contains("nothing listens at http://127.0.0.1:9"),
        "{finished:?}"
    );
    assert_eq!(seen.lock().unwrap().len(), 1);
}

/// A mail server that keeps what it is given.
fn put_sendmail(sandbox: &Sandbox) {
    sandbox.write(
        "sendmail",
        "#!/bin/sh\nset -eu\n[ \"$*\" = \"-t -i\" ]\ncat > \"$(dirname \"$0\")/mail\"\n",
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sandbox.path("sendmail"), mode).unwrap();
}

#[test]
fn mail_goes_through_the_mail_server_of_the_machine() {
    let sandbox = sandbox(
        "  do email.send(\"ops@shop.example\", subject: \"Upgrade\", message: \"It begins.\", sendmail: here / \"sendmail\")",
    );
    put_sendmail(&sandbox);
    sandbox.call(&["run", "told.runbook"]).exits(0);
    let mail = std::fs::read_to_string(sandbox.path("mail")).unwrap();
    let head = "To: ops@shop.example\nSubject: Upgrade\nContent-Type: text/plain; charset=utf-8\n\n";
    assert_eq!(mail, format!("{head}It begins.\n"));
}

/// What stands in a head is one line: a line end would begin another header.
#[test]
fn nothing_gets_into_the_head_of_a_mail() {
    for (to, subject) in [
        ("ops@shop.example\\nBcc: x@y.example", "Upgrade"),
        ("ops@shop.example", "Up\\n\\ngrade"),
    ] {
        let call = format!(
            "  do email.send(\"{to}\", subject: \"{subject}\", message: \"It begins.\", sendmail: here / \"sendmail\")"
        );
        let sandbox = sandbox(&call);
        put_sendmail(&sandbox);
        let refused = sandbox.call(&["run", "told.runbook"]).exits(4);
        assert!(refused.in_one_line().contains("one line each"), "{refused:?}");
        assert!(sandbox.records_of("intent").is_empty());
    }
}
