//! JSON strings (RFC 8259). It must never put a text out unescaped.

use std::fmt::Write as _;

/// Appends `value` as a JSON string, with its quotes.
pub fn push_string(text: &mut String, value: &str) {
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
