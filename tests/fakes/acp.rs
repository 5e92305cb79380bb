//! A scripted agent that speaks the Agent Client Protocol, and has the faults that real programs have.
//!
//! Arguments: `version=N`, `no-version`, `login`, `modes` (offers `default`, `auto-edit` and `plan`), `loads-anything` (says that it loaded
//! a session that it does not know), `resume-only` (no `session/load`), `hang-at=METHOD`, `exit-at=METHOD`, `stays` (does not end
//! when its input ends).
//!
//! Each line of a prompt is one action: `say TEXT` · `write FILE TEXT` (the call is announced and ended twice) · `commit TEXT` ·
//! `ask COMMAND` · `ask-KINDS COMMAND` (only options of the kinds, separated by commas) · `late COMMAND` (a call that is only
//! reported at its end) · `left-over` (a call without an end) · `use-files` (files of the client, which it did not offer) · `plan` ·
//! `cost DOLLARS` · `unknown` · `noise` · `long BYTES` · `await FILE` · `hang` · `exit CODE` · `exit CODE once` · `stop REASON` ·
//! `fail CODE TEXT` · `mcp SERVER TEXT` (calls the tool `add` of an MCP server from its client).

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a stand-in for a foreign program"
)]

use std::{
    collections::VecDeque,
    io::{BufRead, Write},
    path::{Path, PathBuf},
    process::{Command, exit},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--version") {
        println!("0.0.0 (scripted)");
        return;
    }
    let (sender, input) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let line = line.expect("a line");
            sender.send(serde_json::from_str(&line).expect("JSON")).expect("heard");
        }
    });
    let sessions = PathBuf::from(std::env::var("HOME").expect("HOME")).join("acp-sessions");
    std::fs::create_dir_all(&sessions).expect("a folder");
    let stays = arguments.iter().any(|argument| argument == "stays");
    let (queued, session, servers) = (VecDeque::new(), String::new(), Value::Null);
    let mut agent = Agent { arguments, input, queued, sessions, session, servers, calls: 0 };
    while let Some(message) = agent.next() {
        agent.serve(&message);
    }
    if stays {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

struct Agent {
    arguments: Vec<String>,
    input: Receiver<Value>,
    queued: VecDeque<Value>,
    sessions: PathBuf,
    session: String,
    /// The MCP servers from its client.
    servers: Value,
    calls: usize,
}

/// How a turn ends before its last action.
enum Early {
    Stop(String),
    Fail(i64, String),
}

fn send(value: &Value) {
    println!("{value}");
}

fn answer(id: &Value, result: &Value) {
    send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
}

fn refuse(id: &Value, code: i64, message: &str) {
    send(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}));
}

impl Agent {
    fn next(&mut self) -> Option<Value> {
        self.queued.pop_front().or_else(|| self.input.recv().ok())
    }

    fn is(&self, argument: &str) -> bool {
        self.arguments.iter().any(|known| known == argument)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    }

    fn file(&self, session: &str) -> PathBuf {
        self.sessions.join(session)
    }

    fn serve(&mut self, message: &Value) {
        let (id, params) = (&message["id"], &message["params"]);
        let method = message["method"].as_str().unwrap_or_default();
        if self.value("hang-at") == Some(method) {
            std::thread::sleep(Duration::from_secs(3600));
        }
        if self.value("exit-at") == Some(method) {
            eprintln!("scripted end");
            exit(0);
        }
        match method {
            "initialize" => {
                assert_eq!(params["protocolVersion"], 1, "the version must be sent");
                assert_eq!(params["clientCapabilities"]["fs"]["writeTextFile"], false);
                let capabilities = if self.is("resume-only") {
                    json!({"sessionCapabilities": {"resume": {}}})
                } else {
                    json!({"loadSession": true, "sessionCapabilities": {"resume": {}}})
                };
                let login = json!([{"id": "a", "name": "Log in", "description": "run 'fake login'"}]);
                let mut result = json!({"agentCapabilities": capabilities, "authMethods": login});
                if !self.is("no-version") {
                    let version =
                        self.value("version").map_or(1, |version| version.parse().expect("a number"));
                    result["protocolVersion"] = json!(version);
                }
                answer(id, &result);
            }
            "session/new" if self.is("login") => refuse(id, -32000, "Authentication required"),
            "session/new" => {
                self.servers = params["mcpServers"].clone();
                let count = std::fs::read_dir(&self.sessions).expect("a folder").count();
                self.session = format!("session-{count}-{}", std::process::id());
                std::fs::write(self.file(&self.session), "").expect("written");
                let mut result = self.modes();
                result["sessionId"] = self.session.as_str().into();
                answer(id, &result);
            }
            "session/load" | "session/resume" => {
                self.servers = params["mcpServers"].clone();
                self.load(id, method, params);
            }
            "session/set_mode" => {
                self.text(
                    "agent_message_chunk",
                    &format!("[MODE] {}", params["modeId"].as_str().expect("a mode")),
                );
                self.note("mode", params["modeId"].as_str().expect("a mode"));
                answer(id, &json!({}));
            }
            "session/prompt" => self.prompt(id, params["prompt"][0]["text"].as_str().expect("a text")),
            "session/cancel" => {}
            _ => refuse(id, -32601, "Method not found"),
        }
    }

