//! The length, digest and type that the head of an upload declares for its body. FROM CLIENT.

use crate::problem::Problem;
use http::{HeaderMap, header};

/// Refuses a body whose declared type is not the one that the route takes. A body without a
/// declared type passes.
pub fn check_media_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let given = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    // Many cameras write the type of a JPEG wrongly, and the bytes are looked at anyway.
    let given = if given.eq_ignore_ascii_case("image/jpg") { "image/jpeg" } else { given };
    if given.eq_ignore_ascii_case(expected) {
        Ok(())
    } else {
        Err(Problem::MediaType(
            format!("This address takes {expected}; set the Content-Type header to it.").into(),
        ))
    }
}

/// The length and digest that the head of a request declares for its body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// `Content-Length`, if given.
    pub length: Option<u64>,
    /// The lines of `Content-Digest`, joined, if given.
    pub digest: Option<String>,
}

/// Reads the length and digest from the head.
///
/// # Errors
/// [`Problem::MediaType`] for an encoded body, [`Problem::BadRequest`] for a part or a malformed
/// header.
pub fn declared(headers: &HeaderMap) -> Result<Declared, Problem> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::MediaType(
            "Send the body as it is, without a Content-Encoding.".into(),
        ));
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Problem::BadRequest(
            "An upload is whole: Content-Range is not taken (RFC 9110, 14.5).".into(),
        ));
    }
    let malformed = || Problem::BadRequest("Content-Length is not a number.".into());
    let length = match headers.get(header::CONTENT_LENGTH) {
        None => None,
        Some(value) => {
            Some(value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(malformed)?)
        }
    };
    let lines: Result<Vec<&str>, _> =
        headers.get_all("content-digest").iter().map(|line| line.to_str()).collect();
    let lines = lines.map_err(|_| Problem::BadRequest("Content-Digest is not text.".into()))?;
    let digest = (!lines.is_empty()).then(|| lines.join(", "));
    Ok(Declared { length, digest })
}
