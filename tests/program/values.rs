//! Functions of the language in a run: what they give of what production answers, and what the record shows of it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use crate::support::sandbox::{Finished, Sandbox, files_with};

/// Answers every request with what it was asked with, and one state; ends with the test.
fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap_or(0);
            let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
            let path = asked.split(' ').nth(1).unwrap_or("");
            let given = match asked.lines().find_map(|line| line.strip_prefix("authorization: ")) {
                Some("Bearer open-sesame-") => "a token",
                Some("Basic YWRhOm9wZW4tc2VzYW1lLQ==") => "ada with a password",
                _ => "nobody",
            };
            let body = format!(
                r#"{{"path": "{path}", "given": "{given}", "nodes": [{{"up": true, "age": 7}}], "version": "v2.4.1"}}"#
            );
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

const RUNBOOK: &str = r#"runbook values "T"
inputs { site : url  token : secret from env TOKEN }
step a "A" {
  let bearer_body = http.get(site / "a b", headers: { Authorization: bearer(token) }).body
  let basic_body = http.get(site, headers: { Authorization: basic("ada", token) }).body
  check "path": json.text(bearer_body, "path") default "" == "/a%20b"
  check "bearer": json.text(bearer_body, "given") default "" == "a token"
  check "basic": json.text(basic_body, "given") default "" == "ada with a password"
  check "nodes": json.bool(bearer_body, "nodes[0].up") default false and (json.int(bearer_body, "nodes[0].age") default 0) / 2 == 3
  check "version": version(json.text(bearer_body, "version") default "") matches "^2.4" and version("2.10.0") > "2.9.1"
  check "lines": count(lines("a\n\nb\n")) == 2 and first(lines("a\nb")) default "" == "a"
  let seal = digest("a")
  record seal
  check "no json": json.has("<html>", "a")
}
"#;

#[test]
fn functions_take_what_a_site_answers_and_no_secret_is_kept() {
    let desk = Sandbox::desk();
    desk.write("values.runbook", RUNBOOK);
    let input = format!("site={}", site());
    let mut run = desk.command(&["run", "values.runbook", "--input", &input]);
    let ended = Finished::of(run.env("TOKEN", "open-sesame-"));
    assert!(ended.stdout.contains("no json"), "{ended:?}");
    let checked = desk.records_of("evaluated");
    let failed: Vec<_> = checked
        .iter()
        .filter(|record| record["what"] == "check" && record["result"] != "holds")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    let told = failed[0].to_string();
    assert!(told.contains("`json.has`: the text is no JSON"), "{told}");
    let seal = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    assert!(!files_with(&desk.run_directory(), seal).is_empty());
    for kept in ["open-sesame-", "YWRhOm9wZW4tc2VzYW1lLQ"] {
        assert!(files_with(&desk.run_directory(), kept).is_empty(), "{kept}");
    }
}
