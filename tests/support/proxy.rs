//! A socket in front of an engine that swallows requests or replies: the network that lies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use crate::support::daemon::Daemon;

/// A socket of its own that leads to an engine.
pub(crate) struct Proxy {
    directory: tempfile::TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    engine: PathBuf,
    rules: Mutex<Vec<Rule>>,
    swallowed: AtomicUsize,
    seen: Mutex<Vec<String>>,
}

/// What is done to one request, the next that fits.
struct Rule {
    method: String,
    pattern: String,
    loss: Loss,
}

#[derive(Clone, PartialEq, Eq)]
enum Loss {
    /// The request never gets there.
    Before,
    /// It is carried out, and its reply never comes back.
    After,
    /// It passes: the next that fits is meant.
    Nothing,
    /// The request never gets there, and this is the reply, to each that fits.
    Lie(String),
    /// The same, to one request.
    LieOnce(String),
}

impl Proxy {
    /// A new one; it lasts as long as this value, and lets everything through at first.
    pub(crate) fn new(daemon: &Daemon) -> Self {
        let directory = tempfile::Builder::new().prefix("backstay-proxy-").tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let shared = Arc::new(Shared {
            engine: daemon.socket().to_owned(),
            rules: Mutex::new(Vec::new()),
            swallowed: AtomicUsize::new(0),
            seen: Mutex::new(Vec::new()),
        });
        let of_the_listener = Arc::clone(&shared);
        spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&of_the_listener);
                spawn(move || drop(serve(&client, &shared)));
            }
        });
        Self { directory, shared }
    }

    /// What `DOCKER_HOST` is for this socket.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join("docker.sock").display())
    }

    /// The next request of this method and path never reaches the engine: the connection just ends.
    ///
    /// The pattern is matched against the path without its version and without its query; `*` stands for anything:
    /// `/containers/*/stop`.
    pub(crate) fn before(&self, method: &str, pattern: &str) {
        self.swallow(method, pattern, Loss::Before);
    }

    /// The next request of this method and path is carried out, and then the connection ends without a reply.
    pub(crate) fn after(&self, method: &str, pattern: &str) {
        self.swallow(method, pattern, Loss::After);
    }

    /// The next request of this method and path passes; what is said of them afterwards is about the one after it.
    pub(crate) fn passes(&self, method: &str, pattern: &str) {
        self.swallow(method, pattern, Loss::Nothing);
    }

    /// From now on each request of this method and path gets this reply, and the engine hears of none: the engine that
    /// lies.
    pub(crate) fn lies(&self, method: &str, pattern: &str, status: &str, body: &str) {
        let reply = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.swallow(method, pattern, Loss::Lie(reply));
    }

    /// The next request of this method and path gets this reply, and the engine does not hear of it.
    pub(crate) fn lies_once(&self, method: &str, pattern: &str, status: &str, body: &str) {
        let reply = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.swallow(method, pattern, Loss::LieOnce(reply));
    }

    /// How much was swallowed so far.
    pub(crate) fn swallowed(&self) -> usize {
        self.shared.swallowed.load(Ordering::SeqCst)
    }

    /// Every request so far: `POST /containers/NAME/stop`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }

    fn swallow(&self, method: &str, pattern: &str, loss: Loss) {
        self.shared.rules.lock().unwrap().push(Rule {
            method: method.to_owned(),
            pattern: pattern.to_owned(),
            loss,
        });
    }
}

impl Shared {
    /// What is to be done to a request. A rule is for one request, but a lie for all.
    fn loss_of(&self, method: &str, path: &str) -> Option<Loss> {
        self.seen.lock().unwrap().push(format!("{method} {path}"));
        let mut rules = self.rules.lock().unwrap();
        let place = rules
            .iter()
            .position(|rule| rule.method == method && fits(path, &rule.pattern))?;
        if let lie @ Loss::Lie(_) = &rules[place].loss {
            return Some(lie.clone());
        }
        if rules[place].loss == Loss::Nothing {
            rules.remove(place);
            return None;
        }
        self.swallowed.fetch_add(1, Ordering::SeqCst);
        Some(rules.remove(place).loss)
    }
}

/// Whether a path fits a pattern in which `*` stands for anything.
fn fits(path: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => path == pattern,
        Some((start, rest)) => path
            .strip_prefix(start)
            .is_some_and(|path| (0..=path.len()).any(|skip| path.get(skip..).is_some_and(|path| fits(path, rest)))),
    }
}

