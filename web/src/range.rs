//! Ranges (RFC 9110, 14.1): one in a request. FROM CLIENT.

use crate::problem::Problem;
use http::{HeaderMap, header};

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
/// A unit other than bytes is ignored, as the RFC demands.
///
/// # Errors
/// [`Problem::BadRequest`] (400) if the range is malformed, [`Problem::Range`] (416) if there are
/// several or it starts past the end.
pub fn span(headers: &HeaderMap, total: u64, tag: &str) -> Result<Span, Problem> {
    let whole = Span { start: 0, length: total, partial: false };
    let Some(value) = headers.get(header::RANGE) else {
        return Ok(whole);
    };
    let if_range = headers.get(header::IF_RANGE);
    if if_range.is_some_and(|condition| condition.as_bytes() != tag.as_bytes()) {
        return Ok(whole);
    }
    let malformed = || {
        Problem::BadRequest("The Range header is not a range of bytes, such as bytes=0-499.".into())
    };
    let text = value.to_str().map_err(|_| malformed())?.trim();
    let Some((unit, ranges)) = text.split_once('=') else {
        return Err(malformed());
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ok(whole);
    }
    let parsed = http_range_header::parse_range_header(&format!("bytes={}", ranges.trim()))
        .map_err(|_| malformed())?;
    let [one] = parsed.ranges.as_slice() else {
        return Err(Problem::Range(total));
    };
    use http_range_header::{EndPosition, StartPosition};
    let (start, last) = match (one.start, one.end) {
        (StartPosition::FromLast(count), _) => {
            (total.saturating_sub(count), total.saturating_sub(1))
        }
        (StartPosition::Index(start), EndPosition::Index(end)) if start > end => {
            return Err(malformed());
        }
        (StartPosition::Index(start), EndPosition::Index(end)) => {
            (start, end.min(total.saturating_sub(1)))
        }
        (StartPosition::Index(start), EndPosition::LastByte) => (start, total.saturating_sub(1)),
    };
    if start >= total {
        return Err(Problem::Range(total));
    }
    Ok(Span { start, length: last.saturating_sub(start).saturating_add(1), partial: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(range: &str, expected: Result<(u64, u64, bool), u16>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        let got = span(&headers, 1000, "\"tag\"")
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
            "bytes=-0",
        ] {
            check(bad, Err(400));
        }
        for unsatisfiable in ["bytes=1000-", "bytes=5000-6000", "bytes=0-1,5-6", "bytes=0-0,-1"] {
            check(unsatisfiable, Err(416));
        }
        check("bytes=99999999999999999999999-", Err(400));
    }

    #[test]
    fn if_range_holds_or_the_whole_is_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-9"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"tag\""));
        assert_eq!(span(&headers, 1000, "\"tag\"").unwrap().length, 10);
        assert_eq!(
            span(&headers, 1000, "\"new\"").unwrap(),
            Span { start: 0, length: 1000, partial: false }
        );
    }
}
