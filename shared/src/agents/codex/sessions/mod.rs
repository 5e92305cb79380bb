//! Codex's transcripts: `<home>/sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl`, as versions from September 2025 to 0.169.0 write
//! them. Archived sessions are in `<home>/archived_sessions`. Costs are not recorded.

mod copied_history;
mod files;
mod item;
mod old_format;
mod response;

use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use super::NAME;
use crate::{
    conversation::{
        Activity, ConversationFacts, Discovery, ItemKind, SessionReader, SubagentFiles, TranscriptItem,
        facts::AnswerUsage, is_id, json, lines, open::open, scan::Scanner,
    },
    world::Environment,
};

/// Maximum number of entries that are listed in one folder.
const MAX_ENTRIES: usize = 20_000;
/// The variable that names the configuration folder.
const VARIABLE: &str = "CODEX_HOME";
/// The suffix of transcripts that the program compressed.
const COMPRESSED: &str = ".jsonl.zst";
/// A server in the background would keep the session open, and work on, after its window was left: nobody else could resume it.
pub(super) const NO_SERVER: &str = "--no-daemon";
/// Maximum number of titles that are read.
const MAX_TITLES: usize = 100_000;
/// Depth of the folders: year, month, day.
const DEPTH: usize = 3;
/// Length of an id at the end of a file's name, in bytes.
const ID_LENGTH: usize = 36;
/// The kinds of lines and parts that change the facts.
const COUNTED: [&[u8]; 7] = [
    b"session_meta\"",
    b"message\"",
    b"item_completed\"",
    b"token_count\"",
    b"turn_context\"",
    b"user_message\"",
    b"agent_message\"",
];
/// A field of the header line, which has no kind in versions until late 2025.
const HEADER: &[u8] = b"\"instructions\"";

/// Reads Codex's sessions.
pub(super) struct Sessions;

/// The known fields of one line.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    /// The number of the line, which only versions that record completed items write.
    #[serde(default)]
    ordinal: Option<u64>,
    #[serde(default)]
    payload: Value,
}

impl SessionReader for Sessions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        // The program moves archived sessions to another folder.
        home(environment)
            .into_iter()
            .flat_map(|home| [home.join("sessions"), home.join("archived_sessions")])
            .collect()
    }

    fn named_folders(&self, environment: &Environment) -> Option<(&'static str, Vec<PathBuf>)> {
        Some((VARIABLE, vec![named(environment)?]))
    }

    fn find(&self, environment: &Environment, found: &mut Discovery) {
        self.roots(environment).iter().for_each(|root| find_below(root, DEPTH, found));
        if let Some(names) =
            home(environment).map(|home| home.join("session_index.jsonl")).filter(|names| names.is_file())
        {
            read_names(&names, found);
        }
    }

    fn apply_line(&self, facts: &mut ConversationFacts, line: &[u8]) -> bool {
        if let Some(time) = time_only(line) {
            facts.at(time.as_deref(), None, None);
            return true;
        }
        each(line, |line| apply(facts, line))
    }

    fn is_counted(&self, line: &[u8]) -> bool {
        json::has_kind(line, &COUNTED, HEADER)
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

    fn own_part(&self, inner: &Path, conversation: &Path) -> io::Result<Option<ConversationFacts>> {
        copied_history::own_part(inner, conversation)
    }

    fn subagent_folder(&self, conversation: &Path, _id: &str) -> PathBuf {
        conversation.parent().unwrap_or(conversation).to_owned()
    }

    fn subagent_files(&self) -> SubagentFiles {
        SubagentFiles::AmongSessions
    }

    fn activity(&self) -> Activity {
        Activity::OpenFile
    }

    fn resume_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        Some([NAME, if fork { "fork" } else { "resume" }, NO_SERVER, id].map(str::to_owned).into())
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("--model")
    }

    fn print_mode_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        // A fork accepts its prompt only as an argument, which every user of the machine can read.
        (!fork).then(|| [NAME, "exec", "resume", id, "-"].map(str::to_owned).into())
    }
}

fn named(environment: &Environment) -> Option<PathBuf> {
    environment.variable(VARIABLE).map(PathBuf::from)
}

/// Returns the configuration folder.
fn home(environment: &Environment) -> Option<PathBuf> {
    named(environment).or_else(|| Some(environment.home()?.join(".codex")))
}

