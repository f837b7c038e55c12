//! A site of an application that this test plays, behind a real server, and its users.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use crate::support::sandbox::{Finished, Sandbox, finish, free_port, wait_for, wait_until};

/// The server in front.
#[derive(Clone, Copy)]
pub(super) enum Front {
    Nginx,
    HaProxy,
    Caddy,
}

pub(super) struct Site {
    pub(super) sandbox: Sandbox,
    pub(super) front: Front,
    /// Where users come in.
    port: u16,
    /// The application, and the server in front where it stays a child.
    children: Vec<Child>,
}

impl Front {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
            Self::Caddy => "caddy",
        }
    }

    fn site(self) -> &'static str {
        match self {
            Self::HaProxy => "shop/app",
            Self::Nginx | Self::Caddy => "shop",
        }
    }

    /// What the module has to be told here beside the site: for a drain, and for a restore.
    fn words(self, root: &str, upstream: u16, admin: u16) -> (String, String) {
        match self {
            Self::Nginx => {
                let words = format!(", folder: \"{root}/nginx\", pid_file: \"{root}/nginx.pid\"");
                (words.clone(), words)
            }
            Self::HaProxy => {
                let words = format!(", socket: \"{root}/haproxy.sock\"");
                (words.clone(), words)
            }
            Self::Caddy => {
                let folder = format!(", folder: \"{root}/caddy\"");
                let drain =
                    format!(", upstream: \"127.0.0.1:{upstream}\"{folder}, admin: \"http://localhost:{admin}\"");
                (drain, folder)
            }
        }
    }

    fn configuration(self, root: &str, port: u16, upstream: u16, admin: u16) -> (&'static str, String) {
        match self {
            Self::Nginx => (
                "nginx/nginx.conf",
                format!(
                    "pid {root}/nginx.pid;\nerror_log {root}/nginx.log;\nworker_processes 2;\nevents {{}}\nhttp {{\n access_log off;\n\
                     client_body_temp_path {root}/body;\n proxy_temp_path {root}/proxy;\n fastcgi_temp_path {root}/fastcgi;\n \
                     uwsgi_temp_path {root}/uwsgi;\n scgi_temp_path {root}/scgi;\n server {{\n  listen 127.0.0.1:{port};\n  \
                     include backstay/shop.conf*;\n  location / {{ proxy_pass http://127.0.0.1:{upstream}; }}\n }}\n}}\n"
                ),
            ),
            Self::HaProxy => (
                "haproxy.cfg",
                format!(
                    "global\n stats socket {root}/haproxy.sock mode 600 level admin\n pidfile {root}/haproxy.pid\ndefaults\n mode http\n \
                     timeout client 60s\n timeout server 60s\n timeout connect 2s\nfrontend web\n bind 127.0.0.1:{port}\n \
                     default_backend shop\nbackend shop\n server app 127.0.0.1:{upstream}\n"
                ),
            ),
            Self::Caddy => (
                "caddy/Caddyfile",
                format!(
                    "{{\n\tadmin localhost:{admin}\n\tauto_https off\n}}\n\nhttp://127.0.0.1:{port} {{\n\t@shop_is_closed file {{\n\t\troot {root}/caddy/backstay\n\t\t\
                     try_files /shop\n\t}}\n\trespond @shop_is_closed \"Closed for maintenance\" 503\n\t\
                     reverse_proxy 127.0.0.1:{upstream}\n}}\n"
                ),
            ),
        }
    }
}

