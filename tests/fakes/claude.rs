//! A scripted Claude Code for the tests: it accepts the options, speaks `stream-json`, and keeps a session
//! file as the real program does. Each line of a message is one action; `tests/real` shows that the real
//! program behaves in the same way.
//!
//! `say TEXT` · `answer TEXT` (in the session file only) · `write FILE TEXT` · `ask COMMAND` (a permission) · `propose COMMAND` (a permission, with the
//! rule `Bash(FIRST WORD:*)`) · `choose QUESTION` · `refused COMMAND` ·
//! `await FILE` · `hang` · `hang once` · `long BYTES` · `noise` · `fail STATUS` · `fail STATUS once` ·
//! `crash once` · `exit CODE` · `limit SECONDS` · `limit SECONDS unless FILE` · `paid SECONDS` · `near
//! SECONDS` · `refuse HOW TEXT` (a turn that fails in this way). If a file `limited` exists in its
//! configuration, each turn runs into a limit. With `--resume=ID` alone it is a session at a terminal. `later ACTION` is performed when a failed check is reported.
//! `mcp SERVER TEXT` calls the tool `add` of an MCP server in the file of `--mcp-config`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    clippy::expect_used,
    reason = "a stand-in for a foreign program"
)]

use std::{
    collections::VecDeque,
    io::{BufRead, Write},
    path::{Path, PathBuf},
    process::exit,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        arguments.iter().find_map(|a| a.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    if arguments.iter().any(|argument| argument == "--version") {
        println!("0.0.0 (scripted)");
        return;
    }
    let folder = PathBuf::from(std::env::var("CLAUDE_CONFIG_DIR").expect("CLAUDE_CONFIG_DIR"))
        .join("projects/scripted");
    std::fs::create_dir_all(&folder).expect("a folder");
    // Like the real program, it finds a session in the directory that is named after its working directory.
    let here: String = std::env::current_dir().expect("a folder").to_string_lossy().into_owned();
    let named = here.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let moved = folder.with_file_name(named);
    let file = |session: &str| {
        let moved = moved.join(format!("{session}.jsonl"));
        if moved.exists() { moved } else { folder.join(format!("{session}.jsonl")) }
    };
    if let [only] = arguments.as_slice()
        && let Some(session) = only.strip_prefix("--resume=")
    {
        return interactive(&file(session), session);
    }
    let (session, known) = match (value("--session-id"), value("--resume")) {
        (Some(session), None) => (session, false),
        (None, Some(session)) => (session, true),
        _ => fault("one of --session-id and --resume is wanted"),
    };
    if known && !file(&session).exists() {
        say(&json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
            "errors": [format!("No conversation found with session ID: {session}")]}));
        exit(1);
    }
    if !known && file(&session).exists() {
        fault(&format!("Session ID {session} is already in use."));
    }
    // With these variables the program would assume that it runs inside another session.
    assert!(std::env::var_os("CLAUDECODE").is_none() && std::env::var_os("CLAUDE_CODE_ENTRYPOINT").is_none());
    let asks = value("--permission-prompt-tool").is_some();
    let mode = value("--permission-mode").unwrap_or_default();
    let mut agent = Agent::new(file(&session), session, mode, asks);
    agent.rules =
        arguments.iter().filter_map(|a| Some(a.strip_prefix("--allowedTools=")?.to_owned())).collect();
    agent.note(&json!({"type": "arguments", "arguments": arguments}));
    while let Some(message) = agent.next_message() {
        agent.turn(&message);
    }
}

/// A session on a terminal: `work` writes what a person did into the worktree, `exit` ends it.
fn interactive(file: &Path, session: &str) {
    assert!(file.exists(), "a session");
    println!("session {session} at a terminal");
    for line in std::io::stdin().lock().lines() {
        match line.expect("a line").as_str() {
            "work" => {
                let agent = std::env::var("ORCHESTRA_AGENT").expect("an agent");
                std::fs::write("by-hand.txt", format!("{agent}\n")).expect("written");
                println!("worked");
            }
            "exit" => return,
            _ => {}
        }
    }
}

fn fault(text: &str) -> ! {
    eprintln!("Error: {text}");
    exit(1)
}

fn say(value: &Value) {
    println!("{value}");
}

/// How the message begins that reports a failed check.
const REPORT: &str = "Your turn ended, and the check";

struct Agent {
    file: PathBuf,
    session: String,
    mode: String,
    asks: bool,
    input: Receiver<Value>,
    queued: VecDeque<Value>,
    denials: Vec<Value>,
    /// The permission rules that are allowed.
    rules: Vec<String>,
    acts: usize,
}

