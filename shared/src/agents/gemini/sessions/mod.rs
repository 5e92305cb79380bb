//! Gemini CLI's transcripts: `<home>/.gemini/tmp/<project>/chats/session-<time>-<id8>.jsonl` as version 0.61.0 writes them, and
//! `session-*.json` as versions until early 2026 did. Subagents are in `chats/<session>/<id>.jsonl`. The working directory is in
//! `<project>/.project_root`; branch and cost are not recorded.

mod files;
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
        facts::AnswerUsage,
        files::{read_beginning, read_small_file},
        is_id, json,
    },
    world::Environment,
};

/// Maximum number of entries that are listed in one folder.
const MAX_ENTRIES: usize = 20_000;
/// Maximum size of what is read of a first line, and of a file with a path, in bytes.
const MAX_LINE: u64 = 8 << 10;
/// The kinds of lines that change the facts.
const COUNTED: [&[u8]; 2] = [b"user\"", b"gemini\""];
/// A field of the first line.
const HEADER: &[u8] = b"\"sessionId\"";
/// The field of a line that sets the title of the session.
const SUMMARY: &[u8] = b"\"summary\"";
/// The beginnings of texts that the program inserts before the first prompt.
const PROGRAM_TEXTS: [&str; 2] = ["<session_context>", "<hook_context>"];

/// Reads Gemini CLI's sessions.
pub(super) struct Sessions;

/// The known fields of one line.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Line<'a> {
    session_id: Option<String>,
    start_time: Option<String>,
    /// The working directory; only in a copy of a file that is one JSON object.
    project_root: Option<String>,
    /// The kind of a session: `main` if a person started it.
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    id: Option<String>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(rename = "type")]
    role: Option<String>,
    content: Value,
    /// What a person typed, if `content` holds more than that.
    display_content: Value,
    /// The title that the program generated.
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
            for project in found.list(&root, MAX_ENTRIES).into_iter().filter(|entry| entry.is_dir) {
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
        // Transcripts of subagents are one folder deeper.
        let above = place.path.ancestors().skip(2).take(2);
        let folder =
            above.into_iter().find_map(|folder| read_small_file(&folder.join(".project_root"), MAX_LINE));
        let folder = folder.and_then(|bytes| String::from_utf8(bytes).ok());
        facts.at(None, folder.as_deref().map(str::trim_end), None);
        facts
    }

    fn apply_line(&self, facts: &mut ConversationFacts, line: &[u8]) -> bool {
        each(line, |line| apply(facts, line))
    }

    fn is_counted(&self, line: &[u8]) -> bool {
        json::has_kind(line, &COUNTED, HEADER) || memchr::memmem::find(line, SUMMARY).is_some()
    }

    fn parse_line(&self, line: &[u8]) -> Vec<TranscriptItem> {
        let mut pieces = Vec::new();
        each(line, |line| {
            pieces.extend(
                item_kinds(line).into_iter().map(|what| TranscriptItem::new(line.timestamp.as_deref(), what)),
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

    fn model_flag(&self) -> Option<&'static str> {
        Some("--model")
    }

    fn print_mode_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        // With a pipe as standard input, the program takes it as one prompt and exits after the answer.
        self.resume_argv(id, fork)
    }
}

/// Finds the sessions in one folder `chats`, and the subagents whose sessions are gone.
fn find_in(environment: &Environment, chats: &Path, found: &mut Discovery) {
    let entries = found.list(chats, MAX_ENTRIES);
    let names: HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut ids = HashSet::new();
    for entry in entries.iter().filter(|entry| !entry.is_dir && entry.name.starts_with("session-")) {
        if entry.name.ends_with(".json") {
            // A later version that resumed the session wrote it again, as lines.
            if !names.contains(format!("{}l", entry.name).as_str()) {
                ids.extend(one_object::add(environment, found, entry));
            }
        } else if entry.name.ends_with(".jsonl") {
            // The name holds only the beginning of the id.
            match id_in(&read_beginning(&entry.path, MAX_LINE)) {
                Some(id) => {
                    found.add(NAME, &id, entry);
                    ids.insert(id);
                }
                None => found.add_failure(&entry.path, "its first line does not name a session"),
            }
        }
    }
    for gone in entries.iter().filter(|entry| entry.is_dir && !ids.contains(&entry.name)) {
        for (id, entry) in sub_agents(&gone.path, found) {
            found.add_orphan(NAME, &id, &entry);
        }
    }
}

/// Returns the session id in the first line of a file.
fn id_in(beginning: &[u8]) -> Option<String> {
    // The line may be longer than the beginning.
    json::first_text(beginning.split(|byte| *byte == b'\n').next()?, HEADER).filter(|id| is_id(id))
}

/// Returns the subagents in the folder of one session.
fn sub_agents(folder: &Path, found: &mut Discovery) -> Vec<(String, FolderEntry)> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let entries = found.list(folder, MAX_ENTRIES).into_iter().filter(|entry| !entry.is_dir);
    let with_id = entries.filter_map(|entry| {
        let id = entry.name.strip_suffix(".jsonl").filter(|id| is_id(id))?.to_owned();
        Some((id, entry))
    });
    with_id.collect()
}

