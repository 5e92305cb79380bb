//! Judges readings of the machine: whether an agent may start, whether running ones must be held, and whether held ones may
//! continue. Pure.

use serde::{Deserialize, Serialize};

use crate::{
    kernel::{Memory, Pressure},
    model::ByteSize,
};

/// The number of free inodes below which no agent is started.
pub const MIN_FILES: u64 = 1000;

/// What there is too little of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Space on a disk.
    DiskSpace,
    /// Inodes of a disk.
    Files,
    /// Memory that processes have to themselves.
    Memory,
    /// The same, once the agents that were started just now hold theirs.
    StartingMemory,
    /// Everything waits for memory.
    MemoryPressure,
    /// Everything waits for a disk.
    DiskPressure,
}

impl Resource {
    /// Returns the word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DiskSpace => "disk_space",
            Self::Files => "files",
            Self::Memory => "memory",
            Self::StartingMemory => "starting_memory",
            Self::MemoryPressure => "memory_pressure",
            Self::DiskPressure => "disk_pressure",
        }
    }

    /// Returns what is short, for a sentence such as `held: low memory`.
    pub const fn low(self) -> &'static str {
        match self {
            Self::DiskSpace => "low disk space",
            Self::Files => "few free files",
            Self::Memory | Self::StartingMemory => "low memory",
            Self::MemoryPressure => "memory pressure",
            Self::DiskPressure => "disk pressure",
        }
    }

    /// Returns whether agents that hold still keep what is short: then one of them must run, or it is never freed.
    pub const fn is_kept_by_held(self) -> bool {
        matches!(self, Self::Memory | Self::StartingMemory | Self::MemoryPressure)
    }
}

/// A resource of which there is too little.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Shortage {
    /// What there is too little of.
    pub resource: Resource,
    /// What there is: bytes, a number of files, or the percentage of time that is spent waiting.
    pub found: u64,
    /// What is needed, or the percentage that must not be reached.
    pub needed: u64,
}

impl Shortage {
    /// Formats it, such as `memory: 310 MiB free, 512 MiB needed`.
    pub fn sentence(&self) -> String {
        let Self { resource, found, needed } = *self;
        let mebibytes = |bytes| ByteSize::bytes(bytes).as_mebibytes();
        match resource {
            Resource::DiskSpace => {
                format!("disk space: {} MiB free, {} MiB needed", mebibytes(found), mebibytes(needed))
            }
            Resource::Files => format!("disk space: {found} more files can be created, {needed} needed"),
            Resource::Memory => {
                format!("memory: {} MiB free, {} MiB needed", mebibytes(found), mebibytes(needed))
            }
            Resource::StartingMemory => format!(
                "memory: {} MiB will be free once the agents that were just started hold theirs, {} MiB needed",
                mebibytes(found),
                mebibytes(needed)
            ),
            Resource::MemoryPressure => {
                format!("memory: everything waits for it {found} % of the time, the limit is {needed} %")
            }
            Resource::DiskPressure => {
                format!("a disk: everything waits for it {found} % of the time, the limit is {needed} %")
            }
        }
    }
}

/// The free space of one disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DiskReading {
    /// The free bytes.
    pub free: ByteSize,
    /// The number of files that can be created, if the file system has a limit.
    pub files: Option<u64>,
    /// The part of [`Thresholds::min_free`] that is needed here, in percent.
    pub share: u64,
}

/// What was measured at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Readings {
    /// The disks.
    pub disks: Vec<DiskReading>,
    /// The memory, if it is known.
    pub memory: Option<Memory>,
    /// The pressure.
    pub pressure: Pressure,
}

/// What the user wants to be free.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Thresholds {
    /// Of each disk.
    pub min_free: ByteSize,
    /// Of the memory.
    pub min_memory: ByteSize,
    /// The pressure that must not be reached, in percent; 100 for any.
    pub max_pressure: u32,
}

/// What the readings are compared with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// The thresholds: an agent may start, or continue if it was held.
    Start,
    /// A quarter more, for an agent that waits: it must not start into the next shortage.
    StartAfterWait,
    /// Half of them: if there is less, running agents are held.
    Hold,
}

impl Level {
    const fn of(self, threshold: u64) -> u64 {
        match self {
            Self::Start => threshold,
            Self::StartAfterWait => threshold.saturating_add(threshold / 4),
            Self::Hold => threshold / 2,
        }
    }

