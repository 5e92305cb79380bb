//! Agents of the repository that were started just now: their programs have not taken the memory yet that they will take. Each start is
//! counted with what another agent holds, so that many at once do not all find the same room.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    held::candidates,
    judge::{Level, Readings, Resource, Shortage, Thresholds, shortage},
};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::careful,
    lock::Lock,
    model::{AgentId, ByteSize},
    private_files,
    store::layout::PrivateDir,
    supervise::{processes::Processes, tree},
};

/// How long a program may take until it holds what it needs.
const SETTLED: Duration = Duration::from_secs(10);
/// How long the decision of another supervisor is awaited.
const LOCK_LIMIT: Duration = Duration::from_secs(2);
/// The part of the wanted memory that each start is counted with at least.
const LEAST_SHARE: u64 = 4;

/// A start that was allowed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Start {
    agent: AgentId,
    /// The boot of the machine.
    boot: String,
    /// When, in seconds since that boot.
    at_seconds: u64,
}

impl Start {
    fn is_recent(&self, now: &(String, u64)) -> bool {
        self.boot == now.0 && now.1.saturating_sub(self.at_seconds) < SETTLED.as_secs()
    }
}

/// Returns what there is too little of for another start, if the agents that were started just now take what others hold. If there is
/// enough, the start of `id` is noted. `now` is the boot and the seconds since then.
///
/// # Errors
/// The file cannot be written.
pub fn take_room(
    private: &PrivateDir,
    id: &AgentId,
    readings: &Readings,
    wanted: (&Thresholds, Level),
    now: &(String, u64),
) -> Result<Option<Shortage>> {
    let (thresholds, level) = wanted;
    // Without the lock, what was measured decides.
    let _lock = Lock::take(&private.starting_agents_lock(), LOCK_LIMIT)?;
    let path = private.starting_agents();
    let text = careful::read(&path).unwrap_or_default();
    let mut starts: Vec<Start> = serde_json::from_slice(&text).unwrap_or_default();
    let others = |start: &Start| start.agent != *id && start.is_recent(now);
    starts.retain(|start| others(start) && memory_of(private, &start.agent).is_some());
    if !starts.is_empty() && readings.memory.is_some() {
        let largest = candidates(private).iter().map(|one| one.memory).max().unwrap_or_default();
        let held = starts.iter().filter_map(|start| memory_of(private, &start.agent));
        let counted = to_come(held, largest.max(thresholds.min_memory.as_bytes() / LEAST_SHARE));
        let left = less(readings, counted);
        if let Some(found) = shortage(&left, thresholds, level) {
            let resource = match found.resource {
                Resource::Memory => Resource::StartingMemory,
                other => other,
            };
            return Ok(Some(Shortage { resource, ..found }));
        }
    }
    starts.push(Start { agent: id.clone(), boot: now.0.clone(), at_seconds: now.1 });
    let cannot = || format!("cannot write '{}'", path.display());
    let text = serde_json::to_vec(&starts).context(Kind::Internal, cannot)?;
    private_files::replace(&path, text).context(Kind::External, cannot)?;
    Ok(None)
}

/// Returns what an agent holds, in bytes; `None`: its supervisor has ended.
fn memory_of(private: &PrivateDir, id: &AgentId) -> Option<u64> {
    let supervisor = Processes::read(&private.agent(id))?.supervisor;
    supervisor.is_alive().then(|| tree::memory_below(supervisor.pid))
}

/// Returns what agents will still take that hold so much and are expected to hold `each`, in bytes.
fn to_come(held: impl Iterator<Item = u64>, each: u64) -> u64 {
    held.map(|held| each.saturating_sub(held)).fold(0, u64::saturating_add)
}

fn less(readings: &Readings, counted: u64) -> Readings {
    let memory = readings.memory.map(|mut memory| {
        memory.available = ByteSize::bytes(memory.available.as_bytes().saturating_sub(counted));
        memory
    });
    Readings { memory, ..readings.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_counts_until_its_program_holds_what_others_hold() {
        for (held, each, expected) in
            [(&[][..], 100, 0), (&[0], 100, 100), (&[0, 40], 100, 160), (&[300, 0], 100, 100)]
        {
            assert_eq!(to_come(held.iter().copied(), each), expected, "{held:?} {each}");
        }
        let at = |boot: &str, at_seconds| Start {
            agent: AgentId::parse("a-00000").unwrap(),
            boot: boot.to_owned(),
            at_seconds,
        };
        let now = ("b".to_owned(), 100);
        for (start, is_recent) in
            [(at("b", 100), true), (at("b", 91), true), (at("b", 90), false), (at("c", 100), false)]
        {
            assert_eq!(start.is_recent(&now), is_recent, "{start:?}");
        }
    }

    /// Ten supervisors measure the same free memory one after the other; no program has taken any yet.
    #[test]
    fn of_ten_agents_that_start_at_once_as_many_start_as_there_is_room_for() {
        let folder = tempfile::tempdir().unwrap();
        let private = PrivateDir::new(folder.path().to_owned());
        let ids: Vec<AgentId> = (0..10).map(|n| AgentId::parse(&format!("a-0000{n}")).unwrap()).collect();
        let pid = i32::try_from(std::process::id()).unwrap();
        for id in &ids {
            let record = Processes {
                boot: tree::boot_id(),
                nonce: "x".to_owned(),
                attempt: 0,
                supervisor: tree::ProcessId::of(pid).unwrap(),
                program: None,
                known: Vec::new(),
            };
            let lock = private.agent(id).lock();
            std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
            std::fs::write(lock, serde_json::to_vec(&record).unwrap()).unwrap();
        }
        let mib = ByteSize::mebibytes;
        let thresholds = Thresholds { min_free: mib(0), min_memory: mib(512), max_pressure: 100 };
        let started = |available: u64, seconds: u64| {
            let memory = Some(crate::kernel::Memory { available: mib(available), total: mib(9000) });
            let readings = Readings { memory, ..Readings::default() };
            let now = ("b".to_owned(), seconds);
            let start = |id: &&AgentId| {
                let room = take_room(&private, id, &readings, (&thresholds, Level::Start), &now).unwrap();
                let says = room.map(|one| one.resource);
                assert!(says.is_none_or(|resource| resource == Resource::StartingMemory), "{says:?}");
                says.is_none()
            };
            ids.iter().filter(start).count()
        };
        // Each is counted with a quarter of 512 MiB.
        assert_eq!(started(600, 100), 1);
        assert_eq!(started(600, 105), 1, "the one that was noted");
        assert_eq!(started(900, 200), 4);
        assert_eq!(started(9000, 300), 10);
        assert_eq!(started(512, 400), 1, "after a while, what is measured counts");
    }
}
