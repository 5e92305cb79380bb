//! What is only exchanged if it is named: snapshots of worktrees, and transcripts. Each kind has its own prefix of refs in both
//! repositories.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    git::{
        Oid, Repo,
        remotes::{Push, PushRule, RemoteOptions},
    },
    model::{Agent, AgentId},
    store::{Listing, layout, transcripts},
    supervise::conversations,
    sync::Remote,
};

/// The largest transcript that is sent, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What is only exchanged if it is named.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// The last snapshots of worktrees, including untracked files.
    Snapshots,
    /// The transcripts of sessions.
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

/// Fetches the remote's refs of one kind. Our own refs are not changed.
///
/// # Errors
/// Git cannot reach the remote.
pub(super) fn fetch(repo: &Repo, remote: &Remote, extra: Extra, ask: bool) -> Result<()> {
    let kind = extra.name();
    let refspec = format!("+{}{kind}/*:{}*", layout::SHARED, layout::extras(&remote.name, kind));
    repo.fetch(&remote.address, &[refspec], RemoteOptions { ask }, &mut |_| {})
}

/// Returns what this clone has and the remote does not. With `keep`, copies of the sessions are updated first.
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

/// Sends refs that were checked for secrets, and returns the names of those that the remote accepted.
///
/// # Errors
/// Git cannot reach the remote.
pub(super) fn send(repo: &Repo, remote: &Remote, sends: &[Push], ask: bool) -> Result<Vec<String>> {
    let rejected = repo.push(&remote.address, sends, RemoteOptions { ask }, &mut |_| {})?;
    let sent = sends.iter().filter(|push| !rejected.iter().any(|one| one.name == push.name));
    Ok(sent.map(|push| push.name.clone()).collect())
}

/// Returns the kept copy of an agent's session.
fn conversation(repo: &Repo, id: &AgentId, agent: &Agent, keep: bool) -> Result<Option<Oid>> {
    let Some(session) = &agent.session else { return Ok(None) };
    if keep {
        conversations::keep_of_agent(repo, id)?;
    }
    let kept = transcripts::find(repo, session)?;
    if let Some(size) = kept.as_ref().map(|kept| kept.about.size).filter(|size| *size > LARGEST) {
        return Err(Error::new(
            Code::TooLarge,
            format!("the transcript of '{id}' has {size} bytes, which is too large to sync"),
        ));
    }
    Ok(kept.map(|kept| kept.tip))
}
