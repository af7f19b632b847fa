//! Ids, keys and digests as cameras and operators make them, and files that have the right form but
//! no meaning.
//!
//! It must never make the same id twice.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
pub use eyesonly_demo::id_of_time_ago;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::{NoContext, Timestamp, Uuid};

/// Returns the milliseconds since 1970-01-01T00:00:00Z, or 0 on a machine whose clock is before
/// that.
pub fn now_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Makes an id as a camera does: a UUIDv7 whose time is the footage's.
pub fn footage_id(milliseconds: u64) -> String {
    let time = Duration::from_millis(milliseconds);
    Uuid::new_v7(Timestamp::from_unix(NoContext, time.as_secs(), time.subsec_nanos())).to_string()
}

/// Makes an id of this moment.
pub fn fresh_id() -> String {
    footage_id(now_milliseconds())
}

/// Makes a key-encryption key: 64 hexadecimal digits.
pub fn fresh_key() -> String {
    [Uuid::new_v4(), Uuid::new_v4()].map(|half| half.simple().to_string()).concat()
}

/// Computes the value of Content-Digest (RFC 9530) for a body.
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// Makes an event's description.
pub fn description(label: &str) -> Value {
    json!({ "kind": "motion", "label": label, "duration_milliseconds": 4000 })
}

/// Makes one box of an MP4 (ISO/IEC 14496-12, 4.2), of less than 4 GiB.
pub fn mp4_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len().saturating_add(8)).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), kind.as_slice(), content].concat()
}

/// Makes a fragment of an MP4 longer, to at least `bytes_min` bytes with `tail` at its end. What is
/// added is in its `mdat`, which is its last box, and belongs to no picture.
pub fn longer(mut fragment: Vec<u8>, bytes_min: usize, tail: &[u8]) -> Vec<u8> {
    let name = fragment.windows(4).position(|name| name == b"mdat");
    let mdat = name.unwrap_or(0).saturating_sub(4);
    fragment.resize(fragment.len().max(bytes_min.saturating_sub(tail.len())), 0);
    fragment.extend_from_slice(tail);
    let size = u32::try_from(fragment.len() - mdat).unwrap_or(u32::MAX).to_be_bytes();
    fragment.iter_mut().skip(mdat).zip(size).for_each(|(to, byte)| *to = byte);
    fragment
}

/// Makes a file whose boxes are those of an MP4, with `content` as its data. No player plays it.
pub fn mp4_around(content: &[u8]) -> Bytes {
    [mp4_box(b"ftyp", b"isom\0\0\0\0isom"), mp4_box(b"moov", &[0; 64]), mp4_box(b"mdat", content)]
        .concat()
        .into()
}

/// Makes bytes that no file has by chance, the same for the same seed.
pub fn noise(seed: &str, length: usize) -> Vec<u8> {
    let blocks = (0_u64..).map(|number| Sha256::digest(format!("{seed} {number}")));
    blocks.flatten().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // RFC 9530, appendix D: the body is {"hello": "world"} and a line feed.
        let expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(content_digest(b"{\"hello\": \"world\"}\n"), expected);
    }

    #[test]
    fn ids_carry_their_time_and_differ() {
        let id = |ago| Uuid::parse_str(&id_of_time_ago(Duration::from_secs(ago))).unwrap();
        let (hour, now) = (id(3600), id(0));
        assert_eq!(hour.get_version_num(), 7);
        let seconds = |id: Uuid| id.get_timestamp().unwrap().to_unix().0;
        let apart = seconds(now) - seconds(hour);
        assert!((3600..3660).contains(&apart), "{apart}");
        assert_ne!(hour, id(3600));
    }

    #[test]
    fn a_clip_is_made_of_whole_boxes() {
        let clip = mp4_around(&noise("boxes", 100_000));
        let (mut at, mut kinds) = (0, Vec::new());
        while at < clip.len() {
            let length = u32::from_be_bytes(clip[at..at + 4].try_into().unwrap());
            kinds.push(String::from_utf8_lossy(&clip[at + 4..at + 8]).into_owned());
            at += length as usize;
        }
        assert_eq!((at, kinds), (clip.len(), vec!["ftyp".into(), "moov".into(), "mdat".into()]));
    }
}
