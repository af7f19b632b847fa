//! Conditions and ranges (RFC 9110, 13 and 14) of a request for a body with an entity tag.
//! FROM CLIENT.

use crate::problem::Problem;
use http::{HeaderMap, HeaderName, Method, header};

/// The part of a body that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// The number of bytes, at least 1.
    pub length: u64,
    /// Says whether the status is 206 rather than 200.
    pub partial: bool,
}

/// Returns the span that a request asks for, of `total` bytes with the entity tag `tag`.
///
/// The conditions come first, in the RFC's order (13.2.2). A range is for GET alone (14.2). A unit
/// other than bytes is ignored, as the RFC demands; and so are several ranges, as it allows.
///
/// # Errors
/// [`Problem::PreconditionFailed`] (412) and [`Problem::NotModified`] (304) for a condition,
/// [`Problem::BadRequest`] (400) if the range is malformed, [`Problem::Range`] (416) if it has no
/// byte of the body.
pub fn span(method: &Method, headers: &HeaderMap, total: u64, tag: &str) -> Result<Span, Problem> {
    if headers.contains_key(header::IF_MATCH) && !names(headers, header::IF_MATCH, tag, false) {
        return Err(Problem::PreconditionFailed);
    }
    if names(headers, header::IF_NONE_MATCH, tag, true) {
        return Err(Problem::NotModified(tag.to_owned()));
    }
    let whole = Span { start: 0, length: total, partial: false };
    let Some(value) = headers.get(header::RANGE).filter(|_| *method == Method::GET) else {
        return Ok(whole);
    };
    let if_range = headers.get(header::IF_RANGE);
    if if_range.is_some_and(|condition| condition.as_bytes() != tag.as_bytes()) {
        return Ok(whole);
    }
    let malformed = || {
        Problem::BadRequest("The Range header is not a range of bytes, such as bytes=0-499.".into())
    };
    let text = value.to_str().map_err(|_| malformed())?;
    let (unit, ranges) = text.split_once('=').ok_or_else(malformed)?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ok(whole);
    }
    let ranges: Option<Vec<_>> = ranges.split(',').map(bounds).collect();
    let [(first, last)] = *ranges.ok_or_else(malformed)? else {
        return Ok(whole);
    };
    let end = total.saturating_sub(1);
    let (start, last) = match (first, last) {
        (Some(first), last) => (first, last.unwrap_or(end).min(end)),
        // The last bytes, so many of them.
        (None, Some(0)) => return Err(Problem::Range(total)),
        (None, count) => (total.saturating_sub(count.unwrap_or_default()), end),
    };
    if start >= total {
        return Err(Problem::Range(total));
    }
    Ok(Span { start, length: last.saturating_sub(start).saturating_add(1), partial: true })
}

/// Says whether a header's list of entity tags (13.1.1, 13.1.2) has this one, which has no comma. A
/// weak tag counts if `is_weak`.
fn names(headers: &HeaderMap, header: HeaderName, tag: &str, is_weak: bool) -> bool {
    headers.get_all(header).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        line.split(',').map(str::trim).any(|named| {
            let strong = named.strip_prefix("W/").filter(|_| is_weak).unwrap_or(named);
            named == "*" || strong == tag
        })
    })
}

/// Reads one range: its first and its last position. Without a first one, the last one is the
/// number of the last bytes.
fn bounds(range: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = (position(first.trim())?, position(last.trim())?);
    match (first, last) {
        (None, None) => None,
        (Some(first), Some(last)) if first > last => None,
        bounds => Some(bounds),
    }
}

