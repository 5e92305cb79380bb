//! Ctrl-C, and the signals that ask a command to end. The first one cancels the operation, which ends in a state from which the next
//! command can continue. The second one ends the command at once.

use std::{
    io::{PipeReader, Read, Write},
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use orchestra::{Kind, Result, context::Cancel, error::ErrorContext};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, getpid, kill_current_process_group, kill_process},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{alternate, exit, keyboard};

/// Whether the user is being asked a question. No operation is under way then, so that Ctrl-C ends the command at once.
static IS_ASKING: AtomicBool = AtomicBool::new(false);

/// Whether another program has the terminal. Ctrl-C is for that program then.
static IS_LENT: AtomicBool = AtomicBool::new(false);

/// Signals that come together are one press: git passes on the Ctrl-C that the terminal sent to it and to its child.
const ONE_PRESS: Duration = Duration::from_millis(300);

/// Returns whether a signal asks for the end a second time. `first` is when the first one came.
fn is_second_press(first: Option<Instant>, now: Instant) -> bool {
    first.is_some_and(|first| now.saturating_duration_since(first) >= ONE_PRESS)
}

/// Starts to catch the signals, and returns the flag that the first one sets.
///
/// # Errors
/// The signals cannot be caught.
pub fn cancel() -> Result<Cancel> {
    let cannot = || "cannot listen for Ctrl-C".to_owned();
    let cancel = Cancel::new()?;
    let on_signal = cancel.clone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context(Kind::External, cannot)?;
    let entered = runtime.enter();
    let mut pressed = signal(SignalKind::interrupt()).context(Kind::External, cannot)?;
    let mut terminated = signal(SignalKind::terminate()).context(Kind::External, cannot)?;
    let mut hung_up = signal(SignalKind::hangup()).context(Kind::External, cannot)?;
    drop(entered);
    let started = std::thread::Builder::new().spawn(move || {
        runtime.block_on(async {
            let mut first = None;
            loop {
                tokio::select! {
                    _ = pressed.recv() => {
                        if IS_LENT.load(Ordering::SeqCst) {
                            continue;
                        }
                    }
                    _ = terminated.recv() => {}
                    _ = hung_up.recv() => {}
                }
                let now = Instant::now();
                if is_second_press(first, now) || IS_ASKING.load(Ordering::SeqCst) {
                    end_at_once();
                }
                first.get_or_insert(now);
                on_signal.cancel();
            }
        });
    });
    started.context(Kind::External, cannot)?;
    Ok(cancel)
}

/// How often this process was paused and continued.
static PAUSES: AtomicUsize = AtomicUsize::new(0);
/// How long this process may take to pause itself after the signal, and how often it is asked whether it did.
const MAX_PAUSE_WAIT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(5));

/// Pauses all processes of this job, as Ctrl-Z does. Returns when they continue. The signals are caught by [`resizes`].
pub(crate) fn pause_job() {
    let before = PAUSES.load(Ordering::SeqCst);
    if kill_current_process_group(Signal::TSTP).is_err() {
        return;
    }
    let (most, step) = MAX_PAUSE_WAIT;
    let mut waited = Duration::ZERO;
    while PAUSES.load(Ordering::SeqCst) == before && waited < most {
        std::thread::sleep(step);
        waited += step;
    }
}

/// Pauses this process as Ctrl-Z does, with the terminal as it was before. Returns when it continues.
fn pause() {
    let mut drawing = alternate::drawing();
    drawing.leave();
    keyboard::while_paused(|| {
        let _ = kill_process(getpid(), Signal::STOP);
    });
    PAUSES.fetch_add(1, Ordering::SeqCst);
}

/// The changes of the terminal's size that nobody has looked at.
pub struct Resizes(PipeReader);

/// Starts to catch the signal that the terminal has another size, and Ctrl-Z, after which it has to be drawn on again.
///
/// # Errors
/// The signal cannot be caught.
pub fn resizes() -> Result<Resizes> {
    let cannot = || "cannot listen for changes of the window's size".to_owned();
    let (reader, mut writer) = std::io::pipe().context(Kind::External, cannot)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context(Kind::External, cannot)?;
    let entered = runtime.enter();
    let mut changed = signal(SignalKind::window_change()).context(Kind::External, cannot)?;
    let mut paused = signal(SignalKind::from_raw(Signal::TSTP.as_raw())).context(Kind::External, cannot)?;
    drop(entered);
    let started = std::thread::Builder::new().spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = changed.recv() => {}
                    _ = paused.recv() => pause(),
                }
                if writer.write_all(b"!").is_err() {
                    break;
                }
            }
        });
    });
    started.context(Kind::External, cannot)?;
    Ok(Resizes(reader))
}

impl Resizes {
    /// Returns a file from which something can be read while there are any.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub fn file(&self) -> Result<OwnedFd> {
        let copy = self.0.try_clone().context(Kind::External, || "cannot open a file twice".to_owned())?;
        Ok(copy.into())
    }

    /// Forgets those so far.
    pub fn forget(&self) {
        let mut asked = [PollFd::new(&self.0, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut asked, Some(&at_once)).is_ok_and(|found| found > 0) {
            let _ = (&self.0).read(&mut [0; 256]);
        }
    }
}

/// Runs `ask`, which asks the user a question. Ctrl-C ends the command at once meanwhile.
pub fn while_asking<T>(ask: impl FnOnce() -> T) -> T {
    IS_ASKING.store(true, Ordering::SeqCst);
    let answer = ask();
    IS_ASKING.store(false, Ordering::SeqCst);
    answer
}

/// Runs `run`, during which another program has the terminal, and with it Ctrl-C.
pub fn while_lent<T>(run: impl FnOnce() -> T) -> T {
    IS_LENT.store(true, Ordering::SeqCst);
    let result = run();
    IS_LENT.store(false, Ordering::SeqCst);
    result
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the user does not want to wait for the operation"
)]
fn end_at_once() {
    alternate::leave_at_once();
    std::process::exit(i32::from(exit::code(Kind::Interrupted)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_come_together_are_one_press() {
        let first = Instant::now();
        assert!(!is_second_press(None, first));
        for (millis, is_second) in [(0, false), (1, false), (299, false), (300, true), (5000, true)] {
            assert_eq!(
                is_second_press(Some(first), first + Duration::from_millis(millis)),
                is_second,
                "{millis}"
            );
        }
    }
}