impl Agent {
    fn new(file: PathBuf, session: String, mode: String, asks: bool) -> Self {
        let (sender, input) = channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let value: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
                if value["request"]["subtype"] == "interrupt" {
                    // The turn ends at once, whatever it waits for.
                    say(&json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
                        "terminal_reason": "aborted_tools", "num_turns": 0}));
                } else {
                    sender.send(value).expect("heard");
                }
            }
        });
        Self {
            file,
            session,
            mode,
            asks,
            input,
            queued: VecDeque::new(),
            denials: Vec::new(),
            rules: Vec::new(),
            acts: 0,
        }
    }

    /// Adds a line to the session file.
    fn note(&self, value: &Value) {
        let mut file =
            std::fs::OpenOptions::new().create(true).append(true).open(&self.file).expect("a file");
        writeln!(file, "{value}").expect("written");
    }

    fn noted(&self, what: &str) -> usize {
        std::fs::read_to_string(&self.file).unwrap_or_default().matches(what).count()
    }

    fn next_message(&mut self) -> Option<String> {
        let value = self.queued.pop_front().or_else(|| self.input.recv().ok())?;
        let text = value["message"]["content"].as_str().expect("a message").to_owned();
        self.note(&json!({"type": "user", "message": {"role": "user", "content": text},
            "sessionId": self.session, "cwd": std::env::current_dir().expect("a folder")}));
        say(&json!({"type": "system", "subtype": "init", "session_id": self.session, "model": "scripted-1",
            "permissionMode": self.mode, "cwd": std::env::current_dir().expect("a folder")}));
        say(&json!({"type": "user", "isReplay": true, "message": {"role": "user", "content": text}}));
        Some(text)
    }

    fn turn(&mut self, message: &str) {
        self.denials.clear();
        let always =
            std::env::var_os("CLAUDE_CONFIG_DIR").map(|folder| PathBuf::from(folder).join("limited"));
        if always.is_some_and(|file| file.exists()) {
            self.limit("5400");
        }
        if message.starts_with(REPORT) {
            self.act_after_check();
        } else {
            for line in message.lines() {
                self.acts += 1;
                self.act(line);
            }
        }
        self.note(&json!({"type": "turn"}));
        self.result(&json!({"subtype": "success", "is_error": false, "result": "That is all.",
            "terminal_reason": "completed"}));
    }

    /// Performs the action that an earlier message has for this report: the first `later` for the first one, and so on.
    fn act_after_check(&mut self) {
        let noted = std::fs::read_to_string(&self.file).unwrap_or_default();
        let said = noted.lines().filter_map(|line| {
            Some(serde_json::from_str::<Value>(line).ok()?["message"]["content"].as_str()?.to_owned())
        });
        let said: Vec<String> = said.collect();
        let reports = said.iter().filter(|text| text.starts_with(REPORT)).count();
        let mut later =
            said.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("later "));
        if let Some(line) = later.nth(reports - 1) {
            self.acts += 1;
            self.act(line);
        }
    }

    /// Prints the result: cost and tokens of the whole session, one cent per turn.
    fn result(&self, how: &Value) {
        let turns = self.noted("\"type\":\"turn\"");
        let mut result = json!({"type": "result", "session_id": self.session, "num_turns": 1,
            "total_cost_usd": 0.01 * f64::from(u32::try_from(turns).expect("few")),
            "modelUsage": {"scripted-1": {"inputTokens": 100 * turns, "outputTokens": 10 * turns,
                "cacheReadInputTokens": turns, "cacheCreationInputTokens": 0}},
            "permission_denials": self.denials});
        for (key, value) in how.as_object().expect("an object") {
            result[key] = value.clone();
        }
        say(&result);
    }

    fn act(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "later" => {}
            // The real program writes each answer into the file of the session.
            "answer" => {
                let answer = json!({"role": "assistant", "content": [{"type": "text", "text": rest}]});
                self.note(&json!({"type": "assistant", "message": answer, "sessionId": self.session}));
            }
            "say" => self.assistant(&json!({"type": "text", "text": rest})),
            "write" => {
                let (file, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let path = std::env::current_dir().expect("a folder").join(file);
                self.tool("Write", &json!({"file_path": path, "content": text}));
                std::fs::write(path, format!("{text}\n")).expect("written");
                self.gave("File created", false);
            }
            "spend" => self.spend(rest),
            "ask" => self.ask(rest, &json!([])),
            "propose" => self.propose(rest),
            "choose" => self.choose(rest),
            "refused" => self.refuse(rest, &self.tool("Bash", &json!({"command": rest}))),
            "mcp" => self.call_server(rest),
            "await" => wait_for(Path::new(rest)),
            "hang" if rest == "once" && self.noted("\"type\":\"arguments\"") > 1 => {}
            "hang" => wait_for(Path::new("/nonexistent")),
            "long" => {
                let text = "x".repeat(rest.parse().expect("a number"));
                say(
                    &json!({"message": {"content": [{"type": "tool_result", "content": text}]}, "type": "user"}),
                );
            }
            "noise" => {
                let mut out = std::io::stdout();
                out.write_all(b"not JSON\n\xff\xfe\n{\"type\":\"hologram\"}\n{\"type\":7}\n\n[1]\n")
                    .expect("out");
                out.write_all(b"{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"bad \xff byte\"}]}}\n")
                    .expect("out");
            }
            "fail" => self.fail(rest),
            "limit" => self.limit(rest),
            "paid" => event("rejected", rest, true),
            "near" => event("allowed_warning", rest, false),
            "refuse" => {
                let (how, text) = rest.split_once(' ').unwrap_or((rest, ""));
                self.refused_by_service(how, text, None);
            }
            "crash" if self.noted("\"type\":\"arguments\"") == 1 => fault("scripted crash"),
            "exit" => exit(rest.parse().expect("a code")),
            _ => self.assistant(&json!({"type": "text", "text": format!("heard: {line}")})),
        }
    }

    /// Starts an MCP server as the real program does, with the variables to which its settings refer, and calls its tool.
    fn call_server(&self, rest: &str) {
        let (name, text) = rest.split_once(' ').expect("a server and a text");
        let file =
            std::env::args().find_map(|argument| Some(argument.strip_prefix("--mcp-config=")?.to_owned()));
        let settings = file.map(|file| std::fs::read_to_string(file).expect("the settings"));
        let settings: Value = settings.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"));
        let server = &settings["mcpServers"][name];
        let Some(command) = server["command"].as_str() else {
            return self.assistant(&json!({"type": "text", "text": format!("no server {name}")}));
        };
        let arguments =
            server["args"].as_array().expect("arguments").iter().map(|one| one.as_str().expect("text"));
        let env = server["env"].as_object().expect("variables").iter().map(|(name, value)| {
            let of = value
                .as_str()
                .and_then(|value| value.strip_prefix("${")?.strip_suffix('}'))
                .expect("a reference");
            (name, std::env::var(of).expect("a variable"))
        });
        let mut child = std::process::Command::new(command)
            .args(arguments)
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
        self.assistant(&json!({"type": "text", "text": answer["result"]["content"][0]["text"]}));
    }

    fn assistant(&self, block: &Value) {
        say(&json!({"type": "stream_event", "event": {"type": "content_block_start"}}));
        say(&json!({"type": "assistant", "parent_tool_use_id": null,
            "message": {"role": "assistant", "content": [block]}}));
    }

    /// Reports the words of an answer with the tokens that it used, and a moment later the tool call of the same answer.
    fn spend(&mut self, rest: &str) {
        let (tokens, write) = rest.split_once(' ').expect("tokens and a file");
        let tokens: u64 = tokens.parse().expect("a number");
        let usage = json!({"input_tokens": tokens, "output_tokens": 1});
        say(
            &json!({"type": "stream_event", "event": {"type": "message_start", "message": {"usage": usage}}}),
        );
        self.assistant(&json!({"type": "text", "text": "I write it."}));
        std::thread::sleep(Duration::from_millis(300));
        self.act(&format!("write {write}"));
    }

    fn tool(&self, name: &str, input: &Value) -> String {
        let id = format!("tool-{}", self.acts);
        self.assistant(&json!({"type": "tool_use", "id": id, "name": name, "input": input}));
        id
    }

    fn gave(&self, text: &str, error: bool) {
        say(&json!({"type": "user", "message": {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": format!("tool-{}", self.acts), "is_error": error, "content": text}]}}));
    }

    fn refuse(&mut self, command: &str, id: &str) {
        say(
            &json!({"type": "system", "subtype": "permission_denied", "tool_name": "Bash", "tool_use_id": id,
            "message": format!("{command} needs approval")}),
        );
        self.denied(id, command);
    }

    fn denied(&mut self, id: &str, why: &str) {
        self.gave(why, true);
        self.denials.push(json!({"tool_name": "Bash", "tool_use_id": id}));
    }

    /// Asks for a permission, unless a rule gives it, and proposes that rule as the real program does.
    fn propose(&mut self, command: &str) {
        let rule = format!("{}:*", command.split(' ').next().unwrap_or_default());
        if self.rules.contains(&format!("Bash({rule})")) {
            self.tool("Bash", &json!({"command": command}));
            return self.gave(&format!("ran {command} by rule"), false);
        }
        self.ask(
            command,
            &json!([
                {"type": "addRules", "rules": [{"toolName": "Bash", "ruleContent": rule}], "behavior": "allow",
                    "destination": "localSettings"},
                {"type": "setMode", "mode": "acceptEdits", "destination": "session"},
            ]),
        );
    }

    fn ask(&mut self, command: &str, proposals: &Value) {
        let input = json!({"command": command});
        let id = self.tool("Bash", &input);
        if !self.asks {
            return self.refuse(command, &id);
        }
        let answer = self.answer_to("Bash", &input, &id, proposals);
        for update in answer["updatedPermissions"].as_array().into_iter().flatten() {
            assert_eq!((&update["type"], &update["destination"]), (&"addRules".into(), &"session".into()));
            let rules = update["rules"].as_array().expect("rules").iter();
            let text = |rule: &Value| format!("Bash({})", rule["ruleContent"].as_str().expect("a rule"));
            self.rules.extend(rules.map(text));
        }
        if answer["behavior"] == "allow" {
            assert_eq!(answer["updatedInput"], input);
            self.gave(&format!("ran {command}"), false);
        } else {
            let why = answer["message"].as_str().unwrap_or("denied").to_owned();
            self.denied(&id, &why);
        }
    }

    fn choose(&mut self, question: &str) {
        let input =
            json!({"questions": [{"question": question, "options": [{"label": "red"}, {"label": "blue"}]}]});
        let id = self.tool("AskUserQuestion", &input);
        let answer = self.answer_to("AskUserQuestion", &input, &id, &json!([]));
        let chosen = answer["updatedInput"]["answers"][question].as_str().unwrap_or("nothing").to_owned();
        self.gave(&format!("chosen: {chosen}"), false);
    }

    fn answer_to(&mut self, tool: &str, input: &Value, id: &str, proposals: &Value) -> Value {
        let request = format!("request-{}", self.acts);
        say(&json!({"type": "control_request", "request_id": request, "request": {"subtype": "can_use_tool",
            "tool_name": tool, "input": input, "tool_use_id": id, "permission_suggestions": proposals}}));
        loop {
            match self.input.recv() {
                Ok(value) if value["type"] == "control_response" => {
                    assert_eq!(value["response"]["request_id"], request.as_str());
                    return value["response"]["response"].clone();
                }
                Ok(value) => self.queued.push_back(value),
                Err(_) => return json!({"behavior": "deny", "message": "nobody answers"}),
            }
        }
    }

    /// Reports that the 5-hour limit is reached and ends in so many seconds.
    fn limit(&self, how: &str) {
        let (seconds, unless) = how.split_once(" unless ").unwrap_or((how, "/nonexistent"));
        if Path::new(unless).exists() {
            return;
        }
        event("rejected", seconds, false);
        self.refused_by_service("api_error", "You've hit your 5-hour limit", Some("usage_limit_reached"));
    }

    fn refused_by_service(&self, how: &str, text: &str, api_error: Option<&str>) {
        say(
            &json!({"type": "assistant", "error": "rate_limit", "api_error": api_error, "message": {"model": "<synthetic>",
            "content": [{"type": "text", "text": text}]}}),
        );
        self.result(&json!({"subtype": "success", "is_error": true, "terminal_reason": how,
            "api_error_status": 429, "api_error": api_error, "result": text}));
        exit(1);
    }

    fn fail(&mut self, how: &str) {
        let (status, once) = how.split_once(' ').map_or((how, false), |(status, _)| (status, true));
        if once && self.noted("\"type\":\"arguments\"") > 1 {
            return;
        }
        let status: u16 = status.parse().expect("a status");
        say(
            &json!({"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 1, "error_status": status,
            "error": "overloaded"}),
        );
        say(&json!({"type": "assistant", "error": "server_error", "message": {"model": "<synthetic>",
            "content": [{"type": "text", "text": format!("API Error: {status}")}]}}));
        self.result(&json!({"subtype": "success", "is_error": true, "terminal_reason": "api_error",
            "api_error_status": status, "result": format!("API Error: {status}")}));
        exit(1);
    }
}

/// Formats what the service reports about the 5-hour limit.
fn event(status: &str, seconds: &str, paid: bool) {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a time").as_secs();
    let resets_at = now + seconds.parse::<u64>().expect("a number");
    say(&json!({"type": "rate_limit_event", "rate_limit_info": {"status": status, "resetsAt": resets_at,
        "rateLimitType": "five_hour", "utilization": 0.93, "isUsingOverage": paid}}));
}

fn wait_for(path: &Path) {
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
}
