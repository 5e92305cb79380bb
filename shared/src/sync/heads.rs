//! Decides which commit holds an agent's work where the local and the remote head differ.

use std::cmp::Reverse;

use crate::{
    Result,
    git::{Oid, Repo},
    model::{Agent, AgentId},
    store::layout::PrivateDir,
};

/// The local and the remote head of one agent.
pub struct Heads<'a> {
    /// Its state after the events of both sides.
    pub agent: &'a Agent,
    /// The local head.
    pub ours: Option<Oid>,
    /// The head at the remote.
    pub theirs: Option<Oid>,
}

/// The decision about two heads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeadDecision {
    /// The new local head.
    pub ours: Option<Oid>,
    /// Whether to send this head to the remote.
    pub send: bool,
}

/// Chooses between two heads: the commit that the events name, if one of the heads contains it; else the head with more commits;
/// else the smaller id. So every machine chooses the same. The local head of an agent that runs here is never changed: that is up
/// to its supervisor.
///
/// A commit that an event names counts only if a head of either side contains it: a remote event must not make this clone publish
/// a commit that exists only here.
///
/// # Errors
/// The local history cannot be read.
pub fn decide(repo: &Repo, private: &PrivateDir, id: &AgentId, heads: &Heads<'_>) -> Result<HeadDecision> {
    let base = heads.agent.base.commit();
    let named = heads.agent.head_commit().or(base);
    let theirs = heads.theirs.filter(|theirs| repo.has_commit(*theirs));
    let (mut best, mut highest) = (None, None);
    let is_choice = heads.ours.is_some() && theirs.is_some();
    for candidate in heads.ours.into_iter().chain(theirs) {
        let holds = match named {
            Some(named) => candidate == named || contains(repo, candidate, named)?,
            None => false,
        };
        let candidate = named.filter(|_| holds).unwrap_or(candidate);
        // Of a single head, the number of commits decides nothing.
        let counted = base.filter(|_| is_choice);
        let length = counted.and_then(|base| repo.commits_between(base, candidate).ok()).unwrap_or(0);
        let rank = Some((holds, length, Reverse(candidate)));
        if rank > highest {
            (best, highest) = (Some(candidate), rank);
        }
    }
    if private.agent(id).dir().is_dir() && heads.ours.is_some() {
        let send = match (heads.ours, theirs) {
            (Some(ours), Some(theirs)) => {
                ours != theirs && (Some(ours) == best || contains(repo, ours, theirs)?)
            }
            (ours, _) => ours.is_some(),
        };
        return Ok(HeadDecision { ours: heads.ours, send });
    }
    Ok(HeadDecision { ours: best, send: best != theirs })
}

fn contains(repo: &Repo, new: Oid, old: Oid) -> Result<bool> {
    Ok(repo.has_commit(old) && repo.contains(new, old)?)
}
