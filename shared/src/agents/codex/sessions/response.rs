//! Items of the model's responses: tool calls, their results, and reasoning.

use serde_json::Value;

use crate::conversation::ItemKind;

/// Converts a tool call, a result, or reasoning. Messages are skipped, because other lines contain them as well.
pub(super) fn tool_item(item: &Value) -> Option<ItemKind> {
    let name = || item["name"].as_str().unwrap_or_default().to_owned();
    match item["type"].as_str()? {
        "function_call" => Some(ItemKind::Tool { name: name(), input: text(&item["arguments"]) }),
        "custom_tool_call" => Some(ItemKind::Tool { name: name(), input: text(&item["input"]) }),
        "local_shell_call" => Some(ItemKind::Tool { name: "shell".to_owned(), input: text(&item["action"]) }),
        "web_search_call" => {
            Some(ItemKind::Tool { name: "web_search".to_owned(), input: text(&item["action"]) })
        }
        "function_call_output" | "custom_tool_call_output" => Some(result(&item["output"])),
        "reasoning" => {
            Some(texts(&item["summary"])).filter(|text| !text.trim().is_empty()).map(ItemKind::Thought)
        }
        _ => None,
    }
}

/// Joins the texts of the parts of a message.
pub(super) fn texts(parts: &Value) -> String {
    let parts = parts.as_array().into_iter().flatten();
    let texts: Vec<&str> = parts.filter_map(|part| part["text"].as_str()).collect();
    texts.join("\n")
}

/// Converts the result of a tool: a string, or in older versions a string of JSON with the output and the exit code.
fn result(output: &Value) -> ItemKind {
    let inner: Option<Value> = output.as_str().and_then(|text| serde_json::from_str(text).ok());
    let wrapped = inner.as_ref().filter(|inner| inner["output"].is_string());
    let error =
        wrapped.and_then(|wrapped| wrapped["metadata"]["exit_code"].as_i64()).is_some_and(|code| code != 0);
    let words = wrapped.map_or_else(|| text(output), |wrapped| text(&wrapped["output"]));
    ItemKind::Result { error, text: words }
}

/// Returns a string as it is, and any other value as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_results_and_thoughts_are_read() {
        let tool = |name: &str, input: &str| Some(ItemKind::Tool { name: name.into(), input: input.into() });
        let gave = |error, text: &str| Some(ItemKind::Result { error, text: text.into() });
        for (item, found) in [
            (
                r#"{"type":"function_call","name":"shell","arguments":"{\"cmd\":\"ls\"}"}"#,
                tool("shell", r#"{"cmd":"ls"}"#),
            ),
            (
                r#"{"type":"custom_tool_call","name":"apply_patch","input":"*** Begin"}"#,
                tool("apply_patch", "*** Begin"),
            ),
            (r#"{"type":"function_call_output","output":"plain"}"#, gave(false, "plain")),
            (
                r#"{"type":"function_call_output","output":"{\"output\":\"no\",\"metadata\":{\"exit_code\":1}}"}"#,
                gave(true, "no"),
            ),
            (r#"{"type":"reasoning","summary":[{"text":"hm"}]}"#, Some(ItemKind::Thought("hm".into()))),
            (r#"{"type":"reasoning","summary":[]}"#, None),
            (r#"{"type":"message"}"#, None),
            ("7", None),
        ] {
            assert_eq!(tool_item(&serde_json::from_str(item).unwrap()), found, "{item}");
        }
    }
}
