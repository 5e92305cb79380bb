//! Completions: each binary answers for itself, from its own definitions and the repository.
//!
//! The protocol between our shell scripts and the binaries is ours: `GIT_ORCHESTRA_ASK=complete`, the index of the word to
//! complete, the words. The answer is a line a candidate, `value TAB description`. It never writes, never waits for
//! anything, and is empty at any error.

use std::ffi::OsString;

use clap::Command;
use clap_complete::engine::CompletionCandidate;
use orchestra::{
    model::{Phase, text},
    ops::{candidates, sessions},
    wire,
};

use crate::here;

/// Candidates beyond this help nobody.
const MOST: usize = 200;

/// Answers the question: `words` are the index and the words.
pub fn answer(mut command: Command, mut words: Vec<OsString>) -> String {
    if words.is_empty() {
        return String::new();
    }
    let index = words.remove(0).to_str().and_then(|index| index.parse::<usize>().ok());
    let Some(index) = index.filter(|index| *index <= words.len()) else { return String::new() };
    words.resize(words.len().max(index + 1), OsString::new());
    let current = words[index].to_string_lossy().into_owned();
    let directory = here::environment().directory();
    let found = clap_complete::engine::complete(&mut command, words, index, Some(directory));
    let mut out = String::new();
    for candidate in found.unwrap_or_default() {
        let value = candidate.get_value().to_string_lossy();
        // Options are offered to those who ask for them.
        if candidate.is_hide_set() || value.starts_with('-') && !current.starts_with('-') {
            continue;
        }
        out.push_str(&line(&value, candidate.get_help().map(ToString::to_string).as_deref()));
    }
    out
}

/// One candidate.
pub fn line(value: &str, help: Option<&str>) -> String {
    let help = help.and_then(|help| help.lines().next()).unwrap_or_default();
    format!("{}\t{}\n", text::safe(value), text::one_line(help, 100))
}

/// The agents, newest first.
pub fn agents() -> Vec<CompletionCandidate> {
    agents_where(|_| true)
}

/// The agents that have not ended.
pub fn open_agents() -> Vec<CompletionCandidate> {
    agents_where(|phase| !phase.is_terminal())
}

/// The remotes of git's config.
pub fn remotes() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    repo.remotes().into_iter().take(MOST).map(CompletionCandidate::new).collect()
}

fn agents_where(wanted: impl Fn(Phase) -> bool) -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    let candidate = |one: candidates::Candidate| {
        let help = format!("{}: {}", one.phase.as_str(), one.title);
        CompletionCandidate::new(one.id.as_str()).help(Some(help.into()))
    };
    candidates::agents_where(&repo, MOST, wanted).into_iter().map(candidate).collect()
}

/// The user's branches.
pub fn branches() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    candidates::branches(&repo, MOST).into_iter().map(CompletionCandidate::new).collect()
}

/// The programs whose conversations can be read.
pub fn conversing() -> Vec<CompletionCandidate> {
    candidates::session_programs().into_iter().map(CompletionCandidate::new).collect()
}

/// The conversations of this repository, newest first.
pub fn conversations() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    let Ok(report) = sessions::glance(&repo, MOST) else { return Vec::new() };
    let candidate = |one: sessions::Session| {
        let help = format!("{}: {}", one.program, one.title.unwrap_or_default());
        CompletionCandidate::new(one.id).help(Some(help.into()))
    };
    report.sessions.into_iter().map(candidate).collect()
}

/// What can land.
pub fn agents_and_branches() -> Vec<CompletionCandidate> {
    agents().into_iter().chain(branches()).collect()
}

/// What can be taken back.
pub fn operations() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    let candidate = |one: candidates::Operation| {
        let help = format!("{}: {}", one.command(), one.summary);
        CompletionCandidate::new(one.id).help(Some(help.into()))
    };
    candidates::operations(&repo, MOST).into_iter().map(candidate).collect()
}

/// The agents that spawn can start.
pub fn profiles() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    candidates::profiles(&repo).into_iter().map(CompletionCandidate::new).collect()
}

/// The kinds of answers that have a schema.
pub fn kinds() -> Vec<CompletionCandidate> {
    let candidate = |one: &wire::Described| CompletionCandidate::new(one.name).help(Some(one.about().into()));
    wire::KINDS.iter().map(candidate).collect()
}
