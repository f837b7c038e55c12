//! `http.get`: asks an address.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{ResourceKind, Touch};
use backstay_dsl::types::Type;
use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

use super::addresses::{Addresses, Refused};
use crate::action::common::child::plain;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::redact::Redactor;
use crate::value::Value;

/// A value keeps so much of an answer.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// So much is read, to see whether there was more and what stands at the cut.
const READ_BYTES_MAX: u64 = 128 * 1024;
/// So many redirects are followed.
const REDIRECTS_MAX: u32 = 3;
/// So long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Asks an address.
pub struct Get;

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
        .takes("timeout", Type::Duration, "The longest it may take; the limit of the action where it is not said.")
        .gives(result)
        .touches(Touch::Reads(describe::of(ResourceKind::Endpoint, "url")))
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let request = Request::new(context, arguments);
        let redactor = Redactor::new(context.secrets.iter());
        blocking::perform(context, move |stop| {
            stop.check()?;
            let (status, body) = request.ask()?;
            let is_cut = body.len() > BODY_BYTES_MAX;
            if is_cut && redactor.finds(&body) {
                return Err(format!("{} gave more than 64 KiB with a secret in it", request.url));
            }
            let text = String::from_utf8_lossy(&body[..body.len().min(BODY_BYTES_MAX)]).into_owned();
            let cut = if is_cut { ", cut at 64 KiB" } else { "" };
            let summary = format!("status {status}, {} bytes{cut}", text.len());
            let value = Value::Record(BTreeMap::from([
                ("ok".to_owned(), Value::Bool((200..300).contains(&status))),
                ("status".to_owned(), Value::Int(i64::from(status))),
                ("body".to_owned(), Value::Text(text)),
            ]));
            Ok(Outcome::Done(Evidence::value(value, summary)))
        })
        .await
    }
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
    fn ask(&self) -> Result<(u16, Vec<u8>), String> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(self.limit))
            .timeout_connect(Some(CONNECT_LIMIT.min(self.limit)))
            .max_redirects(if self.holds_secret { 0 } else { REDIRECTS_MAX })
            .max_redirects_will_error(!self.holds_secret)
            .proxy(None)
            .user_agent(concat!("backstay/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Addresses::default());
        let mut request = agent.get(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut answer = request.call().map_err(|error| self.problem(&error))?;
        let mut body = Vec::new();
        answer
            .body_mut()
            .as_reader()
            .take(READ_BYTES_MAX)
            .read_to_end(&mut body)
            .map_err(|error| format!("{} broke off in its answer: {}", self.url, plain(&error)))?;
        Ok((answer.status().as_u16(), body))
    }

    /// What went wrong, in words.
    fn problem(&self, error: &ureq::Error) -> String {
        let url = &self.url;
        let limit = crate::units::duration(u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX));
        match error {
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                format!("nothing listens at {url}: the connection was refused")
            }
            ureq::Error::Io(error) => format!("{url} does not answer: {}", plain(error)),
            ureq::Error::Timeout(_) => format!("{url} did not answer within {limit}"),
            ureq::Error::ConnectionFailed => format!("nothing listens at {url}"),
            ureq::Error::HostNotFound => format!("the host of {url} is not known; check its name and the name service"),
            ureq::Error::TooManyRedirects => format!("{url} redirects more than {REDIRECTS_MAX} times"),
            ureq::Error::BadUri(_) => format!("{url} is no address that can be asked"),
            // A header that cannot be sent may be a secret, so it is not shown.
            ureq::Error::Http(_) => format!("{url} cannot be asked: a header is not well-formed"),
            ureq::Error::Other(inner) if inner.is::<Refused>() => format!("{url}: {inner}"),
            other => format!("{url} does not answer: {other}"),
        }
    }
}
