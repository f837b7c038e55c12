//! Requests that nobody waits for any more, and streams that fall silent on the way.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use backstay::containers::{Containers, LogEnd, Problem, ProgramOrder};
use backstay::world::real::{DockerEngine, EngineLimits};
use tokio::io::AsyncReadExt as _;

const VERSION: &str = r#"{"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}"#;
const SILENCE: Duration = Duration::from_secs(1);

/// A socket that tells its version, gives the next request this beginning of an answer, and then says nothing more.
/// Told is whether the client went away within two seconds.
fn silent_after(beginning: &'static [u8]) -> (tempfile::TempDir, DockerEngine, Receiver<bool>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let request = || -> UnixStream {
            let (client, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            client
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", VERSION.len());
        request().write_all((head + VERSION).as_bytes()).unwrap();
        let mut client = request();
        client.write_all(beginning).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let is_open = match client.read(&mut [0; 1]) {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        tell.send(!is_open).unwrap_or_default();
        std::thread::sleep(Duration::from_secs(20));
    });
    let limits = EngineLimits {
        silence: SILENCE,
        ..EngineLimits::default()
    };
    let engine = DockerEngine::with_limits(Some(&format!("unix://{}", socket.display())), limits);
    (folder, engine, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_stop_is_not_dropped_with_who_asked() {
    let (_folder, engine, told) = silent_after(b"");
    let asked = tokio::time::timeout(Duration::from_millis(300), engine.stop("boat", Duration::from_secs(20)));
    assert!(asked.await.is_err());
    let went_away = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
    assert!(!went_away, "the request was dropped before it was answered");
}

const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf \r\n";
/// A log's first piece, with its head: one byte on standard output.
const HALF_LOG: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n\x01\0\0\0\0\0\0\x01a\r\n";
const HALF_PULL: &[u8] =
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n{\"id\":\"a\",\"status\":\"Waiting\"}\r\n\r\n";

fn is_lost<T: std::fmt::Debug>(start: Instant, outcome: &Result<T, Problem>) {
    assert!(matches!(outcome, Err(Problem::Lost(_))), "{outcome:?}");
    assert!(start.elapsed() < SILENCE * 4, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_falls_silent_on_the_way_is_lost() {
    let (_tree, engine, _) = silent_after(HALF);
    let start = Instant::now();
    let mut tree = engine.read_tree("boat", "/data").await.unwrap();
    let mut bytes = Vec::new();
    let error = tree.read_to_end(&mut bytes).await.unwrap_err();
    assert!(error.to_string().contains("sent nothing for 1 s"), "{error}");
    assert_eq!(bytes, b"half ");
    assert!(start.elapsed() < SILENCE * 4, "{:?}", start.elapsed());

    let (_log, engine, _) = silent_after(HALF_LOG);
    let end = LogEnd {
        since_seconds: None,
        lines_max: 10,
        bytes_max: 10,
    };
    let start = Instant::now();
    is_lost(start, &engine.logs("boat", &end).await);

    let (_pull, engine, _) = silent_after(HALF_PULL);
    let mut lines = Vec::new();
    let start = Instant::now();
    let pulled = engine.pull("a.example/boat:1", &mut |line| lines.push(line)).await;
    is_lost(start, &pulled);
    assert_eq!(lines, ["0 of 1 layers"]);

    let (_program, engine, _) = silent_after(b"");
    let program = ProgramOrder {
        argv: vec!["true".into()],
        ..ProgramOrder::default()
    };
    let start = Instant::now();
    let run = engine.run_in("boat", &program, Duration::from_secs(1)).await;
    assert!(matches!(run, Err(Problem::Unreachable(_))), "{run:?}");
    assert!(start.elapsed() < SILENCE * 4, "{:?}", start.elapsed());
}
