//! Claude Code's own files: `<config>/projects/<folder>/<session>.jsonl`. The folder's name is lossy, so it is never decoded.
//! Sub-agents lie in `<session>/subagents/`, in older versions beside their conversation.

mod fold;
mod line;
mod pieces;
mod repeated;
mod restore;
mod typed;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use self::restore::{bring_along, restore};
use super::{Entry, Facts, Found, Inner, Piece, Place, Program, Running, program, reading};
use crate::world;

/// The name of its profile.
pub const NAME: &str = "claude";
/// More folders than anyone has projects, and more files than any has conversations.
const MAX_FOLDERS: usize = 20_000;
const MAX_FILES: usize = 50_000;
/// More than any conversation has sub-agents.
const MAX_INNER: usize = 1_000;
/// Folders in folders of sub-agents: `workflows`, then one for each workflow.
const INNER_DEPTH: usize = 2;
/// Longest note beside a sub-agent or a live session, in bytes.
const NOTE: u64 = 64 << 10;

/// See the module.
pub(super) struct Claude;

/// The folder of the program's settings.
pub fn config_dir() -> Option<PathBuf> {
    let own = world::variable("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    own.or_else(|| Some(PathBuf::from(world::variable("HOME")?).join(".claude")))
}

/// The file of a conversation, if there is one.
pub fn transcript(session: &str) -> Option<PathBuf> {
    // The id comes from an event: it must not lead elsewhere.
    if !program::is_id(session) {
        return None;
    }
    let name = format!("{session}.jsonl");
    let folders = fs::read_dir(config_dir()?.join("projects")).ok()?;
    folders.flatten().take(MAX_FOLDERS).map(|folder| folder.path().join(&name)).find(|path| path.is_file())
}

impl Program for Claude {
    fn name(&self) -> &'static str {
        NAME
    }

    fn root(&self) -> Option<PathBuf> {
        Some(config_dir()?.join("projects"))
    }

    fn find(&self, found: &mut Found) {
        let Some(root) = self.root() else { return };
        let mut folders = found.list(&root, MAX_FOLDERS);
        // The others are files, or links to them: of folders there is only one kind.
        folders.retain(|folder| folder.is_dir);
        // Nothing of a list that is remembered takes longer than to look at each file.
        for more in reading::on_all_cores(&folders, |folder| files_in(&folder.path)) {
            found.join(more);
        }
    }

    fn inner(&self, place: &Place, found: &mut Found) -> Vec<Inner> {
        let Some(folder) = place.path.parent() else { return Vec::new() };
        let nested = folder.join(&place.id).join("subagents");
        let mut inner: Vec<Inner> = Vec::new();
        if nested.is_dir() {
            below(&nested, INNER_DEPTH, found, &mut inner);
        }
        for entry in found.strays_of(folder) {
            let begins = || program::beginning(&entry.path, NOTE);
            if let Some(id) = sub_agent(&entry.name).filter(|_| fold::begins_in(&begins(), &place.id)) {
                inner.push(described(id, entry));
            }
        }
        inner.sort_by(|a, b| a.id.cmp(&b.id));
        inner
    }

    fn own_part(&self, inner: &Path, conversation: &Path) -> io::Result<Option<Facts>> {
        repeated::own_part(inner, conversation)
    }

    fn learn(&self, facts: &mut Facts, line: &[u8]) -> bool {
        fold::learn(facts, line)
    }

    fn counts(&self, line: &[u8]) -> bool {
        fold::counts(line)
    }

    fn mark(&self, line: &[u8]) -> Option<String> {
        fold::mark(line)
    }

    fn pieces(&self, line: &[u8]) -> Vec<Piece> {
        pieces::pieces(line)
    }

    fn running(&self) -> Vec<Running> {
        let Some(config) = config_dir() else { return Vec::new() };
        let Ok(entries) = fs::read_dir(config.join("sessions")) else { return Vec::new() };
        let notes = entries.flatten().take(MAX_FILES).map(|entry| entry.path());
        notes
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .filter_map(|path| running(&path))
            .collect()
    }

    fn resume(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        let mut argv = vec![NAME.to_owned(), format!("--resume={id}")];
        argv.extend(fork.then(|| "--fork-session".to_owned()));
        Some(argv)
    }

    fn tell(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        let mut argv = self.resume(id, fork)?;
        argv.push("--print".to_owned());
        Some(argv)
    }
}

/// The conversations of one folder, newest last as the folder gives them.
fn files_in(folder: &Path) -> Found {
    let mut found = Found::default();
    for entry in found.list(folder, MAX_FILES) {
        let Some(id) = entry.name.strip_suffix(".jsonl").filter(|_| !entry.is_dir) else { continue };
        if sub_agent(&entry.name).is_some() {
            found.stray(folder, entry);
        } else if program::is_id(id) {
            found.add(NAME, id, &entry);
        }
    }
    found
}

/// `a6f6` of `agent-a6f6.jsonl`.
fn sub_agent(name: &str) -> Option<&str> {
    name.strip_prefix("agent-")?.strip_suffix(".jsonl")
}

/// The sub-agents below a folder; those of workflows have folders of their own: `subagents/workflows/wf_1/agent-2.jsonl`.
fn below(folder: &Path, depth: usize, found: &mut Found, inner: &mut Vec<Inner>) {
    for entry in found.list(folder, MAX_INNER) {
        if entry.is_dir && depth > 0 {
            below(&entry.path, depth - 1, found, inner);
        } else if let Some(id) = sub_agent(&entry.name).filter(|_| !entry.is_dir && inner.len() < MAX_INNER) {
            inner.push(described(id, &entry));
        }
    }
}

fn described(id: &str, entry: &Entry) -> Inner {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Meta {
        #[serde(rename = "agentType")]
        kind: Option<String>,
        description: Option<String>,
    }
    let meta = program::note(&entry.path.with_extension("meta.json"), NOTE);
    let meta: Meta = meta.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let Entry { path, size, written, .. } = entry.clone();
    Inner { id: id.to_owned(), kind: meta.kind, about: meta.description, path, size, written }
}

/// What the program says of itself while it runs; whether it still does, the machine tells.
fn running(note: &Path) -> Option<Running> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Note {
        pid: i32,
        proc_start: Option<serde_json::Value>,
        session_id: String,
    }
    let note: Note = serde_json::from_slice(&program::note(note, NOTE)?).ok()?;
    let start = note.proc_start.and_then(|start| match start {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    Some(Running { id: note.session_id, pid: note.pid, start })
}
