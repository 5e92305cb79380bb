//! Reading a line that is too long for memory: only its important fields are extracted.

use std::io::{BufReader, Read};

use serde::Deserialize;
use serde_json::{Map, Value};

/// The important fields of a long line. Its long texts are skipped while it is read.
#[derive(Default)]
pub(super) struct LongLine {
    pub(super) kind: String,
    pub(super) request_id: String,
    pub(super) is_replay: bool,
    pub(super) request: Option<Request>,
    /// The fields of a result that are always short.
    pub(super) small: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub(super) subtype: String,
    #[serde(default)]
    pub(super) tool_name: String,
}

impl LongLine {
    /// Reads the line; returns `None` if it is not an event.
    pub(super) fn read(line: impl Read) -> Option<Self> {
        serde_json::from_reader(BufReader::with_capacity(64 * 1024, line)).ok()
    }
}

impl<'de> Deserialize<'de> for LongLine {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> serde::de::Visitor<'de> for Fields {
            type Value = LongLine;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<LongLine, A::Error> {
                let mut long = LongLine::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "type" => long.kind = map.next_value()?,
                        "request_id" => long.request_id = map.next_value()?,
                        "request" => long.request = map.next_value()?,
                        "isReplay" => long.is_replay = map.next_value()?,
                        "subtype" | "is_error" | "num_turns" | "total_cost_usd" | "modelUsage"
                        | "api_error_status" | "api_error" | "terminal_reason" => {
                            long.small.insert(key, map.next_value()?);
                        }
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(long)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}
