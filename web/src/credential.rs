//! The credential of a request: a bearer token, or the session cookie. FROM CLIENT: all of it.

use crate::answer::header_text;
use crate::problem::Problem;
use http::{HeaderMap, HeaderValue, header};

/// The cookie's name over TLS. Browsers take it only with `Secure`, only for this host, and for
/// every path.
const COOKIE_TLS: &str = "__Host-eyesonly";
/// The cookie's name without TLS.
const COOKIE_PLAIN: &str = "eyesonly";

const fn cookie_name(tls: bool) -> &'static str {
    if tls { COOKIE_TLS } else { COOKIE_PLAIN }
}

/// Returns the credential of a request: the bearer token if there is one, else the cookie.
///
/// # Errors
/// [`Problem::Unidentified`] if there is neither.
pub fn of_viewer(headers: &HeaderMap, tls: bool) -> Result<&str, Problem> {
    of_camera(headers).or_else(|_| cookie(headers, tls).ok_or(Problem::Unidentified))
}

/// Returns the bearer token of a request. A camera has no cookie.
///
/// # Errors
/// [`Problem::Unidentified`] if there is no token, or more than one.
pub fn of_camera(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    // Two headers are not one credential, whichever comes first.
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::Unidentified);
    };
    let value = value.to_str().map_err(|_| Problem::Unidentified)?;
    let (scheme, token) = value.split_once(' ').ok_or(Problem::Unidentified)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(Problem::Unidentified)
    }
}

fn cookie(headers: &HeaderMap, tls: bool) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs =
        cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == cookie_name(tls)).map(|(_, value)| value)
}

/// Returns the cookie that keeps a session for `seconds`. With 0 it removes the cookie.
pub fn set_cookie(credential: &str, seconds: u64, tls: bool) -> HeaderValue {
    let secure = if tls { "; Secure" } else { "" };
    let text = format!(
        "{}={credential}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}",
        cookie_name(tls)
    );
    let mut value = header_text(&text);
    value.set_sensitive(true);
    value
}

/// Refuses a write that a browser sends on behalf of another site's page. Requests of other
/// programs have neither of the headers that say so.
///
/// `Sec-Fetch-Site` decides where a browser sent it: no page can write it, and a proxy leaves it.
/// Browsers send it over TLS and to this machine. Elsewhere `Origin` decides. It must be
/// `public_origin` (as `https://host:port`, without a port that is the scheme's own), or name the
/// request's own host.
pub fn check_origin(
    headers: &HeaderMap,
    authority: Option<&str>,
    public_origin: Option<&str>,
) -> Result<(), Problem> {
    if let Some(site) = headers.get("sec-fetch-site") {
        let is_ours = matches!(site.as_bytes(), b"same-origin" | b"none");
        return if is_ours { Ok(()) } else { Err(Problem::OtherOrigin) };
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().map_err(|_| Problem::OtherOrigin)?;
    if public_origin == Some(origin) {
        return Ok(());
    }
    // If both are given they are the same, because the router has compared them.
    let host = authority.or_else(|| headers.get(header::HOST).and_then(|v| v.to_str().ok()));
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    if named.is_some() && named == host { Ok(()) } else { Err(Problem::OtherOrigin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn check_credential(pairs: &[(&'static str, &str)], expected: Option<&str>) {
        let headers = headers(pairs);
        assert_eq!(of_viewer(&headers, false).ok(), expected, "{pairs:?}");
    }

    #[test]
    fn a_bearer_token_comes_before_the_cookie() {
        check_credential(&[("authorization", "Bearer abc")], Some("abc"));
        check_credential(
            &[("authorization", "bearer abc"), ("cookie", "eyesonly=def")],
            Some("abc"),
        );
        check_credential(&[("cookie", "a=b; eyesonly=def; c=d")], Some("def"));
        check_credential(&[("cookie", "a=b"), ("cookie", "eyesonly=def")], Some("def"));
        check_credential(&[("cookie", "noteyesonly=def")], None);
        check_credential(&[("authorization", "Basic abc")], None);
        check_credential(&[], None);
    }

    #[test]
    fn the_cookie_is_for_this_host_and_not_for_scripts() {
        let over_tls = set_cookie("abc", 60, true);
        assert_eq!(
            over_tls,
            "__Host-eyesonly=abc; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure"
        );
        assert_eq!(
            set_cookie("abc", 60, false),
            "eyesonly=abc; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"
        );
    }

    #[test]
    fn writes_come_from_our_own_pages_or_from_no_page() {
        let check = |pairs: &[(&'static str, &str)], ok: bool| {
            let public = Some("https://cameras.example");
            assert_eq!(check_origin(&headers(pairs), None, public).is_ok(), ok, "{pairs:?}")
        };
        check(&[], true);
        check(&[("host", "edge:8080"), ("origin", "http://edge:8080")], true);
        check(&[("host", "edge:8080"), ("origin", "http://edge:8081")], false);
        check(&[("host", "edge:8080"), ("origin", "http://evil")], false);
        check(&[("host", "edge:8080"), ("origin", "null")], false);
        check(&[("host", "edge:8080"), ("sec-fetch-site", "same-origin")], true);
        check(&[("host", "edge:8080"), ("sec-fetch-site", "cross-site")], false);
        check(&[("host", "edge:8080"), ("sec-fetch-site", "same-site")], false);
        // A proxy drops the port, or sends its own name for the edge.
        let proxied = [("host", "edge"), ("origin", "http://edge:8443")];
        check(&proxied, false);
        check(&[proxied[0], proxied[1], ("sec-fetch-site", "same-origin")], true);
        check(&[proxied[0], proxied[1], ("sec-fetch-site", "cross-site")], false);
        check(&[("host", "upstream"), ("origin", "https://cameras.example")], true);
        check(&[("host", "upstream"), ("origin", "http://cameras.example")], false);
        check(&[("host", "upstream"), ("origin", "https://cameras.example.evil")], false);
    }
}