/// Returns the folder `chats` of a transcript, or of the file that it is a copy of.
fn chats(environment: &Environment, conversation: &Path) -> PathBuf {
    let original = one_object::chats_of(environment, conversation);
    original.or_else(|| conversation.parent().map(Path::to_owned)).unwrap_or_default()
}

/// Calls `each` for every object of a line; returns whether the line could be read.
fn each(line: &[u8], mut each: impl FnMut(&Line<'_>)) -> bool {
    const TEXTS: [&str; 9] =
        ["sessionId", "startTime", "projectRoot", "kind", "id", "timestamp", "type", "model", "summary"];
    let text = json::text(line);
    if let Ok(parsed) = serde_json::from_str::<Line<'_>>(&text) {
        each(&parsed);
        return true;
    }
    let objects = json::objects(&text, |line| json::remove_mistyped(line, &[], &TEXTS, &[]));
    let parsed = objects.all.iter().filter_map(|object| serde_json::from_str::<Line<'_>>(object).ok());
    parsed.map(|parsed| each(&parsed)).count() > 0 && objects.is_whole
}

fn apply(facts: &mut ConversationFacts, line: &Line<'_>) {
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

/// Returns what a person typed; `None` if the program wrote the text.
fn typed(line: &Line<'_>) -> Option<String> {
    let shown = texts(&line.display_content);
    let text = if shown.trim().is_empty() { texts(&line.content) } else { shown };
    let is_of_the_program = PROGRAM_TEXTS.iter().any(|begin| text.trim_start().starts_with(begin));
    Some(text.trim().to_owned()).filter(|text| !text.is_empty() && !is_of_the_program)
}

/// Adds an answer. The program writes an answer again with each tool call, but it is counted once.
fn answer(facts: &mut ConversationFacts, line: &Line<'_>) {
    line.model.iter().for_each(|model| facts.set_model(model));
    if !texts(&line.content).trim().is_empty() {
        facts.answer(line.id.as_deref());
    }
    let count = |key: &str| json::whole_number(&line.tokens[key]);
    if let Some((read, written)) = count("input").zip(count("output")) {
        let tokens = Some((read, written.saturating_add(count("thoughts").unwrap_or(0))));
        facts.usage(line.id.as_deref(), None, AnswerUsage { tokens, cost: None });
    }
}

fn item_kinds(line: &Line<'_>) -> Vec<ItemKind> {
    if line.rewind_to.is_string() {
        return vec![ItemKind::Remark("the session was rewound to an earlier point".to_owned())];
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
        Some("error" | "info" | "warning") => words.map(ItemKind::Remark).into_iter().collect(),
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

/// Joins the texts of a content, which is a string or parts of which some are text.
fn texts(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice).iter();
    let texts: Vec<&str> = parts.filter_map(|part| part.as_str().or_else(|| part["text"].as_str())).collect();
    texts.join("\n")
}
