//! The mutants: twenty sound stills and clips, and what is done to them. The same seed and number
//! make the same one. It must never ask an edge.

use super::report;
use super::segments::exif;
use bytes::Bytes;
use eyesonly_tests::dice::Dice;
use eyesonly_tests::footage::media;
use eyesonly_tests::picture::Picture;
use std::process::Command;

/// Mutations hit the start of a file as often as all the rest: this many bytes have its headers.
const HEAD_BYTES: usize = 700;

/// A sound file.
pub struct Sound {
    pub name: String,
    pub bytes: Bytes,
    pub is_clip: bool,
}

/// The ways to spoil a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Flip,
    Byte,
    Insert,
    Delete,
    Duplicate,
    Cut,
    Append,
    Swap,
    Length,
    Splice,
    Zero,
}

const KINDS: [Kind; 11] = [
    Kind::Flip,
    Kind::Byte,
    Kind::Insert,
    Kind::Delete,
    Kind::Duplicate,
    Kind::Cut,
    Kind::Append,
    Kind::Swap,
    Kind::Length,
    Kind::Splice,
    Kind::Zero,
];

/// Spoils a file in one way. `other` is a sound file of the same type.
pub fn mutate(bytes: &mut Vec<u8>, kind: Kind, other: &Sound, dice: &mut Dice) {
    let size = bytes.len();
    let part = dice.one_of(&[size, size.min(HEAD_BYTES)]);
    let at = dice.below(part);
    let run = dice.one_of(&[1, 1, 2, 4, 16, 300, 3000]);
    let end = (at + run).min(size);
    let noise = |dice: &mut Dice, length: usize| -> Vec<u8> {
        let flat = dice.one_of(&[None, None, Some(0), Some(0xFF)]);
        (0..length).map(|_| flat.unwrap_or_else(|| dice.byte())).collect()
    };
    match kind {
        _ if size == 0 => {}
        Kind::Flip => bytes[at] ^= 1 << dice.below(8),
        Kind::Byte => {
            for _ in 0..dice.one_of(&[1, 1, 2, 5]) {
                let at = if dice.below(2) == 0 { at } else { dice.below(size) };
                bytes[at] = dice.one_of(&[Some(0), Some(0xFF), None]).unwrap_or(dice.byte());
            }
        }
        Kind::Insert => drop(bytes.splice(at..at, noise(dice, run))),
        Kind::Delete => drop(bytes.drain(at..end)),
        Kind::Duplicate => {
            let copy = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, copy));
        }
        Kind::Cut => bytes.truncate(at),
        Kind::Append => bytes.extend(noise(dice, run)),
        Kind::Swap => {
            let from = dice.below(size);
            for offset in 0..run.min(size - at).min(size - from) {
                bytes.swap(at + offset, from + offset);
            }
        }
        Kind::Length => {
            // Markers of JPEG have 2 bytes of length behind them, boxes of MP4 have 4 before.
            let places: Vec<usize> = if other.is_clip {
                let kinds = [b"moov", b"mdat", b"moof", b"ftyp", b"trak", b"free"];
                let found = bytes.windows(4).enumerate().filter(|(at, window)| {
                    *at >= 4 && kinds.iter().any(|kind| window == &kind.as_slice())
                });
                found.map(|(at, _)| at - 1 - dice.below(2)).collect()
            } else {
                let pairs = bytes.windows(4).enumerate();
                let found =
                    pairs.filter(|(_, four)| four[0] == 0xFF && (0xC0..0xFF).contains(&four[1]));
                found.map(|(at, _)| at + 2 + usize::from(dice.below(4) > 0)).collect()
            };
            if !places.is_empty() {
                let at = dice.one_of(&places);
                let change = dice.one_of(&[1, 2, 8, 0xFF, 0xFE]);
                bytes[at] = bytes[at].wrapping_add(change);
            }
        }
        Kind::Splice => {
            let place = if dice.below(2) == 0 { at } else { dice.below(other.bytes.len()) };
            bytes.truncate(at);
            bytes.extend_from_slice(&other.bytes[place.min(other.bytes.len())..]);
        }
        Kind::Zero => bytes[at..end].fill(0),
    }
}

/// Makes a mutation: the input's number, what was done, and the file.
pub fn mutation(sounds: &[Sound], seed: u64, number: u64) -> (usize, Vec<Kind>, Vec<u8>) {
    let mut dice = Dice(seed.wrapping_mul(0x1_0000_0001) ^ number.wrapping_mul(0x5851_F42D));
    let input = dice.below(sounds.len());
    let same: Vec<&Sound> =
        sounds.iter().filter(|sound| sound.is_clip == sounds[input].is_clip).collect();
    let mut bytes = sounds[input].bytes.to_vec();
    let mut kinds = Vec::new();
    for _ in 0..dice.one_of(&[1, 1, 1, 1, 1, 2, 3]) {
        let kind = dice.one_of(&KINDS);
        let other = dice.below(same.len());
        mutate(&mut bytes, kind, same[other], &mut dice);
        kinds.push(kind);
    }
    (input, kinds, bytes)
}

