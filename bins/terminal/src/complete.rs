//! Answers completions: each binary completes its own command line, from its definition and the repository.
//!
//! The shell scripts set `GIT_ORCHESTRA_ASK=complete` and pass the index of the word to complete and all
//! words. The answer has one line per candidate, `value TAB description`. Completing never writes, never
//! waits, and yields nothing on an error.

use std::{ffi::OsString, sync::OnceLock};

use clap::Command;
use clap_complete::engine::CompletionCandidate;
use orchestra::{
    config::{Choices, TableKey, short_name},
    context::Context,
    model::{Phase, tag::SELECTOR, text},
    ops::{candidates, config, sessions, spec},
    wire,
};

use crate::here;

/// The largest number of candidates: more would not help.
const MAX_CANDIDATES: usize = 200;

/// The words before the one to complete, after the name of the command and that of its subcommand.
static WORDS: OnceLock<Vec<OsString>> = OnceLock::new();
/// The part of the word to complete that was typed.
static CURRENT: OnceLock<String> = OnceLock::new();

/// Returns the candidates, one per line. `words` are the index and the words of the command line.
pub fn complete_words(mut command: Command, mut words: Vec<OsString>) -> String {
    if words.is_empty() {
        return String::new();
    }
    let index = words.remove(0).to_str().and_then(|index| index.parse::<usize>().ok());
    let Some(index) = index.filter(|index| *index <= words.len()) else { return String::new() };
    words.resize(words.len().max(index + 1), OsString::new());
    let current = words[index].to_string_lossy().into_owned();
    let _ = CURRENT.set(current.clone());
    let _ = WORDS.set(words[..index].iter().skip(2).cloned().collect());
    let directory = here::environment().directory();
    let found = clap_complete::engine::complete(&mut command, words, index, Some(directory));
    let mut out = String::new();
    for candidate in found.unwrap_or_default() {
        let value = candidate.get_value().to_string_lossy();
        // Options are offered only if the word begins with a dash.
        if candidate.is_hide_set() || value.starts_with('-') && !current.starts_with('-') {
            continue;
        }
        out.push_str(&line(&value, candidate.get_help().map(ToString::to_string).as_deref()));
    }
    out
}

/// Formats one candidate.
pub fn line(value: &str, help: Option<&str>) -> String {
    let help = help.and_then(|help| help.lines().next()).unwrap_or_default();
    format!("{}\t{}\n", text::safe(value), text::one_line(help, 100))
}

/// Lists the agents, newest first.
pub fn agents() -> Vec<CompletionCandidate> {
    agents_where(|_| true)
}

/// Lists the agents that have not ended.
pub fn open_agents() -> Vec<CompletionCandidate> {
    agents_where(|phase| !phase.is_terminal())
}

/// Lists the agents, and the selectors of their tags.
pub fn agents_and_tags() -> Vec<CompletionCandidate> {
    agents().into_iter().chain(tags()).collect()
}

/// Lists the agents that have not ended, and the selectors of all tags.
pub fn open_agents_and_tags() -> Vec<CompletionCandidate> {
    open_agents().into_iter().chain(tags()).collect()
}

/// Lists the tags that agents have.
pub fn tag_names() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    let tags = candidates::tags(&repo, MAX_CANDIDATES);
    tags.iter().filter_map(|tag| Some(CompletionCandidate::new(tag.strip_prefix(SELECTOR)?))).collect()
}

fn tags() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    candidates::tags(&repo, MAX_CANDIDATES).into_iter().map(CompletionCandidate::new).collect()
}

/// Lists the remotes of git's configuration.
pub fn remotes() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    repo.remotes().into_iter().take(MAX_CANDIDATES).map(CompletionCandidate::new).collect()
}

fn agents_where(wanted: impl Fn(Phase) -> bool) -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    let candidate = |one: candidates::AgentCandidate| {
        let help = format!("{}: {}", one.phase.as_str(), one.title);
        CompletionCandidate::new(one.id.as_str()).help(Some(help.into()))
    };
    candidates::agents_where(&repo, MAX_CANDIDATES, wanted).into_iter().map(candidate).collect()
}

/// Lists the user's branches.
pub fn branches() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    candidates::branches(&repo, MAX_CANDIDATES).into_iter().map(CompletionCandidate::new).collect()
}

