//! The sessions of agents.

use std::collections::HashMap;

use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId, IdOrText, Liveness},
    store::{Chain, Listing, archive, layout::PrivateDir},
    supervise::{liveness, processes::Processes, tree::ProcessId},
};

/// The agent that a session belongs to.
pub(super) struct SessionAgent {
    /// The id of the agent.
    pub(super) agent: AgentId,
    /// The agent that started it.
    pub(super) parent: Option<AgentId>,
    /// The title of the agent.
    pub(super) title: String,
    /// Whether the agent is running.
    pub(super) is_live: bool,
    /// The process id of its program.
    pub(super) pid: Option<i32>,
}

/// Returns the sessions of archived agents whose ids begin with `typed`.
pub(super) fn archived(repo: &Repo, typed: &str) -> Result<HashMap<String, SessionAgent>> {
    let (all, _) = archive::all(repo)?;
    let mut held = HashMap::new();
    for (id, archived) in all.into_iter().filter(|(id, _)| id.as_str().starts_with(typed)) {
        let Ok(chain) = Chain::read(repo, &[archived.tip]) else { continue };
        let agent = chain.fold().agent;
        let parent = parent_of(&agent);
        if let Some(session) = agent.session {
            held.insert(
                session.into(),
                SessionAgent { agent: id, parent, title: agent.title, is_live: false, pid: None },
            );
        }
    }
    Ok(held)
}

fn parent_of(agent: &Agent) -> Option<AgentId> {
    agent.parent.as_ref().and_then(IdOrText::id).cloned()
}

/// Returns the sessions of agents, with the process of each that is running.
pub(super) fn all(repo: &Repo) -> Result<HashMap<String, SessionAgent>> {
    let listing = Listing::read(repo)?;
    let private = PrivateDir::new(repo.private_dir()?);
    let held = |id: &AgentId, agent: &Agent| {
        let is_live = liveness::of(&private, id, agent, listing.writer.as_deref()) == Liveness::Live;
        let record = is_live.then(|| Processes::read(&private.agent(id))).flatten();
        let program = record.and_then(|record| record.program).filter(ProcessId::is_alive);
        SessionAgent {
            agent: id.clone(),
            parent: parent_of(agent),
            title: agent.title.clone(),
            is_live,
            pid: program.map(|program| program.pid),
        }
    };
    let agents = listing.rows.iter().filter_map(|row| {
        let agent = listing.agent(repo, row).ok()?;
        let session = agent.session.clone()?;
        Some((session.into(), held(&row.id, &agent)))
    });
    Ok(agents.collect())
}
