//! `http.get`, `http.head`, `http.query`: ask an address.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;
use reqwest::Method;

use super::answer;
use super::request::{Follow, Request, in_common, with_body};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::value::Answer;

/// A question to an address.
pub(super) enum Ask {
    Get,
    Head,
    /// By a method that usually changes something, where it does not.
    Query,
}

impl Ask {
    fn method(&self, arguments: &Arguments) -> Result<Method, String> {
        match self {
            Self::Get => Ok(Method::GET),
            Self::Head => Ok(Method::HEAD),
            Self::Query => {
                let said = arguments.text("method").unwrap_or("POST");
                Method::from_bytes(said.as_bytes())
                    .map_err(|_| format!("{said:?} is no method of HTTP; it is one word, such as POST"))
            }
        }
    }
}

#[async_trait]
impl Action for Ask {
    fn signature(&self) -> Signature {
        let described = match self {
            Self::Get => describe::read(
                "http",
                "get",
                "Asks an address and gives its answer, whatever its status.\n\n`ok` says whether the status is 200 to 299. \
                 `headers` has their names in small letters, without `set-cookie`, `date` and `age`: \
                 `entry(answer.headers, \"location\")`. The first 64 KiB of the body are given. An address that does not \
                 answer gives no answer. Secrets, and a client's certificate, go to the host, port and scheme of the \
                 address alone, whatever it redirects to. The proxy of the environment is used (`HTTPS_PROXY`, \
                 `HTTP_PROXY`, `NO_PROXY`), but not for addresses of this machine; `SSL_CERT_FILE` and `SSL_CERT_DIR` say \
                 which authorities are trusted.",
            ),
            Self::Head => describe::read("http", "head", "Asks an address for its status and headers alone, as `http.get` does."),
            Self::Query => describe::read(
                "http",
                "query",
                "Asks an address by a request that only reads, though its method may change something elsewhere: a search, a \
                 login, a question to an API.\n\nIt may leave marks, so it stands in a `check`, a row or a `well`.",
            )
            .leaves_traces(),
        };
        let described = described.needs("url", Type::Url, "The address.");
        let described = match self {
            Self::Query => with_body(described.takes("method", Type::Text, "The method; POST where it is not said.")),
            Self::Get | Self::Head => described,
        };
        let described = in_common(described)
            .takes(
                "follow",
                Type::Text,
                "Which redirects are followed, five at most: `never`, `same host` or `any`; those to the same host where it is not said.",
            )
            .one_of(Follow::WORDS)
            .gives(answer::record())
            .effects(Effect::Reads(describe::of(ResourceKind::Endpoint, "url")));
        match self {
            Self::Get => described
                .example(r#"check "it answers": http.get("http://127.0.0.1:8080/health").status == 200 within 1m every 2s"#),
            Self::Head => described.example(r#"check "the file is there": http.head("http://127.0.0.1:8080/new.tar") is ok"#),
            Self::Query => described.example(
                r#"check "it logs in": http.query("http://127.0.0.1:8080/login", body: token, headers: { Accept: "text/plain" }) is ok"#,
            ),
        }
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let follow = Follow::of(arguments.text("follow"));
        let (method, follow) = match (self.method(arguments), follow) {
            (Ok(method), Ok(follow)) => (method, follow),
            (Err(reason), _) | (_, Err(reason)) => return Outcome::failed(reason),
        };
        let request = Request::new(context, arguments, method).following(follow);
        match request.ask(context).await {
            Ok(answered) => {
                let summary = answered.summary();
                Outcome::Done(Evidence::value(answered.value(), summary))
            }
            Err(failed) => Outcome::failed(failed.reason),
        }
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        let status = if production.reads_stopped(call) { 503 } else { 200 };
        Some(Ok(answer::simulated(status)))
    }
}
