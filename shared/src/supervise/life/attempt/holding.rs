//! A program that is held while the machine is short of something: its timers stand still.

use super::RunningAttempt;
use crate::{
    Result,
    supervise::{ending::AttemptEnd, life::Supervisor},
};

impl Supervisor {
    /// Holds the program or lets it continue, as the guards decided. Returns whether it is held now.
    pub(super) fn hold_if_short(&mut self, attempt: &mut RunningAttempt) -> bool {
        let holding = self.follow_guard();
        if !holding.time.is_zero() {
            attempt.idle.record_activity();
            for timer in [&mut attempt.turn_over, &mut attempt.closed].into_iter().flatten() {
                *timer += holding.time;
            }
        }
        holding.is_held
    }

    /// Looks whether a held program was killed, or is to be stopped or paused. Messages wait until it continues.
    pub(super) fn poll_held(&mut self, attempt: &mut RunningAttempt) -> Result<Option<AttemptEnd>> {
        match self.reaper.ended(attempt.program.process.pid) {
            Some(end) => Ok(Some(end)),
            None => self.end_asked(),
        }
    }
}