/// Lists the programs whose sessions can be read.
pub fn session_programs() -> Vec<CompletionCandidate> {
    candidates::session_programs().into_iter().map(CompletionCandidate::new).collect()
}

/// Lists the sessions of this repository, newest first.
pub fn session_ids() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    let Ok(report) = sessions::newest(&repo, MAX_CANDIDATES) else { return Vec::new() };
    let candidate = |one: sessions::Session| {
        let help = format!("{}: {}", one.program, one.title.unwrap_or_default());
        CompletionCandidate::new(one.id).help(Some(help.into()))
    };
    report.sessions.into_iter().map(candidate).collect()
}

/// Lists agents and branches, which can land.
pub fn agents_and_branches() -> Vec<CompletionCandidate> {
    agents().into_iter().chain(branches()).collect()
}

/// Lists agents, the selectors of their tags, and branches.
pub fn agents_tags_and_branches() -> Vec<CompletionCandidate> {
    agents_and_tags().into_iter().chain(branches()).collect()
}

/// Lists the operations that can be undone.
pub fn operations() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    let candidate = |one: candidates::Operation| {
        let help = format!("{}: {}", one.command(), one.summary);
        CompletionCandidate::new(one.id).help(Some(help.into()))
    };
    candidates::operations(&repo, MAX_CANDIDATES).into_iter().map(candidate).collect()
}

/// Lists the profiles that spawn can start.
pub fn profiles() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    candidates::profiles(&repo).into_iter().map(CompletionCandidate::new).collect()
}

/// Lists the specs.
pub fn specs() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    let names = spec::names(&repo).unwrap_or_default();
    names.into_iter().map(|name| CompletionCandidate::new(name.to_string())).collect()
}

/// Lists the MCP servers that agents can get.
pub fn mcp_servers() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    candidates::mcp_servers(&repo).into_iter().map(CompletionCandidate::new).collect()
}

/// Lists the teams that spawn can start.
pub fn teams() -> Vec<CompletionCandidate> {
    let Ok(repo) = here::repository() else { return Vec::new() };
    candidates::teams(&repo).into_iter().map(CompletionCandidate::new).collect()
}

/// Lists the keys of the configuration.
pub fn config_keys() -> Vec<CompletionCandidate> {
    keys_where(true)
}

/// Lists the keys of the configuration that are set.
pub fn config_set_keys() -> Vec<CompletionCandidate> {
    keys_where(false)
}

fn keys_where(all: bool) -> Vec<CompletionCandidate> {
    let repo = here::repository_if_any().ok().flatten();
    let request = config::Request { key: None, all };
    let report = config::run(&Context::of(here::environment()), repo.as_ref(), &request);
    let settings = report.map(|report| report.settings).unwrap_or_default();
    // A name without the section is offered only to who begins to type it, so that no key is listed twice.
    let is_short = CURRENT.get().is_some_and(|typed| !typed.is_empty());
    let names = |key: &str| {
        let short = is_short.then(|| short_name(key).to_owned());
        std::iter::once(key.to_owned()).chain(short).collect::<Vec<_>>()
    };
    let candidates = |one: config::SettingObject| {
        let help = one.purpose;
        let candidate = |name| CompletionCandidate::new(name).help(Some(help.clone().into()));
        names(&one.key).into_iter().map(candidate).collect::<Vec<_>>()
    };
    settings.into_iter().take(MAX_CANDIDATES).flat_map(candidates).collect()
}

/// Lists the values of the key that was typed before, if there are few.
pub fn config_values() -> Vec<CompletionCandidate> {
    let Some(key) = WORDS.get().into_iter().flatten().find_map(|word| TableKey::find(word.to_str()?)) else {
        return Vec::new();
    };
    match key.key().choices() {
        Choices::Words(words) => words.iter().map(CompletionCandidate::new).collect(),
        Choices::Profiles => profiles(),
        Choices::Branches => branches(),
        Choices::Remotes => remotes(),
        Choices::Open => Vec::new(),
    }
}

/// Lists the kinds of answers that have a schema.
pub fn answer_kinds() -> Vec<CompletionCandidate> {
    let candidate =
        |one: &wire::MessageType| CompletionCandidate::new(one.name).help(Some(one.about().into()));
    wire::KINDS.iter().map(candidate).collect()
}
