//! The limits on the number, the time and the space of agents.

use std::time::Duration;

use super::{HOUR, MINUTE};
use crate::{
    config::{
        key::{Key, Kind},
        kind::{BOOLEAN, DURATION, SIZE},
    },
    kernel,
    model::ByteSize,
    parallel,
};

pub static JOBS: Key<u32> = Key::new("orchestra.jobs", NUMBER_OF_AGENTS, || 3, "How many agents run at once")
    .only_measures("the project may set it, and maxJobs limits it")
    .set_by_project();

pub static MAX_JOBS: Key<u32> = Key::new(
    "orchestra.maxJobs",
    NUMBER_OF_AGENTS,
    || 1000,
    "The largest number of agents that may run at once; --jobs must not exceed it, and orchestra.jobs is limited to it",
);

pub static SLOTS: Key<u32> = Key::new(
    "orchestra.slots",
    Kind {
        expected: "a number from 1 to 1000",
        parse: |text| text.parse().ok().filter(|slots| (1..=1000).contains(slots)),
        text: u32::to_string,
    },
    || u32::try_from(parallel::cores() / 2).unwrap_or(1).max(1),
    "How many heavy commands run at once on this machine, over all repositories: the checks of agents, landings and reviews, and what \
     'git orchestra slot' runs",
)
.shown_default("<half of the processors, at least 1>");

pub static CHECK_JOBS: Key<u32> = Key::new(
    "orchestra.checkJobs",
    Kind {
        expected: "a number from 1 to 8",
        parse: |text| text.parse().ok().filter(|jobs| (1..=MAX_CHECK_JOBS).contains(jobs)),
        text: u32::to_string,
    },
    || 1,
    "How many checks of one landing run at once, each in a worktree: those that are likely to be needed next. What lands does not \
     change. At most orchestra.slots",
);

pub static MAX_TIME: Key<Duration> =
    Key::new("orchestra.maxTime", DURATION, || Duration::from_secs(HOUR), "How long an agent may run")
        .only_measures("the project may set it")
        .set_by_project();

pub static IDLE_TIMEOUT: Key<Duration> = Key::new(
    "orchestra.idleTimeout",
    DURATION,
    || Duration::from_secs(5 * MINUTE),
    "How long a coding agent may be idle: no output, no new line in its session's file, and no change in its \
     worktree; programs that print nothing while they work (sh, your own) are watched only if this is set",
)
.only_measures("the project may set it")
.set_by_project();

pub static RETRIES: Key<u32> = Key::new(
    "orchestra.retries",
    Kind {
        expected: "a number from 0 to 100",
        parse: |text| text.parse().ok().filter(|retries| *retries <= 100),
        text: u32::to_string,
    },
    || 2,
    "How often an agent resumes its session after a transient failure: it was idle too long, or its service was \
     overloaded",
)
.only_measures("the project may set it").set_by_project();

pub static RETRY_DELAY: Key<Duration> = Key::new(
    "orchestra.retryDelay",
    DURATION,
    || Duration::from_secs(5),
    "How long to wait before the first retry; the wait doubles before each further one",
)
.only_measures("the project may set it")
.set_by_project();

pub static STUCK_TURNS: Key<u32> = Key::new(
    "orchestra.stuckTurns",
    Kind {
        expected: "a number from 0 to 100000",
        parse: |text| text.parse().ok().filter(|turns| *turns <= 100_000),
        text: u32::to_string,
    },
    // Reading a large project takes tens of calls before the first edit; an agent that loops makes hundreds.
    || 100,
    "After how many turns and tool calls in a row without a change of its files a running agent is shown as stuck; it is not \
     ended. 0 is never. Programs that print plain text (sh, your own) have no turns",
)
.only_measures("it only decides what is shown")
.set_by_project();

pub static LIMIT_WAIT: Key<Duration> = Key::new(
    "orchestra.limitWait",
    DURATION,
    || Duration::from_secs(6 * HOUR),
    "How long an agent waits for the end of a usage limit of its service, to resume then; an agent that would have to \
     wait longer stays paused until you resume it",
);

pub static GRACE: Key<Duration> = Key::new(
    "orchestra.grace",
    DURATION,
    || Duration::from_secs(5),
    "How long a stopped agent may clean up before it is killed",
);

pub static MAX_OUTPUT: Key<ByteSize> = Key::new(
    "orchestra.maxOutput",
    SIZE,
    || ByteSize::mebibytes(1024),
    "The maximum output of one attempt; an agent that prints more is stopped",
);

pub static MAX_FILE: Key<ByteSize> = Key::new(
    "orchestra.maxFile",
    SIZE,
    || ByteSize::mebibytes(100),
    "The maximum size of a file in an agent's work; a file that git tracks may grow to twice its size",
);

pub static MIN_FREE: Key<ByteSize> = Key::new(
    "orchestra.minFree",
    SIZE,
    || ByteSize::mebibytes(200),
    "The free disk space below which no agent is started; below half of it running agents are held, the youngest first, \
     until there is that much again",
);

pub static MIN_MEMORY: Key<ByteSize> = Key::new(
    "orchestra.minMemory",
    SIZE,
    || default_min_memory(kernel::memory().map(|memory| memory.total)),
    "The available memory below which no agent is started; below half of it running agents are held, the largest first, \
     but never all of them, until there is that much again",
)
.shown_default("<512m, or an eighth of the memory if that is less>");

pub static MAX_PRESSURE: Key<u32> = Key::new(
    "orchestra.maxPressure",
    Kind {
        expected: "a percentage from 1 to 100",
        parse: |text| text.parse().ok().filter(|percent| (1..=100).contains(percent)),
        text: u32::to_string,
    },
    || 80,
    "The share of time, in percent, in which everything on this machine waits for memory or for a disk, from which on no \
     agent is started; 100 is never reached. Compilers that use all processors do not count",
);

pub static INHIBIT_SLEEP: Key<bool> = Key::new(
    "orchestra.inhibitSleep",
    BOOLEAN,
    || true,
    "Whether the machine is kept from going to sleep by itself while an agent runs, with systemd-inhibit; closing the lid \
     still puts a laptop to sleep",
)
.only_measures("no agent gets more by it");

/// Returns the default of [`MIN_MEMORY`] for a machine or container with this much memory.
fn default_min_memory(total: Option<ByteSize>) -> ByteSize {
    let usual = ByteSize::mebibytes(512);
    total.map_or(usual, |total| usual.min(ByteSize::bytes(total.as_bytes() / 8)))
}

/// A number of agents.
/// The most checks of one landing that may run at once: there are as many worktrees for landings and reviews.
const MAX_CHECK_JOBS: u32 = 8;

pub(super) const NUMBER_OF_AGENTS: Kind<u32> = Kind {
    expected: "a number from 1 to 1000",
    parse: |text| text.parse().ok().filter(|agents| (1..=1000).contains(agents)),
    text: u32::to_string,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_machine_needs_less_free_memory() {
        for (total, needed) in [(None, 512), (Some(64 * 1024), 512), (Some(2048), 256), (Some(800), 100)] {
            assert_eq!(
                default_min_memory(total.map(ByteSize::mebibytes)),
                ByteSize::mebibytes(needed),
                "{total:?}"
            );
        }
    }
}
