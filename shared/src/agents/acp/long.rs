//! Reading a line that is too long for memory: what is always short is kept, texts and contents are skipped while it is read.

use std::io::{BufReader, Read};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// The maximum length of such a line, in bytes. A longer one is not read.
const MAX_BYTES: u64 = 64 << 20;
/// The maximum number of elements that are kept of an array.
const MAX_ELEMENTS: usize = 1000;
/// The fields that may be long.
const SKIPPED: [&str; 9] =
    ["content", "rawInput", "rawOutput", "text", "oldText", "newText", "data", "_meta", "availableCommands"];

/// Reads the short parts of a line; returns `None` if it is not JSON, or far too long.
pub(super) fn read(line: impl Read) -> Option<Value> {
    let line = BufReader::with_capacity(64 * 1024, line.take(MAX_BYTES));
    serde_json::from_reader(line).ok().map(|Thin(value)| value)
}

/// A value without the fields that may be long.
struct Thin(Value);

impl<'de> Deserialize<'de> for Thin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ThinVisitor).map(Self)
    }
}

struct ThinVisitor;

impl<'de> Visitor<'de> for ThinVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if SKIPPED.contains(&key.as_str()) {
                map.next_value::<IgnoredAny>()?;
            } else {
                let Thin(value) = map.next_value()?;
                kept.insert(key, value);
            }
        }
        Ok(Value::Object(kept))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MAX_ELEMENTS {
            let Some(Thin(value)) = seq.next_element()? else { return Ok(Value::Array(kept)) };
            kept.push(value);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(kept))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_fields_are_kept() {
        let long = "x".repeat(1 << 20);
        let line = json!({"id": 7, "method": "m", "ok": true, "none": null, "cost": 1.5, "less": -1, "params": {"toolCall":
            {"toolCallId": "c", "title": "t", "content": [{"text": long}], "rawInput": {"a": long}}, "options": [{"optionId": "o"}]}});
        let kept = json!({"id": 7, "method": "m", "ok": true, "none": null, "cost": 1.5, "less": -1, "params": {"toolCall":
            {"toolCallId": "c", "title": "t"}, "options": [{"optionId": "o"}]}});
        assert_eq!(read(line.to_string().as_bytes()), Some(kept));
    }

    #[test]
    fn what_is_not_json_is_none() {
        assert_eq!(read(&b"{\"a\": "[..]), None);
        assert_eq!(read(&b"words"[..]), None);
        let many = Value::Array(vec![json!(1); MAX_ELEMENTS + 5]);
        let kept = read(many.to_string().as_bytes());
        assert_eq!(kept.and_then(|kept| kept.as_array().map(Vec::len)), Some(MAX_ELEMENTS));
    }
}
