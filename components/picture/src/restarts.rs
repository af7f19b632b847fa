//! Restart markers that don't follow one another, because an interval between two was lost.
//!
//! What comes after a lost interval would be shown in its place, and everything below would be
//! shifted. libjpeg compares the numbers of the markers and leaves a gap. Here a file whose markers
//! are out of order gets the markers that libjpeg would have assumed. It must never change a file
//! whose markers are in order.

use std::borrow::Cow;

/// The markers that may come within the data of a scan: RST0 to RST7.
const FIRST: u8 = 0xd0;
/// The lowest marker that can end the data of a scan (SOF0). Those below have no place in a file.
const LOWEST: u8 = 0xc0;

/// Returns the file with restart markers in order in its first scan, if it has restart markers.
///
/// What is done follows the difference between the number that was expected and the one that is
/// found, as in libjpeg's `jpeg_resync_to_restart`.
pub fn in_order(jpeg: &[u8]) -> Cow<'_, [u8]> {
    first_scan(jpeg).map_or(Cow::Borrowed(jpeg), |scan| mended(jpeg, scan))
}

/// Returns where the data of the first scan starts, if a restart interval was defined before.
fn first_scan(jpeg: &[u8]) -> Option<usize> {
    let (mut at, mut has_interval) = (2, false);
    loop {
        let marker = next_marker(jpeg, at)?;
        let [code, high, low] = *jpeg.get(marker + 1..)?.first_chunk()?;
        at = marker + 2 + usize::from(u16::from_be_bytes([high, low]));
        match code {
            0xda => return has_interval.then_some(at),
            0xdd => has_interval = true,
            _ => {}
        }
    }
}

fn mended(jpeg: &[u8], scan: usize) -> Cow<'_, [u8]> {
    let (mut expected, mut mended) = (0_u8, Vec::new());
    // The start of what has not been copied yet.
    let mut copied = 0;
    let mut at = scan;
    while let Some(marker) = next_marker(jpeg, at) {
        let code = jpeg.get(marker + 1).copied().unwrap_or_default();
        if code >= LOWEST && !(FIRST..FIRST + 8).contains(&code) {
            break;
        }
        at = marker + 2;
        // A marker that has no place there counts as one that came before.
        let ahead = if code < LOWEST { 7 } else { code.wrapping_sub(FIRST + expected) & 7 };
        // Takes over what is not copied yet, up to the marker, then these markers. Goes on later.
        let mut say = |numbers: std::ops::Range<u8>, after: usize| {
            mended.extend_from_slice(jpeg.get(copied..marker).unwrap_or_default());
            for number in numbers {
                mended.extend([0xff, FIRST + (number & 7)]);
            }
            copied = after;
        };
        match ahead {
            0 => expected = (expected + 1) & 7,
            // One or two intervals were lost.
            1 | 2 => {
                say(expected..expected + ahead, marker);
                expected = (expected + ahead + 1) & 7;
            }
            // What follows it goes too.
            6 | 7 => {
                let next = next_marker(jpeg, at).unwrap_or(jpeg.len());
                say(0..0, next);
            }
            _ => {
                say(expected..expected + 1, at);
                expected = (expected + 1) & 7;
            }
        }
    }
    if copied == 0 {
        return Cow::Borrowed(jpeg);
    }
    mended.extend_from_slice(jpeg.get(copied..).unwrap_or_default());
    Cow::Owned(mended)
}

/// Returns the place of the next marker. A 0xFF before a zero is data, and one before another is
/// padding.
pub fn next_marker(jpeg: &[u8], from: usize) -> Option<usize> {
    let pairs = jpeg.get(from..)?.windows(2);
    pairs
        .enumerate()
        .find(|(_, pair)| matches!(pair, [0xff, code] if !matches!(code, 0x00 | 0xff)))
        .map(|(place, _)| from + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a scan with these restart markers, and an `x` with its place before each.
    fn scan(markers: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (place, marker) in markers.iter().enumerate() {
            bytes.extend([b'x', b'0' + place as u8, 0xff, FIRST + marker]);
        }
        bytes.extend(b"x\xff\xd9");
        bytes
    }

    fn check(markers: &[u8], expected: &[&[u8]]) {
        let expected = expected.concat();
        let found = mended(&scan(markers), 0).into_owned();
        assert_eq!(found, expected, "{markers:?}");
    }

    #[test]
    fn what_is_in_order_stays() {
        let markers: Vec<u8> = (0..20).map(|number| number % 8).collect();
        let whole = scan(&markers);
        assert!(matches!(mended(&whole, 0), Cow::Borrowed(_)));
        assert!(matches!(mended(b"data without a marker", 0), Cow::Borrowed(_)));
        assert!(matches!(mended(&whole, usize::MAX), Cow::Borrowed(_)));
    }

    #[test]
    fn only_a_scan_with_an_interval_is_looked_at() {
        let with =
            |segment: &[u8]| [b"\xff\xd8", segment, b"\xff\xda\0\x02x\xff\xd3x\xff\xd9"].concat();
        let without = with(b"\xff\xfe\0\x04\0\x01");
        assert!(matches!(in_order(&without), Cow::Borrowed(_)));
        let interval = with(b"\xff\xdd\0\x04\0\x01");
        assert!(in_order(&interval).windows(4).any(|bytes| bytes == b"\xff\xd0x\xff"));
        assert!(matches!(in_order(b"\xff\xd8"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_lost_interval_leaves_a_gap() {
        check(&[0, 2, 3], &[b"x0\xff\xd0x1", b"\xff\xd1", b"\xff\xd2x2\xff\xd3x\xff\xd9"]);
        check(&[2], &[b"x0", b"\xff\xd0\xff\xd1", b"\xff\xd2x\xff\xd9"]);
    }

    #[test]
    fn an_interval_that_came_before_goes() {
        check(&[0, 0, 1], &[b"x0\xff\xd0x1", b"\xff\xd1x\xff\xd9"]);
    }

    #[test]
    fn a_number_far_away_counts_as_the_one_expected() {
        check(&[0, 5, 2], &[b"x0\xff\xd0x1", b"\xff\xd1", b"x2\xff\xd2x\xff\xd9"]);
    }
}
