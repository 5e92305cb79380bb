//! The memory and the pressure of the machine, for which agents wait.

use super::finding::{Finding, Group};
use crate::{
    config::{
        Config, Key,
        keys::{MAX_PRESSURE, MIN_MEMORY},
    },
    git::Repo,
    kernel::{self, Memory, Pressure},
    model::ByteSize,
};

fn setting<T: Clone>(repo: Option<&Repo>, key: &Key<T>) -> T {
    repo.map_or_else(|| key.default(), |repo| Config::of(repo).get_or_default(key))
}

/// Checks the available memory.
pub(super) fn memory(repo: Option<&Repo>) -> Vec<Finding> {
    vec![of_memory(kernel::memory(), setting(repo, &MIN_MEMORY))]
}

fn of_memory(found: Option<Memory>, needed: ByteSize) -> Finding {
    let Some(Memory { available, total }) = found else {
        return Finding::ok(
            Group::Machine,
            "memory",
            "the kernel does not say what memory is available; it is not judged",
        );
    };
    let (free, needed) = (available.as_mebibytes(), needed.as_mebibytes());
    if free >= needed {
        let what = format!("{free} MiB of {} MiB of memory are available", total.as_mebibytes());
        return Finding::ok(Group::Machine, "memory", what);
    }
    Finding::warning(Group::Machine, "memory", format!("only {free} MiB of memory are available"))
        .because(format!("agents are not started with less than {needed} MiB ({})", MIN_MEMORY.name()))
        .fix("ps -eo rss,pid,args --sort=-rss | head")
}

/// Checks the pressure on memory and disks.
pub(super) fn pressure(repo: Option<&Repo>) -> Vec<Finding> {
    vec![of_pressure(kernel::pressure(), setting(repo, &MAX_PRESSURE))]
}

fn of_pressure(found: Pressure, limit: u32) -> Finding {
    let named = [("memory", found.memory), ("a disk", found.disk)];
    let known: Vec<(&str, u32)> =
        named.into_iter().filter_map(|(name, share)| Some((name, share?))).collect();
    if known.is_empty() {
        let what = "the kernel does not count pressure; it is not judged";
        return Finding::ok(Group::Machine, "pressure", what);
    }
    match known.iter().find(|(_, share)| *share >= limit && limit < 100) {
        Some((name, share)) => {
            let what = format!("everything on this machine waits for {name} {share} % of the time");
            Finding::warning(Group::Machine, "pressure", what)
                .because(format!("agents are not started from {limit} % on ({})", MAX_PRESSURE.name()))
                .fix(MAX_PRESSURE.hint("100"))
        }
        None => {
            let shares: Vec<String> =
                known.iter().map(|(name, share)| format!("{share} % for {name}")).collect();
            Finding::ok(Group::Machine, "pressure", format!("waiting: {}", shares.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::finding::Severity;

    #[test]
    fn memory_is_compared_with_what_an_agent_needs() {
        let memory = |free| Memory { available: ByteSize::mebibytes(free), total: ByteSize::mebibytes(900) };
        for (found, severity) in [
            (Some(memory(512)), Severity::Ok),
            (Some(memory(511)), Severity::Warning),
            // What is not known is not judged.
            (None, Severity::Ok),
        ] {
            assert_eq!(of_memory(found, ByteSize::mebibytes(512)).severity, severity, "{found:?}");
        }
    }

    #[test]
    fn pressure_is_compared_with_its_limit() {
        for (memory, disk, limit, severity) in [
            (Some(0), Some(79), 80, Severity::Ok),
            (Some(0), Some(80), 80, Severity::Warning),
            (Some(80), None, 80, Severity::Warning),
            (Some(100), Some(100), 100, Severity::Ok),
            (None, None, 80, Severity::Ok),
        ] {
            let found = of_pressure(Pressure { memory, disk }, limit);
            assert_eq!(found.severity, severity, "{memory:?} {disk:?} {limit}");
        }
    }
}
