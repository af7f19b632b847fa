//! The JSON of events (RFC 8259). It has its own writer, because one fixed form needs no library.
//! Every page of code and data in an instance is reset for every request. It must never put a text
//! out unescaped.

use crate::answer::{Event, Page};
use eyesonly_guest::text::push_string;
use eyesonly_guest::time::push_rfc3339;
use std::fmt::Write as _;

/// The most bytes that one event takes beside its texts.
const EVENT_BYTES: usize = 192;

/// Writes `{"events":[…],"next":"…"}`, in the order of the page; `next` is null on the last page.
pub fn page(page: &Page) -> String {
    let mut text = String::with_capacity(64 + page.events.iter().map(estimate).sum::<usize>());
    text.push_str("{\"events\":[");
    for (index, event) in page.events.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_event(&mut text, event);
    }
    text.push_str("],\"next\":");
    match &page.next {
        Some(id) => push_string(&mut text, id),
        None => text.push_str("null"),
    }
    text.push('}');
    text
}

/// Writes one event, as in a page.
pub fn event(event: &Event) -> String {
    let mut text = String::with_capacity(estimate(event));
    push_event(&mut text, event);
    text
}

fn estimate(event: &Event) -> usize {
    EVENT_BYTES + event.id.len() + event.kind.len() + event.label.len()
}

fn push_event(text: &mut String, event: &Event) {
    text.push_str("{\"id\":");
    push_string(text, &event.id);
    text.push_str(",\"time\":\"");
    push_rfc3339(text, event.time_milliseconds);
    text.push_str("\",\"kind\":");
    push_string(text, &event.kind);
    text.push_str(",\"label\":");
    push_string(text, &event.label);
    text.push_str(",\"duration_milliseconds\":");
    match event.duration_milliseconds {
        // Writing to a String can't fail.
        Some(duration) => drop(write!(text, "{duration}")),
        None => text.push_str("null"),
    }
    text.push_str(if event.has_still { ",\"still\":true" } else { ",\"still\":false" });
    text.push_str(if event.has_clip { ",\"clip\":true}" } else { ",\"clip\":false}" });
}
