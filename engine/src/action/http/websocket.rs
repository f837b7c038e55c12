//! `websocket.open`: whether an address opens a `WebSocket`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;
use reqwest::Method;
use sha1::{Digest, Sha1};

use super::answer;
use super::request::{Request, in_common};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::digest::{base64, sha256_hex};
use crate::value::{Answer, Value};

/// What a server adds to the key before it digests it (RFC 6455, 1.3).
const OF_WEBSOCKETS: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// So many characters of a digest are the key: 16 bytes.
const KEY_BYTES: usize = 16;

pub(super) struct Open;

#[async_trait]
impl Action for Open {
    fn signature(&self) -> Signature {
        let described = describe::read(
            "websocket",
            "open",
            "Asks an address for a WebSocket, and closes it at once.\n\n`ok` says that it was opened: status 101 and the right \
             answer to the key that was sent. Any other status is given as it is. The address begins with http:// or \
             https://, where others write ws:// or wss://.",
        )
        .needs("url", Type::Url, "The address.");
        in_common(described)
            .gives(Type::record(
                "WebSocketAnswer",
                &[("ok", Type::Bool), ("status", Type::Int), ("headers", Type::Map(Box::new(Type::Text)))],
            ))
            .effects(Effect::Reads(describe::of(ResourceKind::Endpoint, "url")))
            .example(r#"check "it opens": websocket.open("http://127.0.0.1:8080/live", headers: { Authorization: bearer(token) }) is ok within 10s"#)
            .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let said = sha256_hex(format!("{} {}", context.key, context.attempt).as_bytes());
        let key = base64(&said.as_bytes()[..KEY_BYTES]);
        let request = Request::new(context, arguments, Method::GET)
            .with_header("Connection", "Upgrade")
            .with_header("Upgrade", "websocket")
            .with_header("Sec-WebSocket-Version", "13")
            .with_header("Sec-WebSocket-Key", &key);
        let found = match request.open(context).await {
            Ok(found) => found,
            Err(failed) => return Outcome::failed(failed.reason),
        };
        let status = found.status().as_u16();
        let accepted = base64(&Sha1::digest(format!("{key}{OF_WEBSOCKETS}")));
        let is_right = found
            .headers()
            .get("sec-websocket-accept")
            .is_some_and(|given| given.as_bytes() == accepted.as_bytes());
        let summary = match (status, is_right) {
            (101, true) => "opened".to_owned(),
            (101, false) => "status 101, and a wrong answer to the key: no WebSocket".to_owned(),
            _ => format!("status {status}, no WebSocket"),
        };
        let value = given(status == 101 && is_right, status, answer::kept(found.headers()));
        Outcome::Done(Evidence::value(value, summary))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        let is_open = !production.reads_stopped(call);
        let status = if is_open { 101 } else { 503 };
        Some(Ok(given(is_open, status, Value::Map(BTreeMap::new()))))
    }
}

fn given(is_ok: bool, status: u16, headers: Value) -> Value {
    Value::record([
        ("ok", Value::Bool(is_ok)),
        ("status", Value::Int(i64::from(status))),
        ("headers", headers),
    ])
}
