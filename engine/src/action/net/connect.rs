//! Names become addresses, and addresses connections.

use std::io::ErrorKind;
use std::net::IpAddr;

use tokio::net::TcpStream;

use crate::action::common::child::plain;
use crate::action::{Arguments, Context};

/// A host and a port of it.
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why there is no connection.
pub(super) enum NoConnection {
    /// The machine says that nothing listens there.
    Refused,
    /// It cannot be told whether anything does.
    Unknown(String),
}

impl Place {
    pub(super) fn of(arguments: &Arguments) -> Self {
        Self {
            host: arguments.text("host").unwrap_or_default().to_owned(),
            port: arguments
                .int("port")
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or_default(),
        }
    }

    /// `host:port`, an address of version 6 in brackets.
    pub(super) fn shown(&self) -> String {
        let is_long = self.host.contains(':');
        let host = if is_long {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        format!("{host}:{}", self.port)
    }

    /// A connection to the first of its addresses that takes one.
    pub(super) async fn connect(&self, context: &Context) -> Result<TcpStream, NoConnection> {
        let connected = async {
            let addresses = lookup(&self.host).await.map_err(NoConnection::Unknown)?;
            // What cannot be told of one address is not told by the refusal of another.
            let mut unknown = None;
            for address in addresses {
                match TcpStream::connect((address, self.port)).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                    Err(error) => unknown = Some(format!("{} cannot be reached: {}", self.shown(), plain(&error))),
                }
            }
            Err(unknown.map_or(NoConnection::Refused, NoConnection::Unknown))
        };
        within(context, &self.shown(), connected)
            .await
            .unwrap_or_else(|reason| Err(NoConnection::Unknown(reason)))
    }
}

/// The addresses of a host, in order; an address is its own.
pub(super) async fn lookup(host: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let found = tokio::net::lookup_host((host, 0)).await;
    let found = found.map_err(|error| format!("no address of {host} is known: {}", plain(&error)))?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(format!("no address of {host} is known"));
    }
    Ok(addresses)
}

/// What comes of it within the limit, unless it is stopped before.
pub(super) async fn within<T>(context: &Context, what: &str, work: impl Future<Output = T>) -> Result<T, String> {
    tokio::select! {
        done = tokio::time::timeout(context.limit, work) => done.map_err(|_| {
            let limit = backstay_dsl::units::duration_of(context.limit);
            format!("{what} did not answer within {limit}")
        }),
        () = context.cancelled.cancelled() => Err("stopped on request before it was done".to_owned()),
    }
}
