//! The tickets of the queue: one file for each supervisor that waits, and waking that supervisor.

use std::{fs, path::Path};

use rustix::process::Signal;

use crate::{
    model::AgentId,
    store::layout::PrivateDir,
    supervise::processes::{self, Processes},
};

/// A place in the queue, stored in the name of an empty file: `<number>-<jobs>-<id>`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Ticket {
    /// The position; lower is earlier.
    pub number: u64,
    /// The slots it may take are `1..=jobs`.
    pub jobs: u32,
    /// The agent that it belongs to.
    pub id: AgentId,
}

impl Ticket {
    pub(super) fn name(&self) -> String {
        format!("{:012}-{}-{}", self.number, self.jobs, self.id)
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let (number, rest) = name.split_once('-')?;
        let (jobs, id) = rest.split_once('-')?;
        Some(Self { number: number.parse().ok()?, jobs: jobs.parse().ok()?, id: AgentId::parse(id).ok()? })
    }
}

/// Returns all tickets, earliest first.
pub(super) fn waiting(folder: &Path) -> Vec<Ticket> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut all: Vec<Ticket> =
        entries.flatten().filter_map(|entry| Ticket::parse(entry.file_name().to_str()?)).collect();
    all.sort_unstable();
    all
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_its_file_name() {
        let one = Ticket { number: 7, jobs: 2, id: AgentId::parse("t-00000").unwrap() };
        assert_eq!(one.name(), "000000000007-2-t-00000");
        assert_eq!(Ticket::parse(&one.name()), Some(one));
        assert_eq!(Ticket::parse("lock"), None);
    }
}
