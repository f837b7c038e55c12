//! `notify.webhook`: a message to people, as the fields of a JSON object that is sent to an address.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature, Sink};
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;
use reqwest::Method;
use serde_json::{Map, Value as Json};

use super::request::{Request, in_common};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::value::{Secret, Value};

/// The name of the field that holds the message, where the call does not say it.
const FIELD: &str = "text";

pub(super) struct Webhook;

#[async_trait]
impl Action for Webhook {
    fn signature(&self) -> Signature {
        let described = describe::change(
            "notify",
            "webhook",
            "Sends a message to people: a JSON object, by POST.\n\nIt was told where the status is 200 to 299 and the answer \
             holds what `answers` says; else the step goes on all the same. Where nobody knows whether it arrived, it is sent \
             once more. The label of a run (`label` in its header) stands before the message. Proxies and authorities are as \
             for `http.get`.",
        )
        .needs("url", Type::Url, "The address.")
        .needs("message", Type::Text, "What people read.")
        .into(Sink::Message)
        .takes(
            "field",
            Type::Text,
            "The field that holds the message, `text` where it is not said; `payload.summary` is one in another.",
        )
        .takes(
            "fields",
            Type::Map(Box::new(Type::Text)),
            "Further fields; may be secrets.",
        )
        .into(Sink::Body)
        .takes("answers", Type::Text, "What the answer has to hold where the status alone says too little.");
        in_common(described)
            .effects(Effect::Tells(Pattern::Parameter("url")))
            .limit_ms(10_000)
            .example(
                r#"do notify.webhook("http://127.0.0.1:8080/messages", message: "the upgrade begins", fields: { channel: "shop" }, headers: { Authorization: bearer(token) })"#,
            )
            .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let url = arguments.text("url").unwrap_or_default();
        Some(format!("sends to {url}: {}", message(context, arguments)))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let body = match body(context, arguments) {
            Ok(body) => body,
            Err(reason) => return Outcome::failed(reason),
        };
        let request = Request::new(context, arguments, Method::POST)
            .with_header("Content-Type", "application/json")
            .with_body(Value::Secret(Secret::new("body", body)));
        match request.ask(context).await {
            Err(failed) => failed.into(),
            Ok(answered) => {
                let is_told = answered.is_ok() && arguments.text("answers").is_none_or(|words| answered.holds(words));
                let evidence = Evidence::line(answered.summary());
                if is_told {
                    Outcome::Done(evidence)
                } else {
                    Outcome::Failed(Evidence::line(format!("not taken: {}", answered.beginning())))
                }
            }
        }
    }

    async fn settle(&self, _context: &Context, _arguments: &Arguments) -> Settled {
        Settled::NotDone("whether it arrived nobody knows: it is sent once more".to_owned())
    }
}

/// The message behind the label of the run.
fn message(context: &Context, arguments: &Arguments) -> String {
    let message = arguments.text("message").unwrap_or_default();
    match &context.label {
        Some(label) => format!("[{label}] {message}"),
        None => message.to_owned(),
    }
}

/// The object that is sent. An error names a field that is said twice, or is a value and holds others.
fn body(context: &Context, arguments: &Arguments) -> Result<String, String> {
    let mut object = Map::new();
    if let Some(Value::Map(fields)) = arguments.get("fields") {
        for (name, value) in fields {
            put(&mut object, name, Json::from(value.exposed())).ok_or_else(|| clash(name))?;
        }
    }
    let field = arguments.text("field").unwrap_or(FIELD);
    put(&mut object, field, Json::from(message(context, arguments))).ok_or_else(|| clash(field))?;
    Ok(Json::Object(object).to_string())
}

fn clash(name: &str) -> String {
    format!("the field {name} of the message stands there twice, or within one that is a text")
}

/// Puts a value under a name such as `payload.summary`; `None` where something else is there.
fn put(object: &mut Map<String, Json>, name: &str, value: Json) -> Option<()> {
    let Some((outer, inner)) = name.split_once('.') else {
        return object.insert(name.to_owned(), value).is_none().then_some(());
    };
    let outer = object.entry(outer).or_insert_with(|| Json::Object(Map::new()));
    put(outer.as_object_mut()?, inner, value)
}
