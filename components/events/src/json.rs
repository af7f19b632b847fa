//! The JSON of events (RFC 8259). It has its own writer, because one fixed form needs no library.
//! Every page of code and data in an instance is reset for every request. It must never put a text
//! out unescaped.

use std::fmt::Write as _;

use crate::answer::{Event, Page};
use crate::time::push_rfc3339;

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

fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // JSON demands escapes for the remaining control characters. `<` and the two line
            // separators are escaped too, so that the text stays data inside a script.
            '\0'..='\x1f' | '\x7f' | '<' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_string(value: &str, expected: &str) {
        let mut text = String::new();
        push_string(&mut text, value);
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }

    #[test]
    fn texts_are_escaped() {
        check_string("", r#""""#);
        check_string("front door", r#""front door""#);
        check_string(r#"a"b\c/d"#, r#""a\"b\\c/d""#);
        check_string("\n\r\t\0\u{1b}\u{7f}", r#""\n\r\t\u0000\u001b\u007f""#);
        check_string("</script>", r#""\u003c/script>""#);
        check_string("\u{2028}\u{2029}", r#""\u2028\u2029""#);
        check_string("Tür 🐈", r#""Tür 🐈""#);
    }

    #[test]
    fn every_character_of_the_first_plane_survives() {
        let all: String = ('\0'..='\u{ffff}').collect();
        let mut text = String::new();
        push_string(&mut text, &all);
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), all);
    }
}
