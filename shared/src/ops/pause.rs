//! `pause`: ends agents' programs for a while, and saves their work; `resume` continues the session.

pub use super::stop::{Report, Request, StopOutcome};
use crate::{Result, context::Context, git::Repo, ops::stop, supervise::control::StopMode};

/// Pauses the agents and waits until their programs have ended.
///
/// # Errors
/// As [`stop::run`].
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    stop::stop_or_pause(context, repo, request, StopMode::Pause)
}
