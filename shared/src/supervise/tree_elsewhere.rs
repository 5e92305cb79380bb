//! Process functions for systems on which agents cannot be supervised yet. Everything else of the suite works there.

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Result};

/// A process, as on Linux.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: i32,
    /// Always 0 here.
    pub start: u64,
}

impl ProcessId {
    /// Processes are not known on this system.
    pub fn of(_pid: i32) -> Option<Self> {
        None
    }

    /// Returns this process.
    pub fn me() -> Self {
        Self { pid: rustix::process::getpid().as_raw_nonzero().get(), start: 0 }
    }

    /// Processes are not known on this system.
    pub fn is_alive(&self) -> bool {
        false
    }
}

/// The CPU time of threads is not known on this system.
pub fn thread_cpu_time() -> Option<std::time::Duration> {
    None
}

/// Returns an empty id: boots are not distinguished.
pub fn boot_id() -> String {
    String::new()
}

/// Fails, as supervision is not supported.
///
/// # Errors
/// Always.
pub fn adopt_orphans() -> Result<()> {
    check()
}

/// Nothing is known here.
pub fn some_descendants(_of: i32, _most: usize) -> Vec<ProcessId> {
    Vec::new()
}

/// Processes are not known on this system.
pub fn descendants(_of: i32, _spare: &[i32]) -> Vec<ProcessId> {
    Vec::new()
}

/// The memory of processes is not known on this system.
pub fn memory_below(_of: i32) -> u64 {
    0
}

/// Processes are not known on this system.
pub fn is_stopped(_process: ProcessId) -> bool {
    false
}

/// Processes are not known on this system.
pub fn with_variable(_name: &str, _value: &str) -> Vec<ProcessId> {
    Vec::new()
}

/// Processes are not known on this system.
pub fn values_of(_name: &str) -> Vec<(ProcessId, String)> {
    Vec::new()
}

/// Processes are not known on this system.
pub fn with_arguments() -> Vec<(ProcessId, Vec<String>)> {
    Vec::new()
}

/// Returns the path of an open file or folder.
#[cfg(target_vendor = "apple")]
pub fn path_of(file: impl std::os::fd::AsFd) -> Option<std::path::PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let path = rustix::fs::getpath(file).ok()?;
    Some(std::ffi::OsString::from_vec(path.into_bytes()).into())
}

/// Returns `None`: the system does not report the path of an open file.
#[cfg(not(target_vendor = "apple"))]
pub fn path_of(_file: impl std::os::fd::AsFd) -> Option<std::path::PathBuf> {
    None
}

/// Processes are not known on this system.
pub fn folder_of(_process: ProcessId) -> Option<(u64, u64)> {
    None
}

/// Processes are not known on this system.
pub fn places_in_use() -> Vec<(i32, std::path::PathBuf)> {
    Vec::new()
}

/// A process that runs a program.
#[derive(Clone, Debug)]
pub struct ProgramProcess {
    /// The process id.
    pub pid: i32,
    /// When it started, in nanoseconds since 1970.
    pub begun: i64,
    /// Its current folder.
    pub folder: std::path::PathBuf,
    /// Its command line.
    pub arguments: Vec<String>,
}

/// Processes are not known on this system.
pub fn processes_running(_program: &str) -> Vec<ProgramProcess> {
    Vec::new()
}

/// Processes are not known on this system.
pub fn name_of(_pid: i32) -> String {
    String::new()
}

/// Returns the session of this process, which is the same in each pipeline of a terminal.
pub fn session() -> Option<i32> {
    rustix::process::getsid(None).ok().map(|session| session.as_raw_nonzero().get())
}

/// Fails, as supervision is not supported.
///
/// # Errors
/// Always.
pub fn check() -> Result<()> {
    Err(Error::new(Code::PlatformUnsupported, "agents can be supervised only on Linux so far"))
}
