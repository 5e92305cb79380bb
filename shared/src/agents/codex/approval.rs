//! The requests of the server that a person answers: to run a command outside the sandbox, to change files, and to call a tool of an
//! MCP server.

use serde_json::{Value, json};

use crate::{
    agents::{Answer, Question, QuestionKind, fields::word},
    model::request::{AskedRequest, Pattern},
};

/// The mark of a message that holds the reason of a denial.
pub(super) const REASON: &str = "git-orchestra-reason";
const COMMAND: &str = "item/commandExecution/requestApproval";
const FILES: &str = "item/fileChange/requestApproval";

const TOOL: &str = "mcpServer/elicitation/request";

/// Returns whether a request asks for an approval. A server may also ask for other things, which are refused.
pub(super) fn is_approval(method: &str, params: &Value) -> bool {
    matches!(method, COMMAND | FILES) || method == TOOL && is_tool_call(params)
}

fn is_tool_call(params: &Value) -> bool {
    word(params, "mode") == "form" && word(&params["_meta"], "codex_approval_kind") == "mcp_tool_call"
}

/// Returns the id of a question: that of its call. The ids of requests begin anew in every process, so that they do not do alone.
pub(super) fn id(request: &Value, method: &str, params: &Value) -> String {
    match method {
        TOOL => format!("{}-{request}", word(params, "turnId")),
        _ => params["approvalId"].as_str().unwrap_or_else(|| word(params, "itemId")).to_owned(),
    }
}

/// Returns the question of a request. `changes` are the files and lines that it is about to write.
pub(super) fn question(id: String, method: &str, params: &Value, changes: Option<&str>) -> Question {
    let what = match method {
        COMMAND => format!("shell {}", unwrapped(word(params, "command"))),
        TOOL => tool_call(params),
        _ => format!("apply_patch {}", changes.unwrap_or("…")),
    };
    let why = word(params, "reason");
    let asked = if why.is_empty() { what.clone() } else { format!("{what} ({why})") };
    let asked = AskedRequest::new(&asked, None);
    // Without its changes, a request is not exactly known.
    let is_known = method != FILES || changes.is_some();
    let folder = word(params, "cwd");
    let pattern = is_known.then(|| Pattern::exact(&asked, format!("{what}\n{folder}").as_bytes()));
    Question { id, kind: QuestionKind::Permission, request: AskedRequest { pattern, ..asked } }
}

/// Encodes the answer to a request; `None` if it is not one.
pub(super) fn answer(request: &Value, answer: &Answer) -> Option<Vec<u8>> {
    let method = request.get("method").and_then(Value::as_str);
    let method = method.filter(|method| is_approval(method, &request["params"]))?;
    let decision = if answer.allow { "accept" } else { "decline" };
    let result = match method {
        TOOL => json!({"action": decision, "content": answer.allow.then(|| json!({}))}),
        _ => json!({"decision": decision}),
    };
    let mut bytes = json!({"id": request.get("id")?, "result": result}).to_string().into_bytes();
    bytes.push(b'\n');
    Some(bytes)
}

/// Returns the call of a tool of an MCP server, with its arguments: `notes: Allow the tool "add"? {"text":"x"}`.
fn tool_call(params: &Value) -> String {
    let called = &params["_meta"]["tool_params"];
    let called = if called.is_null() { String::new() } else { format!(" {called}") };
    format!("{}: {}{called}", word(params, "serverName"), word(params, "message"))
}

