//! Codex's own files: `<home>/sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl`, as version 0.169.0 writes them. It tells no cost.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use memchr::memmem;
use serde::Deserialize;
use serde_json::Value;

use super::{Facts, Found, Piece, Program, What, is_id};
use crate::world;

/// The name of its profile.
const NAME: &str = "codex";
/// More days than anyone has worked, and more files than anyone has in one.
const MOST: usize = 20_000;
/// Folders in folders: year, month, day.
const DEPTH: usize = 3;
/// Length of an id, which stands at the end of a file's name.
const ID: usize = 36;
/// What the lines that count bear, as the program writes them. In a text the quotes would be escaped.
const COUNTED: [&[u8]; 5] = [
    b"\"item_completed\"",
    b"\"token_count\"",
    b"\"turn_context\"",
    b"\"type\":\"user_message\"",
    b"\"type\":\"agent_message\"",
];

/// See the module.
pub(super) struct Codex;

/// One line, as far as we know it.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    payload: Value,
}

impl Program for Codex {
    fn name(&self) -> &'static str {
        NAME
    }

    fn root(&self) -> Option<PathBuf> {
        let own = world::variable("CODEX_HOME").map(PathBuf::from);
        let home = own.or_else(|| Some(PathBuf::from(world::variable("HOME")?).join(".codex")));
        Some(home?.join("sessions"))
    }

    fn find(&self, found: &mut Found) {
        if let Some(root) = self.root() {
            below(&root, DEPTH, found);
        }
    }

    fn learn(&self, facts: &mut Facts, line: &[u8]) {
        if let Some(line) = parse(line) {
            learn(facts, &line);
        }
    }

    fn counts(&self, line: &[u8]) -> bool {
        COUNTED.iter().any(|mark| memmem::find(line, mark).is_some())
    }

    fn pieces(&self, line: &[u8]) -> Vec<Piece> {
        let Some(line) = parse(line) else { return Vec::new() };
        let said = said(&line);
        said.into_iter().map(|what| Piece::new(line.timestamp.as_deref(), what)).collect()
    }

    fn inner_beside(&self) -> bool {
        true
    }

    fn holds_its_files(&self) -> bool {
        true
    }

    fn resume(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        Some([NAME, if fork { "fork" } else { "resume" }, id].map(str::to_owned).into())
    }

    fn tell(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        // A new conversation takes its words by argument alone, where every user of the machine can read them.
        (!fork).then(|| [NAME, "exec", "resume", id, "-"].map(str::to_owned).into())
    }
}

fn below(folder: &Path, depth: usize, found: &mut Found) {
    for entry in found.list(folder, MOST) {
        if entry.is_dir && depth > 0 {
            below(&entry.path, depth - 1, found);
        } else if let Some(id) = id_of(&entry.name).filter(|_| !entry.is_dir) {
            found.add(NAME, id, &entry);
        }
    }
}

/// `rollout-2026-11-21T18-39-37-<id>.jsonl`.
fn id_of(name: &str) -> Option<&str> {
    let stem = name.strip_prefix("rollout-")?.strip_suffix(".jsonl")?;
    stem.get(stem.len().checked_sub(ID)?..).filter(|id| is_id(id))
}

fn parse(line: &[u8]) -> Option<Line<'_>> {
    serde_json::from_slice(line).ok()
}

fn learn(facts: &mut Facts, line: &Line<'_>) {
    let (payload, at) = (&line.payload, line.timestamp.as_deref());
    let word = |key: &str| payload.get(key).and_then(Value::as_str);
    match line.kind.as_ref() {
        "session_meta" => {
            facts.id = facts.id.take().or_else(|| word("id").map(str::to_owned));
            // Those that a person started name their way in by a word.
            facts.inner = payload.get("source").is_some_and(Value::is_object);
            facts.parent = word("parent_thread_id").map(str::to_owned);
            facts.kind = word("agent_role").map(str::to_owned);
            facts.at(at, word("cwd"), payload["git"]["branch"].as_str());
        }
        "turn_context" => {
            facts.at(at, word("cwd"), None);
            word("model").into_iter().for_each(|model| facts.by(model));
        }
        "event_msg" => {
            facts.at(at, None, None);
            event(facts, payload);
        }
        _ => facts.at(at, None, None),
    }
}

fn event(facts: &mut Facts, payload: &Value) {
    if payload["type"] == "token_count" {
        let count = |of: &str, key: &str| payload["info"][of][key].as_u64();
        // The sum of the whole conversation: the last one holds.
        let both = |of| count(of, "input_tokens").zip(count(of, "output_tokens"));
        if let Some((read, written)) = both("total_token_usage") {
            (facts.input_tokens, facts.output_tokens) = (Some(read), Some(written));
        }
        if let Some((read, written)) = both("last_token_usage") {
            facts.usage(None, read, written);
        }
        return;
    }
    match what(payload) {
        Some(What::Prompt(text)) => facts.prompt(&text),
        Some(What::Answer(text)) if !text.trim().is_empty() => facts.answer(None),
        _ => {}
    }
}

fn said(line: &Line<'_>) -> Vec<What> {
    if line.kind != "event_msg" {
        return Vec::new();
    }
    let payload = &line.payload;
    if payload["item"]["type"] != "CommandExecution" {
        return what(payload).into_iter().collect();
    }
    let item = &payload["item"];
    let input = serde_json::json!({"command": item["command"]}).to_string();
    let text = item["aggregated_output"].as_str().unwrap_or_default().to_owned();
    let error = item["exit_code"].as_i64().is_some_and(|code| code != 0);
    vec![What::Tool { name: "exec".to_owned(), input }, What::Result { error, text }]
}

fn what(payload: &Value) -> Option<What> {
    let message = || payload["message"].as_str().map(str::to_owned);
    match payload["type"].as_str()? {
        "item_completed" => {
            let item = &payload["item"];
            match item["type"].as_str()? {
                "UserMessage" => Some(What::Prompt(texts(&item["content"]))),
                "AgentMessage" => Some(What::Answer(texts(&item["content"]))),
                _ => None,
            }
        }
        // As older versions write it.
        "user_message" => message().map(What::Prompt),
        "agent_message" => message().map(What::Answer),
        "error" => message().map(What::Note),
        _ => None,
    }
}

fn texts(content: &Value) -> String {
    let blocks = content.as_array().into_iter().flatten();
    let texts: Vec<&str> = blocks.filter_map(|block| block["text"].as_str()).collect();
    texts.join("\n")
}
