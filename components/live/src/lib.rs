//! Handler: the live streams of a camera, the next segment, and playlists. It chooses segments by
//! their names and never sees a byte of them: the host opens a segment under the grant.

mod answer;
mod json;
mod playlist;

pub use answer::{
    Answer, Footage, MAX_SEGMENTS, PLAYLIST_SEGMENTS_MIN, Part, RUN, Refusal, Segment, Stream,
    live, next, playlist, segment,
};

#[cfg(target_arch = "wasm32")]
mod component;
