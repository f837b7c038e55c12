//! Which addresses may be asked: not those that a machine answers about itself.
//!
//! The check stands where names become addresses, so a name cannot mean one address when it is checked and
//! another when it is asked; a host that is an address is looked at before each request and each redirect. Where it listens on this machine only is fine:
//! that is where services are asked for their health.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Finds the addresses of names and leaves out the refused ones.
#[derive(Debug)]
pub(super) struct Addresses;

/// Every address of the name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is an address of the link or of a cloud's machine data, which is never asked")]
pub(super) struct Refused(IpAddr);

/// The name service knows no such host.
#[derive(Debug, thiserror::Error)]
#[error("the host is not known")]
pub(super) struct Unknown;

impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Unknown)?;
            let (refused, allowed): (Vec<_>, Vec<_>) = found.partition(is_refused);
            match refused.first() {
                Some(first) if allowed.is_empty() => Err(Refused(first.ip()).into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// A host that is written as an address is not looked up, so it is looked at here.
pub(super) fn refused(url: &Url) -> Option<Refused> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    let ip: IpAddr = host.parse().ok()?;
    is_refused(&SocketAddr::new(ip, 0)).then_some(Refused(ip))
}

/// Whether an address is never asked: 169.254/16, `fe80::/10`, and what clouds use for the same.
fn is_refused(address: &SocketAddr) -> bool {
    /// Where one cloud answers about the machine over version 6.
    const MACHINE_DATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => {
            let embedded = ip.to_ipv4().is_some_and(|inner| inner.is_link_local());
            ip.is_unicast_link_local() || ip.is_multicast() || ip == MACHINE_DATA || embedded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_data_is_refused_in_every_spelling_and_local_services_are_not() {
        let is_refused = |text: &str| text.parse().is_ok_and(|address| is_refused(&address));
        for address in [
            "169.254.169.254:80",
            "[fe80::1]:80",
            "[::ffff:169.254.169.254]:80",
            "[::a9fe:a9fe]:80",
            "[fd00:ec2::254]:80",
        ] {
            assert!(is_refused(address), "{address}");
        }
        for address in [
            "127.0.0.1:80",
            "[::1]:80",
            "10.0.0.1:80",
            "169.253.1.1:80",
            "[fd00::1]:80",
        ] {
            assert!(!is_refused(address), "{address}");
        }
    }
}
