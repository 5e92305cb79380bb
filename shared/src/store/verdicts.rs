//! Verdicts that count in this clone, and whether they hold for the work as it is now.

use std::{cell::OnceCell, collections::HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    config::{Config, keys::TRUST_WRITER},
    git::{Oid, Repo, command},
    model::{
        Agent, AgentId, quote,
        verdict::{self, CurrentVerdict},
    },
    store::{AgentLog, writer},
};

/// How the work of a verdict compares with the present work.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictMatch {
    /// Base and head are the same.
    Current,
    /// The patch is the same, on another base or in other commits.
    Carried,
    /// The patch is different.
    Stale,
}

/// Returns the id of the patch between two commits; empty for an empty patch. It does not depend on line numbers.
///
/// # Errors
/// A commit cannot be read, or git fails.
pub fn patch_id(repo: &Repo, base: Oid, head: Oid) -> Result<String> {
    let place = repo.common_dir()?;
    let patch = repo
        .git_in(&place, "diff-tree")
        .args(["-p", "--no-ext-diff", "--no-textconv", "--full-index", &base.to_string(), &head.to_string()])
        .limit(command::LONG_LIMIT)
        .run()?;
    let output =
        repo.git_in(&place, "patch-id").arg("--stable").input(patch).limit(command::LONG_LIMIT).line()?;
    Ok(output.split_whitespace().next().unwrap_or_default().to_owned())
}

/// The clones whose verdicts, messages, and answers count here: this clone, and those that the user trusts
/// (`orchestra.trustWriter`). They are read once, when they are first needed, so that a list asks for them once.
pub struct TrustedWriters<'repo> {
    repo: &'repo Repo,
    known: OnceCell<HashSet<String>>,
}

impl<'repo> TrustedWriters<'repo> {
    /// Returns the trusted clones of a repository, which are not read yet.
    pub const fn of(repo: &'repo Repo) -> Self {
        Self { repo, known: OnceCell::new() }
    }

    /// Returns the repository whose clones they are.
    pub const fn repo(&self) -> &'repo Repo {
        self.repo
    }

    /// Returns whether what a writer says counts here.
    pub fn contains(&self, writer: &str) -> bool {
        let known = self.known.get_or_init(|| {
            let own = writer::known_writer(self.repo).map(|own| own.to_string());
            own.into_iter().chain(Config::of(self.repo).all(&TRUST_WRITER)).collect()
        });
        known.contains(writer)
    }

    /// Returns the verdict on an agent's work that counts, whether or not it holds for the present work.
    ///
    /// # Errors
    /// The agent's events cannot be read.
    pub fn effective(&self, id: &AgentId, agent: &Agent) -> Result<Option<CurrentVerdict>> {
        if agent.verdict_writers.iter().all(|writer| self.contains(writer)) {
            return Ok(agent.verdict.clone());
        }
        if !agent.verdict_writers.iter().any(|writer| self.contains(writer)) {
            return Ok(None);
        }
        let mut all = AgentLog::of(self.repo, id)?.fold.verdicts;
        all.retain(|verdict| self.contains(&verdict.writer));
        Ok(verdict::effective_verdict(&all).cloned())
    }

    /// Returns the verdict on an agent's work that counts, and whether it holds for the work at `head`. A verdict from a clone that
    /// the user does not trust does not count: it neither approves the work nor replaces a verdict from another clone.
    ///
    /// # Errors
    /// [`patch_id`] fails, or the agent's events cannot be read.
    pub fn effective_for(
        &self,
        id: &AgentId,
        agent: &Agent,
        head: Oid,
    ) -> Result<Option<(CurrentVerdict, VerdictMatch)>> {
        match self.effective(id, agent)? {
            Some(verdict) => Ok(Some(match_work(self.repo, agent, head, verdict)?)),
            None => Ok(None),
        }
    }

    /// Returns the verdict on an agent's work if it comes from a clone that the user does not trust.
    pub fn untrusted_verdict(&self, agent: &Agent) -> Option<CurrentVerdict> {
        agent.verdict.as_ref().filter(|verdict| !self.contains(&verdict.writer)).cloned()
    }
}

/// For one agent, as [`TrustedWriters::effective_for`].
///
/// # Errors
/// As there.
pub fn effective_for(
    repo: &Repo,
    id: &AgentId,
    agent: &Agent,
    head: Oid,
) -> Result<Option<(CurrentVerdict, VerdictMatch)>> {
    TrustedWriters::of(repo).effective_for(id, agent, head)
}

/// For one agent, as [`TrustedWriters::effective`].
///
/// # Errors
/// As there.
pub fn effective(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<CurrentVerdict>> {
    TrustedWriters::of(repo).effective(id, agent)
}

/// For one agent, as [`TrustedWriters::untrusted_verdict`].
pub fn untrusted_verdict(repo: &Repo, agent: &Agent) -> Option<CurrentVerdict> {
    TrustedWriters::of(repo).untrusted_verdict(agent)
}

/// Returns the command by which the verdicts of a clone count from then on.
pub fn how_to_trust(writer: &str) -> String {
    quote::command(&[&"git", &"config", &"--add", &TRUST_WRITER.name(), &writer])
}

/// Determines whether a verdict holds for the work at `head`.
///
/// # Errors
/// The same as of [`patch_id`].
pub fn match_work(
    repo: &Repo,
    agent: &Agent,
    head: Oid,
    verdict: CurrentVerdict,
) -> Result<(CurrentVerdict, VerdictMatch)> {
    if verdict.is_on(&agent.base, Some(&head.into())) {
        return Ok((verdict, VerdictMatch::Current));
    }
    let same = match agent.base.commit() {
        Some(base) => !verdict.patch.is_empty() && patch_id(repo, base, head)? == verdict.patch,
        None => false,
    };
    Ok((verdict, if same { VerdictMatch::Carried } else { VerdictMatch::Stale }))
}

/// For one writer, as [`TrustedWriters::contains`].
pub fn is_trusted(repo: &Repo, writer: &str) -> bool {
    TrustedWriters::of(repo).contains(writer)
}
