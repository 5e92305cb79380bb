//! Ending a wait from another thread.

use std::{
    io::{self, PipeReader, PipeWriter, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{Kind, Result, error::Context};

/// Ends the waits of a [`Watch`](super::Watch), the present one and all that follow. Can be cloned and sent to other threads.
#[derive(Clone, Debug)]
pub struct CancelHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    cancelled: AtomicBool,
    bell: PipeWriter,
}

impl CancelHandle {
    /// Ends the waits. May be called as often as anybody likes; it does not block.
    pub fn cancel(&self) {
        if !self.0.cancelled.swap(true, Ordering::SeqCst) {
            // One byte always fits: it is written once.
            let _ = (&self.0.bell).write_all(b"!");
        }
    }

    /// Whether somebody called [`CancelHandle::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }
}

/// A handle, and the pipe that can be read once it is cancelled.
///
/// # Errors
/// There are no file descriptors left.
pub(super) fn pair() -> Result<(CancelHandle, PipeReader)> {
    let (ear, bell) = io::pipe().context(Kind::External, || "cannot make a pipe".to_owned())?;
    Ok((CancelHandle(Arc::new(Shared { cancelled: AtomicBool::new(false), bell })), ear))
}
