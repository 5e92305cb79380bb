//! Claude Code's transcripts: `<config>/projects/<folder>/<session>.jsonl`. The folder's name is lossy, so it is never decoded.
//! Transcripts of subagents are in `<session>/subagents/`, in older versions next to the transcript of their session.

mod config;
mod content;
mod copied_answers;
mod cut;
mod fold;
mod items;
mod line;
mod parse;
mod restore;
mod scanned;
mod typed;

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::NAME;
use crate::{
    Result,
    agents::SessionFiles,
    conversation::{
        Activity, ConversationFacts, ConversationFile, Discovery, FolderEntry, RunningSession, SessionReader,
        Subagent, TranscriptItem,
        files::{read_beginning, read_small_file},
        is_id, json,
    },
    model::SessionId,
    parallel,
    world::Environment,
};

/// Maximum number of project folders that are listed.
const MAX_FOLDERS: usize = 20_000;
/// Maximum number of files that are listed in a project folder.
const MAX_FILES: usize = 50_000;
/// Maximum number of files that are listed in a folder of subagents.
const MAX_SUBAGENTS: usize = 1_000;
/// Depth of the folders below that of subagents: `workflows`, then one for each workflow.
const SUBAGENT_DEPTH: usize = 2;
/// The folder of subagents below that of their session.
const NESTED: &str = "subagents";
/// Number of bytes at the beginning of a subagent's transcript that are searched for the id of its session.
const BEGINNING: u64 = 4 << 10;
/// The field with the session id of a line.
const SESSION: &[u8] = b"\"sessionId\"";
/// Maximum size of a file with metadata of a subagent or of a running session, in bytes.
const MAX_METADATA: u64 = 64 << 10;

/// Reads Claude Code's sessions.
pub(super) struct Sessions;

impl SessionReader for Sessions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        config::dirs(environment).into_iter().map(|config| config.join("projects")).collect()
    }

    fn named_folders(&self, environment: &Environment) -> Option<(&'static str, Vec<PathBuf>)> {
        Some((config::VARIABLE, config::named(environment)?))
    }

    fn variable_for(&self, environment: &Environment, transcript: &Path) -> Option<(&'static str, PathBuf)> {
        let all = config::dirs(environment);
        let is_one = all.len() == 1;
        let (at, folder) = all.into_iter().enumerate().find(|(_, folder)| transcript.starts_with(folder))?;
        let looks_there = is_one || (at == 0 && config::named(environment).is_none());
        (!looks_there).then_some((config::VARIABLE, folder))
    }

    fn find(&self, environment: &Environment, found: &mut Discovery) {
        let mut folders: Vec<FolderEntry> =
            self.roots(environment).iter().flat_map(|root| found.list(root, MAX_FOLDERS)).collect();
        let several = config::named(environment).filter(|named| named.len() > 1).unwrap_or_default();
        for missing in several.iter().filter(|folder| !folder.is_dir()) {
            found.add_failure(missing, format!("{} names it, but it does not exist", config::VARIABLE));
        }
        // Files here are not transcripts.
        folders.retain(|folder| folder.is_dir);
        // Listing the files takes most of the time if the index is up to date, so it is done in parallel.
        for more in parallel::map(&folders, |folder| find_in(&folder.path)) {
            found.join(more);
        }
    }

    fn kept_days(&self, environment: &Environment) -> Option<u32> {
        Some(config::kept_days(environment))
    }

    fn subagents(
        &self,
        _environment: &Environment,
        place: &ConversationFile,
        found: &mut Discovery,
    ) -> Vec<Subagent> {
        let Some(folder) = place.path.parent() else { return Vec::new() };
        let nested = folder.join(&place.id).join(NESTED);
        let mut inner: Vec<Subagent> = Vec::new();
        if nested.is_dir() {
            visit_subagents(&nested, SUBAGENT_DEPTH, found, &mut |id, entry| {
                inner.push(describe_subagent(id, entry));
            });
        }
        let siblings = found.siblings(&place.path).iter();
        inner.extend(siblings.filter_map(|entry| Some(describe_subagent(subagent_id(&entry.name)?, entry))));
        inner.sort_by(|a, b| a.id.cmp(&b.id));
        inner
    }

    fn own_part(&self, inner: &Path, conversation: &Path) -> io::Result<Option<ConversationFacts>> {
        copied_answers::own_part(inner, conversation)
    }

    fn apply_line(&self, facts: &mut ConversationFacts, line: &[u8]) -> bool {
        fold::apply_line(facts, line)
    }

    fn is_counted(&self, line: &[u8]) -> bool {
        fold::is_counted(line)
    }

    fn mark(&self, line: &[u8]) -> Option<String> {
        fold::mark(line)
    }

    fn parse_line(&self, line: &[u8]) -> Vec<TranscriptItem> {
        items::parse_items(line)
    }

    fn parse_words(&self, line: &[u8], may_match: &dyn Fn(&[u8]) -> bool) -> Vec<TranscriptItem> {
        items::parse_words(line, may_match)
    }

    fn activity(&self) -> Activity {
        Activity::StatusFiles(recorded_sessions)
    }

    fn resume_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        let mut argv = vec![NAME.to_owned(), format!("--resume={id}")];
        argv.extend(fork.then(|| "--fork-session".to_owned()));
        Some(argv)
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("--model")
    }

    fn print_mode_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        let mut argv = self.resume_argv(id, fork)?;
        argv.push("--print".to_owned());
        Some(argv)
    }
}