impl Site {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Front::Nginx, Front::HaProxy, Front::Caddy].into_iter().map(Self::of)
    }

    /// A site that is served, and a runbook that turns its users away for a change.
    pub(super) fn of(front: Front) -> Self {
        let sandbox = Sandbox::desk();
        let root = sandbox.path("").display().to_string();
        let root = root.trim_end_matches('/');
        let (port, admin) = (free_port(), free_port());
        let upstream = free_port();
        sandbox.write("application.py", APPLICATION);
        let mut application = Command::new("python3");
        application
            .arg(sandbox.path("application.py"))
            .args([root, &upstream.to_string()]);
        let application = application.spawn().unwrap();
        for folder in ["nginx/backstay", "caddy/backstay"] {
            std::fs::create_dir_all(sandbox.path(folder)).unwrap();
        }
        let (file, configuration) = front.configuration(root, port, upstream, admin);
        sandbox.write(file, configuration);
        let children = [application].into_iter().chain(start(front, &sandbox, file)).collect();
        let (drain, restore) = front.words(root, upstream, admin);
        let (name, at) = (front.name(), front.site());
        sandbox.write(
            "site.runbook",
            format!(
                "use std.ingress.{name} as ingress\n\nrunbook site \"Change it behind its ingress\"\n\n\
                 service app \"The application\" {{ runs process(\"{root}/app\", port: {upstream})  behind ingress.site(\"{at}\") }}\n\n\
                 hold drained \"Users are turned away\" {{\n  take ingress.drain(\"{at}\"{drain}) within 2m\n  \
                 release ingress.restore(\"{at}\"{restore}) within 2m\n}}\n\n\
                 step change \"Change it\" {{\n  take drained\n  \
                 check \"users are turned away\": http.get(\"http://127.0.0.1:{port}/\").status == 503 within 10s every 100ms\n  \
                 check \"it may go on\": fs.exists(\"{root}/go\") within 2m every 50ms\n  release drained\n}}\n"
            ),
        );
        let site = Self {
            sandbox,
            front,
            port,
            children,
        };
        wait_until("users come in", || site.asks() == 200);
        site
    }

    /// The same, where what is under way is cut.
    pub(super) fn cutting(self) -> Self {
        let text = std::fs::read_to_string(self.sandbox.path("site.runbook")).unwrap();
        self.sandbox
            .write("site.runbook", text.replace("take ingress.drain", "take ingress.cut"));
        self
    }

    pub(super) fn lets_the_change_go_on(&self) {
        self.sandbox.write("go", "");
    }

    pub(super) fn start(&self) -> Child {
        self.sandbox.start(&["run", "site.runbook"])
    }

    pub(super) fn start_and_finish(&self) -> Finished {
        finish(self.start())
    }

    /// The status that a user gets; 0 where none comes.
    pub(super) fn asks(&self) -> u16 {
        ask(self.port, "/")
    }

    /// A user whose answer takes until [`Site::answers_the_slow`]; has come to the application.
    pub(super) fn asks_slowly(&self) -> JoinHandle<u16> {
        let port = self.port;
        let user = thread::spawn(move || ask(port, "/slow"));
        wait_for(&self.sandbox.path("waiting"));
        user
    }

    pub(super) fn answers_the_slow(&self) {
        self.sandbox.write("answer", "");
    }

    /// Users who come one after the other.
    pub(super) fn traffic(&self) -> Traffic {
        let seen: Arc<Mutex<Vec<u16>>> = Arc::default();
        let ends = Arc::new(AtomicBool::new(false));
        let (into, until, port) = (Arc::clone(&seen), Arc::clone(&ends), self.port);
        let users = thread::spawn(move || {
            while !until.load(Ordering::SeqCst) {
                let status = ask(port, "/");
                into.lock().unwrap().push(status);
                sleep(Duration::from_millis(5));
            }
        });
        let traffic = Traffic { seen, ends, users };
        wait_until("users come in", || traffic.has(200));
        traffic
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let path = |name: &str| self.sandbox.path(name).display().to_string();
        let mut end = match self.front {
            Front::Nginx => {
                let mut command = Command::new("nginx");
                command.args(["-c", &path("nginx/nginx.conf"), "-s", "stop"]);
                command
            }
            // The sandbox ends whatever names it.
            Front::HaProxy | Front::Caddy => Command::new("true"),
        };
        drop(end.stderr(Stdio::null()).status());
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

pub(super) struct Traffic {
    seen: Arc<Mutex<Vec<u16>>>,
    ends: Arc<AtomicBool>,
    users: JoinHandle<()>,
}

impl Traffic {
    pub(super) fn has(&self, status: u16) -> bool {
        self.seen.lock().unwrap().contains(&status)
    }

    /// How many have been answered.
    pub(super) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(super) fn last(&self) -> Option<u16> {
        self.seen.lock().unwrap().last().copied()
    }

    /// What all users got, in order.
    pub(super) fn end(self) -> Vec<u16> {
        self.ends.store(true, Ordering::SeqCst);
        self.users.join().unwrap();
        let seen = self.seen.lock().unwrap();
        seen.clone()
    }
}

/// Starts the server in front; the child where it stays one.
fn start(front: Front, sandbox: &Sandbox, file: &str) -> Option<Child> {
    let path = sandbox.path(file).display().to_string();
    let mut command = match front {
        Front::Nginx => {
            let log = sandbox.path("nginx.log").display().to_string();
            let mut command = Command::new("nginx");
            command.args(["-e", &log, "-c", &path]);
            command
        }
        Front::HaProxy => {
            let mut command = Command::new("haproxy");
            command.args(["-D", "-q", "-f", &path]);
            command
        }
        Front::Caddy => {
            let mut command = Command::new("caddy");
            command.args(["run", "--config", &path]);
            command.env("HOME", sandbox.path("home"));
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            return Some(child.expect("caddy is installed (`tests/run` does that)"));
        }
    };
    let status = command.stderr(Stdio::null()).status();
    assert!(status.expect("it is installed (`tests/run` does that)").success());
    None
}

/// Answers 200; what is asked slowly once there is a file `answer`, and says by a file `waiting` that it was asked.
const APPLICATION: &str = r#"
import http.server, pathlib, sys, time
root = pathlib.Path(sys.argv[1])
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            (root / "waiting").touch()
            while not (root / "answer").exists():
                time.sleep(0.02)
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"shop\n")
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Answer).serve_forever()
"#;

/// The status of an answer, and 0 where none comes.
fn ask(port: u16, path: &str) -> u16 {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = asked().unwrap_or_default();
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}
