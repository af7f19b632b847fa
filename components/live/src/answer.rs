//! Answers each question: it asks the host what there is, and names the segment that is sent. It
//! knows the host only through [`Footage`].

use crate::{json, playlist as text};
pub use eyesonly_guest::Refusal;

/// The most segments in one list.
pub const MAX_SEGMENTS: u32 = 100;
/// The fewest whole segments of a playlist. Players start three segments before the end.
pub const PLAYLIST_SEGMENTS_MIN: usize = 4;
/// The segments that whoever keeps up is told of: the one that it has, and the next one. Each that
/// is listed is opened by the host.
const KEPT_UP_SEGMENTS: u32 = 2;

/// A stream of a camera; the contract's `live-stream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The stream of full size.
    Main,
    /// A smaller one.
    Sub,
}

impl Stream {
    /// Both streams, each with its name.
    pub const ALL: [(Self, &str); 2] = [(Self::Main, "main"), (Self::Sub, "sub")];
}

/// A part of a segment; the contract's `live-part`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The init, and the fragments as they come.
    Whole,
    /// The init alone.
    Init,
    /// The fragments alone.
    Media,
}

/// A segment; the contract's `segment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// A canonical lower-case UUIDv7.
    pub id: String,
    /// The segment that it goes on from.
    pub before: Option<String>,
    /// Its number in the stream.
    pub number: u64,
    /// The number of its run.
    pub run: u64,
    /// True if a player can start with it.
    pub key: bool,
    /// The codecs (RFC 6381).
    pub codecs: String,
    /// The picture's width in pixels.
    pub width: u32,
    /// The picture's height in pixels.
    pub height: u32,
    /// When its first byte came, in milliseconds since 1970.
    pub time_milliseconds: u64,
    /// When its newest byte came.
    pub newest_milliseconds: u64,
    /// How long it plays in milliseconds; none while it is being made.
    pub duration_milliseconds: Option<u64>,
}

/// The part of the contract that this handler calls.
pub trait Footage {
    /// Lists the newest segments of a stream, at most `limit`, the oldest first.
    fn list_segments(&self, of: Stream, limit: u32) -> Result<Vec<Segment>, Refusal>;
}

/// The answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A JSON text.
    Json(String),
    /// An HLS playlist.
    Playlist(String),
    /// A segment, which the host sends.
    Segment(Stream, String, Part),
    /// There is no such thing under the grant.
    NotFound,
    /// No layer gave a proven answer.
    Unavailable,
    /// The host answered what the contract does not allow.
    Failed,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Answer::NotFound,
            Refusal::Unavailable => Answer::Unavailable,
            Refusal::Invalid | Refusal::Limit => Answer::Failed,
        }
    }
}

/// Answers with the streams that the camera sends now.
pub fn live<F: Footage>(footage: &F) -> Answer {
    let mut streams = Vec::new();
    for (of, name) in Stream::ALL {
        match footage.list_segments(of, MAX_SEGMENTS) {
            Ok(segments) if segments.is_empty() => {}
            Ok(segments) => streams.push((name, segments)),
            Err(refusal) => return refusal.into(),
        }
    }
    Answer::Json(json::streams(&streams))
}

/// Answers with the segment that comes after `after`. Without one, or if that one is gone or ends
/// its run, it is the newest that a player can start with.
pub fn next<F: Footage>(footage: &F, of: Stream, after: Option<&str>) -> Answer {
    for limit in [KEPT_UP_SEGMENTS, MAX_SEGMENTS] {
        let segments = match footage.list_segments(of, limit) {
            Ok(segments) => segments,
            Err(refusal) => return refusal.into(),
        };
        let follows = |segment: &&Segment| after.is_some() && segment.before.as_deref() == after;
        let is_newest = segments.last().is_some_and(|newest| Some(newest.id.as_str()) == after);
        let chosen = match segments.iter().find(follows) {
            Some(next) => Some(next),
            // The host waited, and nothing came.
            None if is_newest => return Answer::NotFound,
            // It may follow one of the older segments.
            None if after.is_some() && limit < MAX_SEGMENTS => None,
            None => segments.iter().rfind(|segment| segment.key),
        };
        if let Some(segment) = chosen {
            return Answer::Segment(of, segment.id.clone(), Part::Whole);
        }
    }
    Answer::NotFound
}

/// Answers with the playlist of the segments that are whole.
pub fn playlist<F: Footage>(footage: &F, of: Stream) -> Answer {
    let mut segments = match footage.list_segments(of, MAX_SEGMENTS) {
        Ok(segments) => segments,
        Err(refusal) => return refusal.into(),
    };
    segments.retain(|segment| segment.duration_milliseconds.is_some());
    // A player starts with a key frame.
    let first = segments.iter().position(|segment| segment.key).unwrap_or(segments.len());
    let segments = segments.get(first..).unwrap_or_default();
    if segments.len() < PLAYLIST_SEGMENTS_MIN {
        return Answer::NotFound;
    }
    Answer::Playlist(text::write(of, segments))
}

/// The start of the name of a run in a playlist. Its init has this name for as long as it lasts,
/// since players take another address for another init.
pub const RUN: &str = "run-";

/// Answers with a segment by its name, or with any of a run. The host says whether it is there.
pub fn segment<F: Footage>(footage: &F, of: Stream, name: String, part: Part) -> Answer {
    let Some(run) = name.strip_prefix(RUN) else {
        return Answer::Segment(of, name, part);
    };
    let segments = match footage.list_segments(of, MAX_SEGMENTS) {
        Ok(segments) => segments,
        Err(refusal) => return refusal.into(),
    };
    let found = segments.into_iter().find(|segment| segment.run.to_string() == run);
    found.map_or(Answer::NotFound, |segment| Answer::Segment(of, segment.id, part))
}
