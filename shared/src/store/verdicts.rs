//! Whether a verdict holds for the work as it is now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    config::{Config, keys::TRUST_WRITER},
    git::{Oid, Repo, command},
    model::{
        Agent, AgentId,
        verdict::{self, CurrentVerdict},
    },
    store::{Chain, writer},
};

/// Of which work a verdict is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictMatch {
    /// Of just this one.
    Current,
    /// Of the same patch, on another base or in other commits.
    Carried,
    /// Of another one.
    Stale,
}

/// The id of the patch between two commits; empty for an empty one. The same changes have the same id, wherever they stand.
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
    let said =
        repo.git_in(&place, "patch-id").arg("--stable").input(patch).limit(command::LONG_LIMIT).line()?;
    Ok(said.split_whitespace().next().unwrap_or_default().to_owned())
}

/// The verdict on an agent's work that decides, and whether it holds. What is said in clones that the user does not trust decides
/// nothing: it neither approves the work, nor takes the place of what was said in the others.
///
/// # Errors
/// As [`patch_id`], or its events cannot be read.
pub fn of(
    repo: &Repo,
    id: &AgentId,
    agent: &Agent,
    head: Oid,
) -> Result<Option<(CurrentVerdict, VerdictMatch)>> {
    match counting(repo, id, agent)? {
        Some(verdict) => Ok(Some(held(repo, agent, head, verdict)?)),
        None => Ok(None),
    }
}

/// The verdict that decides, of whichever work it is.
///
/// # Errors
/// Its events cannot be read.
pub fn counting(repo: &Repo, id: &AgentId, agent: &Agent) -> Result<Option<CurrentVerdict>> {
    if agent.judges.iter().all(|writer| counts(repo, writer)) {
        return Ok(agent.verdict.clone());
    }
    if !agent.judges.iter().any(|writer| counts(repo, writer)) {
        return Ok(None);
    }
    let mut all = Chain::of_agent(repo, id)?.fold().verdicts;
    all.retain(|verdict| counts(repo, &verdict.writer));
    Ok(verdict::standing(&all).cloned())
}

/// What a clone proposes that the user does not trust, if that would be the verdict.
pub fn proposed(repo: &Repo, agent: &Agent) -> Option<CurrentVerdict> {
    agent.verdict.clone().filter(|verdict| !counts(repo, &verdict.writer))
}

/// A verdict, and whether it holds for the work at `head`.
///
/// # Errors
/// As [`patch_id`].
pub fn held(
    repo: &Repo,
    agent: &Agent,
    head: Oid,
    verdict: CurrentVerdict,
) -> Result<(CurrentVerdict, VerdictMatch)> {
    if verdict.is_of(&agent.base, Some(&head.into())) {
        return Ok((verdict, VerdictMatch::Current));
    }
    let same = match agent.base.commit() {
        Some(base) => !verdict.patch.is_empty() && patch_id(repo, base, head)? == verdict.patch,
        None => false,
    };
    Ok((verdict, if same { VerdictMatch::Carried } else { VerdictMatch::Stale }))
}

/// Whether what that writer says decides anything here (a verdict, a message, an answer): what we say does, and what those say
/// whom the user trusts.
pub fn counts(repo: &Repo, writer: &str) -> bool {
    writer::known_writer(repo).as_deref() == Some(writer)
        || Config::of(repo).all(&TRUST_WRITER).iter().any(|trusted| trusted == writer)
}
