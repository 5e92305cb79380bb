//! Handles Ctrl-C for commands that must tidy up before they end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use orchestra::{Kind, Result, error::Context};
use tokio::signal::unix::{SignalKind, signal};

/// Calls `act` at each Ctrl-C from now on; Ctrl-C no longer ends the process by itself.
///
/// # Errors
/// The signal cannot be caught.
pub fn on_ctrl_c(act: impl Fn() + Send + 'static) -> Result<()> {
    let cannot = || "cannot listen for Ctrl-C".to_owned();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context(Kind::External, cannot)?;
    let entered = runtime.enter();
    let mut pressed = signal(SignalKind::interrupt()).context(Kind::External, cannot)?;
    drop(entered);
    std::thread::spawn(move || {
        runtime.block_on(async {
            while pressed.recv().await.is_some() {
                act();
            }
        });
    });
    Ok(())
}

/// Returns a flag that is set at Ctrl-C, SIGTERM or SIGHUP.
///
/// # Errors
/// The signals cannot be caught.
pub fn flag() -> Result<Arc<AtomicBool>> {
    let cannot = || "cannot listen for Ctrl-C".to_owned();
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context(Kind::External, cannot)?;
    let entered = runtime.enter();
    let mut pressed = signal(SignalKind::interrupt()).context(Kind::External, cannot)?;
    let mut asked = signal(SignalKind::terminate()).context(Kind::External, cannot)?;
    let mut hung_up = signal(SignalKind::hangup()).context(Kind::External, cannot)?;
    drop(entered);
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = pressed.recv() => {}
                    _ = asked.recv() => {}
                    _ = hung_up.recv() => {}
                }
                set.store(true, Ordering::Relaxed);
            }
        });
    });
    Ok(flag)
}
