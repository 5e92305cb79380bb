//! Detaches from the terminal: a new process session, and standard streams that no other process waits for.

use std::fs::{File, OpenOptions};

use crate::{Kind, Result, error::ErrorContext, lock::Lock};

/// Starts a new process session and moves the agent's lock away from standard input: a child could inherit it from there, and the
/// lock would then outlive this process.
///
/// # Errors
/// This process already leads a process group, or standard input cannot be replaced.
pub fn start_new_session() -> Result<Lock> {
    let cannot = || "cannot leave the terminal".to_owned();
    rustix::process::setsid().context(Kind::Internal, cannot)?;
    let lock = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).context(Kind::Internal, cannot)?;
    let nothing = File::open("/dev/null").context(Kind::External, cannot)?;
    rustix::stdio::dup2_stdin(&nothing).context(Kind::Internal, cannot)?;
    Ok(Lock::inherited(File::from(lock)))
}

/// Closes standard output, so that `$(git orchestra spawn …)` and pagers do not wait for this process.
pub fn close_output() {
    if let Ok(nothing) = OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&nothing);
    }
}
