//! How many messages an agent may send to another one: two that answer each other do not end by themselves.

use crate::{
    Code, Error, Result,
    config::{Config, keys::MAX_MESSAGES_PER_HOUR},
    git::Repo,
    model::{AgentId, Event, Fact, Phase, event::in_order, text},
    ops::caller::Caller,
    store::Chain,
};

/// The seconds in which messages between two agents are counted.
const HOUR: i64 = 3600;
/// How many messages an agent may send to another one before a person sends something to that one, or starts it again: the length of a
/// chain of replies that nobody reads.
const MAX_IN_CHAIN: usize = 500;

/// Checks that an agent may send another message to another one.
///
/// # Errors
/// It sent as many as it may in the last hour, or since a person took part (3).
pub(super) fn check(repo: &Repo, caller: &Caller, from: &AgentId, to: &AgentId) -> Result<()> {
    let most = caller.limits(repo, &Config::of(repo))?.max_messages_per_hour;
    let sent = Sent::of(&Chain::of(repo, to)?.events, from, repo.now().as_second().saturating_sub(HOUR));
    let Some(what) = sent.refusal(from, to, most) else { return Ok(()) };
    Err(Error::new(Code::MessageLimit, what)
        .hint("git orchestra inbox tell --to people 'what people should know'"))
}

/// How many messages an agent sent to another one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sent {
    in_hour: usize,
    in_chain: usize,
}

impl Sent {
    /// Counts the messages of `from` in the events of the agent that got them; those of the last hour from `since` on. Pure.
    fn of(events: &[Event], from: &AgentId, since: i64) -> Self {
        let mut sent = Self::default();
        for event in in_order(events) {
            match &event.fact {
                Some(Fact::Send(message)) => match &message.from {
                    Some(by) if by.id() == Some(from) => {
                        sent.in_chain += 1;
                        sent.in_hour += usize::from(event.at.as_second() >= since);
                    }
                    Some(_) => {}
                    None => sent.in_chain = 0,
                },
                Some(Fact::Phase(step)) if step.phase == Phase::Starting => sent.in_chain = 0,
                _ => {}
            }
        }
        sent
    }

    /// Returns why there must not be another one, as a sentence.
    fn refusal(self, from: &AgentId, to: &AgentId, most_in_hour: u32) -> Option<String> {
        if self.in_hour >= most_in_hour as usize {
            let sent = text::count(self.in_hour as u64, "message");
            let key = MAX_MESSAGES_PER_HOUR.name();
            return Some(format!(
                "agent '{from}' sent {sent} to '{to}' in the last hour; git config '{key}' is {most_in_hour}"
            ));
        }
        (self.in_chain >= MAX_IN_CHAIN).then(|| {
            format!(
                "agent '{from}' sent {} to '{to}', and no person sent it one meanwhile; the limit is {MAX_IN_CHAIN}",
                text::count(self.in_chain as u64, "message")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        IdOrText,
        event::{Message, PhaseChange},
    };

    fn id(name: &str) -> AgentId {
        AgentId::parse(name).unwrap()
    }

    fn events(facts: &[Fact]) -> Vec<Event> {
        let begun: jiff::Timestamp = "2026-11-21T01:00:00Z".parse().unwrap();
        let minute = |number: u64| begun + jiff::SignedDuration::from_mins(i64::try_from(number).unwrap());
        (1..)
            .zip(facts)
            .map(|(number, fact)| Event::new(fact, number, minute(number), "a").unwrap())
            .collect()
    }

    fn message(from: Option<&str>) -> Fact {
        let from = from.map(|name| IdOrText::from(id(name)));
        Fact::Send(Message { text: Some("hi".into()), from, ..Message::default() })
    }

    #[test]
    fn messages_are_counted_in_an_hour_and_until_a_person_takes_part() {
        let (a, other, person) = (message(Some("a-00000")), message(Some("b-00000")), message(None));
        let starts = Fact::Phase(PhaseChange::new(2, Phase::Starting));
        let cases: [(&[&Fact], _, _); 5] = [
            (&[], 0, (0, 0)),
            (&[&a, &a, &other], 0, (2, 2)),
            // Only the last one is of the last hour.
            (&[&a, &a], 2, (1, 2)),
            (&[&a, &person, &a], 0, (2, 1)),
            (&[&a, &a, &starts], 0, (2, 0)),
        ];
        for (facts, since, expected) in cases {
            let facts: Vec<Fact> = facts.iter().copied().cloned().collect();
            let begun = "2026-11-21T01:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
            let found = Sent::of(&events(&facts), &id("a-00000"), begun + since * 60);
            assert_eq!((found.in_hour, found.in_chain), expected, "{facts:?}");
        }
    }

    #[test]
    fn both_numbers_have_a_limit() {
        for (in_hour, in_chain, said) in [
            (1, 499, None),
            (2, 2, Some("in the last hour; git config 'orchestra.maxMessagesPerHour' is 2")),
            (1, 500, Some("no person sent it one meanwhile; the limit is 500")),
        ] {
            let refusal = Sent { in_hour, in_chain }.refusal(&id("a-00000"), &id("b-00000"), 2);
            match said {
                Some(said) => assert!(refusal.is_some_and(|refusal| refusal.ends_with(said)), "{said}"),
                None => assert_eq!(refusal, None),
            }
        }
    }
}
