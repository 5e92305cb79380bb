//! Gemini CLI's own files: `<home>/.gemini/tmp/<project>/chats/session-<time>-<id8>.jsonl`, as version 0.61.0 writes them, and
//! `session-*.json` as versions until early 2026 do. Sub-agents lie in `chats/<conversation>/<id>.jsonl`. The folder stands beside
//! them in `.project_root`; branch and cost are not recorded.

mod one_object;

use std::{
    borrow::Cow,
    collections::HashSet,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use super::NAME;
use crate::{
    conversation::{
        Activity, ConversationFacts, ConversationFile, Discovery, FolderEntry, ItemKind, SessionReader,
        Subagent, TranscriptItem,
        facts::Usage,
        files::{beginning, note},
        is_id, json,
    },
    world::Environment,
};

/// More projects than anyone has, and more files than any has.
const MOST: usize = 20_000;
/// Bytes of a first line and of a path, at most.
const LINE: u64 = 8 << 10;
/// The kinds of the lines that count.
const COUNTED: [&[u8]; 2] = [b"user\"", b"gemini\""];
/// What the first line has.
const HEADER: &[u8] = b"\"sessionId\"";
/// What a line has that gives the conversation a title.
const SUMMARY: &[u8] = b"\"summary\"";
/// How texts begin that the program put before the first prompt.
const OF_THE_PROGRAM: [&str; 2] = ["<session_context>", "<hook_context>"];

/// The reader of these sessions.
pub(super) struct Sessions;

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
    /// What a person typed, where `content` has more than that.
    display_content: Value,
    /// The title that the program made.
    summary: Option<String>,
    #[serde(rename = "$set")]
    set: Value,
    #[serde(rename = "$rewindTo")]
    rewind_to: Value,
    thoughts: Value,
    tokens: Value,
    model: Option<String>,
    tool_calls: Value,
}

impl SessionReader for Sessions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        environment.home().map(|home| home.join(".gemini/tmp")).into_iter().collect()
    }

    fn path_below_root(&self, environment: &Environment, path: &Path) -> Option<PathBuf> {
        let roots = self.roots(environment);
        let below = roots.iter().find_map(|root| path.strip_prefix(root).ok()).map(Path::to_owned);
        below.or_else(|| one_object::path_below_root(environment, path))
    }

    fn find(&self, environment: &Environment, found: &mut Discovery) {
        for root in self.roots(environment) {
            one_object::remove_orphans(environment, &root);
            for project in found.list(&root, MOST).into_iter().filter(|entry| entry.is_dir) {
                find_in(environment, &project.path.join("chats"), found);
            }
        }
    }

    fn subagents(
        &self,
        environment: &Environment,
        place: &ConversationFile,
        found: &mut Discovery,
    ) -> Vec<Subagent> {
        let mut inner: Vec<Subagent> = sub_agents(&chats(environment, &place.path).join(&place.id), found)
            .into_iter()
            .map(|(id, FolderEntry { path, size, written, .. })| Subagent {
                id,
                path,
                size,
                written,
                ..Subagent::default()
            })
            .collect();
        inner.sort_by(|a, b| a.id.cmp(&b.id));
        inner
    }

    fn subagent_folder(&self, conversation: &Path, id: &str) -> PathBuf {
        conversation.parent().unwrap_or(conversation).join(id)
    }

    fn begin(&self, place: &ConversationFile) -> ConversationFacts {
        let mut facts = ConversationFacts::default();
        // Sub-agents lie one folder deeper.
        let above = place.path.ancestors().skip(2).take(2);
        let folder = above.into_iter().find_map(|folder| note(&folder.join(".project_root"), LINE));
        let folder = folder.and_then(|bytes| String::from_utf8(bytes).ok());
        facts.at(None, folder.as_deref().map(str::trim_end), None);
        facts
    }

    fn apply_line(&self, facts: &mut ConversationFacts, line: &[u8]) -> bool {
        each(line, |line| learn(facts, line))
    }

    fn is_counted(&self, line: &[u8]) -> bool {
        json::has_kind(line, &COUNTED, HEADER) || memchr::memmem::find(line, SUMMARY).is_some()
    }

    fn parse_line(&self, line: &[u8]) -> Vec<TranscriptItem> {
        let mut pieces = Vec::new();
        each(line, |line| {
            pieces.extend(
                said(line).into_iter().map(|what| TranscriptItem::new(line.timestamp.as_deref(), what)),
            );
        });
        pieces
    }

    fn rewrites_messages(&self) -> bool {
        true
    }

    fn activity(&self) -> Activity {
        Activity::Inferred
    }

    fn resume_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        (!fork).then(|| [NAME, "--resume", id].map(str::to_owned).into())
    }

    fn print_mode_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        // What is piped into it is a prompt, and then it ends.
        self.resume_argv(id, fork)
    }
}

/// The conversations in one folder `chats`, and the sub-agents whose conversations are gone.
fn find_in(environment: &Environment, chats: &Path, found: &mut Discovery) {
    let entries = found.list(chats, MOST);
    let names: HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut ids = HashSet::new();
    for entry in entries.iter().filter(|entry| !entry.is_dir && entry.name.starts_with("session-")) {
        if entry.name.ends_with(".json") {
            // What was resumed by a later version was written again, as lines.
            if !names.contains(format!("{}l", entry.name).as_str()) {
                ids.extend(one_object::add(environment, found, entry));
            }
        } else if entry.name.ends_with(".jsonl") {
            // The name has the beginning of the id only.
            match id_in(&beginning(&entry.path, LINE)) {
                Some(id) => {
                    found.add(NAME, &id, entry);
                    ids.insert(id);
                }
                None => found.trouble(&entry.path, "its first line does not name a conversation"),
            }
        }
    }
    for gone in entries.iter().filter(|entry| entry.is_dir && !ids.contains(&entry.name)) {
        for (id, entry) in sub_agents(&gone.path, found) {
            found.add_orphan(NAME, &id, &entry);
        }
    }
}

