//! Cancels a wait from another thread.

use std::{
    io::{self, PipeReader, PipeWriter, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{Kind, Result, error::Context};

/// Cancels the current wait of a [`Watch`](super::Watch) and every later one. Can be cloned and sent to other threads.
#[derive(Clone, Debug)]
pub struct CancelHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    cancelled: AtomicBool,
    bell: PipeWriter,
}

impl CancelHandle {
    /// Cancels the waits. Never blocks; later calls have no effect.
    pub fn cancel(&self) {
        if !self.0.cancelled.swap(true, Ordering::SeqCst) {
            // One byte always fits into the pipe, and it is written only once.
            let _ = (&self.0.bell).write_all(b"!");
        }
    }

    /// Returns whether [`CancelHandle::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }
}

/// Returns a handle, and the pipe that becomes readable when it is cancelled.
///
/// # Errors
/// No file descriptors are left.
pub(super) fn pair() -> Result<(CancelHandle, PipeReader)> {
    let (ear, bell) = io::pipe().context(Kind::External, || "cannot make a pipe".to_owned())?;
    Ok((CancelHandle(Arc::new(Shared { cancelled: AtomicBool::new(false), bell })), ear))
}
