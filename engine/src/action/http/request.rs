//! A request: what is sent, to whom, and what went wrong.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use backstay_dsl::catalogue::Sink;
use backstay_dsl::types::Type;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::LOCATION;
use reqwest::{Certificate, Client, ClientBuilder, Identity, Method, Response, StatusCode, Url, redirect};
use tokio::time::Instant;

use super::addresses::{Addresses, Refused, Unknown, refused};
use super::answer::{Answered, BODY_BYTES_MAX};
use crate::action::common::child::plain;
use crate::action::common::describe::Describe;
use crate::action::common::pem;
use crate::action::{Arguments, Context, Outcome};
use crate::value::Value;

/// So much is read, to see whether there was more and what stands at the cut.
const READ_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;
/// So many redirects are followed.
const REDIRECTS_MAX: usize = 5;
/// So long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// The parameters of every request.
pub(super) fn in_common(described: Describe) -> Describe {
    described
        .takes(
            "headers",
            Type::Map(Box::new(Type::Text)),
            "Headers; may be secrets: `bearer(token)`, `basic(\"user\", password)`.",
        )
        .into(Sink::Header)
        .ca()
        .takes(
            "certificate",
            Type::Path,
            "A file with the client's certificate (PEM), with `key` beside it or in the same file.",
        )
        .takes(
            "key",
            Type::Path,
            "A file with the key of the client's certificate (PEM).",
        )
        .takes(
            "socket",
            Type::Path,
            "A Unix socket that is connected to instead of the host of the address.",
        )
        .takes(
            "timeout",
            Type::Duration,
            "The longest it may take; where it is not said, as `within` says, else the action's own limit.",
        )
        .bounding()
}

/// What is sent with a request.
pub(super) fn with_body(described: Describe) -> Describe {
    let doc = "What is sent; may be a secret. Its kind is said by a header `Content-Type`.";
    described.takes("body", Type::Text, doc).into(Sink::Body)
}

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    Never,
    SameHost,
    Any,
}

impl Follow {
    pub(super) const WORDS: &[&str] = &["never", "same host", "any"];

    pub(super) fn of(word: Option<&str>) -> Result<Self, String> {
        match word {
            Some("never") => Ok(Self::Never),
            Some("same host") | None => Ok(Self::SameHost),
            Some("any") => Ok(Self::Any),
            Some(other) => Err(format!("`follow` is one of {}, not {other:?}", Self::WORDS.join(", "))),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) reason: String,
    /// Whether the other side may have got the request.
    was_sent: bool,
}

/// What came of a request that changes something.
impl From<Failed> for Outcome {
    fn from(failed: Failed) -> Self {
        if failed.was_sent {
            Self::unknown(failed.reason)
        } else {
            Self::failed(failed.reason)
        }
    }
}

impl Failed {
    fn before(reason: String) -> Self {
        Self {
            reason,
            was_sent: false,
        }
    }
}

pub(super) struct Request {
    method: Method,
    url: String,
    headers: Vec<(String, Value)>,
    body: Option<Value>,
    ca: Option<PathBuf>,
    /// The files of the client's certificate and key.
    identity: Vec<PathBuf>,
    socket: Option<PathBuf>,
    follow: Follow,
    limit: Duration,
}

impl Request {
    pub(super) fn new(context: &Context, arguments: &Arguments, method: Method) -> Self {
        let headers = match arguments.get("headers") {
            Some(Value::Map(map)) => map.clone(),
            _ => std::collections::BTreeMap::new(),
        };
        let path = |name: &str| Some(context.working_directory.join(arguments.path(name)?));
        Self {
            url: arguments.text("url").unwrap_or_default().to_owned(),
            headers: headers.into_iter().collect(),
            body: arguments.get("body").cloned(),
            ca: path("ca"),
            identity: ["certificate", "key"].into_iter().filter_map(path).collect(),
            socket: path("socket"),
            follow: Follow::Never,
            limit: arguments
                .duration("timeout")
                .unwrap_or(context.limit)
                .min(context.limit),
            method,
        }
    }

