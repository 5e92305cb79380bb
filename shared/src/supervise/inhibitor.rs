//! Keeps the machine from going to sleep by itself while an agent runs, with `systemd-inhibit`. It holds the inhibitor as long as the
//! program that it runs: one that reads a pipe of the supervisor, and so ends with it however it dies.

use std::{
    path::Path,
    process::{ChildStdin, Stdio},
};

use crate::{model::AgentId, process, world::Environment};

/// Exists where systemd runs the machine; elsewhere there is nobody to ask.
const BOOTED: &str = "/run/systemd/system";

/// An inhibitor, released when dropped.
#[derive(Debug)]
pub struct SleepInhibitor {
    _pipe: ChildStdin,
}

impl SleepInhibitor {
    /// Takes an inhibitor for an agent. `None` if that is not possible here, which is no reason not to run the agent.
    pub fn take(environment: &Environment, id: &AgentId) -> Option<Self> {
        if !Path::new(BOOTED).is_dir() {
            return None;
        }
        let mut command = process::command(environment, "systemd-inhibit");
        command
            .args(["--what=sleep:idle", "--mode=block", "--who=git orchestra"])
            .arg(format!("--why=agent {id} runs"))
            .arg("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/");
        let mut child = process::spawn(&mut command).ok()?;
        Some(Self { _pipe: child.stdin.take()? })
    }
}
