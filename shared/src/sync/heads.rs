//! Which commit holds an agent's work: the newest event that names one says it.

use crate::{
    Result,
    git::{Oid, Repo},
    model::AgentId,
    store::{Chain, layout::Private},
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

/// Settles heads that differ. The work of an agent that runs here is its supervisor's affair.
///
/// A commit that an event names is taken only if their head holds it: an event of strangers must not make us publish a commit
/// that only we have.
///
/// # Errors
/// Its life or our history cannot be read.
pub fn settle(repo: &Repo, private: &Private, id: &AgentId, heads: &Heads) -> Result<Settled> {
    let agent = Chain::read(repo, &[heads.tip])?.fold().agent;
    let named = agent.head.as_deref().or(Some(&agent.base)).and_then(Oid::parse);
    let theirs = heads.theirs.filter(|theirs| repo.has_commit(*theirs));
    let runs_here = private.agent(id).dir().is_dir();
    let offered = match (named, theirs) {
        (Some(named), Some(theirs)) if named == theirs || within(repo, theirs, named)? => Some(named),
        _ => None,
    };
    let ours = match heads.ours {
        None => offered.or(theirs),
        Some(ours) if runs_here || Some(ours) == named => Some(ours),
        Some(ours) => offered.or(Some(ours)),
    };
    let send = match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => false,
        // A head that runs ahead of its events is not put back.
        (Some(ours), Some(theirs)) => Some(ours) == named || within(repo, ours, theirs)?,
        (ours, None) => ours.is_some(),
        (None, _) => false,
    };
    Ok(Settled { ours, send })
}

fn within(repo: &Repo, new: Oid, old: Oid) -> Result<bool> {
    Ok(repo.has_commit(old) && repo.contains(new, old)?)
}
