//! What travels by name only: snapshots of worktrees, and conversations. They stand below a prefix of their own at both ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    context::Context,
    git::{
        Oid, Repo,
        remotes::{Push, PushRule, RemoteOptions},
    },
    model::{Agent, AgentId},
    store::{Listing, layout, transcripts},
    supervise::conversations,
    sync::Remote,
};

/// Largest conversation that travels, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What travels only by name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// The worktree as it was at the last look, untracked files included.
    Snapshots,
    /// The conversation with the coding agent.
    Transcripts,
}

impl Extra {
    const fn name(self) -> &'static str {
        match self {
            Self::Snapshots => "snapshots",
            Self::Transcripts => "transcripts",
        }
    }
}

/// Takes in what the remote has of a kind. Ours are not touched.
///
/// # Errors
/// Git cannot speak with the remote.
pub(super) fn fetch(context: &Context, repo: &Repo, remote: &Remote, extra: Extra, ask: bool) -> Result<()> {
    let kind = extra.name();
    let refspec = format!("+{}{kind}/*:{}*", layout::SHARED, layout::extras(&remote.name, kind));
    repo.fetch(context, &remote.address, &[refspec], RemoteOptions { ask })
}

/// What of this clone the remote does not have. `keep`: conversations are kept first as they are now.
///
/// # Errors
/// Something cannot be read or written.
pub(super) fn sends(repo: &Repo, remote: &Remote, extra: Extra, keep: bool) -> Result<Vec<Push>> {
    let listing = Listing::read(repo)?;
    let kind = extra.name();
    let mut sends = Vec::new();
    for row in &listing.rows {
        let Ok(agent) = listing.agent(repo, row) else { continue };
        if listing.writer.as_deref() != Some(agent.writer.as_str()) {
            continue;
        }
        let ours = match extra {
            Extra::Snapshots => repo.find_ref(&layout::snapshot_ref(&row.id))?,
            Extra::Transcripts => conversation(repo, &row.id, &agent, keep)?,
        };
        let there = repo.find_ref(&format!("{}{}", layout::extras(&remote.name, kind), row.id))?;
        if let Some(new) = ours.filter(|new| Some(*new) != there) {
            let name = format!("{}{kind}/{}", layout::SHARED, row.id);
            sends.push(Push { name, new: Some(new), rule: PushRule::Lease(there) });
        }
    }
    Ok(sends)
}

/// Sends what was screened; gives what the remote took.
///
/// # Errors
/// Git cannot speak with the remote.
pub(super) fn send(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    sends: &[Push],
    ask: bool,
) -> Result<Vec<String>> {
    let rejected = repo.push(context, &remote.address, sends, RemoteOptions { ask })?;
    let sent = sends.iter().filter(|push| !rejected.iter().any(|one| one.name == push.name));
    Ok(sent.map(|push| push.name.clone()).collect())
}

/// What is kept of the agent's conversation.
fn conversation(repo: &Repo, id: &AgentId, agent: &Agent, keep: bool) -> Result<Option<Oid>> {
    let Some(session) = &agent.session else { return Ok(None) };
    if keep {
        conversations::keep_of_agent(repo, id)?;
    }
    let kept = transcripts::find(repo, session)?;
    if let Some(size) = kept.as_ref().map(|kept| kept.about.size).filter(|size| *size > LARGEST) {
        return Err(Error::new(
            Code::TooLarge,
            format!("the conversation of '{id}' has {size} bytes: too many to travel"),
        ));
    }
    Ok(kept.map(|kept| kept.tip))
}
