//! `http`: what is asked and told over HTTP, by one client; `websocket`: whether such a connection is opened;
//! `notify.webhook`.

mod addresses;
mod answer;
mod ask;
mod change;
mod request;
mod webhook;
mod websocket;

use std::sync::Arc;

use super::Action;

/// The actions of the family `http`, and those that begin like them.
pub(super) fn actions() -> Vec<Arc<dyn Action>> {
    vec![
        Arc::new(ask::Ask::Get),
        Arc::new(ask::Ask::Head),
        Arc::new(ask::Ask::Query),
        Arc::new(change::Change::Post),
        Arc::new(change::Change::Put),
        Arc::new(change::Change::Delete),
        Arc::new(websocket::Open),
        Arc::new(webhook::Webhook),
    ]
}
