//! Which addresses may be asked: not those that a machine answers about itself.
//!
//! The check stands where names become addresses, so it holds for redirects too, and a name cannot mean one
//! address when it is checked and another when it is asked. Where it listens on this machine only is fine:
//! that is where services are asked for their health.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Finds addresses and leaves out the refused ones.
#[derive(Debug, Default)]
pub(super) struct Addresses(DefaultResolver);

/// Every address of the name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is an address of the link or of a cloud's machine data, which is never asked")]
pub(super) struct Refused(IpAddr);

impl Resolver for Addresses {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| !is_refused(address)) {
            allowed.push(*address);
        }
        match found.iter().next() {
            Some(first) if allowed.is_empty() => Err(ureq::Error::Other(Box::new(Refused(first.ip())))),
            _ => Ok(allowed),
        }
    }
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
