//! Reading the fields of the answers of forges. Nothing of them is trusted: texts are made safe and short. Pure.

use serde_json::Value;

use super::http::unreadable;
use crate::{Result, model::text};

/// The longest line that is kept, in columns.
const MAX_LINE: usize = 300;
/// The longest address, in bytes.
const MAX_URL: usize = 2000;

/// Returns the text at a path such as `head.ref`, on one line; empty if there is none.
pub(super) fn line(value: &Value, path: &str) -> String {
    text::one_line(at(value, path).as_str().unwrap_or_default(), MAX_LINE)
}

/// Returns the name at a path exactly as it is; names are compared.
pub(super) fn name(value: &Value, path: &str) -> String {
    at(value, path).as_str().unwrap_or_default().to_owned()
}

/// Returns the digits of the commit at a path; empty if there is none.
pub(super) fn commit(value: &Value, path: &str) -> String {
    let digits = at(value, path).as_str().unwrap_or_default();
    let is_commit = digits.len() <= 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit { digits.to_ascii_lowercase() } else { String::new() }
}

/// Returns the text at a path, line breaks and all.
pub(super) fn block(value: &Value, path: &str) -> String {
    at(value, path).as_str().unwrap_or_default().to_owned()
}

/// Returns whether the value at a path is true.
pub(super) fn flag(value: &Value, path: &str) -> bool {
    at(value, path).as_bool().unwrap_or_default()
}

/// Returns the number at a path.
///
/// # Errors
/// There is none.
pub(super) fn number(value: &Value, path: &'static str) -> Result<u64> {
    at(value, path).as_u64().ok_or_else(|| unreadable(path))
}

/// Returns the address of a page at a path; empty if it is not one of the web.
pub(super) fn page(value: &Value, path: &str) -> String {
    let url = at(value, path).as_str().unwrap_or_default();
    let is_page = (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= MAX_URL
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    if is_page { url.to_owned() } else { String::new() }
}

/// Returns the entries of a list; of anything else none.
pub(super) fn entries(value: Value) -> Vec<Value> {
    match value {
        Value::Array(all) => all,
        _ => Vec::new(),
    }
}

/// Encodes a text as one component of a path or of a query.
pub(super) fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Returns the value at a path; null if there is none.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, field| &value[field])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_or_empty_and_safe() {
        let value = json!({"title": "a\u{1b}[31mb\nc", "head": {"ref": "x"}, "n": 3, "url": "javascript:alert(1)", "page": "https://x.org/1"});
        assert!(!line(&value, "title").contains(['\u{1b}', '\n']));
        assert_eq!((line(&value, "head.ref").as_str(), line(&value, "head.none.at")), ("x", String::new()));
        assert_eq!((number(&value, "n").ok(), number(&value, "title").ok()), (Some(3), None));
        assert_eq!((page(&value, "url").as_str(), page(&value, "page").as_str()), ("", "https://x.org/1"));
        assert!(entries(value).is_empty());
    }

    #[test]
    fn components_of_addresses_are_encoded() {
        assert_eq!(encoded("group/sub app+é"), "group%2Fsub%20app%2B%C3%A9");
        assert_eq!(encoded("a-b_c.d~e"), "a-b_c.d~e");
    }
}
