//! The questions of `http` against a small server: what is given, what is followed, what is kept secret.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use backstay::action::Outcome;
use backstay::value::Value;

use crate::support::bench::{Bench, text};
use crate::support::worlds::real;

/// Serves answers until the test ends; gives its address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(&stream.unwrap(), address.port()));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: &TcpStream, port: u16) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (status, extra, body) = match path {
        "/headers" => ("200 OK", String::new(), headers.join("\n")),
        "/broken" => ("503 Unavailable", String::new(), "sorry".to_owned()),
        "/method" => (
            "200 OK",
            "X-Kind: seen\r\nSet-Cookie: a=b\r\n".to_owned(),
            first.clone(),
        ),
        "/cut" => (
            "200 OK",
            String::new(),
            format!("{}hunter-2-hunter{}", "x".repeat(65_530), "y".repeat(200_000)),
        ),
        "/elsewhere" => (
            "302 Found",
            format!("Location: http://localhost:{port}/headers\r\n"),
            String::new(),
        ),
        "/form" => ("303 See Other", "Location: /method\r\n".to_owned(), String::new()),
        "/taken" => ("409 Conflict", String::new(), String::new()),
        "/large" => ("200 OK", String::new(), "x".repeat(300_000)),
        "/round" => (
            "302 Found",
            format!("Location: http://127.0.0.1:{port}/round\r\n"),
            String::new(),
        ),
        "/away" => (
            "302 Found",
            "Location: http://169.254.169.254/latest\r\n".to_owned(),
            String::new(),
        ),
        "/there" => ("302 Found", "Location: /headers\r\n".to_owned(), String::new()),
        "/slow" => return std::thread::sleep(Duration::from_mins(1)),
        _ => ("200 OK", String::new(), "ok\n".to_owned()),
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{extra}Connection: close\r\n\r\n{body}"
    );
}

