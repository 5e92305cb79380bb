//! Which processes belong to an agent: written by its supervisor, read by whoever asks or mends.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::FileExt,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Kind, Result,
    error::Context,
    lock::Lock,
    store::layout::{AgentDir, Private},
    supervise::tree::{self, ProcessId},
};

/// In the environment of everything that an agent starts.
pub const NONCE: &str = "ORCHESTRA_ATTEMPT";

/// Bytes that a record takes, filled up with blanks.
const RECORD: usize = 512;

/// The record.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Processes {
    /// Tells this boot of the machine from every other.
    pub boot: String,
    /// The value of [`NONCE`].
    pub nonce: String,
    /// Which launch.
    pub attempt: u32,
    /// The supervisor.
    pub supervisor: ProcessId,
    /// The agent's program, while it runs.
    pub program: Option<ProcessId>,
}

impl Processes {
    /// Reads the record; nothing where there is none from this boot.
    pub fn read(dir: &AgentDir) -> Option<Self> {
        // It may be read while it is written; then the next look finds it whole.
        let read = || serde_json::from_slice::<Self>(&fs::read(dir.lock()).ok()?).ok();
        let record = (0..3).find_map(|_| read())?;
        (record.boot == tree::boot_id()).then_some(record)
    }

    /// Writes the record into the agent's lock, at one stroke and always of one length.
    ///
    /// # Errors
    /// The disk is full or not writable.
    pub fn write(&self, lock: &Lock) -> Result<()> {
        let cannot = || "cannot write into the agent's lock".to_owned();
        let mut text = serde_json::to_vec(self).context(Kind::Internal, cannot)?;
        text.resize(text.len().max(RECORD), b' ');
        lock.file().write_all_at(&text, 0).context(Kind::External, cannot)
    }

    /// What still runs of the agent though its supervisor is gone: its program with all below it, and whatever bears its
    /// nonce. Never a process that it did not start.
    pub fn orphans(&self, private: &Private) -> Vec<ProcessId> {
        let spare = supervisors(private);
        let mut found: BTreeMap<i32, ProcessId> = BTreeMap::new();
        let program = self.program.filter(ProcessId::is_alive);
        let below = program.map(|program| tree::descendants(program.pid, &spare)).unwrap_or_default();
        let marked = tree::with_variable(NONCE, &self.nonce);
        for process in program.into_iter().chain(below).chain(marked) {
            if process != self.supervisor && !spare.contains(&process.pid) {
                found.insert(process.pid, process);
            }
        }
        found.into_values().collect()
    }
}

/// The supervisors of all agents that live. An agent may spawn others: they are in its tree, and have a life of their own.
pub fn supervisors(private: &Private) -> Vec<i32> {
    let records = private.agents().into_iter().filter_map(|id| Processes::read(&private.agent(&id)));
    records.map(|record| record.supervisor).filter(ProcessId::is_alive).map(|process| process.pid).collect()
}

/// Sends a signal to a process, if it is still the same.
pub fn signal(process: ProcessId, signal: Signal) {
    if process.is_alive()
        && let Some(pid) = Pid::from_raw(process.pid)
    {
        // It may end in between; a number is not given anew that quickly.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Ends all processes that `find` gives, again and again until it gives none: TERM, and KILL after `grace`.
///
/// # Errors
/// Some cannot be killed within ten seconds more; they are named.
pub fn end_all(find: impl Fn() -> Vec<ProcessId>, grace: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(2);
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
                Kind::External,
                format!("processes {} cannot be killed", pids.join(", ")),
            ));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
