//! Tickets of a queue without a daemon: one file for each that waits, whose name holds its position. The supervisors of agents wait in
//! such a queue for a slot of their repository, and commands for a slot of the machine.

use std::{fmt::Display, fs, ops::RangeInclusive, path::Path, str::FromStr};

/// A place in a queue, stored in the name of an empty file: `<number>-<jobs>-<id>`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Ticket<Id> {
    /// The position; lower is earlier.
    pub number: u64,
    /// The slots it may take are `1..=jobs`.
    pub jobs: u32,
    /// The one that waits.
    pub id: Id,
}

impl<Id: Display + FromStr + Ord> Ticket<Id> {
    /// Returns the name of its file.
    pub fn name(&self) -> String {
        format!("{:012}-{}-{}", self.number, self.jobs, self.id)
    }

    fn parse(name: &str) -> Option<Self> {
        let (number, rest) = name.split_once('-')?;
        let (jobs, id) = rest.split_once('-')?;
        Some(Self { number: number.parse().ok()?, jobs: jobs.parse().ok()?, id: id.parse().ok()? })
    }

    /// Returns all tickets in a folder, earliest first.
    pub fn all(folder: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let mut all: Vec<Self> =
            entries.flatten().filter_map(|entry| Self::parse(entry.file_name().to_str()?)).collect();
        all.sort_unstable();
        all
    }

    /// Returns the slots that this ticket may try: those that no earlier live ticket may take.
    pub fn slots(&self, earlier: &[Self]) -> RangeInclusive<u32> {
        let taken =
            earlier.iter().filter(|ticket| *ticket < self).map(|ticket| ticket.jobs).max().unwrap_or(0);
        taken + 1..=self.jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AgentId;

    fn ticket(number: u64, jobs: u32) -> Ticket<AgentId> {
        Ticket { number, jobs, id: AgentId::parse("t-00000").unwrap() }
    }

    #[test]
    fn a_ticket_is_its_file_name() {
        let one = ticket(7, 2);
        assert_eq!(one.name(), "000000000007-2-t-00000");
        assert_eq!(Ticket::parse(&one.name()), Some(one));
        assert_eq!(Ticket::<AgentId>::parse("lock"), None);
    }

    #[test]
    fn earlier_tickets_come_first_unless_more_jobs_are_allowed() {
        let mine = ticket(5, 4);
        for (earlier, slots) in [
            (vec![], vec![1, 2, 3, 4]),
            (vec![ticket(1, 4)], vec![]),
            (vec![ticket(1, 2)], vec![3, 4]),
            (vec![ticket(1, 2), ticket(2, 8)], vec![]),
            (vec![ticket(9, 8)], vec![1, 2, 3, 4]),
        ] {
            assert_eq!(mine.slots(&earlier).collect::<Vec<_>>(), slots, "{earlier:?}");
        }
    }
}