/// Reads the titles that people gave to sessions. The last title of a session holds.
fn read_names(path: &Path, found: &mut Discovery) {
    #[derive(Deserialize)]
    struct Named {
        id: String,
        thread_name: String,
    }
    let read = open(path).and_then(|file| {
        lines::read(file, |line| {
            let named = line.bytes().and_then(|bytes| serde_json::from_slice::<Named>(bytes).ok());
            found.titles.extend(named.map(|named| (named.id, named.thread_name)));
            found.titles.len() < MAX_TITLES
        })
    });
    if let Err(error) = read {
        found.add_failure(path, error.to_string());
    }
}

fn find_below(folder: &Path, depth: usize, found: &mut Discovery) {
    for entry in found.list(folder, MAX_ENTRIES) {
        if entry.is_dir && depth > 0 {
            find_below(&entry.path, depth - 1, found);
        } else if let Some(id) = id_of(&entry.name).filter(|_| !entry.is_dir) {
            found.add(NAME, id, &entry);
        } else if entry.name.ends_with(COMPRESSED) {
            found.add_failure(&entry.path, "it is compressed by Codex, and is not read");
        } else if entry.name.ends_with(".jsonl") {
            found.add_failure(&entry.path, "its name is not that of a session");
        }
    }
}

/// Returns the id in the name of a file such as `rollout-2026-11-21T18-39-37-<id>.jsonl`.
fn id_of(name: &str) -> Option<&str> {
    let stem = name.strip_prefix("rollout-")?.strip_suffix(".jsonl")?;
    stem.get(stem.len().checked_sub(ID_LENGTH)?..).filter(|id| is_id(id))
}

/// Returns the time of a line of which the facts hold nothing but its time, such as an item of a response; `None` for any other
/// line. Its payload is not decoded, and is often long.
fn time_only(line: &[u8]) -> Option<Option<Cow<'_, str>>> {
    let mut scan = Scanner::new(line);
    let (mut time, mut kind, mut has_payload) = (None, Cow::Borrowed(old_format::KIND), false);
    scan.enter_object()?;
    while let Some(name) = scan.field()? {
        match name {
            b"timestamp" => time = scan.text()?,
            b"type" => kind = scan.text()??,
            b"ordinal" => drop(scan.read::<Option<u64>>()?),
            b"payload" => has_payload = scan.skip()? != b"null",
            _ => drop(scan.skip()?),
        }
    }
    let is_of_facts =
        ["session_meta", "turn_context", "event_msg", old_format::KIND].contains(&kind.as_ref());
    (has_payload && !is_of_facts && scan.is_at_end()).then_some(time)
}

