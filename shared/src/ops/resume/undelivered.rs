//! Which messages an agent has not got yet.

use crate::model::{Agent, Event, Fact, Phase};

/// Returns up to which Lamport number the messages to an agent were for an earlier launch. One that is queued was not launched since it was
/// queued: if its supervisor was killed, the next one has to deliver what was sent since then.
pub(super) fn delivered_up_to(events: &[Event], agent: &Agent) -> u64 {
    if agent.phase == Phase::Queued { queued_at(events).unwrap_or(agent.lamport) } else { agent.lamport }
}

/// Returns the Lamport number of the event that queued the agent, however often it was queued again before a launch; of an agent that was
/// never launched, that of its creation.
fn queued_at(events: &[Event]) -> Option<u64> {
    let is_queued =
        |event: &&Event| matches!(&event.fact, Some(Fact::Phase(step)) if step.phase == Phase::Queued);
    let is_neutral = |event: &&Event| matches!(event.fact, Some(Fact::Send(_) | Fact::Published(_)));
    let others = events.iter().filter(|event| !is_queued(event) && !is_neutral(event));
    let last = others.map(|event| event.lamport).max()?;
    let since_then = events.iter().filter(is_queued).map(|event| event.lamport);
    Some(since_then.filter(|lamport| *lamport > last).min().unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fact::{Created, Message, PhaseChange};

    #[test]
    fn what_was_sent_since_it_was_queued_is_not_delivered() {
        let created = || Fact::Created(Created::default());
        let phase = |phase| Fact::Phase(PhaseChange::new(1, phase));
        let sent = || Fact::Send(Message::default());
        let (queued, running) = (|| phase(Phase::Queued), || phase(Phase::Running));
        for (facts, expected) in [
            (vec![created()], 1),
            (vec![created(), sent()], 1),
            (vec![created(), running(), queued(), sent()], 3),
            // The first command was killed, and the second queued it again.
            (vec![created(), running(), queued(), sent(), queued()], 3),
            // What was sent while it ran was delivered then.
            (vec![created(), running(), sent(), queued()], 4),
            (vec![created(), queued(), sent(), Fact::Stop { reason: None }], 4),
        ] {
            let time = "2026-11-21T01:00:00Z".parse().unwrap();
            let event = |(lamport, fact)| Event::new(fact, lamport, time, "5t2k").unwrap();
            let events: Vec<Event> = (1..).zip(&facts).map(event).collect();
            assert_eq!(queued_at(&events), Some(expected), "{facts:?}");
        }
    }
}
