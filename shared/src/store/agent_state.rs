//! The state of one agent, which may be archived, and its task.

use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId, Fact},
    store::{Chain, archive, commit, folded_log::FoldedLog, layout},
};

/// What all events of an agent say.
pub type AgentLog = FoldedLog<Agent>;

/// Returns the state of an agent.
///
/// # Errors
/// There is no such agent, or its events cannot be read.
pub fn agent(repo: &Repo, id: &AgentId) -> Result<Agent> {
    Ok(AgentLog::of(repo, id)?.fold.agent)
}

/// Returns the state of an agent that may be archived.
///
/// # Errors
/// There is no such agent, or its events cannot be read.
pub fn any_agent(repo: &Repo, id: &AgentId) -> Result<Agent> {
    Ok(AgentLog::of_any(repo, id)?.fold.agent)
}

impl AgentLog {
    /// Reads the log of an agent that may be archived.
    ///
    /// # Errors
    /// There is no such agent, or its events cannot be read.
    pub fn of_any(repo: &Repo, id: &AgentId) -> Result<Self> {
        if let Some(tip) = repo.find_ref(&layout::agent_ref(id))? {
            return Self::read(repo, id, tip);
        }
        match archive::all(repo)?.0.remove(id) {
            Some(archived) => Self::read(repo, id, archived.tip),
            None => Self::of(repo, id),
        }
    }

    /// Reads the whole task of the agent.
    ///
    /// # Errors
    /// The commit or the blob that contains the task cannot be read.
    pub fn prompt(&self, repo: &Repo) -> Result<Option<Vec<u8>>> {
        // If several events create the agent, only the whole log tells which one counts.
        if let Some(root) = self.root.filter(|_| self.fold.conflicts.is_empty()) {
            let first = commit::parse::<Fact>(&repo.read_commit(root)?.message);
            let created = first.events.into_iter().find_map(|event| match event.fact {
                Some(Fact::Created(created)) => Some(created),
                _ => None,
            });
            if let Some(created) = created {
                return match created.prompt {
                    Some(text) => Ok(Some(text.into_bytes())),
                    None => repo.read_blob_of(root, "prompt"),
                };
            }
        }
        Chain::read(repo, &[self.tip])?.prompt(repo)
    }
}
