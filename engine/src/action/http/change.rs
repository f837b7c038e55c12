//! `http.post`, `http.put`, `http.delete`: have something changed elsewhere.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Settle, Signature};
use backstay_dsl::effect::{Effect, Repeat, Resource, ResourceKind};
use backstay_dsl::types::Type;
use reqwest::Method;

use super::answer;
use super::request::{Request, in_common, with_body};
use crate::action::common::describe::{self, Describe};
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Settled, Simulated};
use crate::value::Answer;

/// Something elsewhere, by the name that an argument gives it.
fn external(parameter: &'static str) -> Resource<Pattern> {
    Resource::new(ResourceKind::External, Pattern::Parameter(parameter))
}

/// A request that changes something.
pub(super) enum Change {
    Post,
    Put,
    Delete,
}

impl Change {
    fn method(&self) -> Method {
        match self {
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Delete => Method::DELETE,
        }
    }

    fn with_example(&self, described: Describe) -> Describe {
        described.example(match self {
            Self::Post => {
                r#"do http.post("http://127.0.0.1:8080/silences", adds: "silence of the shop", body: "1h", headers: { Authorization: bearer(token) }, keyed_by: "Idempotency-Key") undo http.delete("http://127.0.0.1:8080/silences/shop", removes: "silence of the shop", headers: { Authorization: bearer(token) }, keyed_by: "Idempotency-Key") within 10s"#
            }
            Self::Put => {
                r#"do http.put("http://127.0.0.1:8080/silences/shop", adds: "silence of the shop", body: "1h") undo http.delete("http://127.0.0.1:8080/silences/shop", removes: "silence of the shop", keyed_by: "Idempotency-Key") within 10s"#
            }
            Self::Delete => {
                r#"do http.delete("http://127.0.0.1:8080/cache", changes: "the cache of the site") no undo because "it fills itself again""#
            }
        })
    }

    fn request(&self, context: &Context, arguments: &Arguments) -> Request {
        let request = Request::new(context, arguments, self.method());
        match arguments.text("keyed_by") {
            Some(header) => request.with_header(header, &context.key),
            None => request,
        }
    }
}

#[async_trait]
impl Action for Change {
    fn signature(&self) -> Signature {
        let described = match self {
            Self::Post => describe::change(
                "http",
                "post",
                "Has something changed elsewhere by a request; a status of 200 to 299 is done.\n\nWhat it does elsewhere is said by `adds`, `removes` or `changes`, one of them at least. A status of 400 to 499 \
                 failed: it says that nothing was done. Of a redirect, a status from 500 on, and a reply that is lost, nobody \
                 knows whether it was done: a person is asked. Where the other side remembers what it did (`keyed_by`), it is \
                 repeated instead, with the same key, also by `resume`. Redirects are not followed. Proxies and authorities \
                 are as for `http.get`.",
            ),
            Self::Put => describe::change(
                "http",
                "put",
                "Has something put elsewhere by a request, as `http.post` does.",
            ),
            Self::Delete => describe::change(
                "http",
                "delete",
                "Has something removed elsewhere by a request, as `http.post` does; a status of 404 or 410 says that it is not there, which is done too.",
            ),
        };
        let described = described.needs("url", Type::Url, "The address.").takes(
            "changes",
            Type::Text,
            "What is changed, in a name of your own; nobody can say to what.",
        );
        let described = match self {
            Self::Delete => described,
            Self::Post | Self::Put => with_body(
                described
                    .takes("adds", Type::Text, "What is new then, in a name of your own.")
                    .effects(Effect::Adds(external("adds"))),
            ),
        };
        let described = in_common(described.takes("removes", Type::Text, "What is gone then, by the name under which it was added."))
            .takes(
                "keyed_by",
                Type::Text,
                "The header, such as `Idempotency-Key`, by which the other side knows a request that it has carried out already.",
            )
            .keying()
            .gives(answer::record())
            .effects(Effect::Opaque(external("changes")))
            .effects(Effect::Removes(external("removes")))
            .repeat(Repeat::Once)
            .settle(Settle::Person);
        self.with_example(described).done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        Some(self.request(context, arguments).in_words())
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match self.request(context, arguments).ask(context).await {
            Ok(answered) => {
                let (status, summary) = (answered.status, answered.summary());
                let evidence = Evidence::value(answered.value(), summary);
                match status {
                    200..300 => Outcome::Done(evidence),
                    404 | 410 if matches!(self, Self::Delete) => Outcome::Done(evidence),
                    // A redirect often follows what was done; a conflict about a key, what is being done.
                    300..400 | 500.. => Outcome::Unknown(evidence),
                    409 if arguments.text("keyed_by").is_some() => Outcome::Unknown(evidence),
                    _ => Outcome::Failed(evidence),
                }
            }
            Err(failed) => failed.into(),
        }
    }

    async fn settle(&self, _context: &Context, arguments: &Arguments) -> Settled {
        let url = arguments.text("url").unwrap_or_default();
        Settled::Undecidable(format!("only {url} knows whether it carried the request out"))
    }

    fn simulate(&self, _call: &GroundCall, _production: &mut dyn Simulated) -> Option<Answer> {
        Some(Ok(answer::simulated(200)))
    }
}
