//! Reading all events of an agent: every commit that is reachable from its tip.

use std::collections::HashSet;

use crate::{
    Code, Error, Result,
    git::{Oid, Repo},
    model::{
        AgentId, Event,
        fold::{self, Fold},
    },
    store::{archive, commit, layout},
};

/// Maximum number of event commits of an agent; a longer chain was not written by this program.
pub const MAX_COMMITS: usize = 100_000;

/// Everything that is reachable from one or more tips.
#[derive(Debug, Default)]
pub struct Chain {
    /// The events, in the order of the walk; the fold sorts them.
    pub events: Vec<Event>,
    /// The lines of malformed events.
    pub set_aside: Vec<String>,
    /// The ids of all commits.
    pub commits: HashSet<Oid>,
    /// The ids of the commits that only join others and hold no event.
    pub joins: HashSet<Oid>,
    /// Whether a commit has a newer format than this program.
    pub newer: bool,
    /// The first commit, whose tree holds the task if that is too long for an event.
    pub root: Option<Oid>,
}

impl Chain {
    /// Reads everything reachable from `tips`.
    ///
    /// # Errors
    /// A commit is missing (in a shallow clone or a damaged repository), or the chain is too long.
    pub fn read(repo: &Repo, tips: &[Oid]) -> Result<Self> {
        let mut chain = Self::default();
        let mut open: Vec<Oid> = tips.to_vec();
        while let Some(id) = open.pop() {
            if !chain.commits.insert(id) {
                continue;
            }
            if chain.commits.len() > MAX_COMMITS {
                return Err(Error::new(
                    Code::StateDamaged,
                    format!("the event chain of {} has more than {MAX_COMMITS} commits", tips[0].short()),
                ));
            }
            let found = repo.read_commit(id)?;
            let parsed = commit::parse(&found.message);
            if found.parents.len() > 1 && parsed.is_join {
                chain.joins.insert(id);
            }
            chain.events.extend(parsed.events);
            chain.set_aside.extend(parsed.set_aside);
            chain.newer |= parsed.newer;
            if found.parents.is_empty() {
                chain.root = Some(id);
            }
            open.extend(found.parents);
        }
        Ok(chain)
    }

    /// Returns whether the chain of `tip` holds a commit. Reads no further than to that commit.
    ///
    /// # Errors
    /// The same as of [`Chain::read`].
    pub fn holds(repo: &Repo, tip: Oid, sought: Oid) -> Result<bool> {
        let (mut seen, mut open) = (HashSet::new(), vec![tip]);
        while let Some(id) = open.pop() {
            if id == sought {
                return Ok(true);
            }
            if !seen.insert(id) {
                continue;
            }
            if seen.len() > MAX_COMMITS {
                return Err(Error::new(
                    Code::StateDamaged,
                    format!("the event chain of {} has more than {MAX_COMMITS} commits", tip.short()),
                ));
            }
            open.extend(repo.read_commit(id)?.parents);
        }
        Ok(false)
    }

    /// Returns the commits that are not joins.
    pub fn event_commits(&self) -> HashSet<Oid> {
        self.commits.difference(&self.joins).copied().collect()
    }

    /// Reads the events of an agent.
    ///
    /// # Errors
    /// There is no such agent, or [`Chain::read`] fails.
    pub fn of_agent(repo: &Repo, id: &AgentId) -> Result<Self> {
        match repo.find_ref(&layout::agent_ref(id))? {
            Some(tip) => Self::read(repo, &[tip]),
            None => Err(Error::new(Code::AgentUnknown, format!("no agent '{id}'"))),
        }
    }

    /// Reads the events of an agent, which may be archived.
    ///
    /// # Errors
    /// There is no such agent, or [`Chain::read`] fails.
    pub fn of_any_agent(repo: &Repo, id: &AgentId) -> Result<Self> {
        let archived = match repo.find_ref(&layout::agent_ref(id))? {
            Some(_) => None,
            None => archive::all(repo)?.0.remove(id),
        };
        match archived {
            Some(archived) => Self::read(repo, &[archived.tip]),
            None => Self::of_agent(repo, id),
        }
    }

    /// Folds the events into a state.
    pub fn fold(&self) -> Fold {
        fold::fold(&self.events)
    }

    /// Returns the highest Lamport number of the events.
    pub fn lamport(&self) -> u64 {
        self.events.iter().map(|event| event.lamport).max().unwrap_or_default()
    }

    /// Reads the whole task of the agent.
    ///
    /// # Errors
    /// The blob that holds it cannot be read.
    pub fn prompt(&self, repo: &Repo) -> Result<Option<Vec<u8>>> {
        let inline = self.events.iter().find_map(|event| match &event.fact {
            Some(crate::model::Fact::Created(created)) => created.prompt.clone(),
            _ => None,
        });
        match (inline, self.root) {
            (Some(text), _) => Ok(Some(text.into_bytes())),
            (None, Some(root)) => repo.read_blob_of(root, "prompt"),
            (None, None) => Ok(None),
        }
    }
}
