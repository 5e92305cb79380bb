//! Cancelling: ends waits, and asks an operation to stop, from another thread.

use std::{
    io::{self, PipeReader, PipeWriter, Write},
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use crate::{Error, Kind, Result, error::ErrorContext};

/// A flag that is set once, and a pipe that becomes readable at that moment, so that a wait for files can wait for it as well.
/// Clones share the flag and can be sent to other threads.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    is_cancelled: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
}

impl Cancel {
    /// A flag that is not set yet.
    ///
    /// # Errors
    /// There are no file descriptors left.
    pub fn new() -> Result<Self> {
        let (reader, writer) = io::pipe().context(Kind::External, || "cannot make a pipe".to_owned())?;
        Ok(Self(Some(Arc::new(Shared { is_cancelled: AtomicBool::new(false), reader, writer }))))
    }

    /// A flag that is never set.
    pub const fn never() -> Self {
        Self(None)
    }

    /// Sets the flag. Does not block; calls after the first change nothing.
    pub fn cancel(&self) {
        if let Some(shared) = &self.0
            && !shared.is_cancelled.swap(true, Ordering::SeqCst)
        {
            // One byte always fits, and it is written once.
            let _ = (&shared.writer).write_all(b"!");
        }
    }

    /// Whether the flag is set.
    pub fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.is_cancelled.load(Ordering::SeqCst))
    }

    /// Ends an operation that can be ended where it is.
    ///
    /// # Errors
    /// The flag is set ([`Kind::Interrupted`]).
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(interrupted("interrupted")) } else { Ok(()) }
    }

    /// Waits until the flag is set, at most for `limit`. Returns whether it is set.
    pub fn wait(&self, limit: Duration) -> bool {
        let Some(pipe) = self.pipe() else {
            std::thread::sleep(limit);
            return false;
        };
        let deadline = Instant::now().checked_add(limit);
        loop {
            let left = deadline.map_or(limit, |deadline| deadline.saturating_duration_since(Instant::now()));
            let mut asked = [PollFd::from_borrowed_fd(pipe, PollFlags::IN)];
            match poll(&mut asked, Some(&timespec(left))) {
                // Another signal: what is left of the time is waited for.
                Err(Errno::INTR) => {}
                _ => return self.is_cancelled(),
            }
        }
    }

    /// The pipe that is readable once the flag is set. Nobody reads from it. `None`: the flag is never set.
    pub fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(|shared| shared.reader.as_fd())
    }
}

/// The error of an operation that the user interrupted.
pub fn interrupted(message: impl Into<String>) -> Error {
    Error::new(Kind::Interrupted, message)
}

/// A duration as `poll` takes it.
pub fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_wait_ends_when_another_thread_cancels() {
        let cancel = Cancel::new().unwrap();
        assert!(!cancel.wait(Duration::ZERO) && cancel.check().is_ok());
        let other = cancel.clone();
        let thread = std::thread::spawn(move || other.cancel());
        assert!(cancel.wait(LONG), "the first wait ends");
        assert!(cancel.wait(LONG), "and so does every later one");
        thread.join().unwrap();
        cancel.cancel();
        assert_eq!(cancel.check().unwrap_err().kind(), Kind::Interrupted);
    }

    #[test]
    fn a_flag_that_is_never_set_stays_so() {
        let never = Cancel::never();
        never.cancel();
        assert!(!never.is_cancelled() && !never.wait(Duration::ZERO) && never.pipe().is_none());
    }
}