/// Returns a command without the shell that runs it, if the rest can be read without a doubt.
pub(super) fn unwrapped(command: &str) -> &str {
    let shells = [
        "/bin/bash -lc ",
        "/usr/bin/bash -lc ",
        "bash -lc ",
        "/bin/zsh -lc ",
        "/bin/sh -c ",
        "/bin/bash -c ",
    ];
    let Some(inner) = shells.iter().find_map(|shell| command.strip_prefix(shell)) else { return command };
    let quoted =
        |quote: char| inner.strip_prefix(quote)?.strip_suffix(quote).filter(|text| !text.contains(quote));
    let plain = || Some(inner).filter(|text| !text.contains([' ', '\'', '"', '\\']));
    let double = || quoted('"').filter(|text| !text.contains('\\'));
    quoted('\'').or_else(double).or_else(plain).unwrap_or(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_shown_whole_and_answered() {
        let request = json!({"method": COMMAND, "id": 0, "params": {"itemId": "call_1", "cwd": "/w",
            "reason": "I need it", "command": "/bin/bash -lc 'touch /tmp/x'"}});
        let asked = question("call_1".to_owned(), COMMAND, &request["params"], None);
        assert_eq!(asked.request.text, "shell touch /tmp/x (I need it)");
        let answer = |allow| {
            let answer = Answer { allow, always: false, text: None };
            let bytes = super::answer(&request, &answer).expect("an answer");
            serde_json::from_slice::<Value>(&bytes).expect("JSON")
        };
        assert_eq!(answer(true), json!({"id": 0, "result": {"decision": "accept"}}));
        assert_eq!(answer(false), json!({"id": 0, "result": {"decision": "decline"}}));
        assert!(
            super::answer(&json!({"id": 1}), &Answer { allow: true, always: false, text: None }).is_none()
        );
        // The reason does not matter for what is allowed for good.
        let again = question("x".to_owned(), COMMAND, &json!({"cwd": "/w", "command": "touch /tmp/x"}), None);
        assert!(asked.request.pattern.zip(again.request.pattern).is_some_and(|(a, b)| a.is_same(&b)));
    }

    #[test]
    fn calls_of_tools_are_asked_for_and_other_questions_of_servers_are_not() {
        let params = json!({"mode": "form", "serverName": "notes", "turnId": "t1", "message": "Allow add?",
            "_meta": {"codex_approval_kind": "mcp_tool_call", "tool_params": {"text": "x"}}});
        assert!(is_approval(TOOL, &params));
        assert!(!is_approval(TOOL, &json!({"mode": "form", "serverName": "notes", "message": "Your name?"})));
        let asked = question(id(&json!(3), TOOL, &params), TOOL, &params, None);
        assert_eq!(
            (asked.id.as_str(), asked.request.text.as_str()),
            ("t1-3", r#"notes: Allow add? {"text":"x"}"#)
        );
        let request = json!({"method": TOOL, "id": 3, "params": params});
        for (allow, expected) in [
            (true, json!({"action": "accept", "content": {}})),
            (false, json!({"action": "decline", "content": null})),
        ] {
            let bytes =
                super::answer(&request, &Answer { allow, always: false, text: None }).expect("an answer");
            let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
            assert_eq!(answer, json!({"id": 3, "result": expected}));
        }
    }

    #[test]
    fn only_changes_that_are_known_can_be_allowed_for_good() {
        let asked = |changes| question("x".to_owned(), FILES, &json!({}), changes);
        assert_eq!(asked(Some("a.txt +1")).request.text, "apply_patch a.txt +1");
        assert!(asked(Some("a.txt +1")).request.pattern.is_some());
        assert!(asked(None).request.pattern.is_none());
    }

    #[test]
    fn a_shell_is_left_out_only_if_nothing_is_lost() {
        for (command, expected) in [
            ("/bin/bash -lc 'touch x'", "touch x"),
            ("/bin/bash -lc \"git commit -m 'x'\"", "git commit -m 'x'"),
            ("/bin/bash -lc ls", "ls"),
            ("/bin/bash -lc 'a '\"'\"'b'", "/bin/bash -lc 'a '\"'\"'b'"),
            ("/bin/bash -lc \"a \\\"b\"", "/bin/bash -lc \"a \\\"b\""),
            ("make test", "make test"),
        ] {
            assert_eq!(unwrapped(command), expected);
        }
    }
}
