//! Reading the fields of a program's JSON. A field that is missing, or of another type, counts as empty.

use serde_json::Value;

/// Returns the text of a field.
pub(super) fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the number in a field.
pub(super) fn count(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

/// Returns the truth value of a field.
pub(super) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// Converts US dollars into millionths; returns `None` for a number that is no cost.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before")]
pub(super) fn micros(dollars: f64) -> Option<u64> {
    (0.0..1e9).contains(&dollars).then(|| (dollars * 1e6).round() as u64)
}

/// Parses a line of output; returns `None` if it is not JSON. Bytes that are not UTF-8 are inside a string, so the rest of the line is
/// still valid.
pub(super) fn line(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).ok().or_else(|| serde_json::from_str(&String::from_utf8_lossy(line)).ok())
}