/// Reads a position; none if it is left out. A number may be of any length, and no body has a byte
/// at the largest one.
fn position(digits: &str) -> Option<Option<u64>> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = || digits.trim_start_matches('0');
    Some(match (digits, number()) {
        ("", _) => None,
        (_, "") => Some(0),
        (_, number) => Some(number.parse().unwrap_or(u64::MAX)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(range: &str, expected: Result<(u64, u64, bool), u16>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        let got = span(&Method::GET, &headers, 1000, "\"tag\"")
            .map(|s| (s.start, s.length, s.partial))
            .map_err(|p| p.status().as_u16());
        assert_eq!(got, expected, "{range}");
    }

    #[test]
    fn one_range_is_served() {
        check("bytes=0-0", Ok((0, 1, true)));
        check("bytes=0-999", Ok((0, 1000, true)));
        check("bytes=500-", Ok((500, 500, true)));
        check("bytes=990-5000", Ok((990, 10, true)));
        check("bytes=-10", Ok((990, 10, true)));
        check("bytes=-5000", Ok((0, 1000, true)));
        check("items=0-5", Ok((0, 1000, false)));
        check("bytes=007-0009", Ok((7, 3, true)));
        check("bytes= 0 - 9 ", Ok((0, 10, true)));
        check("bytes=990-99999999999999999999999", Ok((990, 10, true)));
        check("bytes=-99999999999999999999999", Ok((0, 1000, true)));
    }

    #[test]
    fn of_several_ranges_the_whole_is_sent() {
        for several in ["bytes=0-50, 10-150", "bytes=0-1,5-6", "bytes=0-0,-1", "bytes=2000-,0-1"] {
            check(several, Ok((0, 1000, false)));
        }
    }

    #[test]
    fn a_head_has_no_range() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=5000-"));
        let whole = Span { start: 0, length: 1000, partial: false };
        assert_eq!(span(&Method::HEAD, &headers, 1000, "\"tag\""), Ok(whole));
    }

    #[test]
    fn conditions_come_before_ranges() {
        let check = |name: HeaderName, value: &'static str, expected: Result<bool, u16>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-9"));
            headers.insert(&name, HeaderValue::from_static(value));
            let got = span(&Method::GET, &headers, 1000, "\"tag\"");
            let got = got.map(|span| span.partial).map_err(|problem| problem.status().as_u16());
            assert_eq!(got, expected, "{name}: {value}");
        };
        check(header::IF_NONE_MATCH, "\"tag\"", Err(304));
        check(header::IF_NONE_MATCH, "\"old\", W/\"tag\"", Err(304));
        check(header::IF_NONE_MATCH, "*", Err(304));
        check(header::IF_NONE_MATCH, "\"old\"", Ok(true));
        check(header::IF_MATCH, "\"tag\"", Ok(true));
        check(header::IF_MATCH, "*", Ok(true));
        check(header::IF_MATCH, "\"old\",\"tag\"", Ok(true));
        check(header::IF_MATCH, "\"old\"", Err(412));
        check(header::IF_MATCH, "W/\"tag\"", Err(412));
        check(header::IF_MATCH, "", Err(412));
    }

    #[test]
    fn other_ranges_are_refused() {
        for bad in [
            "bytes=5-4",
            "bytes=a-b",
            "bytes=",
            "bytes=-",
            "bytes=1",
            "bytes",
            "bytes=0x1-5",
            "bytes=-1-5",
            "bytes=1-5,",
            "bytes=1.5-2",
            "bytes=0-1,5-4",
            "bytes=+1-5",
        ] {
            check(bad, Err(400));
        }
        for unsatisfiable in
            ["bytes=1000-", "bytes=5000-6000", "bytes=-0", "bytes=99999999999999999999999-"]
        {
            check(unsatisfiable, Err(416));
        }
    }

    #[test]
    fn if_range_holds_or_the_whole_is_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-9"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"tag\""));
        assert_eq!(span(&Method::GET, &headers, 1000, "\"tag\"").unwrap().length, 10);
        assert_eq!(
            span(&Method::GET, &headers, 1000, "\"new\"").unwrap(),
            Span { start: 0, length: 1000, partial: false }
        );
    }
}
