//! Waiting for children: ours, and the orphans of the agent's tree that become ours.

use std::{collections::HashMap, time::Duration};

use rustix::process::{WaitOptions, WaitStatus};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use crate::{Kind, Result, error::Context, supervise::ending::End};

/// Collects every child that ends, so that none stays a zombie.
pub struct Reaper {
    ended: HashMap<i32, WaitStatus>,
    child: Signal,
}

impl Reaper {
    /// Starts listening; to be made before the first child is started.
    ///
    /// # Errors
    /// The system gives no signals.
    pub fn new() -> Result<Self> {
        let child =
            signal(SignalKind::child()).context(Kind::External, || "cannot watch for children".into())?;
        Ok(Self { ended: HashMap::new(), child })
    }

    /// How a child ended, if it has.
    pub fn ended(&mut self, pid: i32) -> Option<End> {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            self.ended.insert(pid.as_raw_nonzero().get(), status);
        }
        let end = self.ended.remove(&pid).map(|status| meaning(&status));
        // We wait for one child at a time: the others are orphans of the agent's tree, and nobody will ask for them.
        self.ended.clear();
        end
    }

    /// Returns when a child ended.
    pub async fn any(&mut self) {
        self.child.recv().await;
    }

    /// Waits for one child. `None`: it takes longer than `limit`.
    pub async fn wait(&mut self, pid: i32, limit: Duration) -> Option<End> {
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

fn meaning(status: &WaitStatus) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => End::Exit(code),
        (None, Some(number)) => End::Signal(number),
        (None, None) => End::Broken("ended in an unknown way".to_owned()),
    }
}
