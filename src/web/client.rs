//! Who speaks to us: the address of the network, used for limits and for counting readers, never stored or logged.

use crate::app::App;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The client's address: of the connection, or of the nearest hop in `X-Forwarded-For` that is not one of TRUSTED_PROXIES.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl std::fmt::Debug for ClientAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientAddress(…)")
    }
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip());
        Ok(Self(find_client(peer, &parts.headers, &app.config.trusted_proxies)))
    }
}

impl ClientAddress {
    /// What one household or office shares: the IPv4 address, or the /64 of an IPv6 address.
    pub fn network(self) -> IpAddr {
        match normal(self.0) {
            IpAddr::V6(ip) => {
                let s = ip.segments();
                IpAddr::V6(Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
            }
            v4 => v4,
        }
    }
}

fn find_client(peer: IpAddr, headers: &HeaderMap, trusted: &[(IpAddr, u8)]) -> IpAddr {
    let mut client = normal(peer);
    if !is_trusted(client, trusted) {
        return client;
    }
    let hops: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).collect();
    for hop in hops.into_iter().rev() {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        client = normal(ip);
        if !is_trusted(client, trusted) {
            break;
        }
    }
    client
}

fn normal(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

fn is_trusted(ip: IpAddr, trusted: &[(IpAddr, u8)]) -> bool {
    trusted.iter().any(|(network, bits)| match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            u32::from(ip).checked_shr(32 - u32::from(*bits)) == u32::from(*net).checked_shr(32 - u32::from(*bits))
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            u128::from(ip).checked_shr(128 - u32::from(*bits)) == u128::from(*net).checked_shr(128 - u32::from(*bits))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_address_is_believed_only_from_a_trusted_proxy() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2".parse().unwrap());
        let trusted = [("10.0.0.0".parse().unwrap(), 8)];
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(find_client(ip("10.0.0.1"), &headers, &trusted), ip("198.51.100.7"));
        assert_eq!(find_client(ip("192.0.2.1"), &headers, &trusted), ip("192.0.2.1"));
        assert_eq!(find_client(ip("::ffff:10.0.0.1"), &headers, &trusted), ip("198.51.100.7"));
        assert_eq!(ClientAddress(ip("2001:db8:1:2:3:4:5:6")).network(), ip("2001:db8:1:2::"));
    }
}