impl SessionFiles for Sessions {
    fn transcript(&self, environment: &Environment, session: &str) -> Option<PathBuf> {
        config::transcript(environment, session)
    }

    fn restore(
        &self,
        environment: &Environment,
        session: &str,
        folder: &Path,
        transcript: &[u8],
    ) -> Result<()> {
        restore::restore(environment, session, folder, transcript)
    }

    fn cut(
        &self,
        environment: &Environment,
        session: &str,
        folder: &Path,
        length: u64,
    ) -> Result<Option<SessionId>> {
        cut::cut(environment, session, folder, length)
    }

    fn follow(&self, environment: &Environment, session: &str, folder: &Path) -> Result<()> {
        restore::follow(environment, session, folder)
    }
}

/// Finds the transcripts of one project folder, and the orphaned subagents.
fn find_in(folder: &Path) -> Discovery {
    let mut found = Discovery::default();
    let (mut ids, mut loose_subagents, mut folders) = (HashSet::new(), Vec::new(), Vec::new());
    for entry in found.list(folder, MAX_FILES) {
        if entry.is_dir {
            folders.push(entry);
        } else if subagent_id(&entry.name).is_some() {
            loose_subagents.push(entry);
        } else if let Some(id) = entry.name.strip_suffix(".jsonl") {
            if is_id(id) {
                found.add(NAME, id, &entry);
                ids.insert(id.to_owned());
            } else {
                found.add_failure(&entry.path, "its name is not the id of a session");
            }
        }
    }
    for entry in loose_subagents {
        let conversation = json::first_text(&read_beginning(&entry.path, BEGINNING), SESSION);
        match (conversation.filter(|id| ids.contains(id)), subagent_id(&entry.name)) {
            (Some(id), _) => found.add_sibling(folder.join(format!("{id}.jsonl")), entry),
            (None, Some(id)) if is_id(id) => found.add_orphan(NAME, id, &entry),
            (None, _) => {}
        }
    }
    for gone in folders.into_iter().filter(|folder| !ids.contains(&folder.name)) {
        let mut orphans = Vec::new();
        visit_subagents(&gone.path.join(NESTED), SUBAGENT_DEPTH, &mut found, &mut |id, entry| {
            orphans.push((id.to_owned(), entry.clone()));
        });
        orphans.iter().filter(|(id, _)| is_id(id)).for_each(|(id, entry)| {
            found.add_orphan(NAME, id, entry);
        });
    }
    found
}

/// Returns the id of a subagent from the name of its file: `a6f6` from `agent-a6f6.jsonl`.
fn subagent_id(name: &str) -> Option<&str> {
    name.strip_prefix("agent-")?.strip_suffix(".jsonl")
}

/// Calls `each` for the subagents below a folder. Those of workflows have separate folders:
/// `subagents/workflows/wf_1/agent-2.jsonl`.
fn visit_subagents(
    folder: &Path,
    depth: usize,
    found: &mut Discovery,
    each: &mut impl FnMut(&str, &FolderEntry),
) {
    for entry in found.list(folder, MAX_SUBAGENTS) {
        if entry.is_dir && depth > 0 {
            visit_subagents(&entry.path, depth - 1, found, each);
        } else if let Some(id) = subagent_id(&entry.name).filter(|_| !entry.is_dir) {
            each(id, &entry);
        }
    }
}

fn describe_subagent(id: &str, entry: &FolderEntry) -> Subagent {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Meta {
        #[serde(rename = "agentType")]
        kind: Option<String>,
        description: Option<String>,
    }
    let meta = read_small_file(&entry.path.with_extension("meta.json"), MAX_METADATA);
    let meta: Meta = meta.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let FolderEntry { path, size, written, .. } = entry.clone();
    Subagent { id: id.to_owned(), kind: meta.kind, about: meta.description, path, size, written }
}

/// Returns the sessions that the program recorded as running.
fn recorded_sessions(environment: &Environment) -> Vec<RunningSession> {
    let folders =
        config::dirs(environment).into_iter().filter_map(|config| fs::read_dir(config.join("sessions")).ok());
    let notes = folders.flat_map(|entries| entries.flatten().take(MAX_FILES));
    notes
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter_map(|path| read_status_file(&path))
        .collect()
}

/// Reads the file that the program keeps about a running session. The caller must check that the process still exists.
fn read_status_file(path: &Path) -> Option<RunningSession> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct StatusFile {
        pid: i32,
        proc_start: Option<serde_json::Value>,
        session_id: String,
    }
    let note: StatusFile = serde_json::from_slice(&read_small_file(path, MAX_METADATA)?).ok()?;
    let start = note.proc_start.and_then(|start| match start {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    Some(RunningSession { id: note.session_id, pid: note.pid, start })
}
