//! Lenient reading of the JSON that programs write: with half a surrogate pair in a string, two objects on one line, or `null` or
//! another type in place of a number. Whatever can be read of such a line is read.

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem::{self, Finder};
use serde_json::Value;

/// The byte order mark, which some editors write at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// Maximum number of bytes that are parsed for one line, in all attempts together.
const MAX_PARSED: usize = 64 << 20;

/// The field that names the kind of a line or of a part. Inside a string its quotes would be escaped.
static KIND: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("\"type\""));

/// Returns the bytes after each `"type":` of a line, without the first quote.
pub(crate) fn kinds(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    KIND.find_iter(line).map(|at| {
        let rest = line[at + KIND.needle().len()..].trim_ascii_start();
        let rest = rest.strip_prefix(b":").map_or(rest, <[u8]>::trim_ascii_start);
        rest.strip_prefix(b"\"").unwrap_or_default()
    })
}

/// Returns whether a line contains a part of one of these kinds, or the header of a session.
pub(crate) fn has_kind(line: &[u8], wanted: &[&[u8]], header: &[u8]) -> bool {
    let is_wanted = |kind: &[u8]| wanted.iter().any(|one| kind.starts_with(one));
    kinds(line).any(is_wanted) || memmem::find(line, header).is_some()
}

/// Returns the string in the first field of that name, which is given with its quotes, because they would be escaped inside a
/// string. The bytes may be a part of a line.
pub(crate) fn first_text(bytes: &[u8], name: &[u8]) -> Option<String> {
    let at = memmem::find(bytes, name)? + name.len();
    let rest = bytes[at..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    Some(std::str::from_utf8(&rest[..memchr::memchr(b'"', rest)?]).ok()?.to_owned())
}

/// Removes the NUL bytes around a line, which a file system may leave after a power failure.
pub(crate) fn without_nul(mut line: &[u8]) -> &[u8] {
    while let [0, rest @ ..] | [rest @ .., 0] = line {
        line = rest;
    }
    line
}

/// Returns the text of a line without a byte order mark. Bytes that are not UTF-8, and halves of surrogate pairs, become U+FFFD.
pub(crate) fn text(line: &[u8]) -> Cow<'_, str> {
    let line = without_nul(line);
    let text = String::from_utf8_lossy(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line));
    let has_surrogates =
        memmem::find(text.as_bytes(), br"\ud").or_else(|| memmem::find(text.as_bytes(), br"\uD")).is_some();
    if !has_surrogates {
        return text;
    }
    match replace_lone_surrogates(&text) {
        Some(repaired) => Cow::Owned(repaired),
        None => text,
    }
}

/// The objects of a line, and whether everything in it could be read.
pub(crate) struct Objects {
    /// The objects, as well-formed JSON.
    pub(crate) all: Vec<String>,
    /// Whether nothing of the line was skipped.
    pub(crate) is_whole: bool,
}

/// Returns the objects of a line that is not one well-formed object, each normalized by `tidy`. A line that was torn may contain a
/// line that was written later.
pub(crate) fn objects(line: &str, tidy: impl Fn(&mut Value)) -> Objects {
    let mut found = Objects { all: Vec::new(), is_whole: true };
    let mut rest = line;
    let mut room = MAX_PARSED;
    let mut is_torn = false;
    loop {
        let mut parts = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        for mut part in parts.by_ref().map_while(Result::ok) {
            if !part.is_object() {
                found.is_whole = false;
            } else if !is_torn || is_a_line(&part) {
                tidy(&mut part);
                found.all.push(part.to_string());
            }
        }
        let left = rest[parts.byte_offset()..].trim_start();
        room = room.saturating_sub(rest.len());
        if left.is_empty() {
            return found;
        }
        (is_torn, found.is_whole) = (true, false);
        let first = left.chars().next().map_or(0, char::len_utf8);
        match left[first..].find("{\"").filter(|_| room > 0) {
            Some(at) => rest = &left[first + at..],
            None => return found,
        }
    }
}

/// Returns whether an object inside a torn line was a separate line.
fn is_a_line(object: &Value) -> bool {
    ["timestamp", "sessionId"].iter().any(|key| object.get(key).is_some())
}

/// Removes the fields of these names that do not have the expected type. A number with a zero fraction becomes an integer.
pub(crate) fn remove_mistyped(object: &mut Value, flags: &[&str], texts: &[&str], numbers: &[&str]) {
    let Some(fields) = object.as_object_mut() else { return };
    fields.retain(|name, value| {
        let name = name.as_str();
        if flags.contains(&name) {
            value.is_boolean()
        } else if texts.contains(&name) {
            value.is_string()
        } else if numbers.contains(&name) {
            if let Some(whole) = whole_number(value) {
                *value = whole.into();
            }
            value.is_u64()
        } else {
            true
        }
    });
}

