//! The notes that the edge keeps with the chunks of a segment: sealed with them, and never sent.

use serde::{Deserialize, Serialize};

/// The notes with chunk 0: what the segment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The segment's number in its stream, which only rises.
    pub number: u64,
    /// The run's number: it rises where the stream starts anew.
    pub run: u64,
    /// True if the segment starts with a key frame, so that a player can start with it.
    pub key: bool,
    /// The codecs in the form of RFC 6381, with commas between them.
    pub codecs: String,
    /// The picture's width in pixels, and 0 if there is no picture.
    pub width: u32,
    /// The picture's height in pixels.
    pub height: u32,
}

/// The notes with the last chunk: what the segment became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// How long it plays, in milliseconds.
    pub duration_milliseconds: u64,
    /// How many bytes its fragments have.
    pub bytes: u64,
}
