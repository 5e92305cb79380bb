//! Reading what Claude Code asks for, and the permission rules that it proposes with it.

use serde_json::{Map, Value, json};

use crate::model::{
    request::{AskedRequest, Pattern},
    tool_use,
};

/// Returns what a `can_use_tool` request asks for: the tool and its whole input, the most informative argument first.
pub(super) fn asked(request: &Value) -> AskedRequest {
    let tool = word(request, "tool_name");
    let input = &request["input"];
    let asked = AskedRequest::new(format!("{tool} {}", whole_input(tool, input)).trim(), None);
    let exact = || Pattern::exact(&asked, format!("{tool}\n{input}").as_bytes());
    let pattern = Pattern::rules(rules(request).iter().map(rule_text).collect()).unwrap_or_else(exact);
    AskedRequest { pattern: Some(pattern), ..asked }
}

/// Returns what a request asks for whose line is too long for memory.
pub(super) fn too_long(tool: &str, length: u64) -> AskedRequest {
    AskedRequest { cut_from_bytes: length, ..AskedRequest::new(&format!("{tool} …"), None) }
}

/// Formats an input: its most informative argument, then the others as JSON.
fn whole_input(tool: &str, input: &Value) -> String {
    let Some((name, main)) = tool_use::named_main_argument(input) else {
        return match input.as_object() {
            Some(map) if !map.is_empty() => input.to_string(),
            _ => String::new(),
        };
    };
    // What a shell command is described as changes nothing of what it does.
    let is_words = |key: &str| tool == "Bash" && key == "description";
    let others: Map<String, Value> = input
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != name && !is_words(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if others.is_empty() { main } else { format!("{main} {}", Value::Object(others)) }
}

/// Returns the answer's `updatedPermissions`: the proposed rules, for this session only. The program would otherwise write them into the
/// settings of the project.
pub(super) fn session_update(request: &Value) -> Value {
    match rules(request) {
        rules if rules.is_empty() => json!([]),
        rules => {
            json!([{"type": "addRules", "rules": rules, "behavior": "allow", "destination": "session"}])
        }
    }
}

/// Returns the rules that the program proposes to allow. Its other proposals, such as another permission mode, allow more than what is
/// asked.
fn rules(request: &Value) -> Vec<Value> {
    let proposals = request["permission_suggestions"].as_array().into_iter().flatten();
    let added = proposals.filter(|one| word(one, "type") == "addRules" && word(one, "behavior") == "allow");
    let rules = added.flat_map(|one| one["rules"].as_array().into_iter().flatten());
    rules.filter(|rule| !word(rule, "toolName").is_empty()).cloned().collect()
}

fn rule_text(rule: &Value) -> String {
    match word(rule, "ruleContent") {
        "" => word(rule, "toolName").to_owned(),
        content => format!("{}({content})", word(rule, "toolName")),
    }
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_input_is_shown() {
        for (tool, input, expected) in [
            ("Bash", json!({"command": "ls", "description": "list"}), "Bash ls"),
            (
                "Bash",
                json!({"command": "ls", "run_in_background": true}),
                "Bash ls {\"run_in_background\":true}",
            ),
            ("Write", json!({"file_path": "a", "content": "x\ny"}), "Write a {\"content\":\"x\\ny\"}"),
            ("mcp__x", json!({"description": "d", "b": 1}), "mcp__x d {\"b\":1}"),
            ("mcp__x", json!({"b": 1}), "mcp__x {\"b\":1}"),
            ("mcp__x", json!({}), "mcp__x"),
        ] {
            assert_eq!(asked(&json!({"tool_name": tool, "input": input})).text, expected);
        }
        let long = format!("{}; git push", "x".repeat(400));
        let text = asked(&json!({"tool_name": "Bash", "input": {"command": long}})).text;
        assert_eq!(text, format!("Bash {long}"));
    }

    #[test]
    fn only_proposed_rules_are_a_pattern() {
        let rules = json!([{"toolName": "Bash", "ruleContent": "make:*"}, {"toolName": "Read"}]);
        let proposed =
            json!({"type": "addRules", "rules": rules, "behavior": "allow", "destination": "localSettings"});
        let mode = json!({"type": "setMode", "mode": "acceptEdits", "destination": "session"});
        let request = |proposals: Value| json!({"tool_name": "Bash", "input": {"command": "make"}, "permission_suggestions": proposals});
        let pattern = |proposals| asked(&request(proposals)).pattern.expect("a pattern").to_string();
        assert_eq!(pattern(json!([mode, proposed])), "Bash(make:*), Read");
        assert_eq!(pattern(json!([mode])), "exactly Bash make");
        assert_eq!(
            session_update(&request(json!([mode, proposed]))),
            json!([{"type": "addRules", "rules": rules, "behavior": "allow", "destination": "session"}])
        );
        assert_eq!(session_update(&request(json!([mode]))), json!([]));
    }
}