    /// Returns the pressure that must not be reached. Pressure on disks holds nobody: it ends by itself.
    const fn of_pressure(self, resource: Resource, limit: u32) -> u32 {
        match self {
            _ if limit >= 100 => u32::MAX,
            Self::Start => limit,
            Self::StartAfterWait => limit - limit / 4,
            Self::Hold if matches!(resource, Resource::MemoryPressure) => limit + (100 - limit) / 2,
            Self::Hold => u32::MAX,
        }
    }
}

/// Returns the first shortage at a level.
pub fn shortage(readings: &Readings, thresholds: &Thresholds, level: Level) -> Option<Shortage> {
    let short = |resource, found, threshold| {
        let needed = level.of(threshold);
        (found < needed).then_some(Shortage { resource, found, needed })
    };
    let disk = readings.disks.iter().find_map(|disk| {
        let threshold = thresholds.min_free.as_bytes().saturating_mul(disk.share) / 100;
        short(Resource::DiskSpace, disk.free.as_bytes(), threshold)
            .or_else(|| short(Resource::Files, disk.files?, MIN_FILES))
    });
    let memory = || {
        let found = readings.memory?.available.as_bytes();
        short(Resource::Memory, found, thresholds.min_memory.as_bytes())
    };
    let pressed = |resource, found: Option<u32>| {
        let (found, needed) = (found?, level.of_pressure(resource, thresholds.max_pressure));
        (found >= needed).then_some(Shortage { resource, found: found.into(), needed: needed.into() })
    };
    disk.or_else(memory)
        .or_else(|| pressed(Resource::MemoryPressure, readings.pressure.memory))
        .or_else(|| pressed(Resource::DiskPressure, readings.pressure.disk))
}

/// An agent whose program runs, or is held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Candidate<I> {
    /// The agent.
    pub id: I,
    /// The memory of its processes, in bytes.
    pub memory: u64,
    /// When its program was started, in any unit.
    pub started: u64,
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step<I> {
    /// Hold this agent.
    Hold(I),
    /// Let this agent continue.
    Release(I),
}

