//! The agents that hold conversations.

use std::collections::HashMap;

use crate::{
    Result,
    git::Repo,
    model::{Agent, AgentId, Liveness},
    store::{Listing, layout::Private},
    supervise::{liveness, processes::Processes, tree::ProcessId},
};

/// The agent that holds a conversation.
pub(super) struct Held {
    /// Its id.
    pub(super) agent: AgentId,
    /// Its title.
    pub(super) title: String,
    /// Whether it runs.
    pub(super) is_live: bool,
    /// Its program's process.
    pub(super) pid: Option<i32>,
}

/// The conversations of agents, and the process of each that runs.
pub(super) fn all(repo: &Repo) -> Result<HashMap<String, Held>> {
    let listing = Listing::read(repo)?;
    let private = Private::new(repo.private_dir()?);
    let held = |id: &AgentId, agent: &Agent| {
        let is_live = liveness::of(&private, id, agent, listing.writer.as_deref()) == Liveness::Live;
        let record = is_live.then(|| Processes::read(&private.agent(id))).flatten();
        let program = record.and_then(|record| record.program).filter(ProcessId::is_alive);
        Held {
            agent: id.clone(),
            title: agent.title.clone(),
            is_live,
            pid: program.map(|program| program.pid),
        }
    };
    let agents = listing.rows.iter().filter_map(|row| {
        let agent = listing.agent(repo, row).ok()?;
        let session = agent.session.clone()?;
        Some((session, held(&row.id, &agent)))
    });
    Ok(agents.collect())
}
