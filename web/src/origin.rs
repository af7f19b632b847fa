//! The address of the edge in people's browsers, where a proxy changes it on the way.

use serde::Deserialize;

/// The origin of an address: scheme, host, and a port that is not the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Returns the origin, as a browser writes it.
    pub fn origin(&self) -> &str {
        &self.0
    }

    /// Says whether browsers come over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "`public_url` must be an address as in a browser, such as \
                     https://cameras.example or http://nas.lan:8080, without a path";
        let uri: http::Uri = text.parse().map_err(|_| wrong)?;
        let (scheme, authority) = (uri.scheme_str().ok_or(wrong)?, uri.authority().ok_or(wrong)?);
        let own_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(wrong),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains('@') {
            return Err(wrong);
        }
        let host = authority.host().to_ascii_lowercase();
        Ok(Self(match authority.port_u16() {
            Some(port) if port != own_port => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_an_origin() {
        let check = |text: &str, expected: Option<&str>| {
            let read = PublicUrl::try_from(text.to_owned());
            assert_eq!(read.as_ref().ok().map(PublicUrl::origin), expected, "{text}");
        };
        check("https://Cameras.Example/", Some("https://cameras.example"));
        check("https://cameras.example:443", Some("https://cameras.example"));
        check("http://nas.lan:8080", Some("http://nas.lan:8080"));
        check("https://[fd00::1]:8443", Some("https://[fd00::1]:8443"));
        let wrong = ["cameras.example", "ftp://a", "https://a/b", "https://u@a", "https://a?b", ""];
        for wrong in wrong {
            check(wrong, None);
        }
    }
}
