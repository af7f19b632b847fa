//! The live video of the storm: motion JPEG in fragmented MP4. Each picture is a fragment of its
//! own and shows a mark.
//!
//! What is read here comes from a server: nothing in it is believed.

use bytes::Bytes;
use std::time::Duration;

/// The pictures from one key frame to the next. Each one could be decoded by itself, but only the
/// first is said to be a key frame, as with other codecs.
pub const GROUP: u32 = 16;
/// The numbers of pictures: after the last one comes 0 again. It is a multiple of [`GROUP`].
pub const NUMBERS: u32 = 2048;
/// The time from one picture to the next.
pub const EVERY: Duration = Duration::from_millis(100);

/// The init of such a video, without a mark: `ftyp` and `moov`.
const INIT: &[u8] = include_bytes!("templates/live-init.mp4");
/// The place of the `moov` in it.
const MOOV_AT: usize = 28;
/// The bytes of a fragment before the picture: a `moof` of 104, and the header of the `mdat`.
const HEAD_BYTES: u32 = 104 + 8;
/// The flags of a picture that starts a group, and of another one.
const KEY: u32 = 0x0200_0000;
const NO_KEY: u32 = 0x0101_0000;

fn boxed(name: &[u8; 4], body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let bytes = u32::try_from(body.len() + 8).unwrap_or(u32::MAX);
    [&bytes.to_be_bytes(), name.as_slice(), &body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Makes an init that carries a mark's text.
pub fn init(mark: &str) -> Bytes {
    let (ftyp, moov) = INIT.split_at_checked(MOOV_AT).unwrap_or((INIT, &[]));
    let boxes = moov.get(8..).unwrap_or_default();
    [ftyp, &boxed(b"moov", &[boxes, &boxed(b"free", &[mark.as_bytes()])])].concat().into()
}

/// Makes the fragment of one picture.
pub fn fragment(number: u32, picture: &[u8]) -> Bytes {
    let milliseconds = u64::from(number) * 100;
    let flags = if number.is_multiple_of(GROUP) { KEY } else { NO_KEY };
    let bytes = u32::try_from(picture.len()).unwrap_or(u32::MAX);
    let tfhd = boxed(b"tfhd", &[&words(&[0x2_0038, 1, 100, bytes, 0x0101_0000])]);
    let tfdt = boxed(b"tfdt", &[&words(&[0x0100_0000]), &milliseconds.to_be_bytes()]);
    let trun = boxed(b"trun", &[&words(&[5, 1, HEAD_BYTES, flags])]);
    let mfhd = boxed(b"mfhd", &[&words(&[0, number + 1])]);
    let moof = boxed(b"moof", &[&mfhd, &boxed(b"traf", &[&tfhd, &tfdt, &trun])]);
    [moof, boxed(b"mdat", &[picture])].concat().into()
}

/// Takes a body apart: what comes before the first fragment, and each whole fragment with its
/// picture. A fragment that was cut is left out.
pub fn parts(body: &Bytes) -> (Bytes, Vec<(Bytes, Bytes)>) {
    let (mut at, mut began, mut init) = (0_usize, None, None);
    let mut fragments = Vec::new();
    while let Some((size, name)) = header(body, at) {
        let Some(end) = at.checked_add(size).filter(|end| *end <= body.len()) else { break };
        match &name {
            b"moof" => {
                init.get_or_insert(body.slice(..at));
                began = Some(at);
            }
            b"mdat" => {
                if let Some(began) = began.take() {
                    fragments.push((body.slice(began..end), body.slice(at + 8..end)));
                }
            }
            _ => {}
        }
        at = end;
    }
    (init.unwrap_or_else(|| body.slice(..at)), fragments)
}

fn header(body: &[u8], at: usize) -> Option<(usize, [u8; 4])> {
    let (size, rest) = body.get(at..)?.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
    Some((size, *rest.first_chunk()?)).filter(|(size, _)| *size >= 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::live::fragments::{Part, Walker};

    #[test]
    fn the_host_takes_it_and_it_is_taken_apart_again() {
        let init = init("eyesonly-mark-0123456789abcdef");
        let fragments: Vec<Bytes> = (0..18).map(|number| fragment(number, b"picture")).collect();
        let body: Bytes = [init.clone(), fragments.concat().into()].concat().into();
        let mut walker = Walker::new();
        walker.push(&body).unwrap();
        let Some(Part::Init(read)) = walker.next_part().unwrap() else { panic!("no init") };
        assert_eq!(read.bytes, init);
        for (number, fragment) in (0..).zip(&fragments) {
            let Some(Part::Fragment(part)) = walker.next_part().unwrap() else { panic!("none") };
            assert_eq!(part.bytes, *fragment);
            let timing = part.timing(&read).unwrap();
            assert_eq!(timing[0].starts_with_key, number % GROUP == 0);
        }
        let (first, pictures) = parts(&body.slice(..body.len() - 1));
        assert_eq!((first, pictures.len()), (init, 17), "the last one was cut");
        assert!(pictures.iter().all(|(_, picture)| picture == "picture"));
        assert_eq!(parts(&Bytes::from_static(b"no video")).1, []);
    }
}
