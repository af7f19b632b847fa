//! The walker against a recording, cut and spoilt, and against hand-made faults.
//! `tests/tests/live/walker.rs` has it against files of ffmpeg, and against another parser.

mod handmade;
mod make;

use super::testing::{refused, split, walk, whole};
use super::*;
use std::sync::LazyLock;

/// Three frames of a recording.
static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let file = eyesonly_demo::file("alder-front-door-live.mp4").unwrap();
    let live = eyesonly_demo::Loop::of(file).unwrap();
    let fragments = (1..4).flat_map(|number| live.fragment(number));
    live.init().iter().copied().chain(fragments).collect()
});

/// Random numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % end
    }
}

#[test]
fn two_inits_in_one_body_are_two_parts() {
    let body = [&SMALL[..], &SMALL[..]].concat();
    let (once, twice) = (whole(&SMALL).unwrap(), whole(&body).unwrap());
    assert_eq!(twice, [&once[..], &once[..]].concat());
}

#[test]
fn a_truncated_file_never_panics() {
    let all = whole(&SMALL).unwrap();
    let mut ends = 0;
    for end in 0..SMALL.len() {
        match whole(&SMALL[..end]) {
            Ok(parts) => {
                assert_eq!(parts, all[..parts.len()]);
                ends += 1;
            }
            Err(error) => assert_eq!(error, FragmentError::Ended, "at {end}"),
        }
    }
    // The empty body, and the ends of the init and of the fragments but the last.
    assert_eq!(ends, all.len());
}

/// How many spoilt files are walked.
const MUTATIONS: usize = 20_000;

#[test]
fn mutated_files_never_panic() {
    let mut random = Random(11);
    let init = split(whole(&SMALL).unwrap()).0;
    let head = SMALL.len().min(1200);
    let (mut taken, mut errors) = (0, std::collections::HashMap::<_, u32>::new());
    for _ in 0..MUTATIONS {
        let mut body = SMALL.clone();
        for _ in 0..1 + random.below(3) {
            let end = if random.below(2) == 0 { head } else { body.len() };
            let at = random.below(end.min(body.len()));
            match random.below(5) {
                0 => body[at] = u8::try_from(random.below(256)).unwrap(),
                1 => body[at] ^= 1 << random.below(8),
                2 => body[at] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)],
                3 => drop(body.remove(at)),
                _ => {
                    let from = random.below(body.len());
                    let count = random.below(64).min(body.len() - from.max(at));
                    body.copy_within(from..from + count, at);
                }
            }
        }
        let size = 1 + random.below(3999);
        match walk(&body, || size) {
            Ok(parts) => {
                taken += 1;
                for part in &parts {
                    match part {
                        Part::Fragment(fragment) => drop(fragment.timing(&init)),
                        Part::Init(init) => assert!(plain(&init.codecs()), "{init:?}"),
                    }
                }
            }
            Err(error) => {
                assert!(error.to_string().is_ascii());
                let kind = format!("{error:?}");
                let kind = kind.split([' ', '(']).next().unwrap().to_owned();
                *errors.entry(kind).or_default() += 1;
            }
        }
    }
    assert!(taken > 500 && errors.len() > 12, "{taken} {errors:?}");
}

fn plain(codecs: &str) -> bool {
    codecs.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ','))
}
