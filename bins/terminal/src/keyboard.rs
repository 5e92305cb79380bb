//! Reads single keys from the terminal. The terminal's own modes return however the program ends or pauses, and while another program
//! uses it. Ctrl-C stays a signal, unless a window with prompts reads it. Ctrl-Z is read as a key: as a signal it would also stop a program that waits for this one, and the
//! shell could take the terminal before its modes are back.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
};

use orchestra::{Kind, Result, error::ErrorContext};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::getpgrp,
    stdio::stdin,
    termios::{
        self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp,
        tcsetattr,
    },
};

/// What stands for no key among the special keys of a terminal.
const NO_KEY: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };

/// The modes of the terminal before keys were read. `None` while it has its own modes. While it is locked, no key is read: the program
/// may be about to pause, and what is typed then is for the shell.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether Ctrl-C is read as a key, which leaves a prompt and not the program.
static READS_INTERRUPT: AtomicBool = AtomicBool::new(false);

/// The terminal in the mode in which every key can be read at once, until this value is dropped.
pub(crate) struct Keyboard(());

/// What was typed.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Typed {
    /// These bytes; empty if nothing was.
    Bytes(Vec<u8>),
    /// The terminal is gone.
    Gone,
}

impl Keyboard {
    /// Starts to read keys; `None` if stdin is not a terminal, or another program has it.
    pub(crate) fn open() -> Option<Self> {
        let is_taken = take(&mut locked());
        // Only if it was: dropping a keyboard takes the lock.
        is_taken.then(|| Self(()))
    }

    /// As [`Keyboard::open`], but Ctrl-C is read as a key as well.
    pub(crate) fn open_with_interrupt() -> Option<Self> {
        READS_INTERRUPT.store(true, Ordering::SeqCst);
        Self::open()
    }

    /// Returns a file from which something can be read when a key was pressed.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub(crate) fn file(&self) -> Result<OwnedFd> {
        let cannot = || "cannot open the terminal twice".to_owned();
        stdin().try_clone_to_owned().context(Kind::External, cannot)
    }

    /// Makes the terminal hand over every key again, after a pause of the program.
    pub(crate) fn resume(&self) {
        take(&mut locked());
    }

    /// Returns what was typed since the last call. After a pause of the program, keys are read again.
    pub(crate) fn read(&self) -> Typed {
        let mut before = locked();
        if !take(&mut before) {
            return Typed::Bytes(Vec::new());
        }
        let mut asked = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if !poll(&mut asked, Some(&at_once)).is_ok_and(|found| found > 0) {
            return Typed::Bytes(Vec::new());
        }
        let mut bytes = [0; 1024];
        match rustix::io::read(stdin(), &mut bytes) {
            Ok(0) | Err(rustix::io::Errno::IO) => Typed::Gone,
            Ok(length) => Typed::Bytes(bytes[..length].to_vec()),
            Err(_) => Typed::Bytes(Vec::new()),
        }
    }

    /// Waits for a key, and discards it.
    pub(crate) fn wait(&self) {
        take(&mut locked());
        self.discard();
        let mut asked = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
        let _ = poll(&mut asked, None);
        self.discard();
    }

    /// Discards what was typed and not read yet.
    pub(crate) fn discard(&self) {
        let _ = termios::tcflush(stdin(), QueueSelector::IFlush);
    }

    /// Pauses all programs of this job, as Ctrl-Z does, once the terminal has its own modes.
    pub(crate) fn pause_job(&self, pause: impl FnOnce()) {
        restore(&mut locked());
        pause();
    }

    /// Returns the terminal to its own modes while another program uses it.
    pub(crate) fn lend<T>(&self, run: impl FnOnce() -> T) -> T {
        restore(&mut locked());
        let result = run();
        take(&mut locked());
        result
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        restore(&mut locked());
    }
}

/// Runs another program on the terminal, which gets its present modes again afterwards, however that program ended.
pub fn keeping_modes<T>(run: impl FnOnce() -> T) -> T {
    let modes = tcgetattr(stdin().as_fd());
    let result = run();
    if let Ok(modes) = modes
        && tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
    {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
    }
    result
}

/// Returns the terminal to its own modes while the program is paused by `pause`.
pub(crate) fn while_paused(pause: impl FnOnce()) {
    let mut before = locked();
    restore(&mut before);
    pause();
}

/// Returns the terminal to its own modes, also while another thread reads keys: the program ends.
pub(crate) fn restore_at_once() {
    match BEFORE.try_lock() {
        Ok(mut before) => restore(&mut before),
        Err(TryLockError::Poisoned(before)) => restore(&mut before.into_inner()),
        // This thread was about to read a key, or the program is paused, which restored them.
        Err(TryLockError::WouldBlock) => {}
    }
}

fn locked() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the terminal hand over every key at once. Returns whether it does: it must belong to this process at the moment.
fn take(before: &mut Option<Termios>) -> bool {
    let is_ours = tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp());
    let Ok(now) = tcgetattr(stdin().as_fd()) else { return false };
    if !is_ours {
        return false;
    }
    if !now.local_modes.contains(LocalModes::ICANON) {
        return true;
    }
    let mut keys = now.clone();
    keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    keys.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
    if READS_INTERRUPT.load(Ordering::SeqCst) {
        keys.special_codes[SpecialCodeIndex::VINTR] = NO_KEY;
    }
    keys.special_codes[SpecialCodeIndex::VMIN] = 1;
    keys.special_codes[SpecialCodeIndex::VTIME] = 0;
    *before = Some(now);
    tcsetattr(stdin(), OptionalActions::Now, &keys).is_ok()
}

/// Returns the terminal to its own modes, if keys are read. Does nothing in the background, where the terminal is another program's.
fn restore(before: &mut Option<Termios>) {
    if let Some(before) = before.take()
        && tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
    {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
    }
}
