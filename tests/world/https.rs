//! HTTP against nginx with TLS of its own making: authorities, a client's certificate, a Unix socket.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use backstay::value::Value;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};

use crate::support::bench::{Bench, path_value, text};
use crate::support::sandbox::{free_port, wait_until};
use crate::support::worlds::real;

/// nginx in a folder, until the value is dropped.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) port: u16,
}

impl Nginx {
    /// Serves what it knows of the client by TLS and at `sock`; files in the folder: `ca.pem`, `client.pem`.
    pub(crate) fn start(folder: &Path) -> Self {
        let port = free_port();
        certificates(folder);
        let place = folder.display();
        let conf = format!(
            "daemon off;\npid {place}/nginx.pid;\nerror_log {place}/error.log;\nworker_processes 1;\nevents {{}}\nhttp {{\n access_log off;\n\
             client_body_temp_path {place}/body;\n proxy_temp_path {place}/proxy;\n fastcgi_temp_path {place}/fastcgi;\n \
             uwsgi_temp_path {place}/uwsgi;\n scgi_temp_path {place}/scgi;\n server {{\n  listen 127.0.0.1:{port} ssl;\n  listen unix:{place}/sock;\n  \
             ssl_certificate {place}/server.pem;\n  ssl_certificate_key {place}/server.key;\n  ssl_client_certificate {place}/ca.pem;\n  \
             ssl_verify_client optional;\n  location / {{ return 200 \"$ssl_client_verify $http_authorization $request_method\"; }}\n }}\n}}\n"
        );
        std::fs::write(folder.join("nginx.conf"), conf).unwrap();
        let child = Command::new("nginx")
            .args([
                "-e",
                &format!("{place}/error.log"),
                "-c",
                &format!("{place}/nginx.conf"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self { child, port };
        wait_until("nginx listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        nginx
    }

    pub(crate) fn url(&self) -> Value {
        Value::Url(format!("https://localhost:{}/", self.port))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}

/// An authority with a certificate for `localhost` and one for a client.
fn certificates(folder: &Path) {
    let script = "set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=test-ca \
          -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
        sign() {
          openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $1.key -out $1.csr -subj /CN=$1
          printf '%s\\n' \"$2\" > $1.ext
          openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $1.pem -days 20 -extfile $1.ext
        }
        sign server subjectAltName=DNS:localhost,DNS:shop.example
        sign client extendedKeyUsage=clientAuth";
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

async fn body(bench: &Bench, action: &str, arguments: &[(&str, Value)]) -> String {
    match bench.does(action, arguments).await {
        Some(Value::Record(fields)) => fields["body"].canonical(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nginx_is_asked_by_an_authority_of_ones_own_with_a_certificate_and_by_a_socket() {
    let bench = real().with_secret("Bearer hunter-2-hunter");
    let nginx = Nginx::start(&bench.folder);
    let file = |name: &str| path_value(&bench.path(name));
    let reason = bench.fails("http.get", &[("url", nginx.url())]).await;
    assert!(reason.contains("certificate"), "{reason}");
    let trusting = [("url", nginx.url()), ("ca", file("ca.pem"))];
    assert_eq!(body(&bench, "http.get", &trusting).await, "NONE  GET");
    let headers = Value::Map([("Authorization".to_owned(), bench.secret())].into());
    let mut known = trusting.to_vec();
    known.extend([
        ("certificate", file("client.pem")),
        ("key", file("client.key")),
        ("headers", headers),
    ]);
    assert_eq!(
        body(&bench, "http.get", &known).await,
        "SUCCESS Bearer hunter-2-hunter GET"
    );
    let by_socket = [
        ("url", Value::Url("http://anything/".to_owned())),
        ("socket", file("sock")),
    ];
    assert!(body(&bench, "http.get", &by_socket).await.ends_with(" GET"));
    let mut change = by_socket.to_vec();
    change.push(("changes", text("the flag")));
    assert!(body(&bench, "http.put", &change).await.ends_with(" PUT"));
    for (name, words) in [
        ("ca", "holds no certificate of an authority"),
        ("certificate", "is no certificate of a client"),
    ] {
        let mut wrong = vec![("url", nginx.url()), (name, file("nginx.conf"))];
        let reason = bench.fails("http.get", &wrong).await;
        assert!(reason.contains(words), "{reason}");
        wrong[1].1 = file("none");
        let reason = bench.fails("http.get", &wrong).await;
        assert!(reason.contains("cannot be read"), "{reason}");
    }
}

/// The SHA-256 of a certificate as openssl says it.
fn fingerprint(file: &Path) -> String {
    let told = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(file)
        .output()
        .unwrap();
    let print = String::from_utf8(told.stdout).unwrap();
    print.trim().to_lowercase().replace(':', "")
}

fn at(host: &str, port: u16) -> [(&'static str, Value); 2] {
    [("host", Value::Host(host.to_owned())), ("port", Value::Port(port))]
}

#[tokio::test]
async fn a_certificate_is_seen_whether_it_is_trusted_or_not() {
    let bench = real();
    let nginx = Nginx::start(&bench.folder);
    let ask = |more: Vec<(&'static str, Value)>| {
        let mut arguments = at("127.0.0.1", nginx.port).to_vec();
        arguments.extend(more);
        let bench = &bench;
        async move {
            match bench.does("tls.certificate", &arguments).await {
                Some(Value::Record(fields)) => fields,
                other => panic!("{other:?}"),
            }
        }
    };
    let ca = || ("ca", path_value(&bench.path("ca.pem")));
    let name = |name: &str| ("name", Value::Host(name.to_owned()));
    let seen = ask(vec![ca(), name("shop.example")]).await;
    assert_eq!(
        (&seen["trusted"], &seen["reason"]),
        (&Value::Bool(true), &text("")),
        "{seen:?}"
    );
    assert_eq!(seen["names"].canonical(), "[localhost, shop.example]");
    let Value::Duration(left) = seen["left"] else {
        panic!("{seen:?}")
    };
    let day = 24 * 60 * 60 * 1000;
    assert!(left > 19 * day && left <= 20 * day, "{left}");
    let print = fingerprint(&bench.path("server.pem"));
    let digest = seen["digest"].canonical();
    assert!(
        print.ends_with(digest.trim_start_matches("sha256:")),
        "{print} {digest}"
    );
    for (more, words) in [
        (vec![ca()], "name"),
        (vec![ca(), name("other.example")], "name"),
        (vec![name("localhost")], "issuer"),
    ] {
        let seen = ask(more).await;
        assert_eq!(seen["trusted"], Value::Bool(false), "{seen:?}");
        assert!(seen["reason"].canonical().to_lowercase().contains(words), "{seen:?}");
    }
}

/// A port that speaks this version of TLS, with the certificate of the server and a key that may be another's.
fn shows_the_certificate(folder: &Path, key: &str, version: &'static rustls::SupportedProtocolVersion) -> u16 {
    let provider = rustls::crypto::ring::default_provider();
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join(key)).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            drop(connection.complete_io(&mut stream));
        }
    });
    port
}

#[tokio::test]
async fn a_port_that_cannot_prove_its_certificate_is_not_trusted() {
    let bench = real();
    certificates(&bench.folder);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (key, is_trusted) in [("server.key", true), ("client.key", false)] {
            let port = shows_the_certificate(&bench.folder, key, version);
            let mut arguments = at("localhost", port).to_vec();
            arguments.push(("ca", path_value(&bench.path("ca.pem"))));
            let Some(Value::Record(seen)) = bench.does("tls.certificate", &arguments).await else {
                panic!("no record")
            };
            assert_eq!(seen["trusted"], Value::Bool(is_trusted), "{version:?} {key}: {seen:?}");
            let reason = seen["reason"].canonical().to_lowercase();
            assert_eq!(reason.contains("signature"), !is_trusted, "{version:?} {key}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn what_listens_and_where_a_name_leads_is_told_or_it_is_said_that_nobody_can_tell() {
    let bench = real();
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in plain.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut &stream, b"220 hello\r\n");
        }
    });
    let reason = bench.fails("tls.certificate", &at("127.0.0.1", port)).await;
    assert!(reason.contains("does not speak TLS"), "{reason}");
    assert_eq!(
        bench.does("tcp.open", &at("localhost", port)).await,
        Some(Value::Bool(true))
    );
    let closed = free_port();
    assert_eq!(
        bench.does("tcp.open", &at("127.0.0.1", closed)).await,
        Some(Value::Bool(false))
    );
    let reason = bench.fails("tls.certificate", &at("127.0.0.1", closed)).await;
    assert!(reason.contains("nothing listens at 127.0.0.1"), "{reason}");
    let reason = bench.fails("tcp.open", &at("no-such-host.invalid", 80)).await;
    assert!(reason.contains("no address of no-such-host.invalid"), "{reason}");
    let found = bench.does("dns.lookup", &at("localhost", 1)[..1]).await.unwrap();
    assert!(found.canonical().contains("127.0.0.1"), "{found:?}");
    let reason = bench.fails("dns.lookup", &at("no-such-host.invalid", 1)[..1]).await;
    assert!(reason.contains("no address of"), "{reason}");
}
