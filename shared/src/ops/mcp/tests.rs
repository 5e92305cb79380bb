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
fn a_client_is_greeted_or_finds_out_by_itself() {
    let meta = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
    let unknown = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}});
    let ask = |method: &str, params: &Value| {
        json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}).to_string() + "\n"
    };
    let call = json!({"name": "agents_status", "_meta": meta["_meta"]});
    let input = [
        ask("server/discover", &meta),
        ask("tools/list", &meta),
        ask("tools/call", &call),
        ask("tools/list", &unknown),
        ask("initialize", &json!({"protocolVersion": "2025-06-18"})),
    ];
    let answers = served(vec![], &input.concat());
    let of = |id: &str, at: usize| {
        let mut found = answers.iter().filter(|answer| answer["id"] == id);
        found.nth(at).unwrap_or_else(|| panic!("{id}: {answers:?}"))
    };
    let found = &of("server/discover", 0)["result"];
    assert_eq!(
        (&found["supportedVersions"][0], &found["resultType"]),
        (&json!("2026-07-28"), &json!("complete"))
    );
    let list = &of("tools/list", 0)["result"];
    assert!(list["tools"].is_array() && list["ttlMs"].is_u64() && list["cacheScope"] == "private", "{list}");
    assert_eq!(of("tools/call", 0)["result"]["resultType"], "complete");
    let refused = &of("tools/list", 1)["error"];
    assert_eq!((&refused["code"], &refused["data"]["requested"]), (&json!(-32022), &json!("2099-01-01")));
    let hello = &of("initialize", 0)["result"];
    assert_eq!(hello["protocolVersion"], "2025-06-18");
    assert!(hello["capabilities"]["tools"].is_object() && hello.get("resultType").is_none(), "{hello}");
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