    pub(super) fn following(self, follow: Follow) -> Self {
        Self { follow, ..self }
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), Value::text(value)));
        self
    }

    pub(super) fn with_body(self, body: Value) -> Self {
        let body = Some(body);
        Self { body, ..self }
    }

    /// What is sent, without secrets.
    pub(super) fn in_words(&self) -> String {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let headers = if names.is_empty() {
            String::new()
        } else {
            format!(", with {}", names.join(", "))
        };
        let body = match &self.body {
            Some(body) => format!(", {} bytes", body.exposed().len()),
            None => String::new(),
        };
        let proxy = Url::parse(&self.url).ok().and_then(|url| proxy_of(&url));
        let proxy = proxy
            .map(|proxy| format!(", through the proxy {proxy}"))
            .unwrap_or_default();
        format!("{} {}{headers}{body}{proxy}", self.method, self.url)
    }

    /// The answer, with the beginning of its body, unless it is stopped before.
    pub(super) async fn ask(&self, context: &Context) -> Result<Answered, Failed> {
        let asked = async {
            let answer = self.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let body = self.body(answer).await?;
            Ok(Answered::new(status, &headers, &body, &context.redactor))
        };
        unless_stopped(context, asked).await
    }

    /// The answer as it begins, unless it is stopped before.
    pub(super) async fn open(&self, context: &Context) -> Result<Response, Failed> {
        unless_stopped(context, self.send()).await
    }

    /// The answer, after redirects.
    async fn send(&self) -> Result<Response, Failed> {
        let began = Instant::now();
        let url = Url::parse(&self.url);
        let mut at = url.map_err(|_| Failed::before(format!("{} is no address that can be asked", self.url)))?;
        let (mut method, mut is_trusted) = (self.method.clone(), true);
        for _ in 0..=REDIRECTS_MAX {
            let left = self.limit.saturating_sub(began.elapsed());
            let answer = self.send_to(&at, &method, is_trusted, left).await?;
            let Some(next) = self.next(&at, &answer) else {
                return Ok(answer);
            };
            is_trusted &= has_same_origin(&at, &next);
            let is_asking = method == Method::GET || method == Method::HEAD;
            if !is_asking && !is_as_it_was(answer.status()) {
                method = Method::GET;
            } else if !is_asking && !is_trusted {
                return Ok(answer);
            }
            at = next;
        }
        Err(Failed::before(format!(
            "{} redirects more than {REDIRECTS_MAX} times",
            self.url
        )))
    }

    /// Where a redirect that is followed leads.
    fn next(&self, at: &Url, answer: &Response) -> Option<Url> {
        let is_redirect = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        let told = answer.headers().get(LOCATION).filter(|_| is_redirect)?.to_str().ok()?;
        let next = at
            .join(told)
            .ok()
            .filter(|next| matches!(next.scheme(), "http" | "https"))?;
        let is_followed = match self.follow {
            Follow::Never => false,
            Follow::SameHost => next.host_str() == at.host_str(),
            Follow::Any => self.socket.is_none(),
        };
        is_followed.then_some(next)
    }

    async fn send_to(&self, at: &Url, method: &Method, is_trusted: bool, left: Duration) -> Result<Response, Failed> {
        if let Some(refused) = refused(at) {
            return Err(Failed::before(format!("{at}: {refused}")));
        }
        let client = self.client(at, is_trusted, left)?;
        let mut request = client.request(method.clone(), at.clone());
        for (name, value) in &self.headers {
            if is_trusted || !matches!(value, Value::Secret(_)) {
                request = request.header(name, value.exposed());
            }
        }
        if let Some(body) = self.body.as_ref().filter(|_| *method == self.method && is_trusted) {
            request = request.body(body.exposed());
        }
        request.send().await.map_err(|error| self.failed(&error))
    }

    async fn body(&self, mut answer: Response) -> Result<Vec<u8>, Failed> {
        let mut body = Vec::new();
        while body.len() < READ_BYTES_MAX {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) if error.is_timeout() => return Err(self.failed(&error)),
                Err(error) => {
                    return Err(Failed {
                        reason: format!("{} broke off in its answer: {}", self.url, innermost(&error)),
                        was_sent: true,
                    });
                }
            }
        }
        body.truncate(READ_BYTES_MAX);
        Ok(body)
    }

    /// A client of its own: each request has its own limit and its own trust, and no connection is kept.
    fn client(&self, at: &Url, is_trusted: bool, left: Duration) -> Result<Client, Failed> {
        static PROVIDER: Once = Once::new();
        // An error says that one is installed already, which is as good.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let mut builder = Client::builder()
            .dns_resolver(Addresses)
            .redirect(redirect::Policy::none())
            .timeout(left)
            .connect_timeout(CONNECT_LIMIT.min(left))
            .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")));
        if self.socket.is_some() || proxy_of(at).is_none() {
            builder = builder.no_proxy();
        }
        if let Some(socket) = &self.socket {
            builder = builder.unix_socket(socket.clone());
        }
        builder = self.trusting(builder, is_trusted).map_err(Failed::before)?;
        builder.build().map_err(|error| self.failed(&error))
    }

    /// Whom it trusts, and as whom it comes.
    fn trusting(&self, mut builder: ClientBuilder, is_trusted: bool) -> Result<ClientBuilder, String> {
        if let Some(ca) = &self.ca {
            let found = pem::authorities(ca)?;
            let found: Result<Vec<_>, _> = found.iter().map(|found| Certificate::from_der(found)).collect();
            builder = builder.tls_certs_only(found.map_err(|error| format!("{}: {error}", ca.display()))?);
        }
        if is_trusted && let Some(first) = self.identity.first() {
            let files: Result<Vec<Vec<u8>>, String> = self.identity.iter().map(|file| pem::read(file)).collect();
            let identity = Identity::from_pem(&files?.join(&b"\n"[..]));
            let identity = identity.map_err(|_| {
                format!(
                    "{} is no certificate of a client with its key (PEM), alone or with `key`",
                    first.display()
                )
            })?;
            builder = builder.identity(identity);
        }
        Ok(builder)
    }

    fn failed(&self, error: &reqwest::Error) -> Failed {
        Failed {
            reason: self.problem(error),
            was_sent: !error.is_connect() && !error.is_builder(),
        }
    }

    /// What went wrong, in words. A header that cannot be sent may be a secret, so it is not shown.
    fn problem(&self, error: &reqwest::Error) -> String {
        let url = &self.url;
        if let Some(refused) = cause::<Refused>(error) {
            return format!("{url}: {refused}");
        }
        if cause::<Unknown>(error).is_some() {
            return format!("the host of {url} is not known; check its name and the name service");
        }
        if error.is_timeout() {
            let limit = backstay_dsl::units::duration_of(self.limit);
            return format!("{url} did not answer within {limit}");
        }
        if error.is_builder() {
            return format!("{url} cannot be asked: a header is not well-formed");
        }
        match cause::<std::io::Error>(error) {
            Some(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                format!("nothing listens at {url}: the connection was refused")
            }
            Some(error) => format!("{url} does not answer: {}", plain(error)),
            None => format!("{url} does not answer: {}", innermost(error)),
        }
    }
}

