//! Cancellation: one thread ends the waits of an operation in another, and asks it to stop.

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

/// A flag that is set once, and a pipe that becomes readable at that moment, so that `poll` can wait for it together with files.
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
    /// Returns a flag that is not set yet.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub fn new() -> Result<Self> {
        let (reader, writer) = io::pipe().context(Kind::External, || "cannot create a pipe".to_owned())?;
        Ok(Self(Some(Arc::new(Shared { is_cancelled: AtomicBool::new(false), reader, writer }))))
    }

    /// Returns a flag that is never set.
    pub const fn never() -> Self {
        Self(None)
    }

    /// Sets the flag. It does not block; further calls have no effect.
    pub fn cancel(&self) {
        if let Some(shared) = &self.0
            && !shared.is_cancelled.swap(true, Ordering::SeqCst)
        {
            // Only one byte is ever written, and the buffer of a pipe has space for it.
            let _ = (&shared.writer).write_all(b"!");
        }
    }

    /// Returns whether the flag is set.
    pub fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.is_cancelled.load(Ordering::SeqCst))
    }

    /// Returns an error if the flag is set, for an operation that may end at this point.
    ///
    /// # Errors
    /// The flag is set ([`Kind::Interrupted`]).
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(interrupted("interrupted")) } else { Ok(()) }
    }

    /// Waits until the flag is set, for at most `limit`. Returns whether it is set.
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
                // A signal interrupted the wait; the rest of the time remains.
                Err(Errno::INTR) => {}
                _ => return self.is_cancelled(),
            }
        }
    }

    /// Returns the pipe that is readable once the flag is set; nothing must be read from it. `None` if the flag is never set.
    pub fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(|shared| shared.reader.as_fd())
    }
}

/// Returns the error of an operation that the user interrupted.
pub fn interrupted(message: impl Into<String>) -> Error {
    Error::new(Kind::Interrupted, message)
}

/// Converts a duration for `poll`.
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
        let thread = std::thread::Builder::new().spawn(move || other.cancel()).unwrap();
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
