//! Range headers. The span that comes back lies within the body, and its own numbers ask for the
//! same span. This target must never ask for several ranges to be served.
#![no_main]

use eyesonly_fuzz::Input;
use eyesonly_web::problem::Problem;
use eyesonly_web::range::{self, Span};
use http::{HeaderMap, HeaderValue, Method, header};
use libfuzzer_sys::fuzz_target;

const TAG: &str = "\"tag\"";

fn span(range: &HeaderValue, condition: Option<&HeaderValue>, total: u64) -> Result<Span, Problem> {
    let mut headers = HeaderMap::new();
    headers.insert(header::RANGE, range.clone());
    if let Some(condition) = condition {
        headers.insert(header::IF_RANGE, condition.clone());
    }
    let span = range::span(&Method::GET, &headers, total, TAG);
    #[cfg(planted)]
    let span = span.map(|span| at_fault(span, range, total));
    span
}

/// The fault: a suffix that is longer than the body is one byte too long.
#[cfg(planted)]
fn at_fault(mut span: Span, range: &HeaderValue, total: u64) -> Span {
    let text = range.to_str().unwrap_or_default();
    let suffix = text.split_once("=-").and_then(|(_, count)| count.parse::<u64>().ok());
    if span.partial && total > 1000 && suffix.is_some_and(|count| count > total) {
        span.length += 1;
    }
    span
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (total, condition) = (input.number(), input.byte());
    let Ok(value) = HeaderValue::from_bytes(input.rest()) else { return };
    let whole = Span { start: 0, length: total, partial: false };

    let other = HeaderValue::from_static("\"other\"");
    assert_eq!(span(&value, Some(&other), total).ok(), Some(whole), "another body's range");
    let tag = HeaderValue::from_static(TAG);
    let condition = (condition % 2 == 1).then_some(&tag);
    let is_bytes = value.to_str().is_ok_and(|text| {
        text.split_once('=').is_some_and(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"))
    });
    match span(&value, condition, total) {
        Ok(span) if span.partial => {
            assert!(is_bytes, "a range of another unit");
            assert!(span.length > 0, "an empty range");
            let end = span.start.checked_add(span.length).expect("the end is a number");
            assert!(end <= total, "{span:?} of {total}");
            let again = format!("bytes={}-{}", span.start, end - 1);
            let again = HeaderValue::from_str(&again).unwrap();
            assert_eq!(self::span(&again, None, total).ok(), Some(span));
        }
        Ok(span) => {
            let is_several = value.to_str().is_ok_and(|text| text.contains(','));
            assert!(span == whole && (!is_bytes || is_several));
        }
        Err(Problem::Range(of)) => assert_eq!(of, total),
        Err(problem) => assert_eq!(problem.status(), http::StatusCode::BAD_REQUEST),
    }
});
