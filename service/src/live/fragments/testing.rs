//! What the tests of the walker share: those beside it, and those with files of ffmpeg.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use super::{FRAGMENT_BYTES_MAX, Fragment, FragmentError, Init, Part, TRANSPORT_BYTES, Walker};

/// Walks through `body` in pieces whose sizes `size` gives. What the walker holds stays bounded.
pub fn walk(body: &[u8], mut size: impl FnMut() -> usize) -> Result<Vec<Part>, FragmentError> {
    let (mut walker, mut parts, mut rest) = (Walker::new(), Vec::new(), body);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(size().clamp(1, rest.len()));
        rest = after;
        walker.push(piece)?;
        while let Some(part) = walker.next_part()? {
            parts.push(part);
        }
        let came = body.len() - rest.len();
        assert!(walker.part.capacity() <= 2 * came + 64, "{}", walker.part.capacity());
        assert!(walker.part.len() <= FRAGMENT_BYTES_MAX);
        assert!(walker.input.len() < TRANSPORT_BYTES);
        assert!(walker.input.capacity() <= 2 * came + 64, "{}", walker.input.capacity());
    }
    walker.end()?;
    Ok(parts)
}

/// Walks through `body` in one piece.
pub fn whole(body: &[u8]) -> Result<Vec<Part>, FragmentError> {
    walk(body, || usize::MAX)
}

/// Checks that `body` is refused alike in one piece and byte by byte, and in words. Returns the
/// error.
pub fn refused(body: &[u8]) -> FragmentError {
    let error = whole(body).unwrap_err();
    assert_eq!(walk(body, || 1).unwrap_err(), error);
    assert!(error.to_string().is_ascii() && error.to_string().len() < 300);
    error
}

/// Returns the init and the fragments of one stream.
pub fn split(parts: Vec<Part>) -> (Init, Vec<Fragment>) {
    let mut parts = parts.into_iter();
    let Some(Part::Init(init)) = parts.next() else { panic!("no init") };
    let fragments = parts.map(|part| match part {
        Part::Fragment(fragment) => fragment,
        Part::Init(_) => panic!("a second init"),
    });
    (init, fragments.collect())
}
