//! `http.get`: asks an address.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Once;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;
use reqwest::{Client, Response, Url, redirect};

use super::addresses::{Addresses, Refused, Unknown, refused};
use crate::action::common::child::plain;
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

/// A value keeps so much of an answer.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// So much is read, to see whether there was more and what stands at the cut.
const READ_BYTES_MAX: usize = 128 * 1024;
/// So many redirects are followed.
const REDIRECTS_MAX: usize = 3;
/// So long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

pub(super) struct Get;

#[async_trait]
impl Action for Get {
    fn signature(&self) -> Signature {
        let result = Type::record(
            "HttpResponse",
            &[("ok", Type::Bool), ("status", Type::Int), ("body", Type::Text)],
        );
        describe::read(
            "http",
            "get",
            "Asks an address and gives its answer, whatever its status.\n\n`ok` says whether the status is 200 to 299. The \
             first 64 KiB of the body are given. Three redirects are followed, none where a header is a secret. An address \
             that does not answer gives no answer. No proxy is used.",
        )
        .needs("url", Type::Url, "The address.")
        .takes("headers", Type::Map(Box::new(Type::Text)), "Headers; may be secrets.")
        .into(Sink::Header)
        .takes("timeout", Type::Duration, "The longest it may take; where it is not said, 10 seconds, or as `within` says.")
        .bounding()
        .gives(result)
        .effects(Effect::Reads(describe::of(ResourceKind::Endpoint, "url")))
        .example(r#"check "it answers": http.get("http://127.0.0.1:8080/health").status == 200 within 1m every 2s"#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let request = Request::new(context, arguments);
        let asked = tokio::select! {
            asked = request.ask() => asked,
            () = context.cancelled.cancelled() => Err("stopped on request before it was done".to_owned()),
        };
        let (status, body) = match asked {
            Ok(answer) => answer,
            Err(reason) => return Outcome::failed(reason),
        };
        let is_cut = body.len() > BODY_BYTES_MAX;
        if is_cut && context.redactor.finds(&body) {
            return Outcome::failed(format!("{} gave more than 64 KiB with a secret in it", request.url));
        }
        let text = String::from_utf8_lossy(&body[..body.len().min(BODY_BYTES_MAX)]).into_owned();
        let cut = if is_cut { ", cut at 64 KiB" } else { "" };
        let summary = format!("status {status}, {} bytes{cut}", text.len());
        Outcome::Done(Evidence::value(response(status, text), summary))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        let status = if production.reads_stopped(call) { 503 } else { 200 };
        Some(Ok(response(status, "simulated".to_owned())))
    }
}

fn response(status: u16, body: String) -> Value {
    Value::Record(BTreeMap::from([
        ("ok".to_owned(), Value::Bool((200..300).contains(&status))),
        ("status".to_owned(), Value::Int(i64::from(status))),
        ("body".to_owned(), Value::Text(body)),
    ]))
}

struct Request {
    url: String,
    headers: Vec<(String, String)>,
    holds_secret: bool,
    limit: Duration,
}

impl Request {
    fn new(context: &Context, arguments: &Arguments) -> Self {
        let given = match arguments.get("headers") {
            Some(Value::Map(map)) => map.clone(),
            _ => BTreeMap::new(),
        };
        Self {
            url: arguments.text("url").unwrap_or_default().to_owned(),
            holds_secret: given.values().any(|value| matches!(value, Value::Secret(_))),
            headers: given
                .into_iter()
                .map(|(name, value)| match value {
                    Value::Secret(secret) => (name, secret.expose().to_owned()),
                    other => (name, other.canonical()),
                })
                .collect(),
            limit: arguments
                .duration("timeout")
                .unwrap_or(context.limit)
                .min(context.limit),
        }
    }

    /// The status and the body of the answer.
    async fn ask(&self) -> Result<(u16, Vec<u8>), String> {
        let url = Url::parse(&self.url).map_err(|_| format!("{} is no address that can be asked", self.url))?;
        if let Some(refused) = refused(&url) {
            return Err(format!("{}: {refused}", self.url));
        }
        let mut request = self.client().map_err(|error| self.problem(&error))?.get(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(|error| self.problem(&error))?;
        let status = answer.status().as_u16();
        Ok((status, self.body(answer).await?))
    }

    async fn body(&self, mut answer: Response) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        while body.len() < READ_BYTES_MAX {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) if error.is_timeout() => return Err(self.problem(&error)),
                Err(error) => return Err(format!("{} broke off in its answer: {}", self.url, innermost(&error))),
            }
        }
        body.truncate(READ_BYTES_MAX);
        Ok(body)
    }

    /// A client of its own: each request has its own limit and rule for redirects, and no connection is kept.
    fn client(&self) -> reqwest::Result<Client> {
        static PROVIDER: Once = Once::new();
        // An error says that one is installed already, which is as good.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let redirects = if self.holds_secret {
            redirect::Policy::none()
        } else {
            redirect::Policy::custom(|attempt| match refused(attempt.url()) {
                Some(refused) => attempt.error(refused),
                None => redirect::Policy::limited(REDIRECTS_MAX).redirect(attempt),
            })
        };
        Client::builder()
            .dns_resolver(Addresses)
            .no_proxy()
            .redirect(redirects)
            .timeout(self.limit)
            .connect_timeout(CONNECT_LIMIT.min(self.limit))
            .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
            .build()
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
        if error.is_redirect() {
            return format!("{url} redirects more than {REDIRECTS_MAX} times");
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
