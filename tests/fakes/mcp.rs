//! A tiny MCP server on its standard streams, with one tool, `add`: it appends its text to the file that is its argument, together with
//! what it sees of the variable `NOTES_KEY`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a stand-in for a foreign program"
)]

use std::io::{BufRead, Write};

use serde_json::{Value, json};

fn main() {
    let file = std::env::args().nth(1).expect("a file");
    for line in std::io::stdin().lock().lines() {
        let Ok(request) = serde_json::from_str::<Value>(&line.expect("a line")) else { continue };
        // What has no id wants no answer.
        if request["id"].is_null() {
            continue;
        }
        let result = match request["method"].as_str().unwrap_or_default() {
            "initialize" => json!({
                "protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "notes", "version": "1.0.0"},
            }),
            "tools/list" => json!({"tools": [{
                "name": "add",
                "description": "Adds a line to the notes.",
                "inputSchema": {
                    "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"],
                },
            }]}),
            "tools/call" => json!({"content": [{"type": "text", "text": add(&file, &request)}]}),
            _ => json!({}),
        };
        println!("{}", json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }
}

fn add(file: &str, request: &Value) -> String {
    let text = request["params"]["arguments"]["text"].as_str().unwrap_or_default();
    let key = std::env::var("NOTES_KEY").unwrap_or_else(|_| "none".to_owned());
    let noted = format!("{text} {key}");
    let mut notes = std::fs::OpenOptions::new().create(true).append(true).open(file).expect("a file");
    writeln!(notes, "{noted}").expect("written");
    format!("noted: {text}")
}
