//! The proxies before the edge: whom the edge believes who a client is, and under which address
//! people open it.
//!
//! It must never believe a header of whoever is no configured proxy.

use crate::config::{Forwarded, ProxyConfig};
use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    addresses: Vec<IpNet>,
    header: Forwarded,
}

impl Proxies {
    /// Takes the proxies of the configuration.
    pub fn new(config: &ProxyConfig) -> Self {
        let addresses = config.addresses.iter().map(|network| network.0).collect();
        Self { addresses, header: config.header }
    }

    /// Returns the address of the client whose request came from `peer`. Each proxy appends the
    /// address that it was asked from. So the last one that is no proxy is the client, and what
    /// stands before it may be made up.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.ip().to_canonical();
        if !self.has(client) {
            return client;
        }
        let lines = headers.get_all(self.header.name()).iter();
        let text: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
        for element in text.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(address) = self.header.address(element) else {
                // A name or "unknown": the proxy itself does not know.
                return client;
            };
            client = address.to_canonical();
            if !self.has(client) {
                break;
            }
        }
        client
    }

    fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|net| net.contains(&address))
    }
}

impl Forwarded {
    const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    /// Reads the address of one element. In `Forwarded` (RFC 7239) it is the parameter `for`.
    fn address(self, element: &str) -> Option<IpAddr> {
        let named = match self {
            Self::XForwardedFor => element,
            Self::Forwarded => element.split(';').find_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                name.eq_ignore_ascii_case("for").then_some(value)
            })?,
        };
        let named = named.trim().trim_matches('"');
        let bare = named.strip_prefix('[').and_then(|named| named.strip_suffix(']'));
        let with_port = || named.parse::<SocketAddr>().map(|address| address.ip());
        bare.unwrap_or(named).parse().or_else(|_| with_port()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn check(header: Forwarded, peer: &str, lines: &[&str], expected: &str) {
        let addresses = ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"];
        let proxies =
            Proxies { addresses: addresses.map(|net| net.parse().unwrap()).into(), header };
        let mut headers = HeaderMap::new();
        for line in lines {
            let name = HeaderName::from_static(header.name());
            headers.append(name, HeaderValue::from_str(line).unwrap());
        }
        let client = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
    }

    #[test]
    fn only_a_configured_proxy_is_believed() {
        let with = |peer, lines: &[&str], expected| {
            check(Forwarded::XForwardedFor, peer, lines, expected);
        };
        with("192.0.2.1:9", &["198.51.100.7"], "192.0.2.1");
        with("127.0.0.1:9", &["198.51.100.7"], "198.51.100.7");
        with("[::ffff:127.0.0.1]:9", &["198.51.100.7"], "198.51.100.7");
        with("127.0.0.1:9", &[], "127.0.0.1");
        // What a client wrote itself stands before what the proxies appended.
        with("127.0.0.1:9", &["203.0.113.9, 198.51.100.7"], "198.51.100.7");
        with("127.0.0.1:9", &["203.0.113.9", "198.51.100.7, 10.1.2.3"], "198.51.100.7");
        with("127.0.0.1:9", &["203.0.113.9, unknown, 10.1.2.3"], "10.1.2.3");
        with("127.0.0.1:9", &["2001:db8::7"], "2001:db8::7");
        with("127.0.0.1:9", &["198.51.100.7:4711"], "198.51.100.7");
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_configured() {
        let with = |lines: &[&str], expected| {
            check(Forwarded::Forwarded, "10.0.0.9:9", lines, expected);
        };
        with(&["for=198.51.100.7;proto=https"], "198.51.100.7");
        with(&["for=203.0.113.9, FOR=\"[2001:db8::7]:4711\";by=10.0.0.9"], "2001:db8::7");
        with(&["for=203.0.113.9, for=_hidden"], "10.0.0.9");
        with(&["proto=https"], "10.0.0.9");
    }
}
