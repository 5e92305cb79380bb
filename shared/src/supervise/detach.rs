//! Leaving the terminal: a session of our own, and standard streams that nobody waits for.

use std::fs::{File, OpenOptions};

use crate::{Kind, Result, error::Context, lock::Lock};

/// Leaves the session of whoever started us, and takes the agent's lock off standard input: from there a child could
/// inherit it, and the lock would outlive us.
///
/// # Errors
/// We lead a group already, or standard input is no lock.
pub fn leave_the_session() -> Result<Lock> {
    let cannot = || "cannot leave the terminal".to_owned();
    rustix::process::setsid().context(Kind::Internal, cannot)?;
    let lock = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).context(Kind::Internal, cannot)?;
    let nothing = File::open("/dev/null").context(Kind::External, cannot)?;
    rustix::stdio::dup2_stdin(&nothing).context(Kind::Internal, cannot)?;
    Ok(Lock::inherited(File::from(lock)))
}

/// Closes standard output, so that `$(git orchestra spawn …)` and pagers do not wait for us.
pub fn close_output() {
    if let Ok(nothing) = OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&nothing);
    }
}