fn url(url: &str) -> [(&'static str, Value); 1] {
    [("url", Value::Url(url.to_owned()))]
}

async fn get(bench: &Bench, arguments: &[(&str, Value)]) -> (bool, i64, String) {
    match bench.does("http.get", arguments).await {
        Some(Value::Record(fields)) => match (&fields["ok"], &fields["status"], &fields["body"]) {
            (Value::Bool(ok), Value::Int(status), Value::Text(body)) => (*ok, *status, body.clone()),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_is_given_whatever_its_status() {
    let (bench, server) = (real(), serve());
    assert_eq!(get(&bench, &url(&server)).await, (true, 200, "ok\n".to_owned()));
    assert_eq!(
        get(&bench, &url(&format!("{server}/broken"))).await,
        (false, 503, "sorry".to_owned())
    );
    assert_eq!(get(&bench, &url(&format!("{server}/large"))).await.2.len(), 64 * 1024);
}

#[tokio::test]
async fn a_secret_header_follows_to_the_same_host_alone() {
    let (bench, server) = (real().with_secret("hunter-2-hunter"), serve());
    let with = |path: &str, value: Value, follow: &str| {
        let [address] = url(&format!("{server}{path}"));
        let headers = ("headers", Value::Map([("X-Token".to_owned(), value)].into()));
        [address, headers, ("follow", text(follow))]
    };
    let (_, _, body) = get(&bench, &with("/headers", bench.secret(), "never")).await;
    assert!(body.to_lowercase().contains("x-token: hunter-2-hunter"), "{body}");
    let (_, _, body) = get(&bench, &with("/there", bench.secret(), "same host")).await;
    assert!(body.contains("hunter-2-hunter"), "{body}");
    assert_eq!(get(&bench, &with("/there", bench.secret(), "never")).await.1, 302);
    assert_eq!(get(&bench, &with("/elsewhere", text("open"), "same host")).await.1, 302);
    let (_, status, body) = get(&bench, &with("/elsewhere", bench.secret(), "any")).await;
    assert_eq!((status, body.contains("hunter")), (200, false), "{body}");
    let (_, _, body) = get(&bench, &with("/elsewhere", text("open"), "any")).await;
    assert!(body.to_lowercase().contains("x-token: open"), "{body}");
    let reason = bench.fails("http.get", &with("/there", text("x"), "always")).await;
    assert!(reason.contains("one of never, same host, any"), "{reason}");
}

#[tokio::test]
async fn a_secret_at_the_cut_of_an_answer_is_not_given_in_part() {
    let (bench, server) = (real().with_secret("hunter-2-hunter"), serve());
    let (is_ok, _, body) = get(&bench, &url(&format!("{server}/cut"))).await;
    assert!(is_ok && body.len() <= 64 * 1024 && body.len() > 65_000);
    assert!(!body.contains("hunt"), "{}", &body[65_500..]);
}

#[tokio::test]
async fn methods_headers_and_redirects_are_as_they_say() {
    let (bench, server) = (real(), serve());
    let ask = |action: &'static str, path: &str, more: &[(&'static str, Value)]| {
        let mut arguments = url(&format!("{server}{path}")).to_vec();
        arguments.extend(more.iter().cloned());
        let bench = &bench;
        async move {
            match bench.does(action, &arguments).await {
                Some(Value::Record(fields)) => fields,
                other => panic!("{other:?}"),
            }
        }
    };
    let body = |fields: &std::collections::BTreeMap<String, Value>| fields["body"].canonical();
    let head = ask("http.head", "/method", &[]).await;
    assert_eq!(body(&head), "");
    let Value::Map(headers) = &head["headers"] else {
        panic!("{head:?}")
    };
    assert_eq!(headers.get("x-kind"), Some(&text("seen")));
    assert!(!headers.contains_key("set-cookie"), "{headers:?}");
    let search = ask(
        "http.query",
        "/method",
        &[("method", text("SEARCH")), ("body", text("all"))],
    )
    .await;
    assert_eq!(body(&search), "SEARCH /method HTTP/1.1");
    let form = ask("http.query", "/form", &[("body", text("a=b"))]).await;
    assert_eq!(body(&form), "GET /method HTTP/1.1");
    let reason = bench
        .fails(
            "http.query",
            &[("url", Value::Url(server.clone())), ("method", text("not one"))],
        )
        .await;
    assert!(reason.contains("no method of HTTP"), "{reason}");
}

#[tokio::test]
async fn of_a_redirect_and_of_a_conflict_about_a_key_nobody_knows_whether_it_was_done() {
    let (bench, server) = (real(), serve());
    let keyed = ("keyed_by", text("Idempotency-Key"));
    for (path, key, is_unknown) in [
        ("/form", None, true),
        ("/taken", Some(keyed), true),
        ("/taken", None, false),
    ] {
        let mut arguments = url(&format!("{server}{path}")).to_vec();
        arguments.push(("adds", text("a silence")));
        arguments.extend(key);
        let outcome = bench.perform(&bench.call("http.post", &arguments)).await;
        let is_as_expected = match &outcome {
            Outcome::Unknown(_) => is_unknown,
            Outcome::Failed(_) => !is_unknown,
            Outcome::Done(_) => false,
        };
        assert!(is_as_expected, "{path}: {outcome:?}");
        assert!(outcome.evidence().summary.starts_with("status "), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_user_part_of_an_address_is_sent_decoded() {
    let (bench, server) = (real(), serve());
    let address = format!("{server}/headers").replace("http://", "http://us:pa%40ss@");
    let (_, _, body) = get(&bench, &url(&address)).await;
    assert!(
        body.to_lowercase().contains("authorization: basic dxm6cgfac3m="),
        "{body}"
    );
}

#[tokio::test]
async fn what_does_not_answer_is_said_plainly() {
    let (bench, server) = (real(), serve());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (format!("http://{closed}"), "nothing listens at"),
        (format!("{server}/round"), "redirects more than 5 times"),
        (format!("{server}/away"), "never asked"),
        ("http://169.254.169.254/latest".to_owned(), "never asked"),
        ("http://[fe80::1]/".to_owned(), "never asked"),
        ("http://no-such-host.invalid/".to_owned(), "no-such-host.invalid"),
    ];
    for (address, expected) in cases {
        let [asked] = url(&address);
        let reason = bench.fails("http.get", &[asked, ("follow", text("any"))]).await;
        assert!(reason.contains(expected), "{address}: {reason}");
    }
    let began = Instant::now();
    let call = bench
        .call("http.get", &url(&format!("{server}/slow")))
        .within(Duration::from_millis(300));
    let outcome = bench.perform(&call).await;
    assert!(
        outcome.evidence().summary.contains("did not answer within 300ms"),
        "{outcome:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(3));
}
