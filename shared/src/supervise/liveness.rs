//! What the machine says of an agent at the moment of asking.

use crate::{
    lock::Lock,
    model::{Agent, AgentId, Liveness},
    store::layout::PrivateDir,
    supervise::processes::{self, Processes},
};

/// Derived from the phase, the writer and the agent's lock; nothing stored is believed.
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

/// Somebody removed the agent's lock, and its supervisor lives; it makes the lock anew within a second.
fn lost_its_lock(private: &PrivateDir, id: &AgentId) -> bool {
    !Processes::is_recorded(&private.agent(id)) && processes::supervisor_of(private, id).is_some()
}
