//! `tcp`, `dns`, `tls`: what can be seen of a machine and its ports from here, below any protocol.

mod connect;
mod dns;
mod tcp;
mod tls;

use std::sync::Arc;

use super::Action;

/// The actions of these families.
pub(super) fn actions() -> Vec<Arc<dyn Action>> {
    vec![Arc::new(dns::Lookup), Arc::new(tcp::Open), Arc::new(tls::Certificate)]
}