    /// Starts an MCP server from its client, and calls its tool.
    fn call_server(&self, rest: &str) -> String {
        let (name, text) = rest.split_once(' ').expect("a server and a text");
        let told = self.servers.as_array().expect("a list").iter().find(|server| server["name"] == name);
        let Some(server) = told else { return format!("no server {name}") };
        let texts = |list: &Value| -> Vec<String> {
            list.as_array()
                .expect("a list")
                .iter()
                .map(|one| one.as_str().expect("a text").to_owned())
                .collect()
        };
        let env = server["env"].as_array().expect("variables").iter().map(|one| {
            (
                one["name"].as_str().expect("a name").to_owned(),
                one["value"].as_str().expect("a value").to_owned(),
            )
        });
        let mut child = Command::new(server["command"].as_str().expect("a command"))
            .args(texts(&server["args"]))
            .env_remove("NOTES_KEY")
            .envs(env)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a server");
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "add", "arguments": {"text": text}}});
        writeln!(child.stdin.take().expect("an input"), "{call}").expect("sent");
        let answer = std::io::read_to_string(child.stdout.take().expect("an output")).expect("an answer");
        child.wait().expect("an end");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["result"]["content"][0]["text"].as_str().expect("a text").to_owned()
    }

    fn modes(&self) -> Value {
        if !self.is("modes") {
            return json!({});
        }
        let modes = ["default", "auto-edit", "plan"].map(|id| json!({"id": id, "name": id}));
        json!({"modes": {"currentModeId": "default", "availableModes": modes}})
    }

    fn load(&mut self, id: &Value, method: &str, params: &Value) {
        self.session = params["sessionId"].as_str().expect("an id").to_owned();
        let history = std::fs::read_to_string(self.file(&self.session));
        // As one real program does: it is advertised, and does not exist.
        if method == "session/resume" && !self.is("resume-only") {
            return refuse(id, -32601, "Method not found");
        }
        match history {
            Ok(history) if method == "session/load" => {
                for line in history.lines().filter_map(|line| line.strip_prefix("user ")) {
                    self.text("user_message_chunk", line);
                    self.text("agent_message_chunk", "an old answer");
                    self.call(&json!({"toolCallId": "old", "title": "old", "kind": "execute", "status": "completed"}));
                }
            }
            Err(_) if !self.is("loads-anything") => return refuse(id, -32002, "no such session"),
            _ => {}
        }
        answer(id, &self.modes());
    }

    /// Adds a line to the session's file.
    fn note(&self, what: &str, text: &str) {
        let path = self.file(&self.session);
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("a file");
        writeln!(file, "{what} {}", text.replace('\n', " · ")).expect("written");
    }

    fn update(&self, update: &Value) {
        let params = json!({"sessionId": self.session, "update": update});
        send(&json!({"jsonrpc": "2.0", "method": "session/update", "params": params}));
    }

    fn text(&self, kind: &str, text: &str) {
        self.update(&json!({"sessionUpdate": kind, "content": {"type": "text", "text": text}}));
    }

    fn call(&self, call: &Value) {
        let mut update = json!({"sessionUpdate": "tool_call"});
        for (key, value) in call.as_object().expect("an object") {
            update[key] = value.clone();
        }
        self.update(&update);
    }

    fn prompt(&mut self, id: &Value, text: &str) {
        self.note("user", text);
        for line in text.lines() {
            self.calls += 1;
            match self.act(line) {
                Ok(()) => {}
                Err(Early::Stop(reason)) => return answer(id, &json!({"stopReason": reason})),
                Err(Early::Fail(code, message)) => return refuse(id, code, &message),
            }
        }
        self.text("agent_message_chunk", "That is all.");
        answer(id, &json!({"stopReason": "end_turn"}));
    }

    fn act(&mut self, line: &str) -> Result<(), Early> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let id = format!("call-{}-{}", std::process::id(), self.calls);
        match verb {
            "mcp" => {
                let said = self.call_server(rest);
                self.text("agent_message_chunk", &said);
            }
            "say" => {
                let (first, second) = rest.split_at(rest.len() / 2);
                [first, second].into_iter().for_each(|part| self.text("agent_message_chunk", part));
                self.text("agent_message_chunk", "");
            }
            "write" => {
                let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let path = std::env::current_dir().expect("a folder").join(name);
                let call = |status: &str| {
                    json!({"toolCallId": id, "title": format!("Writing {name}"), "kind": "edit",
                    "status": status, "locations": [{"path": path}]})
                };
                for status in ["pending", "in_progress", "in_progress", "completed", "completed"] {
                    self.call(&call(status));
                    std::fs::write(&path, format!("{text}\n")).expect("written");
                }
            }
            "commit" => {
                let git = |arguments: &[&str]| Command::new("git").args(arguments).output().expect("git");
                git(&["add", "-A"]);
                git(&["commit", "-qm", rest]);
            }
            "ask" => self.ask("allow_once,allow_always,reject_once", rest, &id)?,
            "late" => self
                .call(&json!({"toolCallId": id, "title": rest, "kind": "execute", "status": "failed",
                "rawOutput": "it failed"})),
            "left-over" => {
                self.call(&json!({"toolCallId": "left", "title": "left over", "status": "in_progress"}));
            }
            "use-files" => {
                send(&json!({"jsonrpc": "2.0", "id": "file", "method": "fs/write_text_file",
                    "params": {"path": "/nonexistent", "content": "x"}}));
                let refused = self.answer_to(&json!("file"))?;
                self.text("agent_message_chunk", &format!("refused: {}", refused["error"]["code"]));
            }
            "plan" => self.update(&json!({"sessionUpdate": "plan", "entries": [
                {"content": "one", "status": "completed"}, {"content": "two", "status": "in_progress"}]})),
            "cost" => {
                let amount: f64 = rest.parse().expect("a number");
                self.update(&json!({"sessionUpdate": "usage_update", "used": 10, "size": 100,
                    "cost": {"amount": amount, "currency": "USD"}}));
            }
            "unknown" => self.update(&json!({"sessionUpdate": "of_next_year", "content": [1, {"x": null}]})),
            "noise" => println!("not JSON\n\n[1]\n{{\"jsonrpc\":\"2.0\"}}"),
            "long" => {
                let text = "x".repeat(rest.parse().expect("a number"));
                self.call(
                    &json!({"toolCallId": id, "title": "a long one", "kind": "read", "status": "completed",
                    "content": [{"type": "content", "content": {"type": "text", "text": text}}]}),
                );
            }
            "await" => self.wait_for(Path::new(rest))?,
            "hang" => self.wait_for(Path::new("/nonexistent"))?,
            "exit" => {
                let (code, how) = rest.split_once(' ').unwrap_or((rest, ""));
                let prompts = std::fs::read_to_string(self.file(&self.session)).unwrap_or_default();
                if how != "once" || prompts.matches("user ").count() == 1 {
                    exit(code.parse().expect("a code"));
                }
            }
            "stop" => return Err(Early::Stop(rest.to_owned())),
            "fail" => {
                let (code, text) = rest.split_once(' ').unwrap_or((rest, ""));
                return Err(Early::Fail(code.parse().expect("a code"), text.to_owned()));
            }
            _ if verb.starts_with("ask-") => self.ask(verb.trim_start_matches("ask-"), rest, &id)?,
            _ => self.text("agent_message_chunk", &format!("heard: {line}")),
        }
        Ok(())
    }

    fn ask(&mut self, kinds: &str, command: &str, id: &str) -> Result<(), Early> {
        let options = kinds
            .split(',')
            .map(|kind| json!({"optionId": format!("my-{kind}"), "kind": kind, "name": kind}));
        let options: Vec<Value> = options.collect();
        send(&json!({"jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": {
            "sessionId": self.session, "options": options, "toolCall": {"toolCallId": id, "title": command,
            "kind": "execute", "status": "pending", "rawInput": {"command": command}}}}));
        let outcome = self.answer_to(&json!(id))?["result"]["outcome"].clone();
        let chosen = outcome["optionId"].as_str().unwrap_or("none").to_owned();
        assert!(
            chosen == "none" || options.iter().any(|option| option["optionId"] == chosen.as_str()),
            "{outcome}"
        );
        let status = if chosen.starts_with("my-allow") { "completed" } else { "failed" };
        let text = format!("{chosen} for {command}");
        self.call(&json!({"toolCallId": id, "status": status,
            "content": [{"type": "content", "content": {"type": "text", "text": text}}]}));
        Ok(())
    }

    /// Waits for the answer to a request. No other prompt may arrive meanwhile: it would be a second turn.
    fn answer_to(&mut self, id: &Value) -> Result<Value, Early> {
        loop {
            let Ok(message) = self.input.recv() else { exit(0) };
            if message["id"] == *id && message["method"].is_null() {
                return Ok(message);
            }
            self.take_in_turn(message)?;
        }
    }

    fn wait_for(&mut self, path: &Path) -> Result<(), Early> {
        while !path.exists() {
            if let Ok(message) = self.input.try_recv() {
                self.take_in_turn(message)?;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn take_in_turn(&mut self, message: Value) -> Result<(), Early> {
        match message["method"].as_str() {
            Some("session/cancel") => return Err(Early::Stop("cancelled".to_owned())),
            Some("session/prompt") => {
                eprintln!("a second prompt in one turn");
                exit(99);
            }
            _ => self.queued.push_back(message),
        }
        Ok(())
    }
}