/// One connection: requests are read one by one, replies are bytes that pass through.
fn serve(client: &UnixStream, shared: &Shared) -> std::io::Result<()> {
    let engine = UnixStream::connect(&shared.engine)?;
    let is_swallowing = Arc::new(AtomicBool::new(false));
    let replies = {
        let (mut from, mut to) = (engine.try_clone()?, client.try_clone()?);
        let is_swallowing = Arc::clone(&is_swallowing);
        spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                if !is_swallowing.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            drop(to.shutdown(Shutdown::Both));
        })
    };
    let mut requests = BufReader::new(client.try_clone()?);
    let mut to = engine.try_clone()?;
    let passed = loop {
        match pass_request(&mut requests, &mut to, shared, &is_swallowing) {
            Ok(Next::Request) => {}
            Ok(Next::End) => break Ok(()),
            Ok(Next::Reply(reply)) => break client.try_clone()?.write_all(reply.as_bytes()),
            Err(error) => break Err(error),
        }
    };
    if is_swallowing.load(Ordering::SeqCst) {
        // The engine ends the connection once it has answered; a client that goes away is not told to it.
        drop(replies.join());
    }
    drop(client.shutdown(Shutdown::Both));
    drop(engine.shutdown(Shutdown::Both));
    passed
}

/// What comes after a request.
enum Next {
    /// Another one on the same connection.
    Request,
    /// The end of the connection.
    End,
    /// This reply, and then the end.
    Reply(String),
}

/// Passes one request on.
fn pass_request(
    requests: &mut BufReader<UnixStream>,
    engine: &mut UnixStream,
    shared: &Shared,
    is_swallowing: &AtomicBool,
) -> std::io::Result<Next> {
    let Some(head) = Head::read(requests)? else {
        return Ok(Next::End);
    };
    let loss = shared.loss_of(&head.method, &head.path);
    match &loss {
        Some(Loss::Before) => return Ok(Next::End),
        Some(Loss::Lie(reply) | Loss::LieOnce(reply)) => return Ok(Next::Reply(reply.clone())),
        Some(Loss::After | Loss::Nothing) | None => {}
    }
    if loss == Some(Loss::After) {
        is_swallowing.store(true, Ordering::SeqCst);
    }
    let end = if loss == Some(Loss::After) && !head.is_upgrade {
        "Connection: close\r\n\r\n"
    } else {
        "\r\n"
    };
    engine.write_all(head.lines.as_bytes())?;
    engine.write_all(end.as_bytes())?;
    if head.is_upgrade {
        std::io::copy(requests, engine)?;
        return Ok(Next::End);
    }
    if head.is_chunked {
        pass_chunks(requests, engine)?;
    } else {
        std::io::copy(&mut requests.by_ref().take(head.length), engine)?;
    }
    Ok(if loss.is_none() { Next::Request } else { Next::End })
}

/// The head of a request: its lines without the empty one at the end.
struct Head {
    method: String,
    path: String,
    lines: String,
    length: u64,
    is_chunked: bool,
    is_upgrade: bool,
}

impl Head {
    fn read(requests: &mut BufReader<UnixStream>) -> std::io::Result<Option<Self>> {
        let mut first = String::new();
        if requests.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut words = first.split_whitespace();
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let target = target.split('?').next().unwrap_or_default();
        let path = match target
            .strip_prefix("/v1.")
            .and_then(|rest| rest.find('/').map(|at| &rest[at..]))
        {
            Some(path) => path.to_owned(),
            None => target.to_owned(),
        };
        let mut head = Self {
            method,
            path,
            lines: first,
            length: 0,
            is_chunked: false,
            is_upgrade: false,
        };
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 || line.trim().is_empty() {
                return Ok(Some(head));
            }
            let lower = line.to_ascii_lowercase();
            if let Some(length) = lower.strip_prefix("content-length:") {
                head.length = length.trim().parse().unwrap_or(0);
            }
            head.is_chunked |= lower.starts_with("transfer-encoding:") && lower.contains("chunked");
            head.is_upgrade |= lower.starts_with("upgrade:");
            head.lines.push_str(&line);
        }
    }
}

fn pass_chunks(requests: &mut BufReader<UnixStream>, engine: &mut UnixStream) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        requests.read_line(&mut line)?;
        engine.write_all(line.as_bytes())?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).unwrap_or(0);
        std::io::copy(&mut requests.by_ref().take(length + 2), engine)?;
        if length == 0 {
            return Ok(());
        }
    }
}
