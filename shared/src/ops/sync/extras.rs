//! What is only exchanged if it is named: snapshots of worktrees, and transcripts. Each kind has its own prefix of refs in both
//! repositories.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    context::Context,
    git::{
        Oid, Repo,
        remotes::{PushRule, RefPush, RemoteOptions},
    },
    model::{Agent, AgentId},
    store::{Listing, layout, transcripts},
    supervise::conversations,
    sync::{
        Remote,
        outgoing::{self, Tracking},
    },
};

/// The largest transcript that is sent, in bytes.
const MAX_TRANSCRIPT_BYTES: u64 = 256 * 1024 * 1024;

/// What is only exchanged if it is named.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncExtra {
    /// The last snapshots of worktrees, including untracked files.
    Snapshots,
    /// The transcripts of sessions.
    Transcripts,
}

impl SyncExtra {
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
/// Git cannot communicate with the remote.
pub(super) fn fetch(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    extra: SyncExtra,
    ask: bool,
) -> Result<()> {
    let kind = extra.name();
    let refspec = format!("+{}{kind}/*:{}*", layout::SHARED, layout::extras(&remote.name, kind));
    repo.fetch(context, &remote.address, &[refspec], RemoteOptions { ask })
}

/// Returns what this clone has and the remote does not. With `keep`, copies of the sessions are updated first.
///
/// # Errors
/// Something cannot be read or written.
pub(super) fn unsent(repo: &Repo, remote: &Remote, extra: SyncExtra, keep: bool) -> Result<Vec<RefPush>> {
    let listing = Listing::read(repo)?;
    let kind = extra.name();
    let mut sends = Vec::new();
    for row in &listing.rows {
        let Ok(agent) = listing.agent(repo, row) else { continue };
        if listing.writer.as_deref() != Some(agent.writer.as_str()) {
            continue;
        }
        let ours = match extra {
            SyncExtra::Snapshots => repo.find_ref(&layout::snapshot_ref(&row.id))?,
            SyncExtra::Transcripts => kept_session(repo, &row.id, &agent, keep)?,
        };
        let there = repo.find_ref(&format!("{}{}", layout::extras(&remote.name, kind), row.id))?;
        if let Some(new) = ours.filter(|new| Some(*new) != there) {
            let name = format!("{}{kind}/{}", layout::SHARED, row.id);
            sends.push(RefPush { name, new: Some(new), rule: PushRule::Lease(there) });
        }
    }
    Ok(sends)
}

/// Sends refs that were checked for secrets, and returns the names of those that the remote accepted.
///
/// # Errors
/// Git cannot communicate with the remote.
pub(super) fn send(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    sends: &[RefPush],
    ask: bool,
) -> Result<Vec<String>> {
    let tracking = Tracking(layout::all_extras(&remote.name));
    let rejected = outgoing::send(context, repo, remote, &tracking, sends, RemoteOptions { ask })?.rejected;
    let rejected: BTreeSet<String> = rejected.into_iter().map(|one| one.name).collect();
    let sent = sends.iter().filter(|push| !rejected.contains(&push.name));
    Ok(sent.map(|push| push.name.clone()).collect())
}

/// Returns the kept copy of an agent's session.
fn kept_session(repo: &Repo, id: &AgentId, agent: &Agent, keep: bool) -> Result<Option<Oid>> {
    let Some(session) = &agent.session else { return Ok(None) };
    if keep {
        conversations::store_of_agent(repo, id)?;
    }
    let kept = transcripts::find(repo, session)?;
    if let Some(size) = kept.as_ref().map(|kept| kept.about.size).filter(|size| *size > MAX_TRANSCRIPT_BYTES)
    {
        return Err(Error::new(
            Code::TooLarge,
            format!("the transcript of '{id}' has {size} bytes, which is too large to sync"),
        ));
    }
    Ok(kept.map(|kept| kept.tip))
}
