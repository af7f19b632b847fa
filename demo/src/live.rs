//! A live stream that never ends: a recording of fragmented MP4 that starts again, with times that
//! go on.

use std::time::Duration;

/// The frames of a second. The recordings have a fragment for each frame.
pub const FRAMES_A_SECOND: u32 = 15;

/// A recording. The file must be one of the project's own: it is not checked.
pub struct Loop {
    init: &'static [u8],
    fragments: Vec<Fragment>,
    /// The time from one fragment to the next, in the track's timescale.
    step: u64,
}

struct Fragment {
    bytes: &'static [u8],
    /// Where the body of its `mfhd` and of its `tfdt` start.
    mfhd: usize,
    tfdt: usize,
}

/// Returns the boxes between two places: each with its name, its start and its end.
fn boxes(bytes: &[u8], from: usize, to: usize) -> Vec<([u8; 4], usize, usize)> {
    let (mut found, mut at) = (Vec::new(), from);
    while let Some((size, rest)) = bytes.get(at..to).and_then(|rest| rest.split_first_chunk()) {
        let length = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(0);
        let Some(name) = rest.first_chunk::<4>() else { break };
        if length < 8 || at + length > to {
            break;
        }
        found.push((*name, at, at + length));
        at += length;
    }
    found
}

/// Returns where the body of the first box of this name starts and ends.
fn body_of(bytes: &[u8], (from, to): (usize, usize), name: &[u8; 4]) -> Option<(usize, usize)> {
    let found = boxes(bytes, from, to).into_iter().find(|(known, ..)| known == name)?;
    Some((found.1 + 8, found.2))
}

impl Loop {
    /// Reads a recording. Returns `None` if it is no fragmented MP4 of one track.
    #[must_use]
    pub fn of(file: &'static [u8]) -> Option<Self> {
        let all = boxes(file, 0, file.len());
        let first = all.iter().find(|(name, ..)| name == b"moof")?.1;
        let mut fragments = Vec::new();
        for pair in all.windows(2) {
            let [(name, start, end), (next, _, to)] = pair else { continue };
            if name != b"moof" || next != b"mdat" {
                continue;
            }
            let moof = (start + 8, *end);
            let traf = body_of(file, moof, b"traf")?;
            fragments.push(Fragment {
                bytes: file.get(*start..*to)?,
                mfhd: body_of(file, moof, b"mfhd")?.0 - start,
                tfdt: body_of(file, traf, b"tfdt")?.0 - start,
            });
        }
        let time = |fragment: &Fragment| {
            let time = fragment.bytes.get(fragment.tfdt + 4..)?.first_chunk()?;
            Some(u64::from_be_bytes(*time))
        };
        let step = time(fragments.get(1)?)?.checked_sub(time(fragments.first()?)?)?;
        Some(Self { init: file.get(..first)?, fragments, step })
    }

    /// Returns `ftyp` and `moov`, which come first.
    #[must_use]
    pub fn init(&self) -> &'static [u8] {
        self.init
    }

    /// Returns the fragment with this number, counted from 0 and without end. Each 30th starts with
    /// a key frame.
    #[must_use]
    pub fn fragment(&self, number: u32) -> Vec<u8> {
        let count = u32::try_from(self.fragments.len()).unwrap_or(1).max(1);
        let Some(fragment) = self.fragments.get(usize::try_from(number % count).unwrap_or(0))
        else {
            return Vec::new();
        };
        let mut bytes = fragment.bytes.to_vec();
        let sequence = number.wrapping_add(1).to_be_bytes();
        let time = (u64::from(number) * self.step).to_be_bytes();
        for (at, value) in [(fragment.mfhd, &sequence[..]), (fragment.tfdt, &time)] {
            // After a byte of version and three of flags. The `tfdt` has the version 1.
            if let Some(place) = bytes.get_mut(at + 4..at + 4 + value.len()) {
                place.copy_from_slice(value);
            }
        }
        bytes
    }

    /// Returns how long after the start of the stream a fragment is due.
    #[must_use]
    pub fn due(number: u32) -> Duration {
        Duration::from_secs(1) * number / FRAMES_A_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_goes_on_without_end() {
        for name in ["alder-front-door", "birch-hallway", "cedar-porch"] {
            let file = crate::file(&format!("{name}-live.mp4")).unwrap();
            let live = Loop::of(file).unwrap();
            assert_eq!(live.init().get(4..8), Some(&b"ftyp"[..]));
            assert_eq!(live.fragments.len(), 120, "{name}");
            let first = live.fragment(0);
            assert_eq!(first, live.fragments[0].bytes);
            let again = live.fragment(120);
            let changed = first.iter().zip(&again).filter(|(a, b)| a != b).count();
            assert!((2..=6).contains(&changed), "only sequence and time differ: {changed}");
        }
        assert_eq!(Loop::due(30), Duration::from_secs(2));
        assert!(Loop::of(b"no film").is_none());
    }
}