/// Calls `each` for every object of a line; returns whether the line could be read.
fn each(line: &[u8], mut each: impl FnMut(&Line<'_>)) -> bool {
    let text = json::text(line);
    let mut read = |text: &str| {
        let Ok(mut parsed) = serde_json::from_str::<Line<'_>>(text) else { return false };
        if parsed.payload.is_null() {
            // Until late 2025 lines had no envelope: the payload is the line itself.
            parsed.payload = serde_json::from_str(text).unwrap_or_default();
            parsed.kind = Cow::Borrowed(old_format::KIND);
        }
        each(&parsed);
        true
    };
    if read(&text) {
        return true;
    }
    let objects =
        json::objects(&text, |line| json::remove_mistyped(line, &[], &["timestamp", "type"], &["ordinal"]));
    objects.all.iter().filter(|object| read(object)).count() > 0 && objects.is_whole
}

fn apply(facts: &mut ConversationFacts, line: &Line<'_>) {
    let (payload, at) = (&line.payload, line.timestamp.as_deref());
    let word = |key: &str| payload.get(key).and_then(Value::as_str);
    match line.kind.as_ref() {
        "session_meta" => {
            // The transcript of a subagent may contain a copy of its session's, with its header: the first header holds.
            if facts.id.is_none() {
                facts.id = word("id").map(str::to_owned);
                // The source of a session that a person started is a string.
                facts.inner = payload.get("source").is_some_and(Value::is_object);
                facts.parent = word("parent_thread_id").map(str::to_owned);
                facts.fork_of = word("forked_from_id").filter(|_| !facts.inner).map(str::to_owned);
                facts.kind = word("agent_role").map(str::to_owned);
            }
            facts.at(at, word("cwd"), payload["git"]["branch"].as_str());
        }
        "turn_context" => {
            facts.at(at, word("cwd"), None);
            word("model").into_iter().for_each(|model| facts.set_model(model));
        }
        "event_msg" => {
            facts.at(at, None, None);
            event(facts, payload);
        }
        old_format::KIND => old_format::apply(facts, payload),
        _ => facts.at(at, None, None),
    }
}

fn event(facts: &mut ConversationFacts, payload: &Value) {
    if payload["type"] == "token_count" {
        let count = |of: &str, key: &str| json::whole_number(&payload["info"][of][key]);
        // These are totals of the whole session, of which the last ones hold.
        let both = |of| count(of, "input_tokens").zip(count(of, "output_tokens"));
        let before = (facts.input_tokens.unwrap_or(0), facts.output_tokens.unwrap_or(0));
        // A total that is recorded again adds nothing.
        let used = match both("total_token_usage") {
            Some((read, written)) => {
                (facts.input_tokens, facts.output_tokens) = (Some(read), Some(written));
                Some((read.saturating_sub(before.0), written.saturating_sub(before.1)))
            }
            None => both("last_token_usage"),
        };
        if used.is_some() {
            facts.usage(None, None, AnswerUsage { tokens: used, cost: None });
        }
        return;
    }
    match message_item(payload) {
        Some(ItemKind::Prompt(text)) => facts.prompt(&text),
        Some(ItemKind::Answer(text)) if !text.trim().is_empty() => facts.answer(None),
        _ => {}
    }
}

fn item_kinds(line: &Line<'_>) -> Vec<ItemKind> {
    let payload = &line.payload;
    match line.kind.as_ref() {
        old_format::KIND => return old_format::item_kinds(payload),
        // Versions that number their lines also record these as completed items.
        "response_item" if line.ordinal.is_none() => {
            return response::tool_item(payload).into_iter().collect();
        }
        "event_msg" => {}
        _ => return Vec::new(),
    }
    let said = message_item(payload);
    said.into_iter().chain(item::convert(&payload["item"])).collect()
}

fn message_item(payload: &Value) -> Option<ItemKind> {
    let message = || payload["message"].as_str().map(str::to_owned);
    match payload["type"].as_str()? {
        "item_completed" => {
            let item = &payload["item"];
            match item["type"].as_str()? {
                "UserMessage" => Some(ItemKind::Prompt(response::texts(&item["content"]))),
                "AgentMessage" => Some(ItemKind::Answer(response::texts(&item["content"]))),
                _ => None,
            }
        }
        // Older versions write these.
        "user_message" => message().map(ItemKind::Prompt),
        "agent_message" => message().map(ItemKind::Answer),
        "error" => message().map(ItemKind::Remark),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_which_only_the_time_counts_is_not_decoded() {
        let time = "2026-05-01T10:00:01.000Z";
        let line = |rest: &str| format!("{{\"timestamp\":\"{time}\",{rest}}}");
        for (rest, is_quick) in [
            (r#""type":"response_item","payload":{"type":"message","content":[{"text":"a \"b\""}]}"#, true),
            (r#""type":"response_item","ordinal":7,"payload":{}"#, true),
            (r#""type":"response_item","ordinal":"7","payload":{}"#, false),
            (r#""type":"response_item","payload":null"#, false),
            (r#""type":"response_item""#, false),
            (r#""type":"message","role":"user","content":[{"text":"old"}]"#, false),
            (r#""type":"event_msg","payload":{"type":"user_message","message":"do it"}"#, false),
            (r#""type":"turn_context","payload":{"cwd":"/w","model":"m"}"#, false),
            (r#""type":null,"payload":{}"#, false),
            (r#""payload":{"type":"message"}"#, false),
            (r#""type":"response_item","payload":{},"payload":null"#, false),
            (r#""type":"response_item","payload":{"torn"#, false),
        ] {
            let line = line(rest);
            let (mut quick, mut whole) = (ConversationFacts::default(), ConversationFacts::default());
            let is_read = Sessions.apply_line(&mut quick, line.as_bytes());
            assert_eq!(is_read, each(line.as_bytes(), |line| apply(&mut whole, line)), "{line}");
            assert_eq!((quick, time_only(line.as_bytes()).is_some()), (whole, is_quick), "{line}");
        }
    }
}
