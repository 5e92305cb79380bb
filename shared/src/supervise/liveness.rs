//! Determines whether an agent is live, lost, remote or ended.

use crate::{
    lock::Lock,
    model::{Agent, AgentId, Liveness},
    store::layout::PrivateDir,
    supervise::processes::{self, Processes},
};

/// Returns the liveness of an agent, derived from its phase, its writer, and its lock at this moment.
pub fn of(private: &PrivateDir, id: &AgentId, agent: &Agent, writer: Option<&str>) -> Liveness {
    let ours = writer == Some(agent.writer.as_str());
    if agent.phase.is_at_rest() && !(ours && agent.waits_for_limit()) {
        Liveness::Ended
    } else if !ours {
        Liveness::Remote
    } else if Lock::is_held(&private.agent(id).lock()) || lost_its_lock(private, id) {
        Liveness::Live
    } else {
        Liveness::Lost
    }
}

/// Returns whether the agent's lock was removed while its supervisor lives; the supervisor recreates it within a second.
fn lost_its_lock(private: &PrivateDir, id: &AgentId) -> bool {
    !Processes::is_recorded(&private.agent(id)) && processes::supervisor_of(private, id).is_some()
}
