//! Parsing a line: quickly if it is usual, else as much of it as can be read.

use serde_json::Value;

use super::{line::Line, scanned};
use crate::conversation::json;

/// Calls `each` for every object of a line; returns whether the line could be read.
pub(super) fn each(line: &[u8], mut each: impl FnMut(&Line<'_>)) -> bool {
    if let Some(line) = scanned::line(line) {
        each(&line);
        return true;
    }
    parse_each(line, each)
}

/// Does the same as [`each`] for every line, also one that is malformed or unusual.
pub(super) fn parse_each(line: &[u8], mut each: impl FnMut(&Line<'_>)) -> bool {
    let text = json::text(line);
    if let Ok(parsed) = serde_json::from_str::<Line<'_>>(&text) {
        each(&parsed);
        return true;
    }
    let objects = json::objects(&text, remove_mistyped_fields);
    let parsed = objects.all.iter().filter_map(|object| serde_json::from_str::<Line<'_>>(object).ok());
    parsed.map(|parsed| each(&parsed)).count() > 0 && objects.is_whole
}

/// Removes fields of an unexpected type, so that the rest of the line can be read.
fn remove_mistyped_fields(line: &mut Value) {
    const FLAGS: [&str; 5] =
        ["isSidechain", "isMeta", "isCompactSummary", "isApiErrorMessage", "hasUnknownModelCost"];
    const TEXTS: [&str; 12] = [
        "type",
        "promptSource",
        "timestamp",
        "cwd",
        "gitBranch",
        "sessionId",
        "uuid",
        "lastPrompt",
        "customTitle",
        "aiTitle",
        "summary",
        "relocatedCwd",
    ];
    const TOKENS: [&str; 4] =
        ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"];
    json::remove_mistyped(line, &FLAGS, &TEXTS, &[]);
    let Some(fields) = line.as_object_mut() else { return };
    fields.retain(|name, value| match name.as_str() {
        "totalCostUSD" | "costUSD" => value.is_number(),
        "modelUsage" | "message" => value.is_object(),
        _ => true,
    });
    let Some(message) = fields.get_mut("message") else { return };
    json::remove_mistyped(message, &[], &["id", "model"], &[]);
    if let Some(usage) = message.get_mut("usage") {
        if !usage.is_object() {
            *usage = Value::Null;
        }
        json::remove_mistyped(usage, &[], &[], &TOKENS);
    }
    let Some(content) = message.get_mut("content") else { return };
    match content {
        Value::Array(blocks) => {
            blocks.retain(Value::is_object);
            blocks
                .iter_mut()
                .for_each(|block| json::remove_mistyped(block, &["is_error"], &["type", "name"], &[]));
        }
        Value::String(_) => {}
        _ => *content = Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::typed::Typed, *};

    #[test]
    fn prompts_are_what_a_person_typed() {
        for (line, prompt) in [
            (r#"{"type":"user","message":{"content":"hello"}}"#, Some("hello")),
            (
                r#"{"type":"user","message":{"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]}}"#,
                Some("a\nb"),
            ),
            (
                r#"{"type":"user","message":{"content":[{"type":"text","text":"a"},{"type":"tool_result","content":"b"}]}}"#,
                None,
            ),
            (r#"{"type":"user","isMeta":true,"message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","isSidechain":true,"message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","isCompactSummary":true,"message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","promptSource":"system","message":{"content":"hello"}}"#, None),
            (
                r#"{"type":"user","message":{"content":"<command-message>go</command-message>\n<command-name>/go</command-name>\n<command-args>14 now</command-args>"}}"#,
                Some("/go 14 now"),
            ),
            (r#"{"type":"user","message":{"content":[{"type":"image"}]}}"#, Some("Image")),
            (r#"{"type":"user","isMeta":null,"message":{"content":"hello"}}"#, Some("hello")),
            (
                r#"{"type":"user","message":{"content":"hello","usage":{"output_tokens":1.5e0}}}"#,
                Some("hello"),
            ),
            (r#"{"type":"user","message":{"content":"half \ud83d"}}"#, Some("half \u{FFFD}")),
            (r#"{"type":"system"}{"type":"user","message":{"content":"second"}}"#, Some("second")),
            (r#"{"type":"user","message":{"content":"[Request interrupted by user for tool use]"}}"#, None),
            (r#"{"type":"assistant","message":{"content":"hello"}}"#, None),
            (r#"{"type":"user","message":{"content":null}}"#, None),
            (r#"{"type":"user","message":7}"#, None),
            ("", None),
        ] {
            let mut found = None;
            each(line.as_bytes(), |line| found = line.typed(false).map(Typed::text));
            assert_eq!(found.as_deref(), prompt, "{line}");
        }
    }
}