/// What comes of it, unless it is stopped before: the request may have been carried out then.
async fn unless_stopped<T>(context: &Context, work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::select! {
        done = work => done,
        () = context.cancelled.cancelled() => Err(Failed {
            reason: "stopped on request while it was under way".to_owned(),
            was_sent: true,
        }),
    }
}

/// Whether what was sent to one address may be sent to another: the same host and port by the same scheme, or the same
/// host by a safer one.
fn has_same_origin(at: &Url, next: &Url) -> bool {
    let is_safer = at.scheme() == "http"
        && next.scheme() == "https"
        && (at.port_or_known_default(), next.port_or_known_default()) == (Some(80), Some(443));
    at.host_str() == next.host_str()
        && (is_safer || (at.scheme() == next.scheme() && at.port_or_known_default() == next.port_or_known_default()))
}

/// Whether a redirect asks for the same request again, and not for a question.
fn is_as_it_was(status: StatusCode) -> bool {
    matches!(status.as_u16(), 307 | 308)
}

/// The proxy that the environment says for an address, without what logs in there; none for this machine.
pub(super) fn proxy_of(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    let is_here = host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if is_here {
        return None;
    }
    let found = Matcher::from_env().intercept(&url.as_str().parse().ok()?)?;
    let proxy = found.uri();
    Some(format!(
        "{}://{}",
        proxy.scheme_str().unwrap_or("http"),
        proxy
            .authority()
            .map_or("", |named| { named.as_str().rsplit('@').next().unwrap_or_default() })
    ))
}

/// The first error of this type among an error and its causes.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// What lies at the bottom of an error, where the reason stands.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}
