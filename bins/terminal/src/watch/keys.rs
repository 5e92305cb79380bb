//! Reads the keys of a window that shows agents, and does what they ask for.

use std::os::fd::OwnedFd;

use orchestra::{Result, context::Context, ops::status::Report, watch::Watch};

use super::{
    View, act,
    control::{Action, Control},
};
use crate::{
    alternate, interrupt,
    key::{self, Key},
    keyboard::{Keyboard, Typed},
};

/// The keys of a window.
pub(super) struct Keys {
    keyboard: Keyboard,
    control: Control,
}

impl Keys {
    /// Starts to take keys; `None` if stdin is not a terminal of this process.
    pub(super) fn open() -> Option<Self> {
        // From here on, a panic returns the terminal to its own modes.
        drop(alternate::drawing());
        Some(Self { keyboard: Keyboard::open()?, control: Control::default() })
    }

    /// Returns a file from which something can be read when a key was pressed.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub(super) fn file(&self) -> Result<OwnedFd> {
        self.keyboard.file()
    }

    /// Returns what the keys have set.
    pub(super) const fn control(&mut self) -> &mut Control {
        &mut self.control
    }

    /// Handles what was typed. Returns whether the watch is to end.
    ///
    /// # Errors
    /// The repository is gone.
    pub(super) fn handle(
        &mut self,
        context: &Context,
        watch: &mut Watch,
        view: &mut View<'_>,
    ) -> Result<bool> {
        let report = watch.snapshot().status.clone();
        let before = self.control.mode.clone();
        self.control.update(&report.agents);
        if self.control.mode != before {
            // A question is not answered by what was typed before it appeared.
            self.draw(view, &report);
            return Ok(false);
        }
        let bytes = match self.keyboard.read() {
            Typed::Bytes(bytes) => bytes,
            Typed::Gone => return Ok(true),
        };
        for key in key::keys(&bytes) {
            if key == Key::Pause {
                self.keyboard.pause_job(interrupt::pause_job);
                break;
            }
            let before = (self.control.mode.clone(), self.control.reading.clone());
            let action = self.control.press(key, &report.agents);
            let asks_more = self.control.asks_more_than(&before.0, before.1.as_ref());
            match action {
                Action::Quit => return Ok(true),
                Action::Nothing if asks_more => {
                    self.draw(view, &report);
                    break;
                }
                Action::Nothing => {}
                action => {
                    self.perform(context, watch, view, &report, action)?;
                    break;
                }
            }
        }
        Ok(false)
    }

    /// Draws a question, and discards what was typed before it appeared.
    fn draw(&mut self, view: &mut View<'_>, report: &Report) {
        view.show(report, Some(&mut self.control));
        self.keyboard.discard();
    }

    fn perform(
        &mut self,
        context: &Context,
        watch: &mut Watch,
        view: &mut View<'_>,
        report: &Report,
        action: Action,
    ) -> Result<()> {
        self.control.message = act::announcement(&action);
        if self.control.message.is_some() {
            view.show(report, Some(&mut self.control));
        }
        let repo = watch.repo()?;
        self.control.message = act::perform(context, view.terminal, &self.keyboard, &repo, action);
        self.keyboard.discard();
        Ok(())
    }
}