/// Draws a picture that has what cameras see: slow changes, edges, and a little noise.
pub fn drawn(width: usize, height: usize, seed: u64) -> Picture {
    const CELL: usize = 24;
    let mut dice = Dice(seed);
    let across = width / CELL + 2;
    let grid: Vec<[i32; 3]> = (0..across * (height / CELL + 2))
        .map(|_| [dice.byte(), dice.byte(), dice.byte()].map(i32::from))
        .collect();
    let (left, top) = (dice.below(width / 2), dice.below(height / 2));
    let cell = CELL as i32;
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let at = y / CELL * across + x / CELL;
            let (fx, fy) = ((x % CELL) as i32, (y % CELL) as i32);
            let inside =
                (left..left + width / 3).contains(&x) && (top..top + height / 3).contains(&y);
            let noise = i32::from(dice.byte() % 5);
            let corners = [at, at + 1, at + across, at + across + 1].map(|at| grid[at]);
            for channel in 0..3 {
                let [a, b, c, d] = corners.map(|corner| corner[channel]);
                let (upper, lower) = (a * (cell - fx) + b * fx, c * (cell - fx) + d * fx);
                let value = (upper * (cell - fy) + lower * fy) / (cell * cell);
                let value = if inside { 255 - value } else { value };
                rgb.push((value + noise).clamp(0, 255) as u8);
            }
        }
    }
    Picture::new(width, height, rgb)
}

/// Makes a still with cjpeg.
pub fn encoded(picture: &Picture, options: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("still.ppm"), folder.path().join("still.jpg"));
    std::fs::write(&from, picture.pnm()).unwrap();
    let mut command = Command::new("cjpeg");
    command.args(options.split_whitespace()).arg("-outfile").arg(&to).arg(&from);
    eyesonly_tests::python::run(&mut command);
    std::fs::read(to).unwrap()
}

/// Returns the twenty sound files: sixteen stills of all the usual kinds, and four clips.
pub fn sounds() -> Vec<Sound> {
    let mut sounds = Vec::new();
    let mut add = |name: String, bytes: Bytes| {
        let is_clip = name.ends_with("mp4");
        sounds.push(Sound { name, bytes, is_clip });
    };
    for name in [
        "00-good-1280x720-420.jpg",
        "07-two-exif-first-6-then-1.jpg",
        "08-rgb-adobe-transform-0-ids-1-2-3.jpg",
        "08c-grey-with-adobe-transform-0.jpg",
        "00-good-h264-aac-faststart.mp4",
        "00b-h264-aac-moov-at-end.mp4",
        "00c-h264-fragmented.mp4",
        "23-hevc-hev1-aac.mp4",
    ] {
        add(name.into(), report(name));
    }
    add("birch-hallway-cat.jpg".into(), media("birch-hallway-cat.jpg"));
    for (number, (width, height, options, orientation)) in [
        (320, 240, "-quality 75 -sample 2x2", 0),
        (320, 180, "-quality 90 -sample 1x1", 0),
        (353, 211, "-quality 80 -sample 2x1 -restart 4B", 0),
        (160, 120, "-quality 85 -sample 4x1", 0),
        (320, 240, "-quality 70 -grayscale", 0),
        (320, 240, "-quality 75 -sample 2x2 -progressive", 0),
        (211, 353, "-quality 85 -grayscale -progressive", 0),
        (640, 360, "-quality 60 -sample 2x2 -restart 1", 0),
        (320, 240, "-quality 80 -sample 2x2 -optimize", 6),
        (320, 200, "-quality 75 -sample 2x1 -progressive", 3),
        (117, 83, "-quality 95 -sample 1x1 -optimize", 0),
    ]
    .into_iter()
    .enumerate()
    {
        let mut still = encoded(&drawn(width, height, number as u64), options);
        if orientation > 0 {
            let start = [0xFF, 0xD8];
            still = [start.as_slice(), &exif(orientation), &still[2..]].concat();
        }
        let turned = if orientation > 0 { format!(" EXIF {orientation}") } else { String::new() };
        add(format!("{width} × {height} {options}{turned}"), still.into());
    }
    assert_eq!(sounds.len(), 20);
    sounds
}
