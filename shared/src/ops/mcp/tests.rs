use super::*;

/// Serves a client in a folder without a repository, and returns the lines of the answers.
fn served(write: Vec<WriteClass>, input: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::new([], folder.path());
    let mut output = Vec::new();
    let input = std::io::Cursor::new(input.to_owned().into_bytes());
    serve(&environment, &Request { write }, input, &mut output).unwrap();
    String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(answer: &Value) -> Vec<&str> {
    answer["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[test]
fn a_client_is_greeted_in_its_version() {
    for (asked, spoken) in
        [("2025-06-18", "2025-06-18"), ("2024-11-05", "2024-11-05"), ("2099-01-01", "2025-11-25")]
    {
        let hello =
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": asked}});
        let answers = served(vec![], &format!("{hello}\n"));
        assert_eq!(answers[0]["result"]["protocolVersion"], spoken);
        assert!(answers[0]["result"]["capabilities"]["tools"].is_object());
    }
    assert!(INSTRUCTIONS.len() <= 600, "{}", INSTRUCTIONS.len());
}

#[test]
fn tools_that_write_are_offered_only_to_whom_may_write() {
    let list = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n";
    let reading = ["agents_status", "agents_wait", "agents_log", "agents_diff", "inbox_list", "spec_show"];
    let answers = served(vec![], list);
    assert_eq!(names(&answers[0]), reading);
    let all = served(WriteClass::ALL.to_vec(), list);
    let writing = ["agents_spawn", "agents_send", "agents_control"];
    assert_eq!(names(&all[0]), [&reading[..5], &writing[..], &reading[5..]].concat());
    assert!(all[0].to_string().len() <= 6 * 1024, "{}", all[0].to_string().len());
    let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"agents_spawn\",\"arguments\":{\"tasks\":[\"x\"]}}}\n";
    assert_eq!(served(vec![WriteClass::Send], call)[0]["error"]["code"], message::PARAMS_INVALID);
}

#[test]
fn descriptions_are_short_and_schemas_simple() {
    for tool in tools::TOOLS.iter().map(tools::Tool::described) {
        assert!(tool["description"].as_str().unwrap().len() <= 200, "{tool}");
        assert!(tool["inputSchema"]["properties"].as_object().unwrap().len() <= 6, "{tool}");
        assert!(
            ["$ref", "format", "anyOf"].iter().all(|word| !tool.to_string().contains(&format!("\"{word}\""))),
            "{tool}"
        );
    }
}

#[test]
fn garbage_is_answered_and_the_next_request_as_well() {
    let long = "x".repeat(2 * lines::MAX_LINE);
    let input = format!(
        "{{\n[]\n\n{long}\n{{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"nosuch\"}}\n{{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}}\n"
    );
    let answers = served(vec![], &input);
    let codes: Vec<i64> = answers.iter().filter_map(|answer| answer["error"]["code"].as_i64()).collect();
    assert_eq!(codes, [-32700, -32600, -32600, message::METHOD_UNKNOWN]);
    assert_eq!(answers.last().unwrap(), &json!({"jsonrpc": "2.0", "id": 2, "result": {}}));
}

#[test]
fn a_failed_call_is_a_result_that_the_model_reads() {
    let call =
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"agents_status\"}}\n";
    let answers = served(vec![], call);
    assert_eq!((&answers[0]["id"], &answers[0]["result"]["isError"]), (&json!(5), &json!(true)));
    assert!(
        answers[0]["result"]["content"][0]["text"].as_str().unwrap().contains("repository"),
        "{}",
        answers[0]
    );
}