/// Decides the next step. `held` are the agents that are held, the first one first, with the reason. For disks the youngest is held
/// first, even if it is the only one: it may fill the disk. For memory the largest is held first, but one always runs: only its end
/// frees memory.
pub(super) fn next_step<I: Clone + Eq>(
    worse: Option<Resource>,
    has_room: bool,
    candidates: &[Candidate<I>],
    held: &[(I, Resource)],
) -> Option<Step<I>> {
    let is_held = |one: &&Candidate<I>| held.iter().any(|(id, _)| *id == one.id);
    let running: Vec<&Candidate<I>> = candidates.iter().filter(|one| !is_held(one)).collect();
    let release = || held.first().map(|(id, _)| Step::Release(id.clone()));
    match worse {
        Some(resource) if resource.is_kept_by_held() => match running.len() {
            0 => release(),
            1 => None,
            _ => running
                .iter()
                .max_by_key(|one| (one.memory, one.started))
                .map(|one| Step::Hold(one.id.clone())),
        },
        Some(_) => running.iter().max_by_key(|one| one.started).map(|one| Step::Hold(one.id.clone())),
        None if has_room => release(),
        None if running.is_empty() && held.iter().all(|(_, resource)| resource.is_kept_by_held()) => {
            release()
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: Thresholds =
        Thresholds { min_free: ByteSize::bytes(200), min_memory: ByteSize::bytes(400), max_pressure: 80 };

    fn memory(available: u64) -> Option<Memory> {
        Some(Memory { available: ByteSize::bytes(available), total: ByteSize::bytes(9000) })
    }

    fn disk(free: u64, files: Option<u64>) -> Vec<DiskReading> {
        vec![DiskReading { free: ByteSize::bytes(free), files, share: 100 }]
    }

    #[test]
    fn readings_are_judged_by_level() {
        use Level::{Hold, Start, StartAfterWait};
        use Resource::{DiskPressure, DiskSpace, Files, Memory, MemoryPressure};
        let all = |disks, memory, pressed: (Option<u32>, Option<u32>)| Readings {
            disks,
            memory,
            pressure: Pressure { memory: pressed.0, disk: pressed.1 },
        };
        let quiet = (Some(0), Some(0));
        for (readings, level, expected) in [
            (Readings::default(), Start, None),
            (all(disk(200, Some(1000)), memory(400), quiet), Start, None),
            (all(disk(200, None), memory(500), quiet), StartAfterWait, Some(DiskSpace)),
            (all(disk(250, Some(1250)), memory(500), quiet), StartAfterWait, None),
            (all(disk(199, None), memory(400), quiet), Start, Some(DiskSpace)),
            (all(disk(100, None), memory(200), quiet), Hold, None),
            (all(disk(99, None), memory(200), quiet), Hold, Some(DiskSpace)),
            (all(disk(200, Some(999)), memory(400), quiet), Start, Some(Files)),
            (all(disk(200, Some(499)), memory(400), quiet), Hold, Some(Files)),
            (all(disk(200, None), memory(399), quiet), Start, Some(Memory)),
            (all(disk(200, None), memory(199), quiet), Hold, Some(Memory)),
            (all(disk(200, None), memory(400), (Some(80), None)), Start, Some(MemoryPressure)),
            (all(disk(200, None), memory(400), (Some(79), None)), Start, None),
            (all(disk(250, None), memory(500), (Some(60), None)), StartAfterWait, Some(MemoryPressure)),
            (all(disk(200, None), memory(400), (Some(89), None)), Hold, None),
            (all(disk(200, None), memory(400), (Some(90), None)), Hold, Some(MemoryPressure)),
            (all(disk(200, None), memory(400), (None, Some(90))), Start, Some(DiskPressure)),
            (all(disk(200, None), memory(400), (None, Some(100))), Hold, None),
        ] {
            let found = shortage(&readings, &THRESHOLDS, level).map(|one| one.resource);
            assert_eq!(found, expected, "{readings:?} {level:?}");
        }
        let never = Thresholds { max_pressure: 100, ..THRESHOLDS };
        let pressed = all(Vec::new(), None, (Some(100), Some(100)));
        assert_eq!(shortage(&pressed, &never, Start), None);
    }

    #[test]
    fn a_shortage_says_what_there_is_and_what_is_needed() {
        let mib = |count: u64| count * 1024 * 1024;
        for (resource, found, needed, sentence) in [
            (Resource::Memory, mib(310), mib(512), "memory: 310 MiB free, 512 MiB needed"),
            (
                Resource::StartingMemory,
                mib(310),
                mib(512),
                "memory: 310 MiB will be free once the agents that were just started hold theirs, 512 MiB needed",
            ),
            (Resource::DiskSpace, mib(3), mib(200), "disk space: 3 MiB free, 200 MiB needed"),
            (Resource::Files, 7, 1000, "disk space: 7 more files can be created, 1000 needed"),
            (
                Resource::MemoryPressure,
                90,
                80,
                "memory: everything waits for it 90 % of the time, the limit is 80 %",
            ),
            (
                Resource::DiskPressure,
                90,
                80,
                "a disk: everything waits for it 90 % of the time, the limit is 80 %",
            ),
        ] {
            assert_eq!(Shortage { resource, found, needed }.sentence(), sentence);
        }
    }

    #[test]
    fn one_agent_at_a_time_is_held_or_continues() {
        use Resource::{DiskSpace, Memory};
        use Step::{Hold, Release};
        let of = |id, memory, started| Candidate { id, memory, started };
        let three = [of('a', 5, 1), of('b', 9, 2), of('c', 1, 3)];
        let one = [of('a', 5, 1)];
        for (worse, has_room, candidates, held, expected) in [
            (None, true, &three[..], &[][..], None),
            (None, false, &three, &[], None),
            // The largest for memory, the youngest for a disk.
            (Some(Memory), false, &three, &[], Some(Hold('b'))),
            (Some(DiskSpace), false, &three, &[], Some(Hold('c'))),
            (Some(Memory), false, &three, &[('b', Memory)], Some(Hold('a'))),
            // For memory the last one runs; for a disk it is held as well.
            (Some(Memory), false, &three, &[('b', Memory), ('a', Memory)], None),
            (Some(Memory), false, &one, &[], None),
            (Some(DiskSpace), false, &one, &[], Some(Hold('a'))),
            (Some(DiskSpace), false, &one, &[('a', DiskSpace)], None),
            // If the last one that ran has ended, another one runs.
            (Some(Memory), false, &one, &[('a', Memory)], Some(Release('a'))),
            (None, false, &one, &[('a', Memory)], Some(Release('a'))),
            (None, false, &one, &[('a', DiskSpace)], None),
            (None, false, &three, &[('b', Memory)], None),
            (None, true, &three, &[('b', Memory), ('a', Memory)], Some(Release('b'))),
        ] {
            let step = next_step(worse, has_room, candidates, held);
            assert_eq!(step, expected, "{worse:?} {has_room} {candidates:?} {held:?}");
        }
    }
}
