//! Which messages an agent has not got yet.

use crate::model::{Agent, Event, Fact, Phase};

/// Returns up to which Lamport number the messages to an agent were for an earlier launch. One that is queued was not launched since it was
/// queued: if its supervisor was killed, the next one has to deliver what was sent meanwhile.
pub(super) fn delivered_up_to(events: &[Event], agent: &Agent) -> u64 {
    if agent.phase != Phase::Queued {
        return agent.lamport;
    }
    let waits = |event: &&Event| match &event.fact {
        Some(Fact::Send(_) | Fact::Published(_)) => true,
        Some(Fact::Phase(step)) => step.phase == Phase::Queued,
        _ => false,
    };
    let done = events.iter().filter(|event| !waits(event)).map(|event| event.lamport).max();
    done.unwrap_or(agent.lamport)
}
