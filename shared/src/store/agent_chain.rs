//! Reads the whole logs of agents, and their tasks.

use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId, Fact},
    store::chain,
};

/// The chain of an agent's log; [`chain::Chain`] is that of any subject.
pub type Chain = chain::Chain<Agent>;

impl Chain {
    /// Reads the log of an agent.
    ///
    /// # Errors
    /// There is no such agent, or an error of [`Chain::read`].
    pub fn of_agent(repo: &Repo, id: &AgentId) -> Result<Self> {
        Self::of(repo, id)
    }

    /// Reads the whole task of the agent.
    ///
    /// # Errors
    /// The blob that contains the task cannot be read.
    pub fn prompt(&self, repo: &Repo) -> Result<Option<Vec<u8>>> {
        let inline = self.events.iter().find_map(|event| match &event.fact {
            Some(Fact::Created(created)) => created.prompt.clone(),
            _ => None,
        });
        match (inline, self.root) {
            (Some(text), _) => Ok(Some(text.into_bytes())),
            (None, Some(root)) => repo.read_blob_of(root, "prompt"),
            (None, None) => Ok(None),
        }
    }
}
