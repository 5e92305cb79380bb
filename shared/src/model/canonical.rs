//! Canonical JSON: the only spelling of an event, so that the same fact has the same bytes on every machine.
//!
//! Keys are sorted and unique, numbers are integers, and the text is ASCII with `\u` escapes and without white space.

use std::fmt::Write as _;

use serde_json::Value;

/// Maximum length of a line, in bytes.
pub const MAX_LINE: usize = 64 * 1024;
/// Maximum depth of nesting.
pub const MAX_DEPTH: usize = 32;

/// Writes `value` canonically. Returns `None` if it holds a number that is not an integer, or is nested too deeply.
pub fn write(value: &Value) -> Option<String> {
    let mut out = String::new();
    write_value(value, 0, &mut out)?;
    Some(out)
}

/// Parses a canonical line. Returns `None` for anything else: duplicate keys, floats, white space, or a line that is too long.
pub fn read(line: &str) -> Option<Value> {
    if line.len() > MAX_LINE {
        return None;
    }
    let value: Value = serde_json::from_str(line).ok()?;
    (value.is_object() && write(&value)? == line).then_some(value)
}

fn write_value(value: &Value, depth: usize, out: &mut String) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) if number.is_i64() || number.is_u64() => write!(out, "{number}").ok()?,
        Value::Number(_) => return None,
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_value(&map[key], depth + 1, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_one_form_only() {
        let value = json!({"b": [1, -2, null, true], "a": "é\n\"\u{1f600}"});
        let line = "{\"a\":\"\\u00e9\\u000a\\\"\\ud83d\\ude00\",\"b\":[1,-2,null,true]}";
        assert_eq!(write(&value).unwrap(), line);
        assert_eq!(read(line).unwrap(), value);
    }

    #[test]
    fn refuses_other_forms() {
        for line in [
            "",
            "[]",
            "1",
            "{\"a\":1.5}",
            "{\"a\":1e3}",
            "{\"a\": 1}",
            "{\"b\":1,\"a\":1}",
            "{\"a\":1,\"a\":1}",
            "{\"a\":\"é\"}",
            "{\"a\":\"\\n\"}",
            "{\"a\":1}x",
            "{\"a\":-0}",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
        assert!(read(&format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_LINE))).is_none());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
        assert!(read(&deep).is_none());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(map in prop::collection::btree_map(any::<String>(), values(), 0..5)) {
            let value = Value::Object(map.into_iter().collect());
            let line = write(&value).unwrap();
            prop_assert!(line.bytes().all(|b| (0x20..0x7f).contains(&b)));
            prop_assert_eq!(read(&line), Some(value));
        }

        #[test]
        fn no_input_panics(text: String) {
            let _ = read(&text);
        }
    }
}