/// The id in the first line of a file.
fn id_in(beginning: &[u8]) -> Option<String> {
    // The line may be longer than the beginning.
    json::first_text(beginning.split(|byte| *byte == b'\n').next()?, HEADER).filter(|id| is_id(id))
}

/// The sub-agents in the folder of one conversation.
fn sub_agents(folder: &Path, found: &mut Discovery) -> Vec<(String, FolderEntry)> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let entries = found.list(folder, MOST).into_iter().filter(|entry| !entry.is_dir);
    let with_id = entries.filter_map(|entry| {
        let id = entry.name.strip_suffix(".jsonl").filter(|id| is_id(id))?.to_owned();
        Some((id, entry))
    });
    with_id.collect()
}

/// The folder `chats` in which the file of a conversation lies, or that of which it is the copy.
fn chats(environment: &Environment, conversation: &Path) -> PathBuf {
    let original = one_object::chats_of(environment, conversation);
    original.or_else(|| conversation.parent().map(Path::to_owned)).unwrap_or_default()
}

/// Hands on every object of a line; gives whether the line could be read.
fn each(line: &[u8], mut each: impl FnMut(&Line<'_>)) -> bool {
    const TEXTS: [&str; 9] =
        ["sessionId", "startTime", "projectRoot", "kind", "id", "timestamp", "type", "model", "summary"];
    let text = json::text(line);
    if let Ok(parsed) = serde_json::from_str::<Line<'_>>(&text) {
        each(&parsed);
        return true;
    }
    let objects = json::objects(&text, |line| json::keep_kinds(line, &[], &TEXTS, &[]));
    let parsed = objects.all.iter().filter_map(|object| serde_json::from_str::<Line<'_>>(object).ok());
    parsed.map(|parsed| each(&parsed)).count() > 0 && objects.is_whole
}

fn learn(facts: &mut ConversationFacts, line: &Line<'_>) {
    let summary = line.summary.as_deref().or_else(|| line.set["summary"].as_str());
    let summary = summary.map(str::trim).filter(|summary| !summary.is_empty()).map(str::to_owned);
    facts.summary = summary.or(facts.summary.take());
    if let Some(id) = line.session_id.as_ref().filter(|_| line.role.is_none()) {
        facts.inner = line.kind.as_ref().is_some_and(|kind| kind != "main");
        facts.id.get_or_insert_with(|| id.clone());
        facts.at(line.start_time.as_deref(), line.project_root.as_deref(), None);
        return;
    }
    facts.at(line.timestamp.as_deref(), None, None);
    match (line.role.as_deref(), typed(line)) {
        (Some("user"), Some(text)) if text.starts_with(['/', '?']) => facts.command(&text),
        (Some("user"), Some(text)) => facts.prompt(&text),
        (Some("gemini"), _) => answer(facts, line),
        _ => {}
    }
}

/// What a person typed; `None` where the program wrote it.
fn typed(line: &Line<'_>) -> Option<String> {
    let shown = texts(&line.display_content);
    let text = if shown.trim().is_empty() { texts(&line.content) } else { shown };
    let is_of_the_program = OF_THE_PROGRAM.iter().any(|begin| text.trim_start().starts_with(begin));
    Some(text.trim().to_owned()).filter(|text| !text.is_empty() && !is_of_the_program)
}

/// It stands there again with each tool that it used: it is counted once.
fn answer(facts: &mut ConversationFacts, line: &Line<'_>) {
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

fn said(line: &Line<'_>) -> Vec<ItemKind> {
    if line.rewind_to.is_string() {
        return vec![ItemKind::Note("the conversation goes back to an earlier point".to_owned())];
    }
    let words = texts(&line.content);
    let words = Some(words).filter(|words| !words.trim().is_empty());
    match line.role.as_deref() {
        Some("user") => typed(line).map(ItemKind::Prompt).into_iter().collect(),
        Some("gemini") => {
            let thoughts = line.thoughts.as_array().into_iter().flatten();
            let thoughts = thoughts.filter_map(|thought| thought["description"].as_str());
            let tools = line.tool_calls.as_array().into_iter().flatten().flat_map(tool);
            thoughts
                .map(|text| ItemKind::Thought(text.to_owned()))
                .chain(words.map(ItemKind::Answer))
                .chain(tools)
                .collect()
        }
        Some("error" | "info" | "warning") => words.map(ItemKind::Note).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn tool(call: &Value) -> [ItemKind; 2] {
    let gave = call["result"].as_array().into_iter().flatten();
    let gave: Vec<&str> =
        gave.filter_map(|part| part["functionResponse"]["response"]["output"].as_str()).collect();
    let name = call["name"].as_str().unwrap_or_default().to_owned();
    let error = call["status"].as_str().is_some_and(|status| status != "success");
    [
        ItemKind::Tool { name, input: call["args"].to_string() },
        ItemKind::Result { error, text: gave.join("\n") },
    ]
}

/// A text, or parts of which some are text.
fn texts(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice).iter();
    let texts: Vec<&str> = parts.filter_map(|part| part.as_str().or_else(|| part["text"].as_str())).collect();
    texts.join("\n")
}
