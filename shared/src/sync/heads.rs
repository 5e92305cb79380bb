//! Which commit holds an agent's work: the newest event that names one says it.

use std::cmp::Reverse;

use crate::{
    Result,
    git::{Oid, Repo},
    model::AgentId,
    store::{Chain, layout::PrivateDir},
};

/// The heads of one agent.
pub struct Heads {
    /// The tip of its life, with all that both sides tell.
    pub tip: Oid,
    /// Here.
    pub ours: Option<Oid>,
    /// There.
    pub theirs: Option<Oid>,
}

/// What becomes of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settled {
    /// What ours shall be.
    pub ours: Option<Oid>,
    /// Theirs shall be the same.
    pub send: bool,
}

/// Settles heads that differ: what the events name, where a head of either side holds it; else the longer work, of equals the
/// smaller id. That is one order for all machines. The work of an agent that runs here is its supervisor's affair.
///
/// A commit that an event names is taken only where a head of either side holds it: an event of strangers must not make us
/// publish a commit that only we have.
///
/// # Errors
/// Its life or our history cannot be read.
pub fn settle(repo: &Repo, private: &PrivateDir, id: &AgentId, heads: &Heads) -> Result<Settled> {
    let agent = Chain::read(repo, &[heads.tip])?.fold().agent;
    let base = agent.base.commit();
    let named = agent.head_commit().or(base);
    let theirs = heads.theirs.filter(|theirs| repo.has_commit(*theirs));
    let (mut best, mut highest) = (None, None);
    for candidate in heads.ours.into_iter().chain(theirs) {
        let holds = match named {
            Some(named) => candidate == named || within(repo, candidate, named)?,
            None => false,
        };
        let candidate = named.filter(|_| holds).unwrap_or(candidate);
        let length = base.and_then(|base| repo.commits_between(base, candidate).ok()).unwrap_or(0);
        let rank = Some((holds, length, Reverse(candidate)));
        if rank > highest {
            (best, highest) = (Some(candidate), rank);
        }
    }
    if private.agent(id).dir().is_dir() && heads.ours.is_some() {
        let send = match (heads.ours, theirs) {
            (Some(ours), Some(theirs)) => {
                ours != theirs && (Some(ours) == best || within(repo, ours, theirs)?)
            }
            (ours, _) => ours.is_some(),
        };
        return Ok(Settled { ours: heads.ours, send });
    }
    Ok(Settled { ours: best, send: best != theirs })
}

fn within(repo: &Repo, new: Oid, old: Oid) -> Result<bool> {
    Ok(repo.has_commit(old) && repo.contains(new, old)?)
}
