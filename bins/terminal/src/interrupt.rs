//! Ctrl-C, and the signals that ask a command to end. The first one cancels the operation, which ends in a state from which the next
//! command can continue. The second one ends the command at once.

use std::sync::atomic::{AtomicBool, Ordering};

use orchestra::{Kind, Result, context::Cancel, error::ErrorContext};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit;

/// Whether the user is being asked a question. No operation is under way then, so that Ctrl-C ends the command at once.
static IS_ASKING: AtomicBool = AtomicBool::new(false);

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
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = pressed.recv() => {}
                    _ = terminated.recv() => {}
                    _ = hung_up.recv() => {}
                }
                if on_signal.is_cancelled() || IS_ASKING.load(Ordering::SeqCst) {
                    end_at_once();
                }
                on_signal.cancel();
            }
        });
    });
    Ok(cancel)
}

/// Runs `ask`, which asks the user a question. Ctrl-C ends the command at once meanwhile.
pub fn while_asking<T>(ask: impl FnOnce() -> T) -> T {
    IS_ASKING.store(true, Ordering::SeqCst);
    let answer = ask();
    IS_ASKING.store(false, Ordering::SeqCst);
    answer
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the user does not want to wait for the operation"
)]
fn end_at_once() {
    std::process::exit(i32::from(exit::code(Kind::Interrupted)));
}
