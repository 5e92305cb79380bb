//! What `resume` saw of an agent, and what became of it until the agent's lock was taken.

use std::time::Instant;

use crate::{
    Code, Error, Result,
    context::Context,
    git::Repo,
    lock::Lock,
    model::{Agent, AgentId, Phase},
    store::{self, layout::PrivateDir},
    supervise::attachment,
};

/// What was seen of an agent before its lock was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    attempt: u32,
    phase: Phase,
}

/// What became of an agent meanwhile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Since {
    /// It is as it was seen.
    Same,
    /// Its own supervisor paused it, for example because a usage limit applies again after the clock was set back. Nobody else acted,
    /// and what the person asked for is still to be done.
    PausedItself,
    /// It ended, or another command resumed it.
    Other,
}

impl Seen {
    pub(super) const fn of(agent: &Agent) -> Self {
        Self { attempt: agent.attempt, phase: agent.phase }
    }

    /// Returns what became of the agent. Pure.
    pub(super) fn since(self, now: &Agent) -> Since {
        match now.phase {
            _ if self == Self::of(now) => Since::Same,
            // Only a supervisor changes an agent that is not at rest, and it has released the lock.
            Phase::Paused if !self.phase.is_at_rest() => Since::PausedItself,
            _ => Since::Other,
        }
    }
}

/// Takes the lock of an agent. That of an agent at rest is held by a supervisor that is about to leave, which may take a while on a busy
/// machine, or by another command that resumes the agent. Returns `None` if the agent runs, or somebody is attached to it.
///
/// # Errors
/// The lock or the agent cannot be read, or the user interrupts the wait (130).
pub(super) fn take_lock(
    context: &Context,
    repo: &Repo,
    private: &PrivateDir,
    id: &AgentId,
) -> Result<Option<Lock>> {
    let (path, limits) = (private.agent(id).lock(), context.limits());
    let begun = Instant::now();
    loop {
        if let Some(lock) = Lock::take(&path, context.at_most(limits.agent_lock))? {
            return Ok(Some(lock));
        }
        let now = store::agent(repo, id)?;
        let is_leaving = now.phase.is_at_rest() && !now.waits_at_rest();
        let is_attached = attachment::process_of(private, id).is_some();
        if !is_leaving || is_attached || begun.elapsed() >= limits.release {
            return Ok(None);
        }
    }
}

/// Refuses to resume an agent that is not the one that was seen.
pub(super) fn refusal(id: &AgentId, now: &Agent) -> Error {
    let phase = now.phase.as_str();
    let what = match now.phase.is_terminal() {
        true => format!("agent '{id}' ended just now: it is {phase}"),
        false => format!("agent '{id}' was resumed just now by another command: it is {phase}"),
    };
    Error::new(Code::AgentChanged, what).hint(format!("git orchestra status {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(attempt: u32, phase: Phase) -> Agent {
        Agent { attempt, phase, ..Agent::default() }
    }

    #[test]
    fn only_a_pause_by_the_own_supervisor_lets_resume_look_again() {
        use Phase::{Done, Paused, Queued, Running, Starting, Stopped, Waiting};
        for (before, now, expected) in [
            ((1, Paused), (1, Paused), Since::Same),
            ((2, Done), (2, Done), Since::Same),
            // The limit was over, so it was queued; the clock was set back, so it applies again.
            ((2, Queued), (2, Paused), Since::PausedItself),
            ((2, Starting), (2, Paused), Since::PausedItself),
            ((2, Running), (2, Paused), Since::PausedItself),
            ((2, Waiting), (3, Paused), Since::PausedItself),
            // Another command was faster; the agent even paused again.
            ((1, Paused), (2, Queued), Since::Other),
            ((1, Paused), (2, Paused), Since::Other),
            ((1, Stopped), (2, Paused), Since::Other),
            ((2, Running), (2, Done), Since::Other),
            ((2, Running), (2, Stopped), Since::Other),
        ] {
            let seen = Seen::of(&agent(before.0, before.1));
            assert_eq!(seen.since(&agent(now.0, now.1)), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_happened() {
        let id = AgentId::parse("add-tests-k3m9q").unwrap();
        let said = |phase| refusal(&id, &agent(2, phase)).one_line();
        assert!(said(Phase::Done).contains("ended just now: it is done"));
        assert!(said(Phase::Running).contains("was resumed just now by another command: it is running"));
    }
}
