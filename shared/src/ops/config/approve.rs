//! Deciding about the settings that a project proposes in its file: a person saw exactly this content, and approves or declines it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{change, check_readable};
use crate::{
    Code, Error, Result,
    config::{Config, Edit, Key, Proposal, TableKey, keys},
    context::Context,
    git::Repo,
};

/// About which content a person decides.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionRequest {
    /// The SHA-256 of the file that the person saw, in hexadecimal.
    pub hash: String,
}

/// The project's file that a person approved.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "ConfigApproval")]
pub struct Approval {
    /// The SHA-256 of the file, in hexadecimal.
    pub hash: String,
    /// The keys that hold from now on.
    pub keys: Vec<String>,
}

/// The project's file that a person declined.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "ConfigDecline")]
pub struct Decline {
    /// The SHA-256 of the file, in hexadecimal.
    pub hash: String,
    /// The keys that it proposes, and that do not hold.
    pub keys: Vec<String>,
}

/// Returns the project's file as it is now; `None` if there is none.
///
/// # Errors
/// It cannot be read or parsed (3).
pub fn proposal(repo: &Repo) -> Result<Option<Proposal>> {
    check_readable(repo)?;
    Config::of(repo).proposal()
}

/// Records that a person approves the project's file.
///
/// # Errors
/// The file does not exist, or has changed since the person saw it (3); an agent called it (3); the configuration is locked (4).
pub fn approve(context: &Context, repo: &Repo, request: &DecisionRequest) -> Result<Approval> {
    let proposal = decide(context, repo, request, "approve")?;
    record(repo, &proposal.digest, &keys::APPROVED, &keys::DECLINED)?;
    Ok(Approval { hash: proposal.digest, keys: proposal.keys })
}

/// Records that a person declines the project's file: what it proposes does not hold, and nobody is asked about this content again. An
/// approval of it ends.
///
/// # Errors
/// As those of [`approve`].
pub fn decline(context: &Context, repo: &Repo, request: &DecisionRequest) -> Result<Decline> {
    let proposal = decide(context, repo, request, "decline")?;
    record(repo, &proposal.digest, &keys::DECLINED, &keys::APPROVED)?;
    Ok(Decline { hash: proposal.digest, keys: proposal.keys })
}

/// Returns the file as it is now, if a person may decide about it and it is the one that they saw.
fn decide(context: &Context, repo: &Repo, request: &DecisionRequest, verb: &str) -> Result<Proposal> {
    context.check()?;
    change::refuse_agents(context, Some(repo))?;
    let proposal = proposal(repo)?.ok_or_else(no_file)?;
    if proposal.digest != request.hash.trim().to_ascii_lowercase() {
        return Err(Error::new(Code::ProposalUnapproved, "the hash is not that of the file '.gitorchestra'")
            .hint(format!("git orchestra config {verb} takes the file as it is now")));
    }
    Ok(proposal)
}

/// Sets the key of a decision, and removes the opposite one about the same content. As long as both are there, the file is declined.
fn record(
    repo: &Repo,
    digest: &str,
    decided: &Key<Option<String>>,
    opposite: &Key<Option<String>>,
) -> Result<()> {
    change::change_accepted(repo, &TableKey::require(decided.name())?, Edit::Set(digest))?;
    if repo.config(opposite.name()).is_some_and(|recorded| recorded.trim() == digest) {
        let opposite = TableKey::require(opposite.name())?;
        change::change_accepted(&repo.reopen()?, &opposite, Edit::Unset)?;
    }
    Ok(())
}

/// Returns the error of a repository without a file of the project.
pub fn no_file() -> Error {
    Error::refused("the commit that is checked out in the main checkout has no file '.gitorchestra'")
        .hint("the file must be committed; git-orchestra-config(1) describes it")
}
