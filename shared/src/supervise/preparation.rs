//! What makes the worktree of an agent ready to run: copied files, a setup, and variables of its own.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::model::{ByteSize, duration};

/// What is done before the program of an agent starts, and what was found for it. Written into the spec of its supervisor.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Preparation {
    /// Patterns of the files that are copied from the user's checkout, in addition to those of its `.worktreeinclude`.
    pub include: Vec<String>,
    /// The most that is copied.
    #[serde(rename = "max_include_bytes")]
    pub max_include: ByteSize,
    /// Names of folders whose content can be regenerated.
    pub disposable: Vec<String>,
    /// Whether nothing is copied, whatever the patterns say: the files of the worktree are not the user's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub copies_nothing: bool,
    /// The setup; `None`: there is none, or the user wants none.
    pub setup: Option<Setup>,
    /// Whether submodules are made from those of the user's checkout.
    pub submodules: bool,
    /// Whether files of Git LFS stay pointers.
    pub lfs_pointers: bool,
    /// Whether the results of its builds are removed when it has ended.
    pub removes_builds: bool,
    /// The first of the ports that are the agent's own.
    pub port: Option<u16>,
    /// Its folder for temporary files.
    pub temporary: Option<PathBuf>,
}

/// A shell command of the user that makes a new worktree ready.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Setup {
    /// The command, as the user typed it.
    pub command: String,
    /// How long it may take.
    #[serde(rename = "limit_seconds", with = "duration::seconds")]
    pub limit: Duration,
}
