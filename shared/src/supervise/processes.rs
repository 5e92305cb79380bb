//! Records and finds the processes of an agent. The supervisor writes the record; commands that show or end agents read it.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    error::ErrorContext,
    git::{Repo, careful},
    lock::Lock,
    model::{AgentId, Fact},
    store::{
        Chain,
        layout::{AgentDir, PrivateDir},
        writer::known_writer,
    },
    supervise::tree::{self, ProcessId},
    world::ancestors::parse_supervisor,
};

pub use crate::world::{
    AGENT, ATTEMPT as NONCE,
    ancestors::{RUN, SUPERVISOR},
};

/// The minimum size of a record in bytes, padded with blanks. Every record fits, so that a short one leaves nothing of a long one.
const RECORD_SIZE: usize = 4096;
/// The maximum number of descendants in a record.
pub const MAX_KNOWN: usize = 64;

/// The processes of an agent, recorded in the agent's lock file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Processes {
    /// The id of the boot of the machine.
    pub boot: String,
    /// The value of [`NONCE`].
    pub nonce: String,
    /// The number of the attempt; 0 before the first launch.
    pub attempt: u32,
    /// The process of the supervisor.
    pub supervisor: ProcessId,
    /// The agent's program, while it runs.
    pub program: Option<ProcessId>,
    /// Its descendants a moment ago: a process that left the tree and cleared its environment is found only here, if the supervisor is
    /// killed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<ProcessId>,
}

impl Processes {
    /// Reads the record; `None` if there is none from this boot.
    pub fn read(dir: &AgentDir) -> Option<Self> {
        // It may be read while it is written; the next try then reads it completely.
        let read = || serde_json::from_slice::<Self>(&careful::read(dir.lock()).ok()?).ok();
        let record = (0..3).find_map(|_| read())?;
        (record.boot == tree::boot_id()).then_some(record)
    }

    /// Returns whether there is a record, of any boot. If there is none, the file was removed.
    pub fn is_recorded(dir: &AgentDir) -> bool {
        fs::metadata(dir.lock()).is_ok_and(|found| found.len() > 0)
    }

    /// Writes the record into the agent's lock file with a single write of constant length.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write(&self, lock: &Lock) -> Result<()> {
        let cannot = || "cannot write into the agent's lock".to_owned();
        let mut text = serde_json::to_vec(self).context(Kind::Internal, cannot)?;
        text.resize(text.len().max(RECORD_SIZE), b' ');
        lock.file().write_all_at(&text, 0).context(Kind::External, cannot)
    }

    /// Returns the processes that an agent left after its supervisor died: its program with all descendants, and every process with
    /// its nonce. Never a process that it did not start.
    pub fn orphans(&self, private: &PrivateDir) -> Vec<ProcessId> {
        let spared = supervisors(private);
        let mut found: BTreeMap<i32, ProcessId> = BTreeMap::new();
        let alive = self.program.into_iter().chain(self.known.iter().copied()).filter(ProcessId::is_alive);
        let alive: Vec<ProcessId> = alive.filter(|process| !spared.contains(&process.pid)).collect();
        let below: Vec<ProcessId> =
            alive.iter().flat_map(|process| tree::descendants(process.pid, &spared)).collect();
        let marked = tree::with_variable(NONCE, &self.nonce);
        for process in alive.into_iter().chain(below).chain(marked) {
            if process != self.supervisor && !spared.contains(&process.pid) {
                found.insert(process.pid, process);
            }
        }
        found.into_values().collect()
    }
}

/// Returns the supervisors of all live agents. Supervisors that an agent spawned are in its process tree but independent of it.
pub fn supervisors(private: &PrivateDir) -> Vec<i32> {
    running_supervisors(private).into_iter().map(|(_, process)| process.pid).collect()
}

/// Returns the supervisor of an agent, even if its lock and record were removed.
pub fn supervisor_of(private: &PrivateDir, id: &AgentId) -> Option<ProcessId> {
    running_supervisors(private).into_iter().find(|(of, _)| of == id.as_str()).map(|(_, process)| process)
}