/// Returns the integer value of a JSON number, whether it is written `50` or `50.0`.
pub(crate) fn whole_number(value: &Value) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before")]
    let of_float = |number: f64| (0.0..9e15).contains(&number).then_some(number.round() as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(of_float))
}

/// Replaces each lone half of a surrogate pair in JSON with U+FFFD; returns `None` if there is none.
fn replace_lone_surrogates(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut at, mut kept, mut repaired) = (0, 0, String::new());
    while let Some(found) = memchr::memchr(b'\\', bytes.get(at..)?) {
        let escape = at + found;
        match (utf16_unit(bytes, escape), utf16_unit(bytes, escape + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => at = escape + 12,
            (Some(0xD800..0xE000), _) => {
                repaired.push_str(&text[kept..escape]);
                repaired.push_str("\\ufffd");
                at = escape + 6;
                kept = at;
            }
            _ => at = (escape + 2).min(bytes.len()),
        }
    }
    (kept > 0).then(|| repaired + &text[kept..])
}

/// Removes every field that is `null`, so that it gets its default.
pub(crate) fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(remove_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// Returns the UTF-16 unit of an escape like `\ud83d` that begins at `at`.
fn utf16_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(escape).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_surrogate_pair_becomes_a_replacement_character() {
        for (line, read) in [
            (r#"{"a":"x\ud83d\ude00y"}"#, "x\u{1F600}y"),
            (r#"{"a":"x\ud83dy"}"#, "x\u{FFFD}y"),
            (r#"{"a":"x\ude00\ud83d"}"#, "x\u{FFFD}\u{FFFD}"),
            (r#"{"a":"\uD83D\ud83d\ude00"}"#, "\u{FFFD}\u{1F600}"),
            (r#"{"a":"a backslash, then \\ud83d"}"#, "a backslash, then \\ud83d"),
            (r#"{"a":"plain"}"#, "plain"),
            (r#"{"a":"\u00e9"}"#, "é"),
        ] {
            let value: Value = serde_json::from_str(&text(line.as_bytes())).unwrap();
            assert_eq!(value["a"], read, "{line}");
        }
        assert_eq!(text(b"\\ud83"), "\\ud83");
        assert_eq!(text(b"\\ud83d"), "\\ufffd");
        assert_eq!(text(b"\xff"), "\u{FFFD}");
    }

    #[test]
    fn every_object_of_a_line_is_read() {
        let tidy = |object: &mut Value| remove_mistyped(object, &["flag"], &["name"], &["n"]);
        let line = r#"{"timestamp":1}"#;
        for (text, found, is_whole) in [
            (r#"{"n":1}{"n":2}"#.to_owned(), vec![r#"{"n":1}"#, r#"{"n":2}"#], true),
            (
                r#"{"n":50.0,"flag":null,"name":7,"other":null}"#.to_owned(),
                vec![r#"{"n":50,"other":null}"#],
                true,
            ),
            (r#"{"n":-1}"#.to_owned(), vec!["{}"], true),
            (r#"{"n":1} torn {"#.to_owned(), vec![r#"{"n":1}"#], false),
            ("no JSON".to_owned(), vec![], false),
            ("7".to_owned(), vec![], false),
            (format!(r#"{{"a":"torn{line}"#), vec![line], false),
            (format!(r#"{{"a":{{"b":{{"c":1}},"torn{line}"#), vec![line], false),
            (format!(r#"{{"a":{line}{line}"#), vec![line, line], false),
            ("\u{1F600}{\"".to_owned(), vec![], false),
        ] {
            let objects = objects(&text, tidy);
            assert_eq!(
                (objects.all, objects.is_whole),
                (found.iter().map(|&one| one.into()).collect(), is_whole),
                "{text}"
            );
        }
    }

    #[test]
    fn a_text_is_found_in_a_part_of_a_line() {
        for (line, found) in [
            (r#"{"a":1,"id":"x","text":"cut of"#, Some("x")),
            (r#"{"text":"\"id\":\"no\"","id" : "x"}"#, Some("x")),
            (r#"{"id":7}"#, None),
            (r#"{"id":"cut of"#, None),
            ("", None),
        ] {
            assert_eq!(first_text(line.as_bytes(), br#""id""#).as_deref(), found, "{line}");
        }
    }

    #[test]
    fn nul_bytes_around_a_line_are_removed() {
        for (line, found) in [("\0\0{}\0", "{}"), ("\0", ""), ("a\0b", "a\0b"), ("\0\u{FEFF}{}", "{}")] {
            assert_eq!(text(line.as_bytes()), found, "{line:?}");
        }
    }
}
