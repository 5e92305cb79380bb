//! Texts as a page may show them: a letter that turns the direction of a line could make a question look like another.

use serde_json::Value;

use crate::model::text;

/// Makes every text of an answer safe to show: control, bidirectional and invisible characters become visible; line breaks and tabs stay.
pub fn make_visible(value: &mut Value) {
    match value {
        Value::String(text) => {
            let shown = text::safe_block(text);
            if shown != *text {
                *text = shown;
            }
        }
        Value::Array(all) => all.iter_mut().for_each(make_visible),
        Value::Object(fields) => fields.values_mut().for_each(make_visible),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_at_any_depth_are_made_visible() {
        let mut value = json!({"a": ["x\u{202e}y", {"b": "\u{1b}[2Jz\n\tw"}], "c": 7, "d": null, "e": "é"});
        make_visible(&mut value);
        let expected = json!({"a": ["x\\u{202e}y", {"b": "\\e[2Jz\n\tw"}], "c": 7, "d": null, "e": "é"});
        assert_eq!(value, expected);
    }
}
