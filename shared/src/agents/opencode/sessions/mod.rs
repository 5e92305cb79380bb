//! opencode's sessions, as version 1.18.33 exports them: they are in a database that its own commands read. Messages are copied to
//! `<cache>/git-orchestra/opencode`; tool results are exported only when somebody wants to see them. The branch is not recorded.

mod command;
mod copies;
mod export;
mod lines;
mod queries;

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};

pub(super) use command::ISOLATION;
use command::Opencode;
use copies::Copies;

use super::NAME;
use crate::{
    conversation::{
        Activity, ConversationFacts, ConversationFile, Discovery, FolderEntry, Installed, SessionImport,
        SessionReader, Storage, Subagent, Transcript, TranscriptItem,
        files::read_beginning,
        folders::{cache, user_folder},
    },
    world::Environment,
};

/// The prefix of session ids.
const PREFIX: &str = "ses_";
/// Maximum number of entries that are listed in one folder.
const MOST: usize = 20_000;
/// Number of bytes at the beginning of a subagent's copy that are searched for its kind and title.
const HEADER: u64 = 8 << 10;

/// Reads opencode's sessions.
pub(super) struct Sessions;

impl SessionReader for Sessions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        copies(environment).map(|copies| copies.folder().to_owned()).into_iter().collect()
    }

    fn owns_id_prefix(&self, typed: &str) -> bool {
        typed.starts_with(PREFIX) || PREFIX.starts_with(typed)
    }

    fn find(&self, environment: &Environment, found: &mut Discovery) {
        let Some((copies, database)) = copies(environment).zip(database(environment)) else { return };
        if !database.is_file() {
            return;
        }
        if found.may_ask
            && let Err(error) = copies.refresh(&database, program(environment, &found.installed))
        {
            found.add_failure(&database, error.to_string());
        }
        let (folders, files): (Vec<FolderEntry>, Vec<FolderEntry>) =
            found.list(copies.folder(), MOST).into_iter().partition(|entry| entry.is_dir);
        let mut ids = HashSet::new();
        for entry in &files {
            if let Some(id) = entry.name.strip_suffix(".jsonl") {
                found.add(NAME, id, entry);
                ids.insert(id);
            }
        }
        for gone in folders.iter().filter(|folder| !ids.contains(folder.name.as_str())) {
            for entry in found.list(&gone.path, MOST).into_iter().filter(|entry| !entry.is_dir) {
                if let Some(id) = entry.name.strip_suffix(".jsonl") {
                    found.add_orphan(NAME, id, &entry);
                }
            }
        }
    }

    fn subagents(
        &self,
        environment: &Environment,
        place: &ConversationFile,
        found: &mut Discovery,
    ) -> Vec<Subagent> {
        let Some(copies) = copies(environment) else { return Vec::new() };
        let entries = found.list(&copies.inner(&place.id), MOST);
        let mut all: Vec<Subagent> = entries
            .into_iter()
            .filter_map(|entry| {
                let id = entry.name.strip_suffix(".jsonl")?.to_owned();
                let (kind, about) = header(&entry.path);
                Some(Subagent { id, kind, about, path: entry.path, size: entry.size, written: entry.written })
            })
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    fn apply_line(&self, facts: &mut ConversationFacts, line: &[u8]) -> bool {
        let line = lines::parse(line);
        line.iter().for_each(|line| lines::apply(facts, line));
        line.is_some()
    }

    fn is_counted(&self, _line: &[u8]) -> bool {
        true
    }

    fn parse_line(&self, line: &[u8]) -> Vec<TranscriptItem> {
        let said = lines::parse(line).map(|line| line.said()).unwrap_or_default();
        said.into_iter().map(|(at, what)| TranscriptItem::new(at.as_deref(), what)).collect()
    }

    fn whole(
        &self,
        environment: &Environment,
        id: &str,
        _path: &Path,
        installed: &Installed,
    ) -> io::Result<Transcript> {
        export::whole(&program(environment, installed)?, id).map(Transcript::made)
    }

    fn storage(&self) -> Storage<'_> {
        Storage::Program(self)
    }

    fn activity(&self) -> Activity {
        Activity::Inferred
    }

    fn resume_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        Some(words(&[NAME, "--session", id], fork))
    }

    fn prompt_flag(&self) -> Option<&'static str> {
        Some("--prompt")
    }

    fn model_flag(&self) -> Option<&'static str> {
        Some("--model")
    }

    fn print_mode_argv(&self, id: &str, fork: bool) -> Option<Vec<String>> {
        Some(words(&[NAME, "run", "--session", id], fork))
    }
}

impl SessionImport for Sessions {
    fn import(
        &self,
        environment: &Environment,
        transcript: &Path,
        folder: &Path,
        installed: &Installed,
    ) -> io::Result<()> {
        export::import(&program(environment, installed)?, transcript, folder)
    }
}

fn words(words: &[&str], fork: bool) -> Vec<String> {
    let fork = fork.then_some("--fork");
    words.iter().copied().chain(fork).map(str::to_owned).collect()
}

fn program(environment: &Environment, installed: &Installed) -> io::Result<Opencode> {
    let path = installed.path(environment, NAME);
    let path = path.ok_or_else(|| io::Error::other("the program 'opencode' is not installed"))?;
    Ok(Opencode { path, environment: environment.clone() })
}

fn copies(environment: &Environment) -> Option<Copies> {
    Some(Copies::at(cache(environment)?.join(NAME)))
}

/// Returns the path of the database.
fn database(environment: &Environment) -> Option<PathBuf> {
    let name =
        environment.variable("OPENCODE_DB").map_or_else(|| PathBuf::from("opencode.db"), PathBuf::from);
    Some(user_folder(environment, "XDG_DATA_HOME", ".local/share")?.join(NAME).join(name))
}

/// Returns the kind and the title of a subagent.
fn header(path: &Path) -> (Option<String>, Option<String>) {
    let bytes = read_beginning(path, HEADER);
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').filter_map(lines::parse).collect();
    let kind = lines.iter().find_map(|line| line.info.agent.clone());
    (kind, lines.first().and_then(|line| line.info.given_title()).map(str::to_owned))
}
