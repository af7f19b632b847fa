//! The playlist of whole segments, as HLS has it (RFC 8216, version 7).

use crate::answer::{RUN, Segment, Stream};
use eyesonly_guest::time::push_rfc3339;
use std::fmt::Write as _;

/// Runs are counted within this. They start at the seconds since 1970, and some players make a list
/// as long as that number.
const RUNS: u64 = 1_000_000;

/// Writes a playlist of these segments, which are whole, the oldest first. The addresses in it are
/// relative to its own.
pub fn write(of: Stream, segments: &[Segment]) -> String {
    let longest = segments.iter().filter_map(|segment| segment.duration_milliseconds).max();
    let mut text = String::with_capacity(256 + segments.len() * 256);
    text.push_str("#EXTM3U\n#EXT-X-VERSION:7\n");
    if segments.iter().all(|segment| segment.key) {
        text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    let first = segments.first();
    // Writing to a String can't fail.
    let _ = write!(
        text,
        "#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
        longest.unwrap_or(0).div_ceil(1000).max(1),
        first.map_or(0, |segment| segment.number),
        first.map_or(0, |segment| segment.run % RUNS),
    );
    let query = match of {
        Stream::Main => "",
        Stream::Sub => "?stream=sub",
    };
    let mut run = None;
    for Segment { id, run: of, time_milliseconds, duration_milliseconds, .. } in segments {
        if run != Some(*of) {
            if run.is_some() {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            let _ = writeln!(text, "#EXT-X-MAP:URI=\"{RUN}{of}/init.mp4{query}\"");
            run = Some(*of);
        }
        text.push_str("#EXT-X-PROGRAM-DATE-TIME:");
        push_rfc3339(&mut text, *time_milliseconds);
        let milliseconds = duration_milliseconds.unwrap_or(0);
        let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
        let _ = write!(text, "\n#EXTINF:{seconds}.{rest:03},\n{id}/media.m4s{query}\n");
    }
    text
}
