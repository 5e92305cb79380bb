//! Waits for child processes of a supervisor, including the orphans of the agent's process tree that it adopts.

use std::{collections::HashMap, os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use rustix::{
    io::Errno,
    process::{WaitId, WaitIdOptions, WaitOptions, WaitStatus},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use crate::{Kind, Result, error::ErrorContext, supervise::ending::AttemptEnd, trace};

/// Reaps every child that ends, so that none stays a zombie.
pub struct Reaper {
    /// The children whose status is wanted; all others are orphans of the agent's process tree.
    expected: HashMap<i32, Option<WaitStatus>>,
    child: Signal,
}

impl Reaper {
    /// Starts listening. To be called before the first child is started.
    ///
    /// # Errors
    /// The signal handler cannot be installed.
    pub fn new() -> Result<Self> {
        let child =
            signal(SignalKind::child()).context(Kind::External, || "cannot watch for children".into())?;
        Ok(Self { expected: HashMap::new(), child })
    }

    /// Registers a child whose status is wanted. To be called before any other child is waited for.
    pub fn expect(&mut self, pid: i32) {
        self.expected.entry(pid).or_default();
    }

    /// Returns whether this process has any child. Without one it has no descendants either: as their subreaper it would be the parent
    /// of those whose own parent has ended.
    pub fn has_children() -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(rustix::process::waitid(WaitId::All, options), Err(Errno::CHILD))
    }

    /// Returns how an expected child ended, once, or `None` if it has not.
    pub fn ended(&mut self, pid: i32) -> Option<AttemptEnd> {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if let Some(place) = self.expected.get_mut(&pid.as_raw_nonzero().get()) {
                *place = Some(status);
            }
        }
        let status = (*self.expected.get(&pid)?)?;
        self.expected.remove(&pid);
        trace::program_ended(pid, &ExitStatus::from_raw(status.as_raw()));
        Some(attempt_end(&status))
    }

    /// Waits until any child has ended.
    pub async fn any(&mut self) {
        self.child.recv().await;
    }

    /// Waits for one child. Returns `None` if it takes longer than `limit`.
    pub async fn wait(&mut self, pid: i32, limit: Duration) -> Option<AttemptEnd> {
        self.expect(pid);
        timeout(limit, async {
            loop {
                if let Some(end) = self.ended(pid) {
                    return end;
                }
                self.any().await;
            }
        })
        .await
        .ok()
    }
}

fn attempt_end(status: &WaitStatus) -> AttemptEnd {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => AttemptEnd::Exit(code),
        (None, Some(number)) => AttemptEnd::Signal(number),
        (None, None) => AttemptEnd::Failed("ended in an unknown way".to_owned()),
    }
}
