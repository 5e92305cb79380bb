//! Whether a verdict holds for the work as it is now.

use serde::Serialize;

use crate::{
    Result,
    git::{Git, Oid, Repo, command},
    model::{Agent, verdict::Standing},
    store::writer,
};

/// Of which work a verdict is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
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
    let patch = Git::new(&place, "diff-tree")
        .args(["-p", "--no-ext-diff", "--no-textconv", "--full-index", &base.to_string(), &head.to_string()])
        .limit(command::LONG)
        .run()?;
    let said = Git::new(&place, "patch-id").arg("--stable").input(patch).limit(command::LONG).line()?;
    Ok(said.split_whitespace().next().unwrap_or_default().to_owned())
}

/// The verdict on an agent's work, and whether it holds.
///
/// # Errors
/// As [`patch_id`].
pub fn of(repo: &Repo, agent: &Agent, head: Oid) -> Result<Option<(Standing, Holds)>> {
    let Some(verdict) = agent.verdict.clone() else { return Ok(None) };
    if verdict.is_of(&agent.base, &head.to_string()) {
        return Ok(Some((verdict, Holds::Current)));
    }
    let same = match Oid::parse(&agent.base) {
        Some(base) => !verdict.patch.is_empty() && patch_id(repo, base, head)? == verdict.patch,
        None => false,
    };
    Ok(Some((verdict, if same { Holds::Carried } else { Holds::Stale })))
}

/// Whether what that writer says decides anything here (a verdict, a message, an answer): what we say does, and what those say
/// whom the user trusts.
pub fn counts(repo: &Repo, writer: &str) -> bool {
    writer::known_writer(repo).as_deref() == Some(writer)
        || repo.config_all("orchestra.trustWriter").iter().any(|trusted| trusted == writer)
}
