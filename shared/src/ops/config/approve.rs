//! Approving the settings that a team proposes in its file: a person saw exactly this content.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{change, check_readable};
use crate::{
    Code, Error, Result,
    config::{Config, Edit, Proposal, TableKey, keys},
    context::Context,
    git::Repo,
};

/// Which content a person approves.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApproveRequest {
    /// The SHA-256 of the file that the person saw, in hexadecimal.
    pub hash: String,
}

/// The team's file that a person approved.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "ConfigApproval")]
pub struct Approval {
    /// The SHA-256 of the file, in hexadecimal.
    pub hash: String,
    /// The keys that hold from now on.
    pub keys: Vec<String>,
}

/// Returns the team's file as it is now; `None` if there is none.
///
/// # Errors
/// It cannot be read or parsed (3).
pub fn proposal(repo: &Repo) -> Result<Option<Proposal>> {
    check_readable(repo)?;
    Config::of(repo).proposal()
}

/// Records that a person approves the team's file.
///
/// # Errors
/// The file does not exist, or has changed since the person saw it (3); an agent called it (3); the configuration is locked (4).
pub fn approve(context: &Context, repo: &Repo, request: &ApproveRequest) -> Result<Approval> {
    context.check()?;
    change::refuse_agents(context)?;
    let proposal = proposal(repo)?.ok_or_else(no_file)?;
    if proposal.digest != request.hash.trim().to_ascii_lowercase() {
        return Err(Error::new(Code::ProposalUnapproved, "the hash is not that of the file '.gitorchestra'")
            .hint("git orchestra config approve shows the file as it is now, and asks"));
    }
    let key = TableKey::require(keys::APPROVED.name())?;
    change::change_accepted(repo, &key, Edit::Set(&proposal.digest))?;
    Ok(Approval { hash: proposal.digest, keys: proposal.keys })
}

/// Returns the error of a repository without a file of the team.
pub fn no_file() -> Error {
    Error::refused("the commit that is checked out in the main checkout has no file '.gitorchestra'")
        .hint("the file must be committed; git-orchestra-config(1) describes it")
}
