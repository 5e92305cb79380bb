//! Records that a person works in an agent's worktree, with the agent's own program in their terminal.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::careful,
    model::AgentId,
    private_files,
    store::layout::PrivateDir,
    supervise::tree::{self, ProcessId},
};

/// The maximum number of records that are read.
const MAX_RECORDS: usize = 10_000;

/// The processes of an attachment. It is in effect as long as one of them lives: the program outlives a command that is killed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Record {
    /// The id of the boot of the machine.
    boot: String,
    /// The command that started the program and waits for its end.
    command: ProcessId,
    /// The program in the person's terminal, once it was started.
    program: Option<ProcessId>,
    /// The value of the variable by which the program and what it starts are known; earlier versions recorded none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<String>,
}

impl Record {
    fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&careful::read(path).ok()?).ok()
    }

    /// Returns the process that is in effect: the program, otherwise the command.
    fn process(&self) -> Option<i32> {
        let is_alive = |process: &&ProcessId| process.is_alive();
        let process = self.program.as_ref().filter(is_alive).or_else(|| Some(&self.command).filter(is_alive));
        process.filter(|_| self.boot == tree::boot_id()).map(|process| process.pid)
    }
}

/// An attachment of this process, which ends when this is dropped.
#[derive(Debug)]
pub struct Attachment {
    path: PathBuf,
    record: Record,
}

impl Attachment {
    /// Records that a person attaches to an agent, with the mark of the program in their terminal. The caller holds the agent's lock.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn begin(private: &PrivateDir, id: &AgentId, mark: Option<String>) -> Result<Self> {
        let record = Record { boot: tree::boot_id(), command: ProcessId::me(), program: None, mark };
        let attachment = Self { path: path(private, id), record };
        attachment.write()?;
        Ok(attachment)
    }

    /// Records the program in the person's terminal.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn started(&mut self, pid: u32) -> Result<()> {
        self.record.program = i32::try_from(pid).ok().and_then(ProcessId::of);
        self.write()
    }

    fn write(&self) -> Result<()> {
        let cannot = || format!("cannot write '{}'", self.path.display());
        let text = serde_json::to_vec(&self.record).context(Kind::Internal, cannot)?;
        if let Some(folder) = self.path.parent() {
            private_files::create_dir(folder).context(Kind::External, cannot)?;
        }
        private_files::replace(&self.path, text).context(Kind::External, cannot)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Returns the folder of the records, which exists once somebody attached to an agent.
fn folder(private: &PrivateDir) -> PathBuf {
    private.dir().join("attached")
}

fn path(private: &PrivateDir, id: &AgentId) -> PathBuf {
    folder(private).join(id.as_str())
}

/// Returns the process with which a person is attached to an agent now.
pub fn process_of(private: &PrivateDir, id: &AgentId) -> Option<i32> {
    Record::read(&path(private, id))?.process()
}

/// Returns the mark of the program with which a person is attached to an agent now.
pub fn mark_of(private: &PrivateDir, id: &AgentId) -> Option<String> {
    let record = Record::read(&path(private, id))?;
    record.process().and(record.mark)
}

/// Returns all agents to which a person is attached now, each with the process. Without any, only one folder is looked for.
pub fn all(private: &PrivateDir) -> HashMap<String, i32> {
    let entries = std::fs::read_dir(folder(private)).into_iter().flatten().flatten();
    let read = |entry: std::fs::DirEntry| {
        Some((entry.file_name().into_string().ok()?, Record::read(&entry.path())?.process()?))
    };
    entries.take(MAX_RECORDS).filter_map(read).collect()
}

/// The error for an agent to which a person is attached.
pub fn refusal(id: &AgentId, pid: i32) -> Error {
    Error::new(Code::AgentRunning, format!("a person is attached to agent '{id}' (process {pid})"))
        .hint("exit the program in that terminal first")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_lasts_as_long_as_one_of_its_processes() {
        let folder = tempfile::tempdir().unwrap();
        let private = PrivateDir::new(folder.path().join("orchestra"));
        let id = AgentId::parse("a-00000").unwrap();
        assert_eq!((process_of(&private, &id), all(&private).len()), (None, 0));
        let attachment = Attachment::begin(&private, &id, Some("mark".to_owned())).unwrap();
        assert_eq!(mark_of(&private, &id).as_deref(), Some("mark"));
        let me = ProcessId::me();
        assert_eq!(process_of(&private, &id), Some(me.pid));
        assert_eq!(all(&private).get("a-00000"), Some(&me.pid));
        let dead = ProcessId { pid: me.pid, start: me.start + 1 };
        let alive = Record { command: dead, program: Some(me), ..attachment.record.clone() };
        assert_eq!(alive.process(), Some(me.pid));
        assert_eq!(Record { program: None, ..alive.clone() }.process(), None);
        assert_eq!(Record { boot: "another".to_owned(), ..alive }.process(), None);
        drop(attachment);
        assert_eq!((process_of(&private, &id), mark_of(&private, &id)), (None, None));
    }
}