/// Returns the supervisors of this repository with their agents. They are recognized by their current folder, because the path in
/// the command line is out of date after the repository was renamed.
pub fn running_supervisors(private: &PrivateDir) -> Vec<(String, ProcessId)> {
    let Some(common) = private.dir().parent() else { return Vec::new() };
    let identity = fs::metadata(common).ok().map(|found| (found.dev(), found.ino()));
    let of_this_repository = |process: ProcessId, place: &str| match (tree::folder_of(process), identity) {
        (Some(folder), Some(identity)) => folder == identity,
        _ => Path::new(place) == common,
    };
    let all = tree::with_arguments().into_iter();
    all.filter_map(|(process, words)| {
        let (place, id) = parse_supervisor(&words)?;
        of_this_repository(process, place).then(|| (id.to_owned(), process))
    })
    .collect()
}

/// Returns the mark of a launch in its event, by which its processes are found if the record is gone: a digest of the nonce. The
/// nonce itself is never synced.
pub fn mark(nonce: &str) -> String {
    faster_hex::hex_string(&Sha256::digest(nonce)[..8])
}

/// Returns the processes that an agent left after its supervisor died: by the record, or if that is gone, by the marks in events.
pub fn leftovers_of(repo: &Repo, private: &PrivateDir, id: &AgentId) -> Vec<ProcessId> {
    if let Some(record) = Processes::read(&private.agent(id)) {
        return record.orphans(private);
    }
    if Processes::is_recorded(&private.agent(id)) {
        // The machine was rebooted.
        return Vec::new();
    }
    let (Ok(chain), Some(writer)) = (Chain::of_agent(repo, id), known_writer(repo)) else {
        return Vec::new();
    };
    // Another clone on this machine may have launched it; its processes are not ours to end.
    let ours = chain.events.iter().filter(|event| event.writer == writer);
    let marks: HashSet<&str> = ours
        .filter_map(|event| match &event.fact {
            Some(Fact::Phase(step)) => step.mark.as_deref(),
            _ => None,
        })
        .collect();
    if marks.is_empty() {
        return Vec::new();
    }
    let spared = supervisors(private);
    let marked = tree::values_of(NONCE).into_iter();
    let marked = marked.filter(|(_, nonce)| marks.contains(mark(nonce).as_str())).map(|(process, _)| process);
    let all: HashSet<ProcessId> = marked
        .flat_map(|process| tree::descendants(process.pid, &spared).into_iter().chain([process]))
        .collect();
    all.into_iter().filter(|process| !spared.contains(&process.pid)).collect()
}

/// Sends a signal to a process, if it is still the same.
pub fn signal(process: ProcessId, signal: Signal) {
    if process.is_alive()
        && let Some(pid) = Pid::from_raw(process.pid)
    {
        // It may end in between; a process id is not reused that quickly.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Lets those processes continue that a signal stopped.
pub fn continue_stopped(all: &[ProcessId]) {
    for process in all.iter().filter(|process| tree::is_stopped(**process)) {
        signal(*process, Signal::CONT);
    }
}

/// Ends all processes that `find` returns, repeatedly until it returns none: with SIGTERM, and with SIGKILL after `grace`.
///
/// # Errors
/// Some processes are still alive ten seconds after that; they are named.
pub fn end_all(find: impl Fn() -> Vec<ProcessId>, grace: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut backoff = Backoff::millis(2, 50);
    let mut asked: Vec<ProcessId> = Vec::new();
    loop {
        let alive = find();
        if alive.is_empty() {
            return Ok(());
        }
        let kill = begun.elapsed() >= grace;
        for process in &alive {
            if kill {
                signal(*process, Signal::KILL);
            } else if !asked.contains(process) {
                asked.push(*process);
                signal(*process, Signal::TERM);
                signal(*process, Signal::CONT);
            }
        }
        if begun.elapsed() > grace + Duration::from_secs(10) {
            let pids: Vec<String> = alive.iter().map(|process| process.pid.to_string()).collect();
            return Err(Error::new(
                Code::ProcessUnkillable,
                format!("processes {} cannot be killed", pids.join(", ")),
            ));
        }
        backoff.sleep();
    }
}
