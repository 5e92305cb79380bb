//! Gemini CLI's own files: `<home>/.gemini/tmp/<project>/chats/session-<time>-<id8>.jsonl`, as version 0.61.0 writes them, and
//! `session-*.json` as versions until early 2026 do. The folder stands beside them in `.project_root`; branch and cost are not recorded.

mod one_object;

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Facts, Found, Piece, Place, Program, What,
    facts::Usage,
    is_id, json,
    program::{beginning, note},
};
use crate::world;

/// The name of its profile.
const NAME: &str = "gemini";
/// More projects than anyone has, and more files than any has.
const MOST: usize = 20_000;
/// Bytes of a first line and of a path, at most.
const LINE: u64 = 8 << 10;
/// The kinds of the lines that count.
const COUNTED: [&[u8]; 2] = [b"user\"", b"gemini\""];
/// What the first line bears.
const HEADER: &[u8] = b"\"sessionId\"";

/// See the module.
pub(super) struct Gemini;

/// One line, as far as we know it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Line<'a> {
    session_id: Option<String>,
    start_time: Option<String>,
    /// The folder, in a copy of a file that is one object.
    project_root: Option<String>,
    /// Of a conversation: `main`, where a person started it.
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    id: Option<String>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(rename = "type")]
    role: Option<String>,
    content: Value,
    thoughts: Value,
    tokens: Value,
    model: Option<String>,
    tool_calls: Value,
}

impl Program for Gemini {
    fn name(&self) -> &'static str {
        NAME
    }

    fn root(&self) -> Option<PathBuf> {
        Some(PathBuf::from(world::variable("HOME")?).join(".gemini/tmp"))
    }

    fn path_below_root(&self, path: &Path) -> Option<PathBuf> {
        let below = path.strip_prefix(self.root()?).ok().map(Path::to_owned);
        below.or_else(|| one_object::path_below_root(path))
    }

    fn find(&self, found: &mut Found) {
        let Some(root) = self.root() else { return };
        one_object::remove_orphans(&root);
        for project in found.list(&root, MOST).into_iter().filter(|entry| entry.is_dir) {
            for entry in found.list(&project.path.join("chats"), MOST) {
                if !entry.is_dir && entry.name.starts_with("session-") && entry.name.ends_with(".json") {
                    one_object::add(found, &entry);
                    continue;
                }
                let is_one =
                    !entry.is_dir && entry.name.starts_with("session-") && entry.name.ends_with(".jsonl");
                // The name bears the beginning of the id only.
                let first = || beginning(&entry.path, LINE);
                let id = is_one.then(first).and_then(|bytes| {
                    let mut id = None;
                    each(bytes.split(|byte| *byte == b'\n').next()?, |line| id = line.session_id.clone());
                    id
                });
                if let Some(id) = id.filter(|id| is_id(id)) {
                    found.add(NAME, &id, &entry);
                }
            }
        }
    }

    fn begin(&self, place: &Place) -> Facts {
        let mut facts = Facts::default();
        let project = place.path.parent().and_then(|chats| chats.parent());
        let folder = project.and_then(|project| note(&project.join(".project_root"), LINE));
        let folder = folder.and_then(|bytes| String::from_utf8(bytes).ok());
        facts.at(None, folder.as_deref().map(str::trim_end), None);
        facts
    }

    fn learn(&self, facts: &mut Facts, line: &[u8]) -> bool {
        each(line, |line| learn(facts, line))
    }

    fn counts(&self, line: &[u8]) -> bool {
        json::has_kind(line, &COUNTED, HEADER)
    }

    fn pieces(&self, line: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        each(line, |line| {
            pieces.extend(said(line).into_iter().map(|what| Piece::new(line.timestamp.as_deref(), what)));
        });
        pieces
    }

    fn is_silent(&self) -> bool {
        true
    }

    fn resume(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        (!fork).then(|| [NAME, "--resume", id].map(str::to_owned).into())
    }

    fn tell(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        // What is piped into it is a prompt, and then it ends.
        self.resume(id, fork)
    }
}

/// Hands on every object of a line; gives whether the line could be read.
fn each(line: &[u8], mut each: impl FnMut(&Line<'_>)) -> bool {
    const TEXTS: [&str; 8] =
        ["sessionId", "startTime", "projectRoot", "kind", "id", "timestamp", "type", "model"];
    let text = json::text(line);
    if let Ok(parsed) = serde_json::from_str::<Line<'_>>(&text) {
        each(&parsed);
        return true;
    }
    let objects = json::objects(&text, |line| json::keep_kinds(line, &[], &TEXTS, &[]));
    let parsed = objects.iter().filter_map(|object| serde_json::from_str::<Line<'_>>(object).ok());
    parsed.map(|parsed| each(&parsed)).count() > 0
}

fn learn(facts: &mut Facts, line: &Line<'_>) {
    if let Some(id) = &line.session_id {
        facts.inner = line.kind.as_ref().is_some_and(|kind| kind != "main");
        facts.id.get_or_insert_with(|| id.clone());
        facts.at(line.start_time.as_deref(), line.project_root.as_deref(), None);
        return;
    }
    facts.at(line.timestamp.as_deref(), None, None);
    match line.role.as_deref() {
        Some("user") => facts.prompt(&texts(&line.content)),
        Some("gemini") => answer(facts, line),
        _ => {}
    }
}

/// It stands there again with each tool that it used: it is counted once.
fn answer(facts: &mut Facts, line: &Line<'_>) {
    line.model.iter().for_each(|model| facts.by(model));
    if !texts(&line.content).trim().is_empty() {
        facts.answer(line.id.as_deref());
    }
    let count = |key: &str| json::whole_number(&line.tokens[key]);
    if let Some((read, written)) = count("input").zip(count("output")) {
        let tokens = Some((read, written.saturating_add(count("thoughts").unwrap_or(0))));
        facts.usage(line.id.as_deref(), None, Usage { tokens, cost: None });
    }
}

fn said(line: &Line<'_>) -> Vec<What> {
    let words = texts(&line.content);
    let words = Some(words).filter(|words| !words.trim().is_empty());
    match line.role.as_deref() {
        Some("user") => words.map(What::Prompt).into_iter().collect(),
        Some("gemini") => {
            let thoughts = line.thoughts.as_array().into_iter().flatten();
            let thoughts = thoughts.filter_map(|thought| thought["description"].as_str());
            let tools = line.tool_calls.as_array().into_iter().flatten().flat_map(tool);
            thoughts
                .map(|text| What::Thought(text.to_owned()))
                .chain(words.map(What::Answer))
                .chain(tools)
                .collect()
        }
        Some("error" | "info" | "warning") => words.map(What::Note).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn tool(call: &Value) -> [What; 2] {
    let gave = call["result"].as_array().into_iter().flatten();
    let gave: Vec<&str> =
        gave.filter_map(|part| part["functionResponse"]["response"]["output"].as_str()).collect();
    let name = call["name"].as_str().unwrap_or_default().to_owned();
    let error = call["status"].as_str().is_some_and(|status| status != "success");
    [What::Tool { name, input: call["args"].to_string() }, What::Result { error, text: gave.join("\n") }]
}

/// A text, or parts of which some are text.
fn texts(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let texts: Vec<&str> = parts.filter_map(|part| part["text"].as_str()).collect();
    texts.join("\n")
}
