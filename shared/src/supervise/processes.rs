//! Which processes belong to an agent: written by its supervisor, read by whoever asks or mends.

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
    error::Context,
    git::{Repo, careful},
    lock::Lock,
    model::{AgentId, Fact},
    store::{
        Chain,
        layout::{AgentDir, PrivateDir},
        writer::known_writer,
    },
    supervise::tree::{self, ProcessId},
};

/// The program of supervisors, and the word that makes it one.
pub const SUPERVISOR: &str = "git-orchestra-supervise";
/// See [`SUPERVISOR`]: its first argument.
pub const RUN: &str = "run";

pub use crate::world::{AGENT, ATTEMPT as NONCE};

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
        let read = || serde_json::from_slice::<Self>(&careful::read(dir.lock()).ok()?).ok();
        let record = (0..3).find_map(|_| read())?;
        (record.boot == tree::boot_id()).then_some(record)
    }

    /// Whether anything is written there, of whatever boot. Where it is not, somebody removed the file.
    pub fn is_recorded(dir: &AgentDir) -> bool {
        fs::metadata(dir.lock()).is_ok_and(|found| found.len() > 0)
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
    pub fn orphans(&self, private: &PrivateDir) -> Vec<ProcessId> {
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
pub fn supervisors(private: &PrivateDir) -> Vec<i32> {
    at_work(private).into_iter().map(|(_, process)| process.pid).collect()
}

/// The supervisor of an agent, also where its lock and its record were removed.
pub fn supervisor_of(private: &PrivateDir, id: &AgentId) -> Option<ProcessId> {
    at_work(private).into_iter().find(|(of, _)| of == id.as_str()).map(|(_, process)| process)
}

/// The supervisors of this repository with their agents. Each stands in the repository's folder; the path in its command line is
/// out of date once the repository was renamed.
fn at_work(private: &PrivateDir) -> Vec<(String, ProcessId)> {
    let Some(common) = private.dir().parent() else { return Vec::new() };
    let identity = fs::metadata(common).ok().map(|found| (found.dev(), found.ino()));
    let of_this_repository = |process: ProcessId, place: &str| match (tree::folder_of(process), identity) {
        (Some(folder), Some(identity)) => folder == identity,
        _ => Path::new(place) == common,
    };
    let all = tree::with_arguments().into_iter();
    all.filter_map(|(process, words)| {
        let (place, id) = supervised(&words)?;
        of_this_repository(process, place).then(|| (id.to_owned(), process))
    })
    .collect()
}

/// The repository and the agent of a command line that is a supervisor's.
fn supervised(words: &[String]) -> Option<(&str, &str)> {
    let [program, verb, place, id, ..] = words else { return None };
    let is_supervisor = Path::new(program).file_name().is_some_and(|name| name == SUPERVISOR);
    (is_supervisor && verb == RUN).then_some((place, id))
}

/// What an event says of a launch, so that its processes can be found where the record is gone: a digest of their nonce, which
/// stays here.
pub fn mark(nonce: &str) -> String {
    faster_hex::hex_string(&Sha256::digest(nonce)[..8])
}

/// What still runs of an agent whose supervisor is gone: by the record; where that is gone as well, by the marks in its events.
pub fn left_of(repo: &Repo, private: &PrivateDir, id: &AgentId) -> Vec<ProcessId> {
    if let Some(record) = Processes::read(&private.agent(id)) {
        return record.orphans(private);
    }
    if Processes::is_recorded(&private.agent(id)) {
        // The machine was started anew.
        return Vec::new();
    }
    let (Ok(chain), Some(writer)) = (Chain::of_agent(repo, id), known_writer(repo)) else {
        return Vec::new();
    };
    // Another clone on this machine may have launched it: what runs there is that clone's.
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
    let spare = supervisors(private);
    let marked = tree::values_of(NONCE).into_iter();
    let marked = marked.filter(|(_, nonce)| marks.contains(mark(nonce).as_str())).map(|(process, _)| process);
    let all: HashSet<ProcessId> = marked
        .flat_map(|process| tree::descendants(process.pid, &spare).into_iter().chain([process]))
        .collect();
    all.into_iter().filter(|process| !spare.contains(&process.pid)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_is_known_by_its_command_line() {
        let known = Some(("/r/.git", "a-00000"));
        for (line, agent) in [
            ("/bin/git-orchestra-supervise run /r/.git a-00000", known),
            ("git-orchestra-supervise run /r/.git a-00000", known),
            ("git-orchestra-supervise take /r/.git a-00000", None),
            ("vim git-orchestra-supervise run /r/.git a-00000", None),
            ("git-orchestra-supervise run /r/.git", None),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(supervised(&words), agent, "{line}");
        }
    }
}
