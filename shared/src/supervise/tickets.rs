//! The tickets of the agents' queue, and waking the supervisors that hold them.

use std::path::Path;

use rustix::process::Signal;

use crate::{
    model::AgentId,
    store::layout::PrivateDir,
    supervise::processes::{self, Processes},
    tickets,
};

/// The place of an agent in the queue.
pub(super) type Ticket = tickets::Ticket<AgentId>;

/// Returns all tickets, earliest first.
pub(super) fn waiting(folder: &Path) -> Vec<Ticket> {
    Ticket::all(folder)
}

/// Wakes the supervisors of those agents that are in the queue.
pub(super) fn wake(private: &PrivateDir, ids: &[AgentId]) {
    if ids.is_empty() {
        return;
    }
    for ticket in waiting(&private.queue()).iter().filter(|ticket| ids.contains(&ticket.id)) {
        wake_supervisor(private, &ticket.id);
    }
}

pub(super) fn wake_supervisor(private: &PrivateDir, id: &AgentId) {
    if let Some(record) = Processes::read(&private.agent(id)) {
        processes::signal(record.supervisor, Signal::USR1);
    }
}
