//! The JSON of live streams (RFC 8259).

use crate::answer::Segment;
use eyesonly_guest::text::push_string;
use std::fmt::Write as _;

/// Writes `{"streams":[…]}`. Each stream has at least one segment.
pub fn streams(streams: &[(&str, Vec<Segment>)]) -> String {
    let mut text = String::with_capacity(64 + streams.len() * 320);
    text.push_str("{\"streams\":[");
    for (index, (name, segments)) in streams.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_stream(&mut text, name, segments);
    }
    text.push_str("]}");
    text
}

fn push_stream(text: &mut String, name: &str, segments: &[Segment]) {
    let Some(newest) = segments.last() else { return };
    text.push_str("{\"name\":");
    push_string(text, name);
    text.push_str(",\"codecs\":");
    push_string(text, &newest.codecs);
    // Writing to a String can't fail.
    let _ = write!(text, ",\"width\":{},\"height\":{}", newest.width, newest.height);
    text.push_str(",\"head\":");
    push_string(text, &newest.id);
    let _ = write!(
        text,
        ",\"run\":{},\"arrived_milliseconds\":{},\"newest_milliseconds\":{}",
        newest.run, newest.time_milliseconds, newest.newest_milliseconds
    );
    text.push_str(",\"key_frame_milliseconds\":");
    match key_frames_apart(segments) {
        Some(milliseconds) => drop(write!(text, "{milliseconds}}}")),
        None => text.push_str("null}"),
    }
}

/// Returns the time between the last two places to start.
fn key_frames_apart(segments: &[Segment]) -> Option<u64> {
    let mut keys = segments.iter().rev().filter(|segment| segment.key);
    let (last, before) = (keys.next()?, keys.next()?);
    (last.run == before.run)
        .then(|| last.time_milliseconds.saturating_sub(before.time_milliseconds))
}
