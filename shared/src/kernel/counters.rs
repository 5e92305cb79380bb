//! How often the kernel killed a process because memory was short, and how often it refused to make one.

use std::fs;

use super::memory::group_folders;
use crate::git::careful;

/// Counters that only grow while the machine runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KillCounters {
    /// The number of processes that were killed because memory was short.
    pub out_of_memory: u64,
    /// The number of times that a control group had too many processes for another one.
    pub refused_processes: u64,
}

impl KillCounters {
    /// Returns what happened since an earlier reading.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            out_of_memory: self.out_of_memory.saturating_sub(earlier.out_of_memory),
            refused_processes: self.refused_processes.saturating_sub(earlier.refused_processes),
        }
    }
}

/// Reads the counters of the machine and of the control groups of this process; 0 for what the kernel does not count.
pub fn kill_counters() -> KillCounters {
    let machine = fs::read_to_string("/proc/vmstat").map_or(0, |text| count(&text, "oom_kill "));
    let sum = |controller: &str, file: &str, name: &str| {
        let texts =
            group_folders(controller).into_iter().filter_map(|folder| careful::text(folder.join(file)).ok());
        texts.map(|text| count(&text, name)).fold(0, u64::saturating_add)
    };
    let groups = [("memory.events", "oom_kill "), ("memory.oom_control", "oom_kill ")];
    let groups = groups.map(|(file, name)| sum("memory", file, name));
    KillCounters {
        out_of_memory: groups.into_iter().fold(machine, u64::saturating_add),
        refused_processes: sum("pids", "pids.events", "max "),
    }
}

fn count(text: &str, name: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_whole_name() {
        for (text, expected) in [
            ("oom 3\noom_kill 2\noom_group_kill 9\n", 2),
            ("oom_kill_disable 7\nunder_oom 0\noom_kill 1\n", 1),
            ("oom_kill x\n", 0),
            ("", 0),
        ] {
            assert_eq!(count(text, "oom_kill "), expected, "{text}");
        }
        let (before, now) = (kill_counters(), kill_counters());
        assert_eq!(before.since(now), KillCounters::default());
    }
}
