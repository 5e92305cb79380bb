//! Systems on which agents cannot be supervised yet: everything else of the suite works there.

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Result};

/// See the Linux module.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// Always 0 here.
    pub start: u64,
}

impl ProcessId {
    /// Nothing is known of any process.
    pub fn of(_pid: i32) -> Option<Self> {
        None
    }

    /// This process.
    pub fn me() -> Self {
        Self { pid: rustix::process::getpid().as_raw_nonzero().get(), start: 0 }
    }

    /// Nothing is known of any process.
    pub fn is_alive(&self) -> bool {
        false
    }
}

/// No boot is told from another.
pub fn boot_id() -> String {
    String::new()
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn adopt_orphans() -> Result<()> {
    check()
}

/// Nothing is known of any process.
pub fn descendants(_of: i32, _spare: &[i32]) -> Vec<ProcessId> {
    Vec::new()
}

/// Nothing is known of any process.
pub fn with_variable(_name: &str, _value: &str) -> Vec<ProcessId> {
    Vec::new()
}

/// Nothing is known of any process.
pub fn values_of(_name: &str) -> Vec<(ProcessId, String)> {
    Vec::new()
}

/// Nothing is known of any process.
pub fn with_arguments() -> Vec<(ProcessId, Vec<String>)> {
    Vec::new()
}

/// The path of an open file or folder.
#[cfg(target_vendor = "apple")]
pub fn path_of(file: impl std::os::fd::AsFd) -> Option<std::path::PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let path = rustix::fs::getpath(file).ok()?;
    Some(std::ffi::OsString::from_vec(path.into_bytes()).into())
}

/// The system does not tell the path of an open file.
#[cfg(not(target_vendor = "apple"))]
pub fn path_of(_file: impl std::os::fd::AsFd) -> Option<std::path::PathBuf> {
    None
}

/// Nothing is known of any process.
pub fn folder_of(_process: ProcessId) -> Option<(u64, u64)> {
    None
}

/// Nothing is known of any process.
pub fn places_in_use() -> Vec<(i32, std::path::PathBuf)> {
    Vec::new()
}

/// Nothing is known of any process.
pub fn running(_program: &std::path::Path) -> Vec<i32> {
    Vec::new()
}

/// A program at work.
#[derive(Clone, Debug)]
pub struct ProgramProcess {
    /// Its process.
    pub pid: i32,
    /// When that began, in nanoseconds since 1970.
    pub begun: i64,
    /// The folder in which it stands.
    pub folder: std::path::PathBuf,
    /// What it was started with.
    pub arguments: Vec<String>,
}

/// Nothing is known of any process.
pub fn at_work(_program: &str) -> Vec<ProgramProcess> {
    Vec::new()
}

/// Nothing is known of any process.
pub fn name_of(_pid: i32) -> String {
    String::new()
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn check() -> Result<()> {
    Err(Error::new(Code::PlatformUnsupported, "agents can be supervised on Linux only so far"))
}
